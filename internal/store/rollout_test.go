package store_test

import (
	"context"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/jobs"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

func TestApplyMakesRolloutTargetsAndJobs(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 5, 2, 3)
	want := access.Rollout{
		ID: r.ID, Kind: access.RolloutPush, ChangeID: 1, Title: "Open the new office", Revision: 1, State: access.RolloutRunning, MaxInFlight: 2, MaxFailures: 3, Wave: 1, Waves: 1,
		Counts: access.TargetCounts{Waiting: 3, Running: 2}, StartedBy: operator.Ref(), CreatedAt: t0, StartedAt: t0,
	}
	diff(t, "rollout", want, r)
	diff(t, "rollout as read", want, must[access.Rollout](t)(s.Rollout(t.Context(), r.ID)))
	if n := waitingJobs(t, s, jobs.PushTarget{}.Kind()); n != 2 {
		t.Errorf("%d jobs, want one for each target in flight", n)
	}
	c := must[access.Change](t)(s.Change(t.Context(), 1))
	if c.State != access.ChangeApplied || c.Revision != 1 || c.RolloutID != r.ID || !c.AppliedAt.Equal(t0) {
		t.Errorf("change is %s, revision %d, rollout %d", c.State, c.Revision, c.RolloutID)
	}
	ops := must[[]access.Operation](t)(s.Operations(t.Context(), r.ID, accountID(3)))
	plan := planFor(5).Target(3)
	for i, o := range ops {
		diff(t, "operation", access.Operation{ID: o.ID, RolloutID: r.ID, Account: accountID(3), Seq: i, PlannedOperation: plan.Operations[i], State: access.OperationPlanned}, o)
	}
	if len(ops) != 2 {
		t.Errorf("%d operations, want 2", len(ops))
	}
}

func TestPlanWithoutTargetsIsCompletedAtOnce(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 0, 2, 3)
	if r.State != access.RolloutCompleted || r.EndedAt.IsZero() {
		t.Errorf("got %s, ended %s; want completed", r.State, r.EndedAt)
	}
}

func TestCreateRolloutAtTheHead(t *testing.T) {
	s := storetest.New(t)
	first := start(t, s, 2, 2, 0)
	push(t, s, first, accountID(0), access.TargetSucceeded)
	push(t, s, first, accountID(1), access.TargetSucceeded)
	again := access.Rollout{Title: "Again", State: access.RolloutRunning, MaxInFlight: 1, StartedBy: operator.Ref(), Revision: 1}
	r := must[access.Rollout](t)(s.StartRollout(t.Context(), again, planFor(2), access.Staging{}, []access.AuditEvent{event("rollout.start", "")}))
	if r.ChangeID != 0 || r.Revision != 1 || r.Counts.Running != 1 || r.Counts.Waiting != 1 {
		t.Errorf("got %+v", r)
	}
	diff(t, "operations", planFor(2).Target(1).Operations[0], must[[]access.Operation](t)(s.Operations(t.Context(), r.ID, accountID(1)))[0].PlannedOperation)
	if h := must[[]access.AuditEvent](t)(s.History(t.Context(), access.RolloutObject(r.ID))); len(h) != 1 {
		t.Errorf("%d events of the rollout, want 1", len(h))
	}
	again.Revision = 7
	_, err := s.StartRollout(t.Context(), again, planFor(2), access.Staging{}, nil)
	wantKind(t, err, access.KindConflict, "moved to revision 1")
}

func TestHaltResumeAndRetry(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 6, 2, 1)
	ctx := t.Context()
	r = push(t, s, r, accountID(0), access.TargetFailed)
	if r.State != access.RolloutRunning || r.Counts.Running != 1 {
		t.Errorf("rollout %s with %+v, want one in flight, since one more failure halts it", r.State, r.Counts)
	}
	push(t, s, r, accountID(1), access.TargetSucceeded)
	r = push(t, s, r, accountID(2), access.TargetConflict)
	if r.State != access.RolloutHalted || r.Counts.Running != 0 || r.Counts.Waiting != 3 {
		t.Fatalf("rollout %s with %+v, want halted with none in flight", r.State, r.Counts)
	}
	r = must[access.Rollout](t)(s.UpdateProgress(ctx, r.ID, func(r *access.Rollout, _ *access.WaveProgress) ([]access.AuditEvent, error) {
		return []access.AuditEvent{event("rollout.retry", "")}, r.Retry()
	}))
	if r.State != access.RolloutRunning || r.Counts != (access.TargetCounts{Waiting: 3, Running: 2, Succeeded: 1}) {
		t.Errorf("after the retry %s with %+v", r.State, r.Counts)
	}
	for _, i := range []int{0, 2, 3, 4, 5} {
		r = push(t, s, r, accountID(i), access.TargetUnchanged)
	}
	if r.State != access.RolloutCompleted || r.Counts != (access.TargetCounts{Succeeded: 1, Unchanged: 5}) {
		t.Errorf("in the end %s with %+v", r.State, r.Counts)
	}
	if target := must[access.Target](t)(s.Target(ctx, r.ID, accountID(0))); target.Claim != 2 || target.Message != "" {
		t.Errorf("retried target %+v, want its second claim", target)
	}
}

