package store

import (
	"context"
	"fmt"

	"portcullis/internal/access"
)

// ReleaseClaim gives a target back to which nothing was written and for which no write is
// intended: it waits again, or is skipped where its rollout was aborted. What was asked of
// AWS so far stays counted. ErrClaimLost where there is nothing to give back.
func (s *Store) ReleaseClaim(ctx context.Context, c access.Claim, calls access.CallCount) error {
	err := s.inTx(ctx, func(tx *txn) error {
		tag, err := tx.Exec(ctx, `UPDATE targets t SET state = 'waiting', lease_state = NULL, lease_until = NULL, started_at = NULL,
				calls = calls + $4, attempts = attempts + $5, throttles = throttles + $6
			WHERE `+currentClaim+` AND NOT EXISTS (SELECT FROM operations o WHERE o.rollout_id = $1 AND o.account_id = $2 AND o.intended_at IS NOT NULL)`,
			c.Target.RolloutID, string(c.Target.Account), c.Number, calls.Calls, calls.Attempts, calls.Throttles)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return access.ErrClaimLost
		}
		o, err := tx.open(ctx, c.Target.RolloutID)
		if err != nil {
			return err
		}
		if o.State.LeavesOut() {
			err = tx.leaveOut(ctx, o)
		} else {
			err = tx.recount(ctx, &o.Rollout)
		}
		if err != nil {
			return err
		}
		return tx.moveOn(ctx, o)
	})
	if err != nil {
		return translate(fmt.Errorf("letting go of account %s of rollout %d: %w", c.Target.Account, c.Target.RolloutID, err))
	}
	return nil
}
