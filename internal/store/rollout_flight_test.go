package store_test

import (
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// Every target that starts fails. Two may fail, the third failure halts the rollout, and none is in
// flight then that could be the fourth.
func TestLimitOnFailuresIsExact(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 12, 8, 2)
	if r.Counts.Running != 3 {
		t.Errorf("%d in flight, want 3, since so many failures halt the rollout", r.Counts.Running)
	}
	r = push(t, s, r, accountID(0), access.TargetSucceeded)
	if r.Counts.Running != 3 {
		t.Errorf("%d in flight after a success, want 3", r.Counts.Running)
	}
	for i := 1; r.Counts.Running > 0; i++ {
		r = push(t, s, r, accountID(i), access.TargetFailed)
	}
	if r.State != access.RolloutHalted || r.Counts != (access.TargetCounts{Waiting: 8, Succeeded: 1, Failed: 3}) {
		t.Errorf("%s with %+v, want it halted by the third failure", r.State, r.Counts)
	}
	r = control(t, s, r.ID, func(r *access.Rollout, _ *access.WaveProgress) error { return r.Resume() })
	if r.Counts.Running != 3 {
		t.Errorf("%d in flight after a resume, want 3 again", r.Counts.Running)
	}
}

// The limit of a wave is exact as well.
func TestLimitOnFailuresOfAWaveIsExact(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 6)
	r := startStaged(t, s, 6, access.Strategy{Name: "x", Waves: []access.WaveRule{{Name: "Canary", Count: 4, MaxFailures: access.Limit{None: true}}}}, 4)
	if r.Counts.Running != 1 {
		t.Errorf("%d in flight in a wave in which none may fail, want 1", r.Counts.Running)
	}
	for i := range 4 {
		r = push(t, s, r, accountID(i), access.TargetSucceeded)
	}
	if r.Wave != 2 || r.Counts.Running != 2 {
		t.Errorf("wave %d with %d in flight, want both accounts of the second wave in flight", r.Wave, r.Counts.Running)
	}
}
