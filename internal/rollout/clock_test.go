package rollout_test

import (
	"sync/atomic"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/rollout"
)

// The clock on the wall jumps by hours, forward and back, whenever somebody looks at it,
// and workers die meanwhile. Leases do not go by it.
func TestRolloutThroughClockJumps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	plan := w.plan(t, desiredState(office...))
	crash := &crashes{left: map[rollout.Point]int{rollout.PointWrote: 3, rollout.PointRead: 2}}
	var looks atomic.Int64
	jumping := func() time.Time {
		n := looks.Add(1)
		return time.Now().Add(time.Duration(n%7-3) * 5 * time.Hour)
	}
	before := len(w.org.Calls())
	s := w.replica(t, rollout.Config{Now: jumping, Lease: 600 * time.Millisecond, RequeueEvery: 100 * time.Millisecond, Fault: crash.at})
	r := wait(t, s, w.start(t, 8, plan).ID, "completed", completed)
	if r.Counts.Succeeded != targets-unreachable {
		t.Errorf("counts are %+v, want %d succeeded", r.Counts, targets-unreachable)
	}
	w.checkHolds(t, plan)
	w.checkAudit(t)
	for id, n := range w.writes(before) {
		if n != 3 {
			t.Errorf("account %s was written %d times, want once per document", id, n)
		}
	}
	if looks.Load() == 0 {
		t.Error("nobody looked at the clock")
	}
}
