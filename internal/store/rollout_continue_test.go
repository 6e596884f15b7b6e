package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// goOnAt claims a target, writes its trust policy, and lets the target continue at a place.
func goOnAt(t *testing.T, s *store.Store, r access.Rollout, account access.AccountID, at access.Place) access.Rollout {
	t.Helper()
	return goOn(t, s, claimAndWrite(t, s, r, account), at)
}

func goOn(t *testing.T, s *store.Store, c access.Claim, at access.Place) access.Rollout {
	t.Helper()
	end := access.TargetResult{State: access.TargetWaiting, Continue: at}
	return must[access.Rollout](t)(s.FinishTarget(t.Context(), c, nil, end, nil))
}

// claimAndWrite claims a target, and writes its trust policy if this is still planned.
func claimAndWrite(t *testing.T, s *store.Store, r access.Rollout, account access.AccountID) access.Claim {
	t.Helper()
	c := claim(t, s, r, account)
	trust := c.Operations[0]
	if trust.State != access.OperationPlanned {
		return c
	}
	intent := access.Intent{OperationID: trust.ID, LiveBefore: trust.Before, Document: `{"closing":1}`}
	if err := s.RecordIntents(t.Context(), c, []access.Intent{intent}, nil); err != nil {
		t.Fatal(err)
	}
	outcome := access.Outcome{OperationID: trust.ID, State: access.OperationWritten}
	if err := s.RecordOutcome(t.Context(), c, outcome, lease); err != nil {
		t.Fatal(err)
	}
	return c
}

func targetOf(t *testing.T, s *store.Store, r access.Rollout, account access.AccountID) access.Target {
	t.Helper()
	return must[access.Target](t)(s.Target(t.Context(), r.ID, account))
}

// alter carries out a decision about one target.
func alter(
	t *testing.T, s *store.Store, r access.Rollout, account access.AccountID, decide func(*access.Rollout, *access.Target) error,
) access.Rollout {
	t.Helper()
	return must[access.Rollout](t)(s.UpdateTarget(t.Context(), r.ID, account,
		func(r *access.Rollout, t *access.Target) ([]access.AuditEvent, error) { return nil, decide(r, t) }))
}

// wantStates compares the states of the targets, in the order of the accounts.
func wantStates(t *testing.T, s *store.Store, r access.Rollout, want ...access.TargetState) {
	t.Helper()
	got := make([]access.TargetState, len(want))
	for i := range want {
		got[i] = targetOf(t, s, r, accountID(i)).State
	}
	diff(t, "the states of the targets", want, got)
}

// threeWaves has one account in each of the first two waves, and the others in the third.
var threeWaves = access.Strategy{Name: "x", Waves: []access.WaveRule{{Name: "a", Count: 1}, {Name: "b", Count: 1}}}

func TestTargetContinuesInALaterWave(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 4)
	r := startStaged(t, s, 4, threeWaves, 1)
	r = goOnAt(t, s, r, accountID(0), access.Place{Wave: 3, Pass: access.PassGrants})
	if r.Wave != 2 || r.Later != 3 || r.Counts != (access.TargetCounts{Waiting: 3, Running: 1}) {
		t.Fatalf("in the second wave: wave %d, %d later, %+v", r.Wave, r.Later, r.Counts)
	}
	moved := targetOf(t, s, r, accountID(0))
	if moved.Wave != 3 || moved.Pass != access.PassGrants || moved.StartedAt.IsZero() || !moved.EndedAt.IsZero() {
		t.Errorf("the target that continues: %+v", moved)
	}
	waves := must[[]access.Wave](t)(s.Waves(t.Context(), r.ID))
	var totals, left []int
	for _, w := range waves {
		totals, left = append(totals, w.Targets), append(left, w.Left)
	}
	if diff := cmp.Diff([]int{0, 1, 3}, totals); diff != "" {
		t.Errorf("targets of the waves: %s", diff)
	}
	if left[2] != 3 {
		t.Errorf("%d targets wait for the third wave, want 3", left[2])
	}
	r = push(t, s, r, accountID(1), access.TargetSucceeded)
	if r.Wave != 3 || r.Later != 0 {
		t.Fatalf("in the third wave: wave %d, %d later", r.Wave, r.Later)
	}
	for _, i := range []int{2, 3, 0} { // the first pass comes first, whatever the position
		if state := targetOf(t, s, r, accountID(i)).State; state != access.TargetRunning {
			t.Fatalf("account %d is %s, want it in flight", i, state)
		}
		r = push(t, s, r, accountID(i), access.TargetSucceeded)
	}
	if r.State != access.RolloutCompleted || r.Counts.Succeeded != 4 {
		t.Errorf("in the end %s with %+v", r.State, r.Counts)
	}
}

