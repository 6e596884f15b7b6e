package store_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// startStaged starts a rollout of n accounts by a strategy.
func startStaged(t *testing.T, s *store.Store, n int, strategy access.Strategy, maxInFlight int) access.Rollout {
	t.Helper()
	plan := planFor(n)
	var accounts []access.Account
	for target := range plan.Targets() {
		accounts = append(accounts, access.Account{ID: target.Account, OU: target.OU})
	}
	r := access.Rollout{Title: "Staged", State: access.RolloutRunning, MaxInFlight: maxInFlight, MaxFailures: strategy.MaxFailures.Of(n), StartedBy: operator.Ref()}
	return must[access.Rollout](t)(s.StartRollout(t.Context(), r, plan, access.Stage(strategy, accounts, nil), nil))
}

func control(t *testing.T, s *store.Store, id int64, do func(*access.Rollout, *access.WaveProgress) error) access.Rollout {
	t.Helper()
	return must[access.Rollout](t)(s.UpdateProgress(t.Context(), id, func(r *access.Rollout, c *access.WaveProgress) ([]access.AuditEvent, error) { return nil, do(r, c) }))
}

// past makes what a rollout waits for be over.
func past(t *testing.T, s *store.Store, id int64) {
	t.Helper()
	if _, err := s.Pool().Exec(t.Context(), "UPDATE rollouts SET until = now() - interval '1 second', wake_at = now() - interval '1 second' WHERE id = $1", id); err != nil {
		t.Fatal(err)
	}
	if _, err := s.MoveRollouts(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestWavesStartOneAfterTheOther(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 5)
	r := startStaged(t, s, 5, access.Strategy{Name: "Careful", Waves: []access.WaveRule{{Name: "Canary", Count: 1, Bake: time.Hour, RequiresApproval: true}}}, 3)
	if r.Wave != 1 || r.Waves != 2 || r.Counts.Running != 1 || r.Later != 4 || r.Strategy != "Careful" {
		t.Fatalf("in the first wave: %+v", r)
	}
	if r = push(t, s, r, accountID(0), access.TargetSucceeded); r.Phase != access.PhaseBaking || r.Counts.Running != 0 {
		t.Fatalf("after the canary: phase %q with %d in flight, want baking", r.Phase, r.Counts.Running)
	}
	past(t, s, r.ID)
	if r = must[access.Rollout](t)(s.Rollout(t.Context(), r.ID)); r.Phase != access.PhaseAwaitingApproval {
		t.Fatalf("after the baking: phase %q, want it awaiting approval", r.Phase)
	}
	r = control(t, s, r.ID, func(r *access.Rollout, c *access.WaveProgress) error { return r.ApproveWave(c, operator.Ref(), 1) })
	if r.Wave != 2 || r.Counts.Running != 3 || r.Later != 0 {
		t.Fatalf("in the second wave: %+v", r)
	}
	waves := must[[]access.Wave](t)(s.Waves(t.Context(), r.ID))
	if len(waves) != 2 || waves[0].State != access.WaveDone || waves[0].ApprovedBy != operator.Ref() || waves[0].PushedAt.IsZero() ||
		waves[1].State != access.WavePushing || waves[1].Targets != 4 || waves[1].Counts != (access.TargetCounts{Waiting: 1, Running: 3}) {
		t.Errorf("waves %+v", waves)
	}
	for i := 1; i < 5; i++ {
		r = push(t, s, r, accountID(i), access.TargetSucceeded)
	}
	if r.State != access.RolloutCompleted {
		t.Errorf("in the end %s", r.State)
	}
}

// startCheck starts a rollout of one account, up to the check of its only wave.
func startCheck(t *testing.T, s *store.Store) access.Rollout {
	t.Helper()
	organization(t, s, 1)
	r := startStaged(t, s, 1, access.Strategy{Name: "x", ReadBack: true}, 1)
	if r = push(t, s, r, accountID(0), access.TargetSucceeded); r.Phase != access.PhaseChecking {
		t.Fatalf("phase %q, want the check", r.Phase)
	}
	return r
}

// The lease of a check is capped like that of a target.
func TestCheckLeaseEndsAfterTheClockWasSetBack(t *testing.T) {
	s := storetest.New(t)
	startCheck(t, s)
	ctx := t.Context()
	if _, err := s.Pool().Exec(ctx, "UPDATE rollout_checks SET lease_until = now() + interval '20 minutes'"); err != nil {
		t.Fatal(err)
	}
	const most = 9 * time.Second
	if n := must[int](t)(s.RequeueExpiredChecks(ctx, most)); n != 0 {
		t.Errorf("%d requeued, and its worker may be alive", n)
	}
	if left := leasedFor(t, s, "rollout_checks"); left > most || left < most/2 {
		t.Errorf("leased for %s, want %s", left, most)
	}
}

func TestRenewedCheckIsNotRequeued(t *testing.T) {
	s := storetest.New(t)
	r := startCheck(t, s)
	ctx := t.Context()
	c, ok, err := s.ClaimCheck(ctx, r.ID, 1, 0, -time.Second)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if err := s.RenewCheck(ctx, c, lease); err != nil {
		t.Fatal(err)
	}
	if n := must[int](t)(s.RequeueExpiredChecks(ctx, lease)); n != 0 {
		t.Errorf("%d requeued after the renewal", n)
	}
	if err := s.RenewCheck(ctx, c, -time.Second); err != nil {
		t.Fatal(err)
	}
	if n := must[int](t)(s.RequeueExpiredChecks(ctx, lease)); n != 1 {
		t.Errorf("%d requeued, want 1", n)
	}
	if err := s.RenewCheck(ctx, c, lease); !errors.Is(err, access.ErrClaimLost) {
		t.Errorf("renewing a claim that is lost: %v, want ErrClaimLost", err)
	}
}

func TestChecksEndAWave(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 3)
	bob := access.RoleName{Path: "/", Name: "Bob"}
	r := startStaged(t, s, 3, access.Strategy{Name: "x", ReadBack: true, Probes: []access.Probe{{Role: bob, Allowed: true, Accounts: 1}}}, 2)
	for i := range 3 {
		r = push(t, s, r, accountID(i), []access.TargetState{access.TargetSucceeded, access.TargetFailed, access.TargetUnchanged}[i])
	}
	if r.Phase != access.PhaseChecking || r.ChecksLeft != 3 { // two read back, one probed
		t.Fatalf("phase %q with %d checks, want 3", r.Phase, r.ChecksLeft)
	}
	for seq := range 3 {
		c, ok, err := s.ClaimCheck(t.Context(), r.ID, 1, seq, lease)
		if err != nil || !ok {
			t.Fatalf("check %d: %v, %v; want it to be started once the one before has ended", seq, ok, err)
		}
		if seq == 2 && (c.Kind != access.CheckProbe || c.Role != bob || !c.Allowed || c.Account != accountID(0)) {
			t.Errorf("the probe is %+v", c)
		}
		if seq == 0 { // a worker that lost its claim records nothing
			old := c
			if c, _, err = s.ClaimCheck(t.Context(), r.ID, 1, seq, lease); err != nil {
				t.Fatal(err)
			}
			if err := s.FinishCheck(t.Context(), old, true, ""); !errors.Is(err, access.ErrClaimLost) {
				t.Errorf("the holder of an older claim: %v, want ErrClaimLost", err)
			}
		}
		if err := s.FinishCheck(t.Context(), c, seq != 1, "seen"); err != nil {
			t.Fatal(err)
		}
	}
	r = must[access.Rollout](t)(s.Rollout(t.Context(), r.ID))
	if r.State != access.RolloutHalted || r.ChecksBad != 1 || r.Note == "" {
		t.Errorf("after a bad check: %s, %d bad, %q; want halted", r.State, r.ChecksBad, r.Note)
	}
	if w := must[[]access.Wave](t)(s.Waves(t.Context(), r.ID))[0]; w.Health != (access.Health{Round: 1, Good: 2, Bad: 1}) {
		t.Errorf("the health of the wave is %+v", w.Health)
	}
	if first := must[access.Page[access.Check]](t)(s.Checks(t.Context(), r.ID, 1, 0, 1)); first.Total != 3 || len(first.Items) != 1 || first.Items[0].State != access.CheckBad || first.Items[0].Message != "seen" {
		t.Errorf("the check that matters most is %+v", first)
	}

	control(t, s, r.ID, func(r *access.Rollout, _ *access.WaveProgress) error { return r.CheckAgain() })
	last := must[access.Page[access.Check]](t)(s.Checks(t.Context(), r.ID, 1, 0, 10))
	if last.Total != 3 || last.Items[0].Round != 2 {
		t.Fatalf("the checks of the second round are %+v", last)
	}
	for _, c := range slices.SortedFunc(slices.Values(last.Items), func(a, b access.Check) int { return a.Seq - b.Seq }) {
		c, ok, err := s.ClaimCheck(t.Context(), r.ID, 1, c.Seq, lease)
		if err != nil || !ok {
			t.Fatalf("check %d: %v, %v", c.Seq, ok, err)
		}
		if err := s.FinishCheck(t.Context(), c, true, ""); err != nil {
			t.Fatal(err)
		}
	}
	if r = must[access.Rollout](t)(s.Rollout(t.Context(), r.ID)); r.State == access.RolloutHalted {
		t.Errorf("after good checks it is %s: %s", r.State, r.Note)
	}
	if w := must[[]access.Wave](t)(s.Waves(t.Context(), r.ID))[0]; w.Health != (access.Health{Round: 2, Good: 3}) {
		t.Errorf("the health of the wave is %+v, want that of the second round", w.Health)
	}
	if old := must[access.Page[access.Check]](t)(s.Checks(t.Context(), r.ID, 1, 1, 10)); old.Total != 3 || old.Items[0].State != access.CheckBad {
		t.Errorf("the first round is on record as %+v", old)
	}
}

