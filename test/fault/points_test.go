package fault

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/rollout"
	"portcullis.internal/portcullis/test/harness"
)

// recoversWithin is the longest time without progress for the accounts of a console that died, while
// another console runs.
const recoversWithin = 12 * time.Second

// latencyTo is how long calls take so that a push comes to a point: writes in quick
// succession are recorded with the end.
func latencyTo(point rollout.Point) time.Duration {
	if point == rollout.PointRecorded {
		return 1100 * time.Millisecond
	}
	return 15 * time.Millisecond
}

// TestKilledAtEveryPoint has a console kill itself at each named point of a push, between
// any two effects, while another one goes on.
func TestKilledAtEveryPoint(t *testing.T) {
	t.Parallel()
	points := rollout.Points()
	if !full() {
		points = []rollout.Point{rollout.PointIntended, rollout.PointWrote}
	}
	c := tell(t, "SIGKILL at every named step of a push, with a second console running", "every write is made and recorded once, nothing is lost; the other console finishes the accounts")
	f := newFleet(t, 12, "PORTCULLIS_MAX_IN_FLIGHT=8", "PORTCULLIS_WORKERS=1").mapped() // most is left to the other
	f.endsAsDesired(f.mapRole("ReadOnly"))                                              // so that a change is two writes in each account
	slowest := time.Duration(0)
	for i, point := range points {
		victim := harness.Serve(t, f.db, append(slices.Clone(f.env), "PORTCULLIS_WORKERS=50", fmt.Sprintf("PORTCULLIS_DIE_AT=%s:%d", point, 1+i%3))...)
		f.box.SetFaults(slow(latencyTo(point)))
		written := f.box.Writes()
		id := f.change()
		harness.Eventually(t, time.Minute, fmt.Sprintf("the console dies at %q", point), func() (bool, string) { return victim.Ended(), "it lives" })
		died := time.Now()
		f.box.SetFaults(slow(latencyTo("")))
		r := f.endsAsDesired(id)
		if t.Failed() {
			t.Fatalf("after a death at %q", point)
		}
		took := r.Ended.Sub(died)
		timely(t, fmt.Sprintf("a console died at %q; its accounts made no progress", point), took, recoversWithin)
		slowest = max(slowest, took)
		f.box.SetFaults()
		if extra := f.box.Writes() - written - 2*len(f.accounts); extra < 0 || extra > 8 {
			t.Errorf("a console died at %q; %d writes more than needed, want one for each account in flight at most", point, extra)
		}
	}
	f.pushAgainWritesNothing()
	c.fact("%d points: %v; all accounts done %.1f s after the death at the latest (goal: 10 s)", len(points), points, slowest.Seconds())
}
