package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"portcullis.internal/portcullis/internal/access"
)

type changeRow struct {
	ID          int64 `gorm:"primaryKey"`
	Title       string
	Reason      string
	State       string
	AuthorID    int64
	AuthorName  string
	AuthorEmail string
	Editors     []personJSON `gorm:"serializer:json"`
	Writers     []int64      `gorm:"serializer:json"`
	Base        int64
	Edits       []access.Edit `gorm:"serializer:json"`
	Version     int64
	Digest      string
	Documents   string
	Required    int
	Note        string
	Revision    int64     `gorm:"serializer:null"`
	RolloutID   int64     `gorm:"serializer:null"`
	CreatedAt   time.Time `gorm:"serializer:null;autoCreateTime:false"`
	UpdatedAt   time.Time `gorm:"serializer:null;autoUpdateTime:false"`
	SubmittedAt time.Time `gorm:"serializer:null"`
	AppliedAt   time.Time `gorm:"serializer:null"`

	Needs              []access.Need          `gorm:"serializer:json"`
	Dangers            []access.Danger        `gorm:"serializer:json"`
	EmergencyUntil     time.Time              `gorm:"serializer:null"`
	GuardOverrides     []access.GuardOverride `gorm:"column:guard_overrides;serializer:json"`
	ClonedFrom         int64                  `gorm:"serializer:null"`
	Reverts            int64                  `gorm:"serializer:null"`
	BreakGlassBy       int64                  `gorm:"serializer:null"`
	BreakGlassName     string
	BreakGlassEmail    string
	BreakGlassReason   string
	BreakGlassAt       time.Time `gorm:"serializer:null"`
	BreakGlassReviewed time.Time `gorm:"serializer:null"`
	BreakGlassSingle   bool

	ExpiresAt       time.Time `gorm:"serializer:null"`
	SetBy           []int64   `gorm:"serializer:json"`
	ScheduleAt      time.Time `gorm:"serializer:null"`
	ScheduleUntil   time.Time `gorm:"serializer:null"`
	ScheduleBy      int64     `gorm:"serializer:null"`
	ScheduleName    string
	ScheduleEmail   string
	ScheduleDigest  string
	ScheduleOutcome string

	ScheduleStrategy string
}

// TableName names the table.
func (changeRow) TableName() string { return "changes" }

