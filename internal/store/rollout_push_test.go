package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/jobs"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

func TestOnePushFromClaimToEnd(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 1, 1, 0)
	inventory := access.Inventory{Account: accountID(0), ReadAt: t0, Roles: []access.LiveDocument{
		{Resource: access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}, ID: "AROA1", Exists: true, Document: `{"old":1}`},
		{Resource: access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Other"}, ID: "AROA2", Exists: true, Document: `{"other":1}`},
	}, Users: []access.LiveUser{{
		LiveDocument:   access.LiveDocument{Resource: access.Resource{Kind: access.ResourceUser, Path: "/ops/", Name: "alice"}, ID: "AIDA1", Exists: true},
		InlinePolicies: []string{"more"}, AttachedPolicies: []string{"arn:x"}, Groups: []string{"g"}, OtherInlineSize: 7,
	}}}
	if err := s.SaveInventory(t.Context(), inventory); err != nil {
		t.Fatal(err)
	}
	c := claim(t, s, r, accountID(0))
	if c.Number != 1 || c.Target.State != access.TargetRunning || c.Target.StartedAt.IsZero() || c.Account.Name != "team-000" || c.Account.Tags["env"] != "prod" || len(c.Operations) != 2 || c.Rollout.ID != r.ID {
		t.Fatalf("claim %+v", c)
	}
	if left := time.Until(c.Until); left < lease/2 || left > 2*lease {
		t.Errorf("the lease lasts for %s, want %s", left, lease)
	}
	intents := []access.Intent{{OperationID: c.Operations[0].ID, LiveBefore: `{"live":1}`, Document: `{"new":1}`}}
	if err := s.RecordIntents(t.Context(), c, intents, []access.AuditEvent{event("operation.write", "rollout/1/x")}); err != nil {
		t.Fatal(err)
	}
	if err := s.RecordOutcome(t.Context(), c, access.Outcome{OperationID: c.Operations[0].ID, State: access.OperationWritten}, lease); err != nil {
		t.Fatal(err)
	}
	result := access.TargetResult{State: access.TargetSucceeded, Message: "with a zero \x00 byte", Calls: access.CallCount{Calls: 4, Attempts: 5, Throttles: 1, Writes: 1}, Live: []access.LiveDocument{
		{Resource: inventory.Roles[0].Resource, ID: "AROA1", Exists: true, Document: `{"new":1}`},
		{Resource: inventory.Users[0].Resource, ID: "AIDA1", Exists: true, Document: `{"user":1}`},
	}}
	outcomes := []access.Outcome{{OperationID: c.Operations[1].ID, State: access.OperationUnchanged, LiveBefore: `{"user":1}`, Message: "as it should be"}}
	r = must[access.Rollout](t)(s.FinishTarget(t.Context(), c, outcomes, result, []access.AuditEvent{event("target.succeeded", "rollout/1/x")}))
	if r.State != access.RolloutCompleted || r.Counts != (access.TargetCounts{Succeeded: 1}) || r.EndedAt.IsZero() {
		t.Errorf("rollout %s with %+v, want completed", r.State, r.Counts)
	}
	ops := must[[]access.Operation](t)(s.Operations(t.Context(), r.ID, accountID(0)))
	if o := ops[0]; o.State != access.OperationWritten || o.LiveBefore != `{"live":1}` || o.Written != `{"new":1}` || o.IntendedAt.IsZero() || o.EndedAt.IsZero() {
		t.Errorf("written operation %+v", o)
	}
	if o := ops[1]; o.State != access.OperationUnchanged || o.LiveBefore != `{"user":1}` || o.Written != "" || o.Message != "as it should be" || !o.IntendedAt.IsZero() {
		t.Errorf("unchanged operation %+v", o)
	}
	target := must[access.Target](t)(s.Target(t.Context(), r.ID, accountID(0)))
	if target.State != access.TargetSucceeded || target.Calls != result.Calls || target.EndedAt.IsZero() || target.Claim != 1 {
		t.Errorf("target %+v", target)
	}
	if a := must[access.Account](t)(s.Account(t.Context(), accountID(0))); a.PushedRevision != 1 {
		t.Errorf("pushed revision %d, want 1", a.PushedRevision)
	}
	inventory.Roles[0].Document, inventory.Users[0].Document = `{"new":1}`, `{"user":1}`
	got := must[*access.Inventories](t)(s.Inventories(t.Context(), []access.AccountID{accountID(0)}))
	diff(t, "inventory", inventory, known(got)[accountID(0)])
	if n := must[int64](t)(s.VerifyAudit(t.Context())); n != 6 {
		t.Errorf("%d audit events, want 6", n)
	}
}

