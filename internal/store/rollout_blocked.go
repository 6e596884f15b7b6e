package store

import (
	"context"
	"fmt"

	"portcullis.internal/portcullis/internal/access"
)

// One rollout works on an account at a time, and an older one comes first. A target is blocked
// while another rollout has a target of the same account in flight, and while an older rollout has
// a waiting target of the same account. A rollout that was paused or halted long ago blocks no
// others, and a person may let the newer one skip the queue. A rollout leaves an account out if a
// newer rollout has already been there: the older documents would undo the newer ones.
//
// A transaction that starts targets holds flightLock, so two rollouts never find an account free at
// the same moment. This is the only lock that two rollouts share, so they never wait for each other
// in a circle.

// blockers finds the targets that block a target t of rollout $1. The placeholders are those
// of two parameters: whether the rollout skips the queue, and how long a paused or halted
// rollout blocks others.
func blockers(skipsQueue, patience string) string {
	return `FROM targets o JOIN rollouts ro ON ro.id = o.rollout_id
		WHERE o.account_id = t.account_id AND o.rollout_id <> $1 AND (o.state = 'running'
			OR o.state = 'waiting' AND o.rollout_id < $1 AND NOT ` + skipsQueue + ` AND ro.ended_at IS NULL
				AND (ro.state NOT IN ('paused', 'halted') OR coalesce(ro.stopped_since, ro.created_at) > clock_timestamp() - ` + patience + `::interval))`
}

// countBlocked counts the targets that other rollouts block, and names the oldest of these.
func (tx *txn) countBlocked(ctx context.Context, r *access.Rollout) error {
	var oldest *int64
	err := tx.QueryRow(ctx, `SELECT count(*), min(b.rollout_id) FROM targets t
		JOIN LATERAL (SELECT o.rollout_id `+blockers("$3", "$4")+` ORDER BY o.rollout_id LIMIT 1) b ON true
		WHERE t.rollout_id = $1 AND t.state = 'waiting' AND t.wave <= $2`,
		r.ID, r.Wave, r.SkipsQueue, access.GiveWayAfter).Scan(&r.BlockedBy.Targets, &oldest)
	if err != nil {
		return fmt.Errorf("looking for what rollout %d waits for: %w", r.ID, err)
	}
	r.BlockedBy.Rollout = orZero(oldest)
	return nil
}

// leaveToNewer skips the targets whose account a newer rollout has written to, and returns
// how many there were. A newer one that is rolled back counts for nothing.
func (tx *txn) leaveToNewer(ctx context.Context, r *access.Rollout) (int, error) {
	var left int
	err := tx.QueryRow(ctx, `WITH left_out AS (
			UPDATE targets t SET state = 'skipped', ended_at = clock_timestamp(), message = format('Rollout %s has brought a newer revision to this account.', n.id)
			FROM (SELECT t.account_id, max(o.rollout_id) AS id FROM targets t JOIN targets o ON o.account_id = t.account_id AND o.rollout_id > $1 JOIN rollouts ro ON ro.id = o.rollout_id
				WHERE t.rollout_id = $1 AND t.state = 'waiting' AND t.wave <= $2 AND o.state IN ('running', 'succeeded', 'unchanged')
					AND ro.kind = 'push' AND ro.state NOT IN ('rolling_back', 'rolled_back') GROUP BY t.account_id) n
			WHERE t.rollout_id = $1 AND t.account_id = n.account_id AND t.state = 'waiting' RETURNING t.account_id),
		operations AS (UPDATE operations o SET `+leftOut+` FROM left_out l
			WHERE o.rollout_id = $1 AND o.account_id = l.account_id AND o.state = 'planned')
		SELECT count(*) FROM left_out`, r.ID, r.Wave).Scan(&left)
	if err != nil {
		return 0, fmt.Errorf("leaving accounts to newer rollouts than %d: %w", r.ID, err)
	}
	for range left {
		r.Counts.Move(access.TargetWaiting, access.TargetSkipped)
	}
	return left, nil
}
