package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// ResolveConflicts locks a rollout and one of its targets, lets decide say what is to be
// done about which of the target's operations, and makes the target wait for a push that
// does it. A decision is bound to the document at which the conflict was found.
func (s *Store) ResolveConflicts(ctx context.Context, id int64, account access.AccountID, decide access.DecideConflicts) (access.Rollout, error) {
	return s.updateTarget(ctx, id, account, func(tx *txn, r *access.Rollout, t *access.Target) ([]access.AuditEvent, error) {
		operations, err := collect(ctx, tx, scanOperation, operationQuery, id, string(account))
		if err != nil {
			return nil, fmt.Errorf("reading the operations of rollout %d in account %s: %w", id, account, err)
		}
		decided, events, err := decide(r, t, operations)
		if err != nil {
			return nil, err
		}
		return events, tx.saveResolutions(ctx, decided)
	})
}

func (tx *txn) saveResolutions(ctx context.Context, decided []access.Operation) error {
	b := &pgx.Batch{}
	for _, op := range decided {
		r := op.Resolution
		b.Queue(`UPDATE operations SET resolution = $2, resolved_doc = found_doc, resolver_id = $3, resolver_name = $4, resolved_at = $5
			WHERE id = $1 AND state = 'conflict'`, op.ID, string(r.Choice), nullID(r.By.ID), storable(r.By.Name), r.At)
	}
	if err := tx.batch(ctx, b); err != nil {
		return fmt.Errorf("saving what was decided about conflicts: %w", err)
	}
	return nil
}
