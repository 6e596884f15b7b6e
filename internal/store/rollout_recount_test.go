package store_test

import (
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// TestWrongCountsAreFoundAndMended gives a rollout counts that are not those of its targets, as a
// defect would: with them it makes no progress.
func TestWrongCountsAreFoundAndMended(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 5, 2, 0)
	right := r.Counts
	if wrong := must[[]int64](t)(s.Recount(t.Context())); len(wrong) != 0 {
		t.Fatalf("rollouts %v count wrong before anything is", wrong)
	}
	if _, err := s.Pool().Exec(t.Context(), "UPDATE rollouts SET waiting = waiting + 2, running = 0 WHERE id = $1", r.ID); err != nil {
		t.Fatal(err)
	}
	if wrong := must[[]int64](t)(s.Recount(t.Context())); len(wrong) != 1 || wrong[0] != r.ID {
		t.Errorf("rollouts %v are said to count wrong, want %d", wrong, r.ID)
	}
	if now := must[access.Rollout](t)(s.Rollout(t.Context(), r.ID)); now.Counts != right {
		t.Errorf("it counts %+v, want %+v", now.Counts, right)
	}
	for i := range 5 {
		r = push(t, s, r, accountID(i), access.TargetSucceeded)
	}
	if r.State != access.RolloutCompleted {
		t.Errorf("in the end it is %s with %+v", r.State, r.Counts)
	}
	if wrong := must[[]int64](t)(s.Recount(t.Context())); len(wrong) != 0 {
		t.Errorf("rollouts %v count wrong in the end", wrong)
	}
}