func TestTargetIsClaimedAgain(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 1, 1, 0)
	ctx := t.Context()
	if _, ok, err := s.ClaimTarget(ctx, r.ID, accountID(7), lease); ok || err != nil {
		t.Errorf("claimed a target that is not there: %v, %v", ok, err)
	}
	first := claim(t, s, r, accountID(0))
	if _, ok, err := s.ClaimTarget(ctx, r.ID, accountID(0), lease); ok || err != nil {
		t.Errorf("claimed a target with a valid claim: %v, %v", ok, err)
	}
	intents := []access.Intent{{OperationID: first.Operations[0].ID, LiveBefore: `{"first":1}`, Document: `{"doc":1}`}}
	if err := s.RecordIntents(ctx, first, intents, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.RenewClaim(ctx, first, -time.Second); err != nil { // lets the lease expire
		t.Fatal(err)
	}
	second := claim(t, s, r, accountID(0))
	if second.Number != 2 || second.Operations[0].State != access.OperationIntended || !second.Target.StartedAt.Equal(first.Target.StartedAt) {
		t.Errorf("second claim %+v", second)
	}
	lost := map[string]error{
		"RenewClaim":    s.RenewClaim(ctx, first, lease),
		"RecordIntents": s.RecordIntents(ctx, first, intents, []access.AuditEvent{event("operation.write", "x")}),
		"RecordOutcome": s.RecordOutcome(ctx, first, access.Outcome{OperationID: first.Operations[0].ID, State: access.OperationWritten}, lease),
	}
	_, lost["FinishTarget"] = s.FinishTarget(ctx, first, nil, access.TargetResult{State: access.TargetSucceeded}, nil)
	for method, err := range lost {
		if !errors.Is(err, access.ErrClaimLost) {
			t.Errorf("%s with a lost claim: got %v", method, err)
		}
	}
	intents[0].LiveBefore, intents[0].Document = `{"doc":1}`, `{"doc":2}`
	if err := s.RecordIntents(ctx, second, intents, nil); err != nil {
		t.Fatal(err)
	}
	if o := must[[]access.Operation](t)(s.Operations(ctx, r.ID, accountID(0)))[0]; o.LiveBefore != `{"first":1}` || o.Written != `{"doc":2}` {
		t.Errorf("before %s, written %s; want what was live before the first attempt, and the newest document", o.LiveBefore, o.Written)
	}
	if n := must[int64](t)(s.VerifyAudit(ctx)); n != 3 {
		t.Errorf("%d audit events, want no more than those of the change", n)
	}
	if r := must[access.Rollout](t)(s.FinishTarget(ctx, second, []access.Outcome{{OperationID: second.Operations[0].ID, State: access.OperationWritten}, {OperationID: second.Operations[1].ID, State: access.OperationSkipped}}, access.TargetResult{State: access.TargetSucceeded}, nil)); r.State != access.RolloutCompleted {
		t.Errorf("rollout is %s", r.State)
	}
}

func TestAnOperationHasOneOutcome(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 1, 1, 0)
	c := claim(t, s, r, accountID(0))
	o := access.Outcome{OperationID: c.Operations[0].ID, State: access.OperationFailed, Message: "refused"}
	for range 2 { // the same again does no harm
		if err := s.RecordOutcome(t.Context(), c, o, lease); err != nil {
			t.Fatal(err)
		}
	}
	o.State = access.OperationUnchanged
	wantKind(t, s.RecordOutcome(t.Context(), c, o, lease), access.KindConflict, "ended as failed")
	o = access.Outcome{OperationID: c.Operations[1].ID, State: access.OperationWritten}
	if err := s.RecordOutcome(t.Context(), c, o, lease); err == nil {
		t.Error("an operation was written without an intent")
	}
}

// TestMaxInFlightIsExact lets many workers finish targets at once and watches, after each end, that
// no more are in flight than max in flight allows, and no fewer while some wait.
func TestMaxInFlightIsExact(t *testing.T) {
	s := storetest.New(t)
	const targets, maxInFlight, workers = 40, 4, 8
	r := start(t, s, targets, maxInFlight, 0)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for ctx.Err() == nil {
				now, err := s.Rollout(ctx, r.ID)
				if err != nil || now.State == access.RolloutCompleted {
					return
				}
				finishOne(ctx, t, s, r.ID, maxInFlight)
			}
		})
	}
	wg.Wait()
	after := must[access.Rollout](t)(s.Rollout(t.Context(), r.ID))
	if after.State != access.RolloutCompleted || after.Counts.Succeeded != targets {
		t.Errorf("rollout is %s with %+v", after.State, after.Counts)
	}
	if n := waitingJobs(t, s, jobs.PushTarget{}.Kind()); n != targets {
		t.Errorf("%d jobs, want one per target", n)
	}
}

func finishOne(ctx context.Context, t *testing.T, s *store.Store, rollout int64, maxInFlight int) {
	running, err := s.Targets(ctx, rollout, access.TargetQuery{States: []access.TargetState{access.TargetRunning}})
	if err != nil {
		t.Error(err)
		return
	}
	if len(running.Items) > maxInFlight {
		t.Errorf("%d targets in flight, and %d may be", len(running.Items), maxInFlight)
	}
	for _, target := range running.Items {
		c, ok, err := s.ClaimTarget(ctx, rollout, target.Account, lease)
		if err != nil {
			t.Error(err)
		}
		if !ok {
			continue
		}
		r, err := s.FinishTarget(ctx, c, nil, access.TargetResult{State: access.TargetSucceeded}, nil)
		if err != nil {
			t.Error(err)
		}
		if want := min(maxInFlight, r.Counts.Total()-r.Counts.Ended()); r.Counts.Running != want {
			t.Errorf("%d in flight after an end, want %d", r.Counts.Running, want)
		}
		return
	}
}