func TestEndOfAWaveCountsWhoStayed(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 3)
	strategy := access.Strategy{Name: "x", Waves: []access.WaveRule{{Name: "a", Count: 2}}}
	r := startStaged(t, s, 3, strategy, 2)
	r = push(t, s, r, accountID(1), access.TargetSucceeded)
	goOnAt(t, s, r, accountID(0), access.Place{Wave: 2, Pass: access.PassGrants})
	page := must[access.Page[access.AuditEvent]](t)(s.Audit(t.Context(), access.AuditFilter{Action: "rollout.wave_ended"}))
	if len(page.Items) != 1 || !strings.Contains(string(page.Items[0].Detail), `"targets":1`) &&
		!strings.Contains(string(page.Items[0].Detail), `"targets": 1`) {
		t.Errorf("the end of the wave: %+v, want it to count the one target that stayed", page.Items)
	}
}

func TestLaterPassWaitsForTheEarlierOne(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 3)
	r := startStaged(t, s, 3, access.Strategy{Name: "x"}, 3)
	const waiting, running, succeeded = access.TargetWaiting, access.TargetRunning, access.TargetSucceeded
	r = goOnAt(t, s, r, accountID(0), access.Place{Wave: 1, Pass: access.PassGrants})
	wantStates(t, s, r, waiting, running, running)
	r = goOnAt(t, s, r, accountID(1), access.Place{Wave: 1, Pass: access.PassFinal})
	wantStates(t, s, r, waiting, waiting, running)
	r = push(t, s, r, accountID(2), succeeded)
	wantStates(t, s, r, running, waiting, succeeded)
	if r.Counts != (access.TargetCounts{Waiting: 1, Running: 1, Succeeded: 1}) || r.Phase != access.PhasePushing {
		t.Errorf("%+v in phase %q", r.Counts, r.Phase)
	}
	r = goOnAt(t, s, r, accountID(0), access.Place{Wave: 1, Pass: access.PassFinal})
	wantStates(t, s, r, running, running, succeeded)
}

// A retry of the first pass holds the later passes back again.
func TestRetriedTargetComesBeforeLaterPasses(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 3)
	r := startStaged(t, s, 3, access.Strategy{Name: "x"}, 3)
	r = goOnAt(t, s, r, accountID(0), access.Place{Wave: 1, Pass: access.PassGrants})
	r = push(t, s, r, accountID(1), access.TargetFailed)
	r = control(t, s, r.ID, func(r *access.Rollout, _ *access.WaveProgress) error {
		return r.Retry()
	})
	r = push(t, s, r, accountID(2), access.TargetSucceeded)
	wantStates(t, s, r, access.TargetWaiting, access.TargetRunning, access.TargetSucceeded)
}

// endBlocked ends a target that other accounts block.
func endBlocked(t *testing.T, s *store.Store, r access.Rollout, account access.AccountID) access.Rollout {
	t.Helper()
	end := access.TargetResult{State: access.TargetFailed, Class: access.CloudBlocked, Message: "m", Cause: "c"}
	return must[access.Rollout](t)(s.FinishTarget(t.Context(), claim(t, s, r, account), nil, end, nil))
}

