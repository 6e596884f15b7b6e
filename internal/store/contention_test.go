package store_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// lock keeps rows of others until it is released.
func lock(t *testing.T, s *store.Store, sql string, args ...any) (release func()) {
	t.Helper()
	tx, err := s.Pool().BeginTx(t.Context(), pgx.TxOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := tx.Rollback(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// waiting waits until so many transactions wait for a lock.
func waiting(t *testing.T, s *store.Store, n int) {
	t.Helper()
	eventually(t, "transactions wait for locks", func() bool {
		var waits int
		if err := s.Pool().QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&waits); err != nil {
			t.Fatal(err)
		}
		return waits >= n
	})
}

// deadlocks counts those that Postgres has broken up in this database.
func deadlocks(t *testing.T, s *store.Store) int {
	t.Helper()
	var n int
	if err := s.Pool().QueryRow(t.Context(), "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func inBackground(do func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	return done
}

func ending(ctx context.Context, s *store.Store, c access.Claim) <-chan error {
	return inBackground(func() error {
		_, err := s.FinishTarget(ctx, c, nil, access.TargetResult{State: access.TargetSucceeded}, nil)
		return err
	})
}

// TestATargetIsAlteredWhileItEnds asks for a target to be skipped in the moment in which it ends:
// its end has locked the target and waits for the rollout. Neither may wait for the other.
func TestATargetIsAlteredWhileItEnds(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 3, 1, 0)
	c := claim(t, s, r, accountID(0))
	release := holdRollout(t, s, r.ID)
	skipped := inBackground(func() error {
		_, err := s.UpdateTarget(t.Context(), r.ID, accountID(0), func(r *access.Rollout, target *access.Target) ([]access.AuditEvent, error) {
			return nil, r.SkipTarget(target)
		})
		return err
	})
	waiting(t, s, 1)
	ended := ending(t.Context(), s, c)
	waiting(t, s, 2)
	release()
	wantKind(t, <-skipped, access.KindConflict, "Account "+string(accountID(0))+" is running")
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n := deadlocks(t, s); n != 0 {
		t.Errorf("%d deadlocks", n)
	}
}

// TestAnAbortMeetsATargetThatEnds lets a target be claimed and end while an abort looks for
// unclaimed targets and has still seen this one among them.
func TestAnAbortMeetsATargetThatEnds(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 4, 3, 0)
	release := lock(t, s, "SELECT FROM targets WHERE rollout_id = $1 AND account_id = $2 FOR UPDATE", r.ID, string(accountID(0)))
	aborted := inBackground(func() error {
		_, err := s.UpdateProgress(t.Context(), r.ID, func(r *access.Rollout, _ *access.WaveProgress) ([]access.AuditEvent, error) {
			return nil, r.Abort("enough", t0)
		})
		return err
	})
	waiting(t, s, 1)
	pushed := inBackground(func() error {
		c, ok, err := s.ClaimTarget(t.Context(), r.ID, accountID(1), lease)
		if err != nil || !ok {
			return err
		}
		_, err = s.FinishTarget(t.Context(), c, nil, access.TargetResult{State: access.TargetSucceeded}, nil)
		return err
	})
	waiting(t, s, 2)
	release()
	if err := <-aborted; err != nil {
		t.Errorf("the abort: %v", err)
	}
	if err := <-pushed; err != nil {
		t.Errorf("the push: %v", err)
	}
	if r = must[access.Rollout](t)(s.Rollout(t.Context(), r.ID)); r.State != access.RolloutAborted || r.Counts.Running != 0 {
		t.Errorf("it is %s with %+v, want nothing in flight", r.State, r.Counts)
	}
	if n := deadlocks(t, s); n != 0 {
		t.Errorf("%d deadlocks", n)
	}
	countsAreTrue(t, s)
}

// TestRollbackStoresDocumentsBeforeItLocks lets another transaction store a document that the
// rollback needs as well. The rollback waits for that transaction, and no other transaction waits
// for the rollback.
func TestRollbackStoresDocumentsBeforeItLocks(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 4)
	first := startStaged(t, s, 2, access.Strategy{}, 2)
	for i := range 2 {
		first = push(t, s, first, accountID(i), access.TargetSucceeded)
	}
	control(t, s, first.ID, func(r *access.Rollout, _ *access.WaveProgress) error {
		return r.RollBack(operator.Ref(), "why", t0, oneHour)
	})
	other := startStaged(t, s, 2, access.Strategy{}, 2)
	busy := claim(t, s, other, accountID(0))

	back := planFor(2)
	both := slices.Collect(back.Targets())
	both[1].Operations[0].After = `{"both":"store it"}`
	back = access.NewPlan(back.Documents, both...)
	sum := sha256.Sum256([]byte(`{"both":"store it"}`))
	release := lock(t, s, "INSERT INTO documents (sha256, body) VALUES ($1, $2)", sum[:], `{"both":"store it"}`)
	begun := inBackground(func() error {
		_, err := s.BeginRollback(t.Context(), first.ID, back)
		return err
	})
	waiting(t, s, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := <-ending(ctx, s, busy); err != nil {
		t.Errorf("a target of another rollout cannot end: %v", err)
	}
	release()
	if err := <-begun; err != nil {
		t.Error(err)
	}
}

// TestAnAbortedRolloutKeepsTheAccountsInWhichItStillWrites: aborted is ended, and what is
// in flight goes on.
func TestAnAbortedRolloutKeepsTheAccountsInWhichItStillWrites(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 2)
	older := startStaged(t, s, 2, access.Strategy{}, 1)
	writing := claim(t, s, older, accountID(0))
	control(t, s, older.ID, func(r *access.Rollout, _ *access.WaveProgress) error { return r.Abort("enough", t0) })
	newer := startStaged(t, s, 2, access.Strategy{}, 2)
	if newer.Counts.Running != 1 || newer.BlockedBy != (access.BlockedBy{Rollout: older.ID, Targets: 1}) {
		t.Errorf("%d targets are in flight, blocked by %+v; want one target in flight and the other blocked by rollout %d", newer.Counts.Running, newer.BlockedBy, older.ID)
	}
	must[access.Rollout](t)(s.FinishTarget(t.Context(), writing, nil, access.TargetResult{State: access.TargetSucceeded}, nil))
	past(t, s, newer.ID)
	if newer = must[access.Rollout](t)(s.Rollout(t.Context(), newer.ID)); newer.Counts.Running != 2 {
		t.Errorf("%d in flight once the other has ended, want 2", newer.Counts.Running)
	}
}

