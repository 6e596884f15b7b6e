package store

import (
	"fmt"
	"time"

	"gorm.io/gorm"

	"portcullis.internal/portcullis/internal/access"
)

type reviewRow struct {
	ID            int64 `gorm:"primaryKey"`
	ChangeID      int64
	AuthorID      int64
	ReviewerID    int64
	ReviewerName  string
	ReviewerEmail string
	Verdict       string
	Digest        string
	Base          int64
	Warnings      string
	Comment       string
	At            time.Time `gorm:"serializer:null"`
	Void          bool
	VoidReason    string
	CountedWith   []int64 `gorm:"serializer:json"`
}

// TableName names the table.
func (reviewRow) TableName() string { return "reviews" }

func (r reviewRow) review() access.Review {
	return access.Review{
		ID: r.ID, Reviewer: access.PersonRef{ID: r.ReviewerID, Name: r.ReviewerName, Email: r.ReviewerEmail},
		Verdict: access.Verdict(r.Verdict), Digest: r.Digest, Base: r.Base, Warnings: r.Warnings,
		Comment: r.Comment, At: r.At, Void: r.Void, Because: access.VoidReason(r.VoidReason), With: r.CountedWith,
	}
}

// loadReviews returns the reviews of changes, by change, in the order in which they came.
func loadReviews(orm *gorm.DB, changes []int64) (map[int64][]access.Review, error) {
	var rows []reviewRow
	if err := orm.Where("change_id IN ?", changes).Order("id").Find(&rows).Error; err != nil {
		return nil, translate(fmt.Errorf("reading reviews: %w", err))
	}
	standing, err := loadStanding(orm, rows)
	if err != nil {
		return nil, err
	}
	found := map[int64][]access.Review{}
	for _, r := range rows {
		review := r.review()
		review.Standing = standing[r.ReviewerID]
		found[r.ChangeID] = append(found[r.ChangeID], review)
	}
	return found, nil
}

// loadStanding returns what the reviewers are now.
func loadStanding(orm *gorm.DB, reviews []reviewRow) (map[int64]access.Standing, error) {
	ids := make([]int64, len(reviews))
	for i, r := range reviews {
		ids[i] = r.ReviewerID
	}
	found := map[int64]access.Standing{}
	if len(ids) == 0 {
		return found, nil
	}
	var people []personRow
	if err := orm.Preload("Roles").Preload("Teams").Where("id IN ?", ids).Find(&people).Error; err != nil {
		return nil, translate(fmt.Errorf("reading what the reviewers are: %w", err))
	}
	for _, p := range people {
		person := p.person()
		found[p.ID] = access.Standing{Roles: person.Roles, Teams: person.Teams, Disabled: person.Disabled}
	}
	return found, nil
}

// saveReviews voids what was voided, and adds what is new: a review is otherwise never
// altered, and none is removed.
func (tx *txn) saveReviews(c *access.Change, known []access.Review) error {
	was := make(map[int64]access.Review, len(known))
	for _, r := range known {
		was[r.ID] = r
	}
	for i := range c.Reviews {
		r := &c.Reviews[i]
		old, there := was[r.ID]
		if there && r.Void && !old.Void {
			if err := tx.orm.Model(&reviewRow{}).Where("id = ?", r.ID).
				Updates(map[string]any{"void": true, "void_reason": string(r.Because)}).Error; err != nil {
				return err
			}
		}
		if there {
			continue
		}
		row := reviewRow{
			ChangeID: c.ID, AuthorID: c.Author.ID, ReviewerID: r.Reviewer.ID, ReviewerName: r.Reviewer.Name, ReviewerEmail: r.Reviewer.Email,
			Verdict: string(r.Verdict), Digest: r.Digest, Base: r.Base, Warnings: r.Warnings,
			Comment: r.Comment, At: r.At, Void: r.Void, VoidReason: string(r.Because), CountedWith: orEmpty(r.With),
		}
		if err := tx.orm.Create(&row).Error; err != nil {
			return err
		}
		r.ID = row.ID
	}
	return nil
}