func TestOneRolloutWorksOnAnAccountAtATime(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 3)
	older := startStaged(t, s, 3, access.Strategy{}, 1)
	newer := startStaged(t, s, 3, access.Strategy{}, 3)
	if newer.Counts.Running != 0 || newer.BlockedBy != (access.BlockedBy{Rollout: older.ID, Targets: 3}) {
		t.Fatalf("the newer one has %d in flight and is blocked by %+v", newer.Counts.Running, newer.BlockedBy)
	}
	push(t, s, older, accountID(0), access.TargetSucceeded)
	past(t, s, newer.ID)
	if newer = must[access.Rollout](t)(s.Rollout(t.Context(), newer.ID)); newer.Counts.Running != 1 || newer.BlockedBy.Targets != 2 {
		t.Fatalf("once one account is free: %+v", newer)
	}
	push(t, s, newer, accountID(0), access.TargetSucceeded)

	control(t, s, older.ID, func(r *access.Rollout, _ *access.WaveProgress) error { return r.Pause(time.Now()) })
	push(t, s, older, accountID(1), access.TargetSucceeded)
	past(t, s, newer.ID)
	if newer = must[access.Rollout](t)(s.Rollout(t.Context(), newer.ID)); newer.Counts.Running != 1 || newer.BlockedBy.Targets != 1 {
		t.Fatalf("blocked by one that was paused just now: %+v", newer)
	}
	newer = control(t, s, newer.ID, func(r *access.Rollout, _ *access.WaveProgress) error { return r.SkipQueue() })
	if newer.Counts.Running != 2 {
		t.Fatalf("when it skips the queue: %+v", newer)
	}
	older = control(t, s, older.ID, func(r *access.Rollout, _ *access.WaveProgress) error { return r.Resume() })
	if older.State != access.RolloutCompleted || older.Counts.Skipped != 1 {
		t.Errorf("the older one, after the newer one: %s, %+v; want the account to be left out", older.State, older.Counts)
	}
}