func TestBlockedTargetsDoNotCountAgainstTheLimits(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 6)
	strategy := access.Strategy{Name: "x", MaxFailures: access.Limit{Count: 1}}
	r := startStaged(t, s, 6, strategy, 1)
	for i := range 3 {
		r = endBlocked(t, s, r, accountID(i))
	}
	if r.State != access.RolloutRunning || r.Counts.Failed != 3 || r.IgnoredFailures != 3 || r.WaveIgnoredFailures != 3 {
		t.Fatalf("after three blocked targets: %s, %+v", r.State, r)
	}
	if r = push(t, s, r, accountID(3), access.TargetFailed); r.State != access.RolloutRunning {
		t.Fatalf("%s after the first failure, want it to run on", r.State)
	}
	r = alter(t, s, r, accountID(0), (*access.Rollout).RetryTarget)
	if r.IgnoredFailures != 2 || r.WaveIgnoredFailures != 2 {
		t.Errorf("%d and %d failures are ignored after a blocked target was retried, want 2", r.IgnoredFailures, r.WaveIgnoredFailures)
	}
	// The retried one may be next by its position or after the one in flight.
	for _, i := range []int{4, 0} {
		if targetOf(t, s, r, accountID(i)).State == access.TargetRunning {
			r = push(t, s, r, accountID(i), access.TargetFailed)
			break
		}
	}
	if r.State != access.RolloutHalted {
		t.Errorf("%s after the second failure, want it halted: %+v", r.State, r)
	}
}

func TestDependencies(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 3, 3, 0)
	trust := access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}
	user := access.Resource{Kind: access.ResourceUser, Path: "/ops/", Name: "alice"}
	r = goOnAt(t, s, r, accountID(0), access.Place{Wave: 1, Pass: access.PassGrants})
	c := claim(t, s, r, accountID(1))
	unchanged := []access.Outcome{{OperationID: c.Operations[0].ID, State: access.OperationUnchanged, LiveBefore: `{"found":1}`}}
	must[access.Rollout](t)(s.FinishTarget(t.Context(), c, unchanged, access.TargetResult{State: access.TargetUnchanged}, nil))
	on := []access.Dependency{
		{Account: accountID(0), Resource: trust},
		{Account: accountID(0), Resource: user},
		{Account: accountID(1), Resource: trust},
		{Account: accountID(2), Resource: trust},
		{Account: accountID(2), Resource: access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Nobody"}},
		{Account: "999999999999", Resource: trust},
	}
	got := map[access.Dependency]access.DependencyState{}
	for _, d := range must[[]access.DependencyState](t)(s.Dependencies(t.Context(), r.ID, on)) {
		got[d.Dependency] = d
	}
	first := access.Place{Wave: 1}
	later := access.Place{Wave: 1, Pass: access.PassGrants}
	diff(t, "what became of the dependencies", map[access.Dependency]access.DependencyState{
		on[0]: {Dependency: on[0], Operation: access.OperationWritten, Document: `{"closing":1}`, Target: access.TargetWaiting, Place: later},
		on[1]: {Dependency: on[1], Operation: access.OperationPlanned, Document: "", Target: access.TargetWaiting, Place: later},
		on[2]: {Dependency: on[2], Operation: access.OperationUnchanged, Document: `{"found":1}`, Target: access.TargetUnchanged, Place: first},
		on[3]: {Dependency: on[3], Operation: access.OperationPlanned, Document: "", Target: access.TargetRunning, Place: first},
	}, got)
}