func TestRequeueCutsTheFrozenWorkerOff(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 3, 3, 0)
	ctx := t.Context()
	frozen, alive := claim(t, s, r, accountID(0)), claim(t, s, r, accountID(1))
	if n := must[int](t)(s.RequeueExpired(ctx, lease, snooze)); n != 0 {
		t.Errorf("%d requeued while all leases are valid", n)
	}
	if err := s.RenewClaim(ctx, frozen, -time.Second); err != nil {
		t.Fatal(err)
	}
	jobsBefore := waitingJobs(t, s, jobs.PushTarget{}.Kind())
	if n := must[int](t)(s.RequeueExpired(ctx, lease, snooze)); n != 1 {
		t.Errorf("%d requeued, want 1", n)
	}
	if n := waitingJobs(t, s, jobs.PushTarget{}.Kind()); n != jobsBefore+1 {
		t.Errorf("%d new jobs, want 1", n-jobsBefore)
	}
	if err := s.RenewClaim(ctx, frozen, lease); !errors.Is(err, access.ErrClaimLost) {
		t.Errorf("the frozen worker goes on: %v", err)
	}
	if err := s.RenewClaim(ctx, alive, lease); err != nil {
		t.Errorf("the worker that is alive was cut off: %v", err)
	}
	if c := claim(t, s, r, accountID(0)); c.Number <= frozen.Number {
		t.Errorf("claim %d after %d", c.Number, frozen.Number)
	}
}

func TestUnclaimedTargetIsRequeued(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 1, 1, 0)
	if _, err := s.Pool().Exec(t.Context(), "UPDATE targets SET lease_until = now() - interval '1 second'"); err != nil {
		t.Fatal(err)
	}
	if n := must[int](t)(s.RequeueExpired(t.Context(), lease, snooze)); n != 1 {
		t.Errorf("%d requeued, want 1", n)
	}
	if c := claim(t, s, r, accountID(0)); c.Number != 1 {
		t.Errorf("claim %d, want the first", c.Number)
	}
}

// leasedFor is how far in the future the leases of a table end, the longest first.
func leasedFor(t *testing.T, s *store.Store, table string) time.Duration {
	t.Helper()
	var left time.Duration
	if err := s.Pool().QueryRow(t.Context(), "SELECT max(lease_until) - clock_timestamp() FROM "+table+" WHERE state = 'running'").Scan(&left); err != nil {
		t.Fatal(err)
	}
	return left
}

// The database's clock is set back by 20 minutes: what it had leased it has leased for longer now.
func TestLeaseEndsAfterTheClockWasSetBack(t *testing.T) {
	const short = 300 * time.Millisecond
	for name, claimed := range map[string]bool{"leased": true, "queued": false} {
		t.Run(name, func(t *testing.T) {
			s := storetest.New(t)
			r := start(t, s, 1, 1, 0)
			ctx := t.Context()
			most := 8 * time.Second // to claim a target
			if claimed {
				claim(t, s, r, accountID(0))
				most = short
			}
			if _, err := s.Pool().Exec(ctx, "UPDATE targets SET lease_until = now() + interval '20 minutes'"); err != nil {
				t.Fatal(err)
			}
			if n := must[int](t)(s.RequeueExpired(ctx, short, short)); n != 0 {
				t.Errorf("%d requeued, and its worker may be alive", n)
			}
			if left := leasedFor(t, s, "targets"); left > most || left < most-short {
				t.Fatalf("leased for %s, want at most %s and not much less", left, most)
			}
			if !claimed {
				return
			}
			time.Sleep(short)
			if n := must[int](t)(s.RequeueExpired(ctx, short, short)); n != 1 {
				t.Errorf("%d requeued after the lease, want 1", n)
			}
		})
	}
}

// A snoozed target keeps its lease until its snooze ends.
func TestCapLeavesTheSnooze(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 1, 1, 0)
	if err := s.SnoozeClaim(t.Context(), claim(t, s, r, accountID(0)), snooze, access.CallCount{}); err != nil {
		t.Fatal(err)
	}
	must[int](t)(s.RequeueExpired(t.Context(), time.Second, snooze))
	if left := leasedFor(t, s, "targets"); left < snooze/2 {
		t.Errorf("leased for %s of a snooze of %s", left, snooze)
	}
}

func TestClaimOfAnAccountThatIsNotKnownAnyMore(t *testing.T) {
	s := storetest.New(t)
	c := approve(t, s, []access.Edit{{Op: access.EditAddAllowlist, ID: "a1", Allowlist: &access.Allowlist{Name: "office"}}}, planFor(1))
	r := must[access.Rollout](t)(apply(t.Context(), s, c, 1, 1))
	if ok, why := claim(t, s, r, accountID(0)).Account.Targetable(); ok {
		t.Errorf("it is a target: %s", why)
	}
}
