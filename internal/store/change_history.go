package store

import (
	"context"
	"fmt"

	"portcullis.internal/portcullis/internal/access"
)

// Applied lists the changes that made the revisions after one up to another, the oldest
// first and at most so many, without their reviews.
func (s *Store) Applied(ctx context.Context, after, upTo int64, limit int) ([]access.Change, error) {
	var rows []changeRow
	if err := s.read(ctx).Where("revision > ? AND revision <= ?", after, upTo).Order("revision").Limit(limit).Find(&rows).Error; err != nil {
		return nil, translate(fmt.Errorf("listing what was applied after revision %d: %w", after, err))
	}
	changes := make([]access.Change, len(rows))
	for i, r := range rows {
		changes[i] = r.change(nil)
	}
	return changes, nil
}