func TestBlockedRequirements(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 4)
	opens := func(account access.AccountID) string {
		opening := access.Opening{Account: account, Role: access.RoleName{Path: "/", Name: "Bob"}, Basis: access.BasisUnread}
		return access.Requirements{Opens: []access.Opening{opening}}.Encode()
	}
	same, alone, other := opens(accountID(8)), opens(accountID(9)), opens(accountID(7))
	plan := access.Plan{Documents: "docs"}
	for i, requires := range []string{same, same, alone, other} {
		target := access.PlannedTarget{Account: accountID(i), AccountName: "x", OU: "Root/Prod"}
		target.Operations = []access.PlannedOperation{{
			Kind: access.OpUserPolicy, Resource: access.Resource{Kind: access.ResourceUser, Path: "/", Name: "alice"},
			After: `{"user":1}`, OursAfter: `[2]`, Requires: requires,
		}}
		plan.Add(target)
	}
	r := access.Rollout{Title: "x", State: access.RolloutRunning, MaxInFlight: 4, StartedBy: operator.Ref()}
	r = must[access.Rollout](t)(s.StartRollout(t.Context(), r, plan, access.Staging{}, nil))
	for i := range 3 {
		r = endBlocked(t, s, r, accountID(i))
	}
	r = push(t, s, r, accountID(3), access.TargetFailed)
	got := must[[]string](t)(s.BlockedRequirements(t.Context(), r.ID))
	diff(t, "what the blocked targets require", []string{same, alone}, got)
	accepted := control(t, s, r.ID, func(r *access.Rollout, _ *access.WaveProgress) error {
		return r.OpenAnyway(approver, access.Groups{}, []access.AccountID{accountID(9), accountID(8), accountID(9)})
	})
	stored := must[access.Rollout](t)(s.Rollout(t.Context(), r.ID))
	if !stored.OpensUnverified(accountID(8)) || stored.OpensUnverified(accountID(7)) || accepted.OpenUnverified != stored.OpenUnverified {
		t.Errorf("accepted %q, stored %q", accepted.OpenUnverified, stored.OpenUnverified)
	}
}

func TestAbortLeavesOutAContinuingTarget(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 4, 2, 0)
	r = goOnAt(t, s, r, accountID(0), access.Place{Wave: 1, Pass: access.PassGrants})
	c := claimAndWrite(t, s, r, accountID(1))
	r = control(t, s, r.ID, func(r *access.Rollout, _ *access.WaveProgress) error {
		return r.Abort("because", t0)
	})
	waited := targetOf(t, s, r, accountID(0))
	if waited.State != access.TargetSkipped {
		t.Fatalf("the target that was to continue is %s, want it skipped", waited.State)
	}
	wantText(t, waited.Message, "aborted before this account was finished. The documents written here stay.")
	wantText(t, targetOf(t, s, r, accountID(3)).Message, "aborted before this account was started.")
	ops := must[[]access.Operation](t)(s.Operations(t.Context(), r.ID, accountID(0)))
	if ops[0].State != access.OperationWritten || ops[1].State != access.OperationSkipped {
		t.Errorf("its operations are %s and %s, want the written one to stay so", ops[0].State, ops[1].State)
	}
	// The one in flight cannot continue any more either.
	r = goOn(t, s, c, access.Place{Wave: 1, Pass: access.PassGrants})
	if r.Counts.Waiting != 0 || r.Counts.Skipped != 4 || !r.Ended() {
		t.Errorf("after the end: %s with %+v, want nothing to wait", r.State, r.Counts)
	}
	ended := targetOf(t, s, r, accountID(1))
	if ended.State != access.TargetSkipped {
		t.Errorf("the target that was in flight is %s, want it skipped", ended.State)
	}
	wantText(t, ended.Message, "before this account was finished.")
}