func TestPausedRolloutYieldsTargetsAfterTimeout(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 1)
	older := startStaged(t, s, 1, access.Strategy{Waves: []access.WaveRule{{Accounts: access.Selector{All: true}}}, MaintenanceWindow: access.MaintenanceWindow{From: "00:00", To: "00:01", Days: []int{int(time.Now().UTC().Add(72 * time.Hour).Weekday())}}}, 1)
	if older.Phase != access.PhaseMaintenanceWindow || older.Counts.Running != 0 {
		t.Fatalf("outside of its maintenance window: %+v", older)
	}
	control(t, s, older.ID, func(r *access.Rollout, _ *access.WaveProgress) error {
		return r.Pause(time.Now().Add(-access.GiveWayAfter - time.Minute))
	})
	newer := startStaged(t, s, 1, access.Strategy{}, 1)
	if newer.Counts.Running != 1 {
		t.Errorf("next to one that was paused an hour ago: %+v", newer)
	}
}

func TestTwoRolloutsNeverFindTheSameAccountFree(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 40)
	var rollouts [4]access.Rollout
	var starts sync.WaitGroup
	for i := range rollouts {
		starts.Go(func() { rollouts[i] = startStaged(t, s, 40, access.Strategy{}, 40) })
	}
	starts.Wait()
	var twice int
	if err := s.Pool().QueryRow(t.Context(), "SELECT count(*) FROM (SELECT account_id FROM targets WHERE state = 'running' GROUP BY account_id HAVING count(*) > 1) t").Scan(&twice); err != nil {
		t.Fatal(err)
	}
	if twice > 0 {
		t.Errorf("%d accounts are worked on by two rollouts", twice)
	}
}

