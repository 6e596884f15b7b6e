package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/lifetime"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// TestWorkOfLostClaimIsNotCounted locks the rollout's row, as a frozen replica does in the middle
// of a transaction. Meanwhile a worker gives up on the end of its target, which still waits to be
// committed, and another worker claims and ends the target. Both ends go to the database together,
// and only one of them counts.
func TestWorkOfLostClaimIsNotCounted(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 8, 2, 0)
	busy, lost := claim(t, s, r, accountID(0)), claim(t, s, r, accountID(1))
	release := holdRollout(t, s, r.ID)

	var ends sync.WaitGroup
	end := func(ctx context.Context, c access.Claim) <-chan error {
		done := make(chan error, 1)
		ends.Go(func() {
			_, err := s.FinishTarget(ctx, c, nil, access.TargetResult{State: access.TargetSucceeded}, []access.AuditEvent{event("target.succeeded", "rollout/1/x")})
			done <- err
		})
		return done
	}
	first := end(t.Context(), busy)
	waiting(t, s, 1)
	giveUp, cancel := context.WithCancel(t.Context())
	stale := end(giveUp, lost)
	waitForWorks(t, s, 1)
	cancel()
	if err := <-stale; !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that gave up got %v", err)
	}
	if err := s.RenewClaim(t.Context(), lost, -time.Second); err != nil {
		t.Fatal(err)
	}
	second := end(t.Context(), claim(t, s, r, accountID(1)))
	waitForWorks(t, s, 1)
	release()
	for _, done := range []<-chan error{first, second} {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	ends.Wait()

	now := must[access.Rollout](t)(s.Rollout(t.Context(), r.ID))
	if want := (access.TargetCounts{Succeeded: 2, Running: 2, Waiting: 4}); now.Counts != want {
		t.Errorf("the rollout counts %+v, want %+v", now.Counts, want)
	}
	running := must[access.Page[access.Target]](t)(s.Targets(t.Context(), r.ID, access.TargetQuery{States: []access.TargetState{access.TargetRunning}}))
	if len(running.Items) != 2 {
		t.Errorf("%d targets are in flight, and 2 may be", len(running.Items))
	}
}

// TestCloseEndsCommits closes a store while one end is stuck in a transaction, since another
// replica holds the rollout's row, and a second one waits for its turn.
func TestCloseEndsCommits(t *testing.T) {
	url := storetest.NewURL(t)
	s, other := open(t, url), open(t, url)
	r := start(t, s, 8, 2, 0)
	first, second := claim(t, s, r, accountID(0)), claim(t, s, r, accountID(1))
	release := holdRollout(t, other, r.ID)
	defer release()
	end := func(c access.Claim) error {
		_, err := s.FinishTarget(context.Background(), c, nil, access.TargetResult{State: access.TargetSucceeded}, nil)
		return err
	}
	ends := make(chan error, 2)
	go func() { ends <- end(first) }()
	waiting(t, other, 1)
	go func() { ends <- end(second) }()
	waitForWorks(t, s, 1)
	s.Close()
	if store.Committing(s) {
		t.Error("works are committed after Close")
	}
	for range 2 {
		if err := <-ends; !errors.Is(err, lifetime.ErrStopping) {
			t.Errorf("an end that waited got %v, want that the server is stopping", err)
		}
	}
	if err := end(first); !errors.Is(err, lifetime.ErrStopping) {
		t.Errorf("an end after Close got %v, want that the server is stopping", err)
	}
}

func open(t *testing.T, url string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// holdRollout locks a rollout until it is released.
func holdRollout(t *testing.T, s *store.Store, id int64) (release func()) {
	t.Helper()
	return lock(t, s, "SELECT 1 FROM rollouts WHERE id = $1 FOR UPDATE", id)
}

// waitForWorks waits until so many works gather for the next transaction.
func waitForWorks(t *testing.T, s *store.Store, n int) {
	t.Helper()
	eventually(t, "works gather", func() bool { return store.Gathered(s) >= n })
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