func TestRollbackCoversAContinuingTarget(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 2, 1, 0)
	r = goOnAt(t, s, r, accountID(0), access.Place{Wave: 1, Pass: access.PassFinal})
	c := claimAndWrite(t, s, r, accountID(1))
	r = control(t, s, r.ID, func(r *access.Rollout, _ *access.WaveProgress) error {
		return r.RollBack(operator.Ref(), "because", t0, oneHour)
	})
	wantText(t, targetOf(t, s, r, accountID(0)).Message, "The documents written here are put back.")
	r = goOn(t, s, c, access.Place{Wave: 1, Pass: access.PassFinal})
	wantStates(t, s, r, access.TargetSkipped, access.TargetSkipped)
	var accounts []access.AccountID
	err := s.Written(t.Context(), r.ID, func(w access.WrittenTarget) error {
		accounts = append(accounts, w.Account)
		if len(w.Operations) != 1 || w.Operations[0].Written != `{"closing":1}` || w.Operations[0].LiveBefore != `{"before":1}` {
			t.Errorf("written in account %s: %+v", w.Account, w.Operations)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	diff(t, "the accounts to put back", []access.AccountID{accountID(0), accountID(1)}, accounts)
}

// An operation that is written in several forms keeps the document before the first of them.
func TestSecondFormKeepsTheDocumentBeforeTheFirst(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 1, 1, 0)
	r = goOnAt(t, s, r, accountID(0), access.Place{Wave: 1, Pass: access.PassFinal})
	c := claim(t, s, r, accountID(0))
	intent := access.Intent{OperationID: c.Operations[0].ID, LiveBefore: `{"closing":1}`, Document: `{"final":1}`}
	if err := s.RecordIntents(t.Context(), c, []access.Intent{intent}, nil); err != nil {
		t.Fatal(err)
	}
	op := must[[]access.Operation](t)(s.Operations(t.Context(), r.ID, accountID(0)))[0]
	if op.LiveBefore != `{"before":1}` || op.Replaces != `{"closing":1}` || op.Written != `{"final":1}` || op.State != access.OperationIntended {
		t.Errorf("the operation is %+v", op)
	}
}

func TestRetryAndSkipOfAContinuingTarget(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 2, 2, access.AnyFailures)
	later := access.Place{Wave: 1, Pass: access.PassGrants}
	r = goOnAt(t, s, r, accountID(0), later)
	r = goOnAt(t, s, r, accountID(1), later)
	r = endBlocked(t, s, r, accountID(0))
	r = control(t, s, r.ID, func(r *access.Rollout, _ *access.WaveProgress) error {
		return r.Retry()
	})
	retried := targetOf(t, s, r, accountID(0))
	if retried.State != access.TargetRunning || retried.Pass != access.PassFirst || retried.Class != "" {
		t.Errorf("retried: %+v, want it in flight in the first pass", retried)
	}
	if r.IgnoredFailures != 0 {
		t.Errorf("%d failures are ignored after the retry", r.IgnoredFailures)
	}
	ops := must[[]access.Operation](t)(s.Operations(t.Context(), r.ID, accountID(0)))
	if ops[0].State != access.OperationWritten || ops[1].State != access.OperationPlanned {
		t.Errorf("its operations are %s and %s", ops[0].State, ops[1].State)
	}
	r = goOnAt(t, s, r, accountID(0), access.Place{Wave: 1, Pass: access.PassFinal})
	skipped := alter(t, s, r, accountID(0), (*access.Rollout).SkipTarget)
	if got := targetOf(t, s, r, accountID(0)); got.State != access.TargetSkipped || skipped.Counts.Skipped != 1 {
		t.Errorf("skipped: %+v, %+v", got, skipped.Counts)
	}
	if r = push(t, s, r, accountID(1), access.TargetSucceeded); r.State != access.RolloutCompleted {
		t.Errorf("in the end %s with %+v", r.State, r.Counts)
	}
}

// TestAttemptedOperationOfASkippedTargetIsNotCalledSkipped: a write was sent, the account did not answer any more, the
// target failed, was retried, and is then left out.
func TestAttemptedOperationOfASkippedTargetIsNotCalledSkipped(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 2)
	r := startStaged(t, s, 2, access.Strategy{Name: "x"}, 1)
	c := claim(t, s, r, accountID(0))
	tried := c.Operations[0].ID
	if err := s.RecordIntents(t.Context(), c, []access.Intent{{OperationID: tried, LiveBefore: "{}", Document: "{}"}}, nil); err != nil {
		t.Fatal(err)
	}
	lost := []access.Outcome{{OperationID: tried, State: access.OperationFailed, Message: "the answer was lost"}}
	failed := access.TargetResult{State: access.TargetFailed, Message: "m", Cause: "c", Class: access.CloudUnreachable}
	must[access.Rollout](t)(s.FinishTarget(t.Context(), c, lost, failed, nil))
	control(t, s, r.ID, func(r *access.Rollout, _ *access.WaveProgress) error { return r.Pause(time.Now()) })
	alter(t, s, r, accountID(0), (*access.Rollout).RetryTarget)
	alter(t, s, r, accountID(0), (*access.Rollout).SkipTarget)
	ops := must[[]access.Operation](t)(s.Operations(t.Context(), r.ID, accountID(0)))
	if ops[0].State != access.OperationFailed || ops[0].Message != access.EffectUnknown {
		t.Errorf("the operation that was tried is %s: %q", ops[0].State, ops[0].Message)
	}
	if ops[1].State != access.OperationSkipped {
		t.Errorf("the operation that was not tried is %s", ops[1].State)
	}
}

