package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// EachEntry hands over the entries of an allowlist at the head, in the order of
// access.SortEntries, as they come from the database: one statement, and so one state,
// however long the list is.
func (s *Store) EachEntry(ctx context.Context, allowlist string, each func(access.Entry) error) error {
	scan := func(row pgx.CollectableRow) (access.Entry, error) { return scanEntry(row) }
	query := "SELECT " + entryColumns + " FROM entries e WHERE e.removed_in IS NULL AND e.allowlist_id = $1 ORDER BY " + entryOrder
	if err := stream(ctx, s.pool, scan, each, query, allowlist); err != nil {
		return translate(fmt.Errorf("reading the entries of %s: %w", allowlist, err))
	}
	return nil
}

// EachAuditEvent hands over the events that a filter lets through, oldest first, as they
// come from the database. Limit and cursor do not count.
func (s *Store) EachAuditEvent(ctx context.Context, f access.AuditFilter, each func(access.AuditEvent) error) error {
	w, err := auditConditions(f)
	if err != nil {
		return err
	}
	query := "SELECT " + auditColumns + " FROM audit_events" + w.sql() + " ORDER BY seq"
	if err := stream(ctx, s.pool, scanEvent, each, query, w.args...); err != nil {
		return translate(fmt.Errorf("reading the audit log: %w", err))
	}
	return nil
}

// stream hands over row by row. The connection stays in use until the last row: a slow reader keeps
// one, so its context must end.
func stream[T any](ctx context.Context, q querier, scan pgx.RowToFunc[T], each func(T) error, query string, args ...any) error {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		item, err := scan(rows)
		if err != nil {
			return err
		}
		if err := each(item); err != nil {
			return err
		}
	}
	return rows.Err()
}
