package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

const findingColumns = `f.id, f.account_id, a.name, f.kind, f.reason, f.resource_kind, f.resource_path, f.resource_name, f.subject, f.sentence, f.advice,
	f.live, f.desired, f.first_seen, f.last_seen, f.resolved_at, f.ack_id, f.ack_name, f.ack_email, f.ack_at, f.ack_reason, f.version`

func scanFinding(row pgx.CollectableRow) (access.Finding, error) {
	var f access.Finding
	var resolved, at *time.Time
	var by *int64
	var name, email, reason *string
	err := row.Scan(&f.ID, &f.Account, &f.AccountName, &f.Kind, &f.Reason, &f.Resource.Kind, &f.Resource.Path, &f.Resource.Name, &f.Subject, &f.Sentence, &f.Advice,
		&f.Live, &f.Desired, &f.FirstSeen, &f.LastSeen, &resolved, &by, &name, &email, &at, &reason, &f.Version)
	if resolved != nil {
		f.ResolvedAt = *resolved
	}
	if by != nil && name != nil && email != nil && at != nil && reason != nil {
		f.Ack = &access.Acknowledgement{By: access.PersonRef{ID: *by, Name: *name, Email: *email}, At: *at, Reason: *reason}
	}
	return f, err
}

const selectFindings = "SELECT " + findingColumns + " FROM findings f JOIN accounts a ON a.id = f.account_id"

// Findings lists findings, the newest first. It does not count them.
func (s *Store) Findings(ctx context.Context, q access.FindingQuery) (access.Page[access.Finding], error) {
	var none access.Page[access.Finding]
	before, more, err := decodeIDCursor(q.Cursor)
	if err != nil {
		return none, err
	}
	w := findingConditions(q)
	if more {
		w.and("f.id < ?", before)
	}
	found, err := collect(ctx, s.pool, scanFinding, selectFindings+w.sql()+" ORDER BY f.id DESC"+w.limit(q.Size()+1), w.args...)
	if err != nil {
		return none, translate(fmt.Errorf("reading the findings: %w", err))
	}
	return cut(found, q.Size(), -1, func(f access.Finding) string { return encodeIDCursor(f.ID) }), nil
}

func findingConditions(q access.FindingQuery) *conditions {
	w := &conditions{}
	states := q.States
	if len(states) == 0 {
		states = []access.FindingState{access.FindingOpen}
	}
	if len(states) < len(access.FindingStates()) {
		w.and("(" + stateConditions(states) + ")")
	}
	if len(q.Kinds) > 0 {
		w.and("f.kind = ANY(?)", texts(q.Kinds))
	}
	if q.Account != "" {
		w.and("f.account_id = ?", string(q.Account))
	}
	if q.Group != "" {
		w.and(groupKey+" = ?", q.Group)
	}
	if q.Search != "" {
		w.and("(f.sentence ILIKE ? OR a.name ILIKE ? OR f.account_id = ?)", containing(q.Search), containing(q.Search), q.Search)
	}
	return w
}

// stateConditions says each state by the columns that make it.
func stateConditions(states []access.FindingState) string {
	sql := "false"
	for _, state := range states {
		switch state {
		case access.FindingResolved:
			sql += " OR f.resolved_at IS NOT NULL"
		case access.FindingAcknowledged:
			sql += " OR f.resolved_at IS NULL AND f.ack_at IS NOT NULL"
		default:
			sql += " OR f.resolved_at IS NULL AND f.ack_at IS NULL"
		}
	}
	return sql
}

// Finding returns one finding.
func (s *Store) Finding(ctx context.Context, id int64) (access.Finding, error) {
	return oneFinding(ctx, s.pool, id, "")
}

func oneFinding(ctx context.Context, q querier, id int64, lock string) (access.Finding, error) {
	found, err := collect(ctx, q, scanFinding, selectFindings+" WHERE f.id = $1"+lock, id)
	if err != nil {
		return access.Finding{}, translate(fmt.Errorf("reading finding %d: %w", id, err))
	}
	if len(found) == 0 {
		return access.Finding{}, access.Errorf(access.KindNotFound, "There is no finding %d.", id)
	}
	return found[0], nil
}

// UpdateFinding locks a finding, lets decide judge and alter its acknowledgement, and
// saves that.
func (s *Store) UpdateFinding(ctx context.Context, id int64, decide func(*access.Finding) (access.AuditEvent, error)) (access.Finding, error) {
	var f access.Finding
	err := s.inTx(ctx, func(tx *txn) error {
		var err error
		if f, err = oneFinding(ctx, tx, id, " FOR UPDATE OF f"); err != nil {
			return err
		}
		event, err := decide(&f)
		if err != nil {
			return err
		}
		tx.note(event)
		return tx.saveAcks(ctx, []access.Finding{f})
	})
	return f, err
}

func (tx *txn) saveAcks(ctx context.Context, findings []access.Finding) error {
	b := &pgx.Batch{}
	for _, f := range findings {
		ack := [5]any{}
		if f.Ack != nil {
			ack = [5]any{f.Ack.By.ID, f.Ack.By.Name, f.Ack.By.Email, f.Ack.At, storable(f.Ack.Reason)}
		}
		b.Queue("UPDATE findings SET ack_id = $2, ack_name = $3, ack_email = $4, ack_at = $5, ack_reason = $6, version = $7 WHERE id = $1",
			f.ID, ack[0], ack[1], ack[2], ack[3], ack[4], f.Version)
	}
	return tx.batch(ctx, b)
}

// FindingCounts counts the open findings by kind.
func (s *Store) FindingCounts(ctx context.Context) (access.FindingCounts, error) {
	counts := access.FindingCounts{}
	rows, err := s.pool.Query(ctx, openFindings)
	if err == nil {
		err = scanFindingCounts(rows, counts)
	}
	if err != nil {
		return nil, translate(fmt.Errorf("counting the findings: %w", err))
	}
	return counts, nil
}

const openFindings = "SELECT kind, count(*) FROM findings WHERE resolved_at IS NULL AND ack_at IS NULL GROUP BY kind"

func scanFindingCounts(rows pgx.Rows, counts access.FindingCounts) error {
	var kind access.FindingKind
	var n int
	_, err := pgx.ForEachRow(rows, []any{&kind, &n}, func() error {
		counts[kind] = n
		return nil
	})
	return err
}