func TestRecountOfContinuingTargets(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 4)
	r := startStaged(t, s, 4, threeWaves, 1)
	r = goOnAt(t, s, r, accountID(0), access.Place{Wave: 3, Pass: access.PassGrants})
	again := control(t, s, r.ID, func(*access.Rollout, *access.WaveProgress) error { return nil })
	if again.Counts != r.Counts || again.Later != r.Later {
		t.Errorf("counted again: %+v and %d later, want %+v and %d", again.Counts, again.Later, r.Counts, r.Later)
	}
	if _, err := s.Pool().Exec(t.Context(), "UPDATE rollouts SET waiting = 9, later = 0 WHERE id = $1", r.ID); err != nil {
		t.Fatal(err)
	}
	must[[]int64](t)(s.Recount(t.Context()))
	if now := must[access.Rollout](t)(s.Rollout(t.Context(), r.ID)); now.Counts != r.Counts || now.Later != r.Later {
		t.Errorf("corrected: %+v and %d later, want %+v and %d", now.Counts, now.Later, r.Counts, r.Later)
	}
}

func TestContinuingTargetBlocksANewerRollout(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 2)
	older := startStaged(t, s, 2, access.Strategy{Name: "x"}, 2)
	older = goOnAt(t, s, older, accountID(0), access.Place{Wave: 1, Pass: access.PassGrants})
	newer := startStaged(t, s, 1, access.Strategy{Name: "x"}, 1)
	if newer.Counts.Running != 0 || newer.BlockedBy != (access.BlockedBy{Rollout: older.ID, Targets: 1}) {
		t.Fatalf("the newer rollout: %+v, blocked by %+v", newer.Counts, newer.BlockedBy)
	}
	older = push(t, s, older, accountID(1), access.TargetSucceeded)
	older = push(t, s, older, accountID(0), access.TargetSucceeded)
	if older.State != access.RolloutCompleted {
		t.Fatalf("the older rollout is %s", older.State)
	}
	past(t, s, newer.ID)
	newer = must[access.Rollout](t)(s.Rollout(t.Context(), newer.ID))
	if newer.Counts.Running != 1 || newer.BlockedBy.Targets != 0 {
		t.Errorf("once the older one has ended: %+v, blocked by %+v", newer.Counts, newer.BlockedBy)
	}
}

// A pause releases a target that has written nothing, in the pass in which it was.
func TestReleasedTargetStaysInItsPass(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 1)
	r := startStaged(t, s, 1, access.Strategy{Name: "x"}, 1)
	c := claim(t, s, r, accountID(0))
	end := access.TargetResult{State: access.TargetWaiting, Continue: access.Place{Wave: 1, Pass: access.PassGrants}}
	must[access.Rollout](t)(s.FinishTarget(t.Context(), c, nil, end, nil))
	c = claim(t, s, r, accountID(0))
	control(t, s, r.ID, func(r *access.Rollout, _ *access.WaveProgress) error { return r.Pause(t0) })
	if err := s.ReleaseClaim(t.Context(), c, access.CallCount{}); err != nil {
		t.Fatal(err)
	}
	if got := targetOf(t, s, r, accountID(0)); got.State != access.TargetWaiting || got.Pass != access.PassGrants || got.StartedAt.IsZero() {
		t.Errorf("released: %+v", got)
	}
}

func TestTargetMustContinueLater(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 2)
	strategy := access.Strategy{Name: "x", Waves: []access.WaveRule{{Name: "a", Count: 1}}}
	r := startStaged(t, s, 2, strategy, 1)
	r = push(t, s, r, accountID(0), access.TargetSucceeded)
	c := claim(t, s, r, accountID(1))
	for _, at := range []access.Place{{}, {Wave: 2}, {Wave: 1, Pass: access.PassFinal}} {
		end := access.TargetResult{State: access.TargetWaiting, Continue: at}
		if _, err := s.FinishTarget(t.Context(), c, nil, end, nil); err == nil {
			t.Errorf("a target of wave 2 continues at %+v", at)
		}
	}
}
