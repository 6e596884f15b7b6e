package store

import (
	"context"
	"fmt"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// SnoozeClaim lets the lease expire after a time, when the push must go on, and adds the calls to
// AWS so far to the target's count.
func (s *Store) SnoozeClaim(ctx context.Context, c access.Claim, after time.Duration, calls access.CallCount) error {
	tag, err := s.pool.Exec(ctx, `UPDATE targets SET lease_until = clock_timestamp() + $4::interval,
			calls = calls + $5, attempts = attempts + $6, throttles = throttles + $7, writes = writes + $8 WHERE `+currentClaim,
		c.Target.RolloutID, string(c.Target.Account), c.Number, after, calls.Calls, calls.Attempts, calls.Throttles, calls.Writes)
	if err != nil {
		return translate(fmt.Errorf("snoozing account %s of rollout %d: %w", c.Target.Account, c.Target.RolloutID, err))
	}
	if tag.RowsAffected() == 0 {
		return access.ErrClaimLost
	}
	return nil
}
