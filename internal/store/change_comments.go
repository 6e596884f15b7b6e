package store

import (
	"context"
	"fmt"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

type commentRow struct {
	ID          int64 `gorm:"primaryKey"`
	ChangeID    int64
	AuthorID    int64
	AuthorName  string
	AuthorEmail string
	Body        string
	At          time.Time `gorm:"serializer:null"`
}

// TableName names the table.
func (commentRow) TableName() string { return "change_comments" }

func (r commentRow) comment() access.Comment {
	return access.Comment{ID: r.ID, Author: access.PersonRef{ID: r.AuthorID, Name: r.AuthorName, Email: r.AuthorEmail}, Body: r.Body, At: r.At}
}

// AddComment adds a comment to a change, if judge lets it be of the version that it has.
func (s *Store) AddComment(ctx context.Context, change int64, c access.Comment, judge func(version int64) error, event access.AuditEvent) (access.Comment, error) {
	row := commentRow{ChangeID: change, AuthorID: c.Author.ID, AuthorName: c.Author.Name, AuthorEmail: c.Author.Email, Body: c.Body, At: c.At}
	err := s.inTx(ctx, func(tx *txn) error {
		if err := tx.holdChange(ctx, change, judge); err != nil {
			return err
		}
		if err := tx.orm.Create(&row).Error; err != nil {
			return fmt.Errorf("adding a comment to change %d: %w", change, err)
		}
		tx.noteFor(access.ChangeObject(change), []access.AuditEvent{event})
		return nil
	})
	if err != nil {
		return access.Comment{}, err
	}
	return row.comment(), nil
}

// Comments returns what was said about a change, oldest first.
func (s *Store) Comments(ctx context.Context, change int64) ([]access.Comment, error) {
	var rows []commentRow
	if err := s.read(ctx).Where("change_id = ?", change).Order("id").Find(&rows).Error; err != nil {
		return nil, translate(fmt.Errorf("reading the comments of change %d: %w", change, err))
	}
	comments := make([]access.Comment, len(rows))
	for i, r := range rows {
		comments[i] = r.comment()
	}
	return comments, nil
}