func TestTargetsThatEndTogetherAreCommittedApart(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 12, 12, 0)
	claims := make([]access.Claim, 12)
	for i := range claims {
		claims[i] = claim(t, s, r, accountID(i))
	}
	claims[3].Number++ // as if another worker had claimed it
	errs := make([]error, len(claims))
	var ends sync.WaitGroup
	for i, c := range claims {
		ends.Go(func() {
			outcomes := []access.Outcome{{OperationID: c.Operations[0].ID, State: access.OperationUnchanged, LiveBefore: `{"live":1}`}}
			if i == 5 { // the target ends, and one of its operations is no operation
				outcomes[0].OperationID = 1 << 40
			}
			_, errs[i] = s.FinishTarget(t.Context(), c, outcomes, access.TargetResult{State: access.TargetUnchanged}, []access.AuditEvent{event("target.unchanged", "")})
		})
	}
	ends.Wait()
	for i, err := range errs {
		switch {
		case i == 3 && !errors.Is(err, access.ErrClaimLost):
			t.Errorf("the one whose claim is lost: %v", err)
		case i == 5 && err == nil:
			t.Error("the one with an outcome that cannot be stored succeeded")
		case i != 3 && i != 5 && err != nil:
			t.Errorf("target %d: %v", i, err)
		}
	}
	if r = must[access.Rollout](t)(s.Rollout(t.Context(), r.ID)); r.Counts != (access.TargetCounts{Unchanged: 10, Running: 2}) {
		t.Errorf("counts %+v", r.Counts)
	}
	page := must[access.Page[access.AuditEvent]](t)(s.Audit(t.Context(), access.AuditFilter{Action: "target.unchanged"}))
	if len(page.Items) != 10 {
		t.Errorf("%d events, want one for each target that ended", len(page.Items))
	}
}

func TestSkipAndRetryOneTarget(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 3, 1, 0)
	alter := func(account access.AccountID, do func(*access.Rollout, *access.Target) error) error {
		_, err := s.UpdateTarget(t.Context(), r.ID, account, func(r *access.Rollout, target *access.Target) ([]access.AuditEvent, error) {
			return []access.AuditEvent{event("target.altered", "")}, do(r, target)
		})
		return err
	}
	if err := alter(accountID(2), (*access.Rollout).SkipTarget); err != nil {
		t.Fatal(err)
	}
	wantKind(t, alter(accountID(0), (*access.Rollout).SkipTarget), access.KindConflict, "is running")
	push(t, s, r, accountID(0), access.TargetFailed)
	r = push(t, s, r, accountID(1), access.TargetFailed)
	if r.State != access.RolloutCompleted || r.Counts != (access.TargetCounts{Failed: 2, Skipped: 1}) {
		t.Fatalf("%s with %+v", r.State, r.Counts)
	}
	if err := alter(accountID(1), (*access.Rollout).RetryTarget); err != nil {
		t.Fatal(err)
	}
	r = must[access.Rollout](t)(s.Rollout(t.Context(), r.ID))
	if r.State != access.RolloutRunning || r.Counts != (access.TargetCounts{Running: 1, Failed: 1, Skipped: 1}) {
		t.Errorf("after retrying one: %s with %+v", r.State, r.Counts)
	}
	if r = push(t, s, r, accountID(1), access.TargetSucceeded); r.State != access.RolloutCompleted {
		t.Errorf("in the end %s", r.State)
	}
}

func TestFewerAtOnceThanAreInFlight(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 6, 4, 0)
	r = control(t, s, r.ID, func(r *access.Rollout, _ *access.WaveProgress) error { return r.SetMaxInFlight(2) })
	for i := range 2 {
		if r = push(t, s, r, accountID(i), access.TargetSucceeded); r.Counts.Running != 3-i {
			t.Errorf("%d in flight after %d ended, want %d", r.Counts.Running, i+1, 3-i)
		}
	}
	if r = push(t, s, r, accountID(2), access.TargetSucceeded); r.Counts.Running != 2 || r.MaxInFlight != 2 {
		t.Errorf("%d in flight of %d, want 2", r.Counts.Running, r.MaxInFlight)
	}
	r = control(t, s, r.ID, func(r *access.Rollout, _ *access.WaveProgress) error { return r.SetMaxInFlight(50) })
	if r.Counts.Running != 3 {
		t.Errorf("%d in flight when all may be, want 3", r.Counts.Running)
	}
}