func TestRetryRemembersTheDocumentBeforeTheFirstWrite(t *testing.T) {
	tests := []struct {
		name, liveAtRetry, want string
	}{
		{"the first write had come", `{"new":1}`, `{"orig":1}`},
		{"somebody edited in between", `{"edited":1}`, `{"edited":1}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := storetest.New(t)
			r := start(t, s, 1, 1, 0)
			c := claim(t, s, r, accountID(0))
			op := c.Operations[0].ID
			record := func(c access.Claim, live string) {
				t.Helper()
				if err := s.RecordIntents(t.Context(), c, []access.Intent{{OperationID: op, LiveBefore: live, Document: `{"new":1}`}}, nil); err != nil {
					t.Fatal(err)
				}
			}
			record(c, `{"orig":1}`)
			must[access.Rollout](t)(s.FinishTarget(t.Context(), c, []access.Outcome{{OperationID: op, State: access.OperationFailed, Message: "no answer"}}, access.TargetResult{State: access.TargetFailed}, nil))
			must[access.Rollout](t)(s.UpdateProgress(t.Context(), r.ID, func(r *access.Rollout, _ *access.WaveProgress) ([]access.AuditEvent, error) { return nil, r.Retry() }))
			c = claim(t, s, r, accountID(0))
			if o := c.Operations[0]; o.State != access.OperationPlanned || o.Message != "" {
				t.Errorf("operation %s %q, want planned anew", o.State, o.Message)
			}
			record(c, tt.liveAtRetry)
			if o := must[[]access.Operation](t)(s.Operations(t.Context(), r.ID, accountID(0)))[0]; o.LiveBefore != tt.want {
				t.Errorf("before = %s, want %s", o.LiveBefore, tt.want)
			}
		})
	}
}

func TestAbort(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 5, 3, 0)
	claimed := claim(t, s, r, accountID(0))
	lost := claim(t, s, r, accountID(1))
	if err := s.RenewClaim(t.Context(), lost, -time.Second); err != nil {
		t.Fatal(err)
	}
	r = must[access.Rollout](t)(s.UpdateProgress(t.Context(), r.ID, func(r *access.Rollout, _ *access.WaveProgress) ([]access.AuditEvent, error) {
		return nil, r.Abort("enough", t0)
	}))
	if r.State != access.RolloutAborted || r.Counts != (access.TargetCounts{Running: 2, Skipped: 3}) || r.Note != "enough" {
		t.Fatalf("aborted: %s with %+v", r.State, r.Counts)
	}
	if _, ok, err := s.ClaimTarget(t.Context(), r.ID, accountID(2), lease); ok || err != nil {
		t.Errorf("claimed a target after the abort: %v, %v", ok, err)
	}
	for _, o := range must[[]access.Operation](t)(s.Operations(t.Context(), r.ID, accountID(4))) {
		if o.State != access.OperationSkipped {
			t.Errorf("operation %s, want skipped", o.State)
		}
	}
	must[access.Rollout](t)(s.FinishTarget(t.Context(), claimed, nil, access.TargetResult{State: access.TargetSucceeded}, nil))
	if n := must[int](t)(s.RequeueExpired(t.Context(), lease, snooze)); n != 1 {
		t.Errorf("%d requeued, want the one whose worker died", n)
	}
	r = push(t, s, r, accountID(1), access.TargetSucceeded)
	if r.State != access.RolloutAborted || r.Counts != (access.TargetCounts{Succeeded: 2, Skipped: 3}) {
		t.Errorf("in the end %s with %+v", r.State, r.Counts)
	}
}

func TestPauseStartsNothing(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 3, 1, 0)
	pause := func(do func(*access.Rollout) error) {
		t.Helper()
		r = must[access.Rollout](t)(s.UpdateProgress(t.Context(), r.ID, func(r *access.Rollout, _ *access.WaveProgress) ([]access.AuditEvent, error) { return nil, do(r) }))
	}
	pause(func(r *access.Rollout) error { return r.Pause(t0) })
	if r = push(t, s, r, accountID(0), access.TargetSucceeded); r.State != access.RolloutPaused || r.Counts.Running != 0 {
		t.Errorf("paused: %s with %d in flight", r.State, r.Counts.Running)
	}
	pause((*access.Rollout).Resume)
	if r.Counts.Running != 1 {
		t.Errorf("resumed with %d in flight, want 1", r.Counts.Running)
	}
	_, err := s.UpdateProgress(t.Context(), r.ID, func(r *access.Rollout, _ *access.WaveProgress) ([]access.AuditEvent, error) { return nil, r.Resume() })
	wantKind(t, err, access.KindConflict, "cannot be resumed")
	_, err = s.UpdateProgress(t.Context(), 99, func(*access.Rollout, *access.WaveProgress) ([]access.AuditEvent, error) { return nil, nil })
	wantKind(t, err, access.KindNotFound, "99")
}

func TestRolloutAndTargetLists(t *testing.T) {
	s := storetest.New(t)
	first := start(t, s, 5, 5, 0)
	for i := range 5 {
		push(t, s, first, accountID(i), []access.TargetState{access.TargetSucceeded, access.TargetFailed}[i%2])
	}
	second := must[access.Rollout](t)(s.StartRollout(t.Context(), access.Rollout{Title: "Again_100%", State: access.RolloutRunning, MaxInFlight: 1, StartedBy: operator.Ref()}, planFor(1), access.Staging{}, nil))
	ids := func(q access.RolloutQuery) []int64 {
		t.Helper()
		var ids []int64
		for _, r := range must[access.Page[access.Rollout]](t)(s.Rollouts(t.Context(), q)).Items {
			ids = append(ids, r.ID)
		}
		return ids
	}
	diff(t, "all", []int64{second.ID, first.ID}, ids(access.RolloutQuery{}))
	diff(t, "by state", []int64{first.ID}, ids(access.RolloutQuery{States: []access.RolloutState{access.RolloutCompleted}}))
	diff(t, "by change", []int64{first.ID}, ids(access.RolloutQuery{ChangeID: first.ChangeID}))
	diff(t, "search", []int64{second.ID}, ids(access.RolloutQuery{PageQuery: access.PageQuery{Search: "_100%"}}))
	positions := pages(t, func(q access.PageQuery) access.Page[access.Target] {
		return must[access.Page[access.Target]](t)(s.Targets(t.Context(), first.ID, access.TargetQuery{PageQuery: q}))
	}, 2, func(target access.Target) int { return target.Position })
	diff(t, "positions", []int{0, 1, 2, 3, 4}, positions)
	failed := must[access.Page[access.Target]](t)(s.Targets(t.Context(), first.ID, access.TargetQuery{States: []access.TargetState{access.TargetFailed}}))
	if len(failed.Items) != 2 || failed.Total != 2 {
		t.Errorf("%d of %d failed, want 2", len(failed.Items), failed.Total)
	}
	found := must[access.Page[access.Target]](t)(s.Targets(t.Context(), first.ID, access.TargetQuery{PageQuery: access.PageQuery{Search: "TEAM-003"}}))
	if len(found.Items) != 1 || found.Items[0].Account != accountID(3) {
		t.Errorf("found %+v", found.Items)
	}
	_, err := s.Targets(t.Context(), 99, access.TargetQuery{})
	wantKind(t, err, access.KindNotFound, "99")
	_, err = s.Operations(t.Context(), first.ID, "999999999999")
	wantKind(t, err, access.KindNotFound, "999999999999")
}

// pages walks a list by pages of n and returns what each row is known by.
func pages[T, K any](t *testing.T, list func(access.PageQuery) access.Page[T], n int, key func(T) K) []K {
	t.Helper()
	var keys []K
	q := access.PageQuery{Limit: n}
	for range 100 {
		page := list(q)
		if len(page.Items) > n {
			t.Fatalf("%d rows on a page of %d", len(page.Items), n)
		}
		for _, item := range page.Items {
			keys = append(keys, key(item))
		}
		if page.Next == "" {
			if page.Total >= 0 && page.Total != len(keys) {
				t.Errorf("total %d, and %d rows came", page.Total, len(keys))
			}
			return keys
		}
		q.Cursor = page.Next
	}
	t.Fatal("the list has no end")
	return nil
}

func TestListen(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 3, 1, 0)
	ctx, cancel := context.WithCancel(t.Context())
	heard := make(chan int64, 100)
	done := make(chan struct{})
	go func() { defer close(done); s.Listen(ctx, func(id int64) { heard <- id }) }()
	awaitListening(t, s)
	push(t, s, r, accountID(0), access.TargetSucceeded)
	awaitID(t, heard, r.ID)
	// Cut off, it listens again, and tells of what is under way at once.
	if _, err := s.Pool().Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"); err != nil {
		t.Fatal(err)
	}
	awaitID(t, heard, r.ID)
	cancel()
	<-done
}

func awaitID(t *testing.T, heard <-chan int64, want int64) {
	t.Helper()
	select {
	case got := <-heard:
		if got != want {
			t.Errorf("heard of rollout %d, want %d", got, want)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("heard nothing")
	}
}

func awaitListening(t *testing.T, s *store.Store) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		var n int
		if err := s.Pool().QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'").Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("nobody listens")
		}
	}
}