// TestAnOldLookEndsNoNewCheck: a wave is checked anew after a retry, and somebody who was
// frozen in the first round comes back in the second.
func TestAnOldLookEndsNoNewCheck(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 2)
	r := startStaged(t, s, 2, access.Strategy{Name: "x", ReadBack: true}, 2)
	push(t, s, r, accountID(0), access.TargetSucceeded)
	push(t, s, r, accountID(1), access.TargetFailed)
	look := func() access.Check {
		t.Helper()
		c, ok, err := s.ClaimCheck(t.Context(), r.ID, 1, 0, lease)
		if err != nil || !ok {
			t.Fatalf("the check cannot be claimed: %v, %v", ok, err)
		}
		return c
	}
	frozen := look()
	must[access.Rollout](t)(s.UpdateProgress(t.Context(), r.ID, func(r *access.Rollout, _ *access.WaveProgress) ([]access.AuditEvent, error) { return nil, r.Retry() }))
	push(t, s, r, accountID(1), access.TargetSucceeded)
	if err := s.FinishCheck(t.Context(), frozen, false, "of the first round"); !errors.Is(err, access.ErrClaimLost) {
		t.Errorf("a look of the first round ended an unclaimed check of the second: %v", err)
	}
	now := look()
	if err := s.FinishCheck(t.Context(), frozen, false, "of the first round"); !errors.Is(err, access.ErrClaimLost) {
		t.Errorf("a look of the first round ended a check of the second: %v", err)
	}
	if err := s.FinishCheck(t.Context(), now, true, ""); err != nil {
		t.Error(err)
	}
}

