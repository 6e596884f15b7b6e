package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// Revisions lists the revisions, the newest first, with the change that made each.
func (s *Store) Revisions(ctx context.Context, q access.PageQuery) (access.Page[access.Revision], error) {
	var none access.Page[access.Revision]
	before, more, err := decodeIDCursor(q.Cursor)
	if err != nil {
		return none, err
	}
	w := &conditions{}
	w.and("r.number > 0")
	if q.Search != "" {
		p := containing(q.Search)
		w.and("(c.title ILIKE ? OR c.author_name ILIKE ?)", p, p)
	}
	const from = "revisions r JOIN changes c ON c.id = r.change_id"
	total, err := s.count(ctx, from, w)
	if err != nil {
		return none, err
	}
	if more {
		w.and("r.number < ?", before)
	}
	found, err := collect(ctx, s.pool, scanRevision, "SELECT "+revisionColumns+" FROM "+from+w.sql()+" ORDER BY r.number DESC"+w.limit(q.Size()+1), w.args...)
	if err != nil {
		return none, translate(fmt.Errorf("listing the revisions: %w", err))
	}
	return cut(found, q.Size(), total, func(r access.Revision) string { return encodeIDCursor(r.Number) }), nil
}

const revisionColumns = "r.number, CASE WHEN r.number > 0 THEN r.created_at END, coalesce(c.id, 0), coalesce(c.title, ''), coalesce(c.author_id, 0), coalesce(c.author_name, ''), coalesce(c.author_email, '')"

func scanRevision(row pgx.CollectableRow) (access.Revision, error) { return scanRevisionAnd(row) }

// scanRevisionAnd reads revisionColumns and the columns after them.
func scanRevisionAnd(row pgx.CollectableRow, after ...any) (access.Revision, error) {
	var r access.Revision
	var at *time.Time
	columns := []any{
		&r.Number,
		&at,
		&r.Change.ID,
		&r.Change.Title,
		&r.Change.Author.ID,
		&r.Change.Author.Name,
		&r.Change.Author.Email,
	}
	err := row.Scan(append(columns, after...)...)
	r.At = orZero(at)
	return r, err
}

// Revision returns one revision. The empty beginning, 0, was at no time.
func (s *Store) Revision(ctx context.Context, number int64) (access.Revision, error) {
	found, err := collect(ctx, s.pool, scanRevision, "SELECT "+revisionColumns+" FROM revisions r LEFT JOIN changes c ON c.id = r.change_id WHERE r.number = $1", number)
	if err == nil && len(found) == 0 {
		err = pgx.ErrNoRows
	}
	if err != nil {
		return access.Revision{}, missing(err, "There is no revision %d.", number)
	}
	return found[0], nil
}
