package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// miscounted finds rollouts, of those under way or just ended, that count something else
// than their targets are. Both move in one transaction, so that one statement sees them
// agree, unless there is a defect.
const miscounted = `
SELECT r.id FROM rollouts r CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE state = 'waiting') AS waiting, count(*) FILTER (WHERE state = 'running') AS running, count(*) FILTER (WHERE state = 'succeeded') AS succeeded,
        count(*) FILTER (WHERE state = 'unchanged') AS unchanged, count(*) FILTER (WHERE state = 'failed') AS failed, count(*) FILTER (WHERE state = 'conflict') AS conflict,
        count(*) FILTER (WHERE state = 'skipped') AS skipped FROM targets WHERE rollout_id = r.id) t
WHERE (r.ended_at IS NULL OR r.running > 0 OR r.ended_at > clock_timestamp() - interval '1 minute')
    AND (r.waiting, r.running, r.succeeded, r.unchanged, r.failed, r.conflict, r.skipped) IS DISTINCT FROM (t.waiting, t.running, t.succeeded, t.unchanged, t.failed, t.conflict, t.skipped)
ORDER BY r.id`

// Recount corrects the counts of rollouts that differ from their targets, and returns these
// rollouts. Only a defect causes that; such a rollout would stop, or exceed max in flight.
func (s *Store) Recount(ctx context.Context) ([]int64, error) {
	wrong, err := collect(ctx, s.pool, pgx.RowTo[int64], miscounted)
	if err != nil {
		return nil, translate(fmt.Errorf("comparing the counts of rollouts with their targets: %w", err))
	}
	var failed []error
	for _, id := range wrong {
		_, err := s.UpdateProgress(ctx, id, func(*access.Rollout, *access.WaveProgress) ([]access.AuditEvent, error) { return nil, nil })
		if err != nil {
			failed = append(failed, fmt.Errorf("counting rollout %d anew: %w", id, err))
		}
	}
	return wrong, errors.Join(failed...)
}