// personJSON is a person within a JSON column.
type personJSON struct {
	ID    int64  `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
}

func changeRowOf(c access.Change) changeRow {
	r := changeRow{
		ID: c.ID, Title: c.Title, Reason: c.Reason, State: string(c.State),
		AuthorID: c.Author.ID, AuthorName: c.Author.Name, AuthorEmail: c.Author.Email, Editors: []personJSON{}, Writers: orEmpty(c.Writers),
		Base: c.Base, Edits: orEmpty(c.Edits), Version: c.Version, Digest: c.Digest, Documents: c.Documents, Required: c.Required,
		Note: c.Note, Revision: c.Revision, RolloutID: c.RolloutID,
		CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt, SubmittedAt: c.SubmittedAt, AppliedAt: c.AppliedAt,
	}
	for _, p := range c.Editors {
		r.Editors = append(r.Editors, personJSON(p))
	}
	r.Needs, r.GuardOverrides, r.ClonedFrom = orEmpty(c.Needs), orEmpty(c.GuardOverrides), c.ClonedFrom
	r.Reverts = c.Reverts
	r.Dangers, r.EmergencyUntil = orEmpty(c.Dangers), c.EmergencyUntil
	if b := c.BreakGlass; b != nil {
		r.BreakGlassBy, r.BreakGlassName, r.BreakGlassEmail = b.By.ID, b.By.Name, b.By.Email
		r.BreakGlassReason, r.BreakGlassAt, r.BreakGlassReviewed, r.BreakGlassSingle = b.Reason, b.At, b.Reviewed, b.Single
	}
	r.putTime(c)
	return r
}

func (r changeRow) change(reviews []access.Review) access.Change {
	c := access.Change{
		ID: r.ID, Title: r.Title, Reason: r.Reason, State: access.ChangeState(r.State),
		Author:  access.PersonRef{ID: r.AuthorID, Name: r.AuthorName, Email: r.AuthorEmail},
		Writers: r.Writers, Base: r.Base, Edits: r.Edits, Version: r.Version, Digest: r.Digest, Documents: r.Documents,
		Required: r.Required, Reviews: reviews, Note: r.Note, Revision: r.Revision, RolloutID: r.RolloutID,
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, SubmittedAt: r.SubmittedAt, AppliedAt: r.AppliedAt,
	}
	for _, p := range r.Editors {
		c.Editors = append(c.Editors, access.PersonRef(p))
	}
	c.Needs, c.GuardOverrides, c.ClonedFrom = r.Needs, r.GuardOverrides, r.ClonedFrom
	c.Reverts = r.Reverts
	c.Dangers, c.EmergencyUntil = r.Dangers, r.EmergencyUntil
	if !r.BreakGlassAt.IsZero() {
		by := access.PersonRef{ID: r.BreakGlassBy, Name: r.BreakGlassName, Email: r.BreakGlassEmail}
		c.BreakGlass = &access.BreakGlass{
			Single: r.BreakGlassSingle, By: by, Reason: r.BreakGlassReason, At: r.BreakGlassAt,
			Reviewed: r.BreakGlassReviewed,
		}
	}
	r.takeTime(&c)
	return c
}

// CreateChange stores a new change. An event without an object is given the change's.
func (s *Store) CreateChange(ctx context.Context, c access.Change, event access.AuditEvent) (access.Change, error) {
	err := s.inTx(ctx, func(tx *txn) error {
		var err error
		c, err = tx.createChange(c, event)
		return err
	})
	return c, err
}

// CloneChange is CreateChange of what repeats another change, if judge lets that one be of
// the version that it has.
func (s *Store) CloneChange(ctx context.Context, clone access.Change, judge func(version int64) error, event access.AuditEvent) (access.Change, error) {
	err := s.inTx(ctx, func(tx *txn) error {
		if err := tx.holdChange(ctx, clone.ClonedFrom, judge); err != nil {
			return err
		}
		var err error
		clone, err = tx.createChange(clone, event)
		return err
	})
	return clone, err
}

func (tx *txn) createChange(c access.Change, event access.AuditEvent) (access.Change, error) {
	groups, err := loadGroups(tx.orm)
	if err != nil {
		return c, err
	}
	c.Groups = groups
	c.NoteWriter(c.Author.ID)
	row := changeRowOf(c)
	if err := tx.orm.Create(&row).Error; err != nil {
		return c, fmt.Errorf("creating a change: %w", err)
	}
	c = row.change(nil)
	c.Groups = groups
	if event.Object == "" {
		event.Object = access.ChangeObject(c.ID)
	}
	tx.note(event.Between(nil, c.Snapshot()))
	return c, nil
}

// holdChange keeps a change as it is until the end, and asks about its version.
func (tx *txn) holdChange(ctx context.Context, id int64, judge func(version int64) error) error {
	var version int64
	if err := tx.QueryRow(ctx, "SELECT version FROM changes WHERE id = $1 FOR SHARE", id).Scan(&version); err != nil {
		return missing(err, "There is no change %d.", id)
	}
	return judge(version)
}

// Change returns one change.
func (s *Store) Change(ctx context.Context, id int64) (access.Change, error) {
	return loadChange(s.read(ctx), id)
}

func loadChange(orm *gorm.DB, id int64) (access.Change, error) {
	var row changeRow
	if err := orm.Take(&row, "id = ?", id).Error; err != nil {
		return access.Change{}, missing(err, "There is no change %d.", id)
	}
	fresh := orm.Session(&gorm.Session{NewDB: true})
	reviews, err := loadReviews(fresh, []int64{id})
	if err != nil {
		return access.Change{}, err
	}
	c := row.change(reviews[id])
	if c.ApprovalsValidFor, err = loadApprovalsValidFor(fresh); err != nil {
		return c, err
	}
	c.Groups, err = loadGroups(fresh)
	return c, err
}

// loadApprovalsValidFor reads how long approvals are valid by the settings at the head; 0 for the default.
func loadApprovalsValidFor(orm *gorm.DB) (time.Duration, error) {
	var valid int64
	const query = `SELECT coalesce(max((body ->> 'approvals_valid_for')::bigint), 0)
		FROM settings WHERE removed_in IS NULL`
	if err := orm.Raw(query).Scan(&valid).Error; err != nil {
		return 0, translate(fmt.Errorf("reading how long approvals are valid: %w", err))
	}
	return time.Duration(valid), nil
}

// Changes lists changes, the newest first, without their edits: these may be many, and a
// list shows none.
func (s *Store) Changes(ctx context.Context, q access.ChangeQuery) (access.Page[access.Change], error) {
	var none access.Page[access.Change]
	before, more, err := decodeIDCursor(q.Cursor)
	if err != nil {
		return none, err
	}
	list := s.read(ctx).Model(&changeRow{})
	if len(q.States) > 0 {
		list = list.Where("state IN ?", q.States)
	}
	if q.Flagged {
		list = list.Where("break_glass_at IS NOT NULL AND break_glass_reviewed IS NULL")
	}
	if q.Author != 0 {
		list = list.Where("author_id = ?", q.Author)
	}
	if q.Search != "" {
		p := containing(q.Search)
		list = list.Where("(title ILIKE ? OR reason ILIKE ? OR author_name ILIKE ?)", p, p, p)
	}
	total := int64(-1)
	if !q.Uncounted {
		if err := list.Session(&gorm.Session{}).Count(&total).Error; err != nil {
			return none, translate(fmt.Errorf("counting the changes: %w", err))
		}
	}
	if more {
		list = list.Where("id < ?", before)
	}
	var rows []changeRow
	if err := list.Omit("edits").Order("id DESC").Limit(q.Size() + 1).Find(&rows).Error; err != nil {
		return none, translate(fmt.Errorf("listing the changes: %w", err))
	}
	page := cut(rows, q.Size(), int(total), func(r changeRow) string { return encodeIDCursor(r.ID) })
	ids := make([]int64, len(page.Items))
	for i, r := range page.Items {
		ids[i] = r.ID
	}
	if len(ids) == 0 {
		return access.Page[access.Change]{Total: page.Total}, nil
	}
	reviews, err := loadReviews(s.read(ctx), ids)
	if err != nil {
		return none, err
	}
	groups, err := loadGroups(s.read(ctx))
	if err != nil {
		return none, err
	}
	return pageOf(page, func(r changeRow) access.Change {
		c := r.change(reviews[r.ID])
		c.Groups = groups
		return c
	}), nil
}

// UpdateChange locks a change, lets decide alter it, and saves what it leaves.
func (s *Store) UpdateChange(ctx context.Context, id int64, decide func(*access.Change) (access.ChangeDecision, error)) (access.Change, error) {
	var c access.Change
	err := s.inTx(ctx, func(tx *txn) error {
		var err error
		if c, err = tx.lockChange(ctx, id); err != nil {
			return err
		}
		known, before := slices.Clone(c.Reviews), c.Snapshot()
		d, err := decide(&c)
		if err != nil {
			return err
		}
		tx.noteBetween(before, c, d.Events)
		if d.Plan != nil {
			docs, err := storeDocumentsOf(ctx, tx, *d.Plan)
			if err != nil {
				return err
			}
			if err := tx.savePlan(ctx, id, docs); err != nil {
				return err
			}
		}
		return tx.saveChange(&c, known)
	})
	if err != nil {
		return access.Change{}, err
	}
	return c, nil
}

// lockChange also keeps the people from being altered, so that the reviewers and the groups stay as they are until the
// end.
func (tx *txn) lockChange(ctx context.Context, id int64) (access.Change, error) {
	if err := tx.keepPeople(ctx); err != nil {
		return access.Change{}, err
	}
	return loadChange(tx.orm.Clauses(clause.Locking{Strength: "UPDATE"}), id)
}

// saveChange stores a change with what became of its reviews since they were known.
func (tx *txn) saveChange(c *access.Change, known []access.Review) error {
	row := changeRowOf(*c)
	if err := tx.orm.Select("*").Omit("id").Where("id = ?", c.ID).Updates(&row).Error; err != nil {
		return fmt.Errorf("saving change %d: %w", c.ID, err)
	}
	if err := tx.saveReviews(c, known); err != nil {
		return fmt.Errorf("saving the reviews of change %d: %w", c.ID, err)
	}
	return nil
}