// countsAreTrue compares the counts of rollouts with their targets.
func countsAreTrue(t *testing.T, s *store.Store) {
	t.Helper()
	var wrong int
	err := s.Pool().QueryRow(t.Context(), `SELECT count(*) FROM rollouts r CROSS JOIN LATERAL (
		SELECT count(*) FILTER (WHERE state = 'waiting') AS waiting, count(*) FILTER (WHERE state = 'running') AS running, count(*) AS total FROM targets WHERE rollout_id = r.id) t
		WHERE r.waiting <> t.waiting OR r.running <> t.running OR r.waiting + r.running + r.succeeded + r.unchanged + r.failed + r.conflict + r.skipped <> t.total`).Scan(&wrong)
	if err != nil {
		t.Fatal(err)
	}
	if wrong != 0 {
		t.Errorf("%d rollouts count something else than their targets are", wrong)
	}
}

// TestEndsThatComeTogetherLockAccountsInOrder: whoever saves the organization locks
// accounts in their order, and so does what ends several of them.
func TestEndsThatComeTogetherLockAccountsInOrder(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 3, 3, 0)
	first, a, b := claim(t, s, r, accountID(0)), claim(t, s, r, accountID(1)), claim(t, s, r, accountID(2))
	release := holdRollout(t, s, r.ID)
	ends := []<-chan error{ending(t.Context(), s, first)}
	waiting(t, s, 1)
	ends = append(ends, ending(t.Context(), s, b))
	waitForWorks(t, s, 1)
	ends = append(ends, ending(t.Context(), s, a))
	waitForWorks(t, s, 2)
	saving, err := s.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	touch := func(account access.AccountID) {
		t.Helper()
		if _, err := saving.Exec(t.Context(), "UPDATE accounts SET synced_at = now() WHERE id = $1", string(account)); err != nil {
			t.Fatal(err)
		}
	}
	touch(accountID(1))
	release()
	if err := <-ends[0]; err != nil {
		t.Fatal(err)
	}
	waiting(t, s, 1) // for the first of the two accounts
	touch(accountID(2))
	if err := saving.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, end := range ends[1:] {
		if err := <-end; err != nil {
			t.Error(err)
		}
	}
	if n := deadlocks(t, s); n != 0 {
		t.Errorf("%d deadlocks", n)
	}
}

// A console that is frozen in the middle of a decision about a rollout blocks the others for some
// seconds, not for as long as it is frozen. When it goes on, its transaction fails.
func TestFrozenTransactionReleasesRollout(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	r := start(t, s, 2, 1, 10)
	locked, thaw := make(chan struct{}), make(chan struct{})
	frozen := inBackground(func() error {
		_, err := s.UpdateProgress(t.Context(), r.ID, func(r *access.Rollout, _ *access.WaveProgress) ([]access.AuditEvent, error) {
			close(locked)
			<-thaw
			return []access.AuditEvent{event("rollout.pause", access.RolloutObject(r.ID))}, r.Pause(time.Now())
		})
		return err
	})
	<-locked
	began := time.Now()
	err := access.ErrBusy // until Postgres has aborted the frozen transaction
	change := func(r *access.Rollout, _ *access.WaveProgress) ([]access.AuditEvent, error) {
		return nil, r.SetMaxInFlight(2)
	}
	for errors.Is(err, access.ErrBusy) {
		_, err = s.UpdateProgress(t.Context(), r.ID, change)
	}
	if err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 25*time.Second { // it would be thirty
		t.Errorf("the others waited for %s", took)
	}
	close(thaw)
	wantKind(t, <-frozen, access.KindUnavailable, "Try again")
	if now := must[access.Rollout](t)(s.Rollout(t.Context(), r.ID)); now.State != access.RolloutRunning || now.MaxInFlight != 2 {
		t.Errorf("the rollout is %s with max in flight %d", now.State, now.MaxInFlight)
	}
}
