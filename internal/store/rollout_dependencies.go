package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// dependencies reads operations of any account by their resource. A document that nothing had to be written to is the
// one that was found.
const dependencies = `
SELECT o.account_id, o.resource_kind, o.resource_path, o.resource_name, o.state,
	coalesce((SELECT d.body FROM documents d
		WHERE d.sha256 = coalesce(o.written, CASE o.state WHEN 'unchanged' THEN o.live_before END)), ''),
	t.state, t.wave, t.pass
FROM unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS q (account_id, kind, path, name)
JOIN operations o ON o.rollout_id = $1 AND o.account_id = q.account_id COLLATE "C"
	AND o.resource_kind = q.kind AND o.resource_path = q.path AND o.resource_name = q.name
JOIN targets t ON t.rollout_id = o.rollout_id AND t.account_id = o.account_id`

// Dependencies returns what became of operations of a rollout. Those that the rollout does not have are left out.
func (s *Store) Dependencies(ctx context.Context, rollout int64, on []access.Dependency) ([]access.DependencyState, error) {
	accounts, kinds, paths, names := make([]string, len(on)), make([]string, len(on)), make([]string, len(on)), make([]string, len(on))
	for i, d := range on {
		accounts[i], kinds[i], paths[i], names[i] = string(d.Account), string(d.Resource.Kind), d.Resource.Path, d.Resource.Name
	}
	found, err := collect(ctx, s.pool, func(row pgx.CollectableRow) (access.DependencyState, error) {
		var d access.DependencyState
		r := &d.Resource
		return d, row.Scan(&d.Account, &r.Kind, &r.Path, &r.Name, &d.Operation, &d.Document, &d.Target, &d.Place.Wave, &d.Place.Pass)
	}, dependencies, rollout, accounts, kinds, paths, names)
	if err != nil {
		return nil, translate(fmt.Errorf("reading what operations of rollout %d depend on: %w", rollout, err))
	}
	return found, nil
}

const blockedRequirements = `
SELECT DISTINCT d.body FROM targets t
JOIN operations o ON o.rollout_id = t.rollout_id AND o.account_id = t.account_id
JOIN documents d ON d.sha256 = o.requires
WHERE t.rollout_id = $1 AND t.state = 'failed' AND t.class = $2 AND o.kind = $3
ORDER BY d.body`

// BlockedRequirements returns the different requirements of user policies of targets that other accounts block.
func (s *Store) BlockedRequirements(ctx context.Context, rollout int64) ([]string, error) {
	found, err := collect(ctx, s.pool, pgx.RowTo[string], blockedRequirements,
		rollout, string(access.CloudBlocked), string(access.OpUserPolicy))
	if err != nil {
		return nil, translate(fmt.Errorf("reading what blocked targets of rollout %d require: %w", rollout, err))
	}
	return found, nil
}
