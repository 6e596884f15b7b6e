package store_test

import (
	"errors"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// Once a rollout is paused or aborted, no target starts to write: a target that was only read is
// released, and a target whose writes have begun goes on to its end.
func TestStoppedRolloutStartsNoWrites(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		stop func(*access.Rollout) error
		want access.TargetCounts
	}{
		"paused":  {func(r *access.Rollout) error { return r.Pause(time.Now()) }, access.TargetCounts{Running: 1, Waiting: 3}},
		"aborted": {func(r *access.Rollout) error { return r.Abort("enough", time.Now()) }, access.TargetCounts{Running: 1, Skipped: 3}},
	} {
		s := storetest.New(t)
		r := start(t, s, 4, 2, 10)
		begun, read := claim(t, s, r, accountID(0)), claim(t, s, r, accountID(1))
		intend := func(c access.Claim) error {
			return s.RecordIntents(t.Context(), c, []access.Intent{{OperationID: c.Operations[0].ID, Document: `{"a":1}`}}, nil)
		}
		if err := intend(begun); err != nil {
			t.Fatal(err)
		}
		if _, err := s.UpdateProgress(t.Context(), r.ID, func(r *access.Rollout, _ *access.WaveProgress) ([]access.AuditEvent, error) { return nil, tt.stop(r) }); err != nil {
			t.Fatal(err)
		}
		if err := intend(read); !errors.Is(err, access.ErrNotRunning) {
			t.Errorf("%s: the first intent of a target: %v", name, err)
		}
		if err := s.ReleaseClaim(t.Context(), read, access.CallCount{Calls: 2}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.ReleaseClaim(t.Context(), begun, access.CallCount{}); !errors.Is(err, access.ErrClaimLost) {
			t.Errorf("%s: a target with an intent was released: %v", name, err)
		}
		if err := intend(begun); err != nil {
			t.Errorf("%s: a target that had begun does not go on: %v", name, err)
		}
		now := must[access.Rollout](t)(s.Rollout(t.Context(), r.ID))
		if now.Counts != tt.want {
			t.Errorf("%s: the rollout counts %+v, want %+v", name, now.Counts, tt.want)
		}
		if target := must[access.Target](t)(s.Target(t.Context(), r.ID, accountID(1))); target.Calls.Calls != 2 || !target.StartedAt.IsZero() {
			t.Errorf("%s: the released target counts %d calls and began at %v", name, target.Calls.Calls, target.StartedAt)
		}
	}
}
