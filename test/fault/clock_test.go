package fault

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/internal/rollout"
	"portcullis.internal/portcullis/test/harness"
)

// TestClockJumps lets the clocks of two consoles jump by hours, each look another way, while
// accounts do not answer for a while and one of the consoles dies in the middle.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	if !full() {
		t.Skip("part of the long form: make fault")
	}
	c := tell(t, "Clocks that jump by hours, forward and back", "leases, patience and limits do not use the wall clock: no account is abandoned or claimed by another worker too early, and no rollout gets stuck")
	f := newFleet(t, 24, "PORTCULLIS_CLOCK_JUMPS=5h", "PORTCULLIS_MAX_IN_FLIGHT=8").mapped()
	victim := harness.Serve(t, f.db, append(slices.Clone(f.env), fmt.Sprintf("PORTCULLIS_DIE_AT=%s:3", rollout.PointWrote))...)
	// Silence for longer than the attempts of one call are repeated, so that pushes are snoozed.
	f.box.SetFaults(slow(20*time.Millisecond), sandbox.Fault{Actions: []string{"iam:GetAccountAuthorizationDetails"}, Fail: 1, Count: 40})
	written, began := f.box.Writes(), time.Now()
	id := f.change()
	harness.Eventually(t, time.Minute, "one of the consoles dies", func() (bool, string) { return victim.Ended(), "it lives" })
	r := f.endsAsDesired(id)
	f.box.SetFaults()
	if extra := f.box.Writes() - written - len(f.accounts); extra < 0 || extra > 8 {
		t.Errorf("%d writes more than needed, want one for each account in flight at most", extra)
	}
	f.pushAgainWritesNothing()
	c.fact("24 accounts, two consoles whose clocks are wrong by up to 15 h, differently at each reading; one died; done after %.1f s", r.Ended.Sub(began).Seconds())
}
