package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// former finds the documents that a rollout has replaced, may have replaced, or is still to replace, and those in
// their place. Operations that were unchanged or skipped are left out. Each query covers some of the targets.
const former = `SELECT o.account_id, t.account_name, t.ou, o.kind, o.resource_kind, o.resource_path, o.resource_name,
		o.size_limit,
		o.intended_at IS NOT NULL OR o.before_known, ` + formerDocument + `, ` + newDocument + formerOperations +
	` ORDER BY t.position, o.seq`

const formerDocuments = `SELECT ` + formerDocument + `, ` + newDocument + formerOperations

const (
	formerDocument   = `CASE WHEN o.intended_at IS NULL THEN o.before_doc ELSE o.live_before END`
	newDocument      = `CASE WHEN o.intended_at IS NULL THEN o.after_doc ELSE o.written END`
	formerOperations = ` FROM operations o JOIN targets t ON t.rollout_id = o.rollout_id AND t.account_id = o.account_id
	WHERE o.rollout_id = $1 AND (o.intended_at IS NOT NULL OR o.state = 'planned')
		AND t.position >= $2 AND t.position < $3`
)

// Former hands on, target by target, the operations of a rollout with the documents from before as Before.
func (s *Store) Former(ctx context.Context, rollout int64, take func(access.PlannedTarget) error) error {
	return eachTarget(ctx, s, rollout, s.formerAt, take)
}

// formerAt reads the planChunk targets from a position on.
func (s *Store) formerAt(ctx context.Context, rollout int64, from int) ([]access.PlannedTarget, error) {
	docs, err := loadDocumentsOf(ctx, s.pool, formerDocuments, rollout, from, from+planChunk)
	if err != nil {
		return nil, err
	}
	var found []access.PlannedTarget
	err = eachRow(ctx, s.pool, former, []any{rollout, from, from + planChunk}, func(row pgx.Rows) error {
		var t access.PlannedTarget
		var o access.PlannedOperation
		var before, after []byte
		err := row.Scan(&t.Account, &t.AccountName, &t.OU, &o.Kind, &o.Resource.Kind, &o.Resource.Path, &o.Resource.Name,
			&o.Limit, &o.BeforeKnown, &before, &after)
		if err != nil {
			return err
		}
		o.Before, o.After = docs[string(before)], docs[string(after)]
		if n := len(found); n == 0 || found[n-1].Account != t.Account {
			found = append(found, t)
		}
		last := &found[len(found)-1]
		last.Operations = append(last.Operations, o)
		return nil
	})
	return found, err
}
