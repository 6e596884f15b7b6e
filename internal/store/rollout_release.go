package store

import (
	"context"
	"fmt"

	"portcullis.internal/portcullis/internal/access"
)

// ReleaseClaim releases the claim on a target without intended writes: the target waits again, or
// is skipped if its rollout was aborted. The calls to AWS so far stay counted. It returns
// ErrClaimLost if there is nothing to release.
func (s *Store) ReleaseClaim(ctx context.Context, c access.Claim, calls access.CallCount) error {
	err := s.inTx(ctx, func(tx *txn) error {
		tag, err := tx.Exec(ctx, `UPDATE targets t SET state = 'waiting', lease_state = NULL, lease_until = NULL, started_at = CASE WHEN pass > 0 THEN started_at END,
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
		return translate(fmt.Errorf("releasing account %s of rollout %d: %w", c.Target.Account, c.Target.RolloutID, err))
	}
	return nil
}
