package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"portcullis.internal/portcullis/internal/access"
)

// count notes how many rows a statement of a batch met.
func count(n *int64) func(pgconn.CommandTag) error {
	return func(tag pgconn.CommandTag) error {
		*n = tag.RowsAffected()
		return nil
	}
}

// FinishTarget ends a target, or lets it continue later, advances its rollout and starts the next targets, in one
// transaction: the number of targets in flight is never too low or too high. The lock on the rollout comes after all
// locks of the target, since every target in flight waits for it.
func (s *Store) FinishTarget(ctx context.Context, c access.Claim, outcomes []access.Outcome, result access.TargetResult, events []access.AuditEvent) (access.Rollout, error) {
	continues := result.Continues(c.Target)
	if !result.State.Ended() && !continues {
		return access.Rollout{}, fmt.Errorf("a target does not end as %s", result.State)
	}
	w := &work{claim: c, docs: documentSet{}, events: events, end: &result}
	for _, o := range outcomes {
		w.docs.add(o.LiveBefore)
	}
	met := int64(0)
	w.queue = func(b *pgx.Batch) error {
		queueOutcomes(b, c, outcomes)
		end := endTarget
		if continues {
			end = continueTarget(result.Continue)
		}
		b.Queue(end, c.Target.RolloutID, string(c.Target.Account), c.Number, string(result.State), storable(result.Message), string(result.Class), storable(result.Advice),
			result.Calls.Calls, result.Calls.Attempts, result.Calls.Throttles, result.Calls.Writes, storable(result.Code), storable(shortCause(result.Cause))).Exec(count(&met))
		queuePushed(b, c.Target.Account, c.Rollout.Revision, result.State)
		return queueLive(b, c.Target.Account, result.Live)
	}
	w.check = func() error { // the counts move by what is written here, and never by more
		if met != 1 {
			return access.ErrClaimLost
		}
		return nil
	}
	if err := s.commit(ctx, w); err != nil {
		return access.Rollout{}, translate(fmt.Errorf("ending account %s of rollout %d: %w", c.Target.Account, c.Target.RolloutID, err))
	}
	return w.rollout, nil
}

const endTarget = `
UPDATE targets SET state = $4, lease_state = NULL, lease_until = NULL, ended_at = clock_timestamp(), message = $5, class = $6, advice = $7, code = $12, cause = $13,
    calls = calls + $8, attempts = attempts + $9, throttles = throttles + $10, writes = writes + $11
WHERE ` + currentClaim

// continueTarget puts a target back among those that wait, at a later place. It has been started, so it keeps that
// time.
func continueTarget(at access.Place) string {
	return fmt.Sprintf(`
UPDATE targets SET state = $4, lease_state = NULL, lease_until = NULL, wave = %d, pass = %d, message = $5, class = $6, advice = $7, code = $12, cause = $13,
    calls = calls + $8, attempts = attempts + $9, throttles = throttles + $10, writes = writes + $11
WHERE `, at.Wave, at.Pass) + currentClaim
}

// moveToWave counts a target among those of a later wave, where it continues. The transaction has locked the rollout.
func (tx *txn) moveToWave(ctx context.Context, o *opened, t access.Target, wave int) error {
	if wave == 0 || wave == t.Wave {
		return nil
	}
	switch o.progress.Wave.Number {
	case t.Wave:
		o.progress.Wave.Targets--
	case wave:
		o.progress.Wave.Targets++
	}
	_, err := tx.Exec(ctx, `UPDATE rollout_waves SET targets = targets + CASE number WHEN $3 THEN 1 ELSE -1 END,
			left_over = left_over + CASE number WHEN $3 THEN 1 ELSE 0 END
		WHERE rollout_id = $1 AND number IN ($2, $3)`, t.RolloutID, t.Wave, wave)
	if err != nil {
		return fmt.Errorf("moving account %s of rollout %d to wave %d: %w", t.Account, t.RolloutID, wave, err)
	}
	return nil
}
