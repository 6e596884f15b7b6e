package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// maxFailureGroups bounds what a page has to show: so many OUs with so many causes are looked
// at through the list of targets.
const maxFailureGroups = 500

// maxCause is the longest cause, in characters.
const maxCause = 300

func shortCause(cause string) string {
	if r := []rune(cause); len(r) > maxCause {
		return string(r[:maxCause-1]) + "…"
	}
	return cause
}

// Failures counts the targets of a rollout that are not as desired by what is wrong and
// by OU, the largest first. One query over what failed only: targets that went well cost
// nothing.
func (s *Store) Failures(ctx context.Context, rollout int64) ([]access.Failure, error) {
	found, err := collect(ctx, s.pool, func(row pgx.CollectableRow) (access.Failure, error) {
		var t access.Failure
		return t, row.Scan(&t.State, &t.Class, &t.Code, &t.Cause, &t.OU, &t.Targets, &t.Advice, &t.Example)
	}, `SELECT state, class, code, cause, ou, count(*), min(advice), min(account_id) FROM targets
		WHERE rollout_id = $1 AND state IN ('failed', 'conflict')
		GROUP BY state, class, code, cause, ou ORDER BY count(*) DESC, state, class, code, cause, ou LIMIT $2`, rollout, maxFailureGroups)
	if err != nil {
		return nil, translate(fmt.Errorf("counting what went wrong in rollout %d: %w", rollout, err))
	}
	return found, nil
}
