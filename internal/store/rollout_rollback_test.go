package store_test

import (
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// oneHour are the facts of a rollback that is allowed.
var oneHour = access.RollbackFacts{Within: time.Hour}

func TestRollbackRestoresTheDesiredState(t *testing.T) {
	s := storetest.New(t)
	ctx := t.Context()
	r := start(t, s, 3, 3, 0)
	c := claim(t, s, r, accountID(0))
	op := c.Operations[0]
	if err := s.RecordIntents(ctx, c, []access.Intent{{OperationID: op.ID, LiveBefore: `{"was":1}`, Document: `{"is":1}`}}, nil); err != nil {
		t.Fatal(err)
	}
	r = must[access.Rollout](t)(s.FinishTarget(ctx, c, []access.Outcome{{OperationID: op.ID, State: access.OperationWritten}}, access.TargetResult{State: access.TargetSucceeded}, nil))
	inFlight := claim(t, s, r, accountID(1))
	r = control(t, s, r.ID, func(r *access.Rollout, _ *access.WaveProgress) error {
		return r.RollBack(operator.Ref(), "It locks people out.", t0, oneHour)
	})
	if r.State != access.RolloutRollingBack || r.Counts != (access.TargetCounts{Succeeded: 1, Running: 1, Skipped: 1}) {
		t.Fatalf("%s with %+v, want what waits to be skipped", r.State, r.Counts)
	}
	if r = must[access.Rollout](t)(s.BeginRollback(ctx, r.ID, access.Plan{})); r.RolledBackBy != 0 {
		t.Fatal("the roll back has begun while a target is in flight")
	}
	must[access.Rollout](t)(s.FinishTarget(ctx, inFlight, nil, access.TargetResult{State: access.TargetUnchanged}, nil))

	var written []access.WrittenTarget
	if err := s.Written(ctx, r.ID, func(t access.WrittenTarget) error { written = append(written, t); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(written) != 1 || written[0].Account != accountID(0) || len(written[0].Operations) != 1 || written[0].Operations[0].LiveBefore != `{"was":1}` || written[0].Operations[0].Written != `{"is":1}` {
		t.Fatalf("what was written is %+v", written)
	}
	plan := planFor(1)
	r = must[access.Rollout](t)(s.BeginRollback(ctx, r.ID, plan))
	back := must[access.Rollout](t)(s.Rollout(ctx, r.RolledBackBy))
	if back.Kind != access.RolloutRollback || back.RollsBack != r.ID || back.Revision != 2 || back.Counts.Running != 1 || back.StartedBy != operator.Ref() {
		t.Errorf("the rollback rollout is %+v", back)
	}
	if again := must[access.Rollout](t)(s.BeginRollback(ctx, r.ID, plan)); again.RolledBackBy != back.ID {
		t.Errorf("it was begun twice: %d and %d", back.ID, again.RolledBackBy)
	}
	if head := must[int64](t)(s.Head(ctx)); head != 2 {
		t.Fatalf("the head is %d, want a revision of its own", head)
	}
	if state := must[access.State](t)(s.State(ctx, 2)); len(state.Allowlists) != 0 {
		t.Errorf("the desired state still has %+v", state.Allowlists)
	}
	change := must[access.Change](t)(s.Change(ctx, back.ChangeID))
	if change.State != access.ChangeApplied || !change.Flagged() || change.Author != operator.Ref() || change.Reason != "It locks people out." || change.Revision != 2 {
		t.Errorf("its change is %+v, want it applied and flagged until somebody else has looked at it", change)
	}
	push(t, s, back, accountID(0), access.TargetSucceeded)
	if _, err := s.VerifyAudit(ctx); err != nil {
		t.Error(err)
	}
}

func TestRollbackLeavesTheDesiredStateWhereItWasEditedSince(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 1, 1, 0)
	r = push(t, s, r, accountID(0), access.TargetSucceeded)
	e := entry(t, "198.51.100.0/24")
	c := approve(t, s, []access.Edit{{Op: access.EditAddEntry, ID: "a1", Key: e.Key(), Entry: &e}}, planFor(0))
	must[access.Rollout](t)(apply(t.Context(), s, c, 1, 0))
	control(t, s, r.ID, func(r *access.Rollout, _ *access.WaveProgress) error {
		return r.RollBack(operator.Ref(), "why", t0, oneHour)
	})
	r = must[access.Rollout](t)(s.BeginRollback(t.Context(), r.ID, planFor(1)))
	wantText(t, r.Note, "The desired state stays as in revision 2")
	back := must[access.Rollout](t)(s.Rollout(t.Context(), r.RolledBackBy))
	if back.Revision != 3 || back.Counts.Total() != 1 {
		t.Errorf("the rollout that restores documents is %+v", back)
	}
	before, after := must[access.State](t)(s.State(t.Context(), 2)), must[access.State](t)(s.State(t.Context(), 3))
	if edits := access.EditsBetween(before, after); len(edits) != 0 {
		t.Errorf("the desired state is edited: %+v", edits)
	}
	if flagged := must[access.Change](t)(s.Change(t.Context(), back.ChangeID)); !flagged.Flagged() || len(flagged.Edits) != 0 {
		t.Errorf("its change is %+v, want it flagged and without an edit", flagged)
	}
}

func TestAClaimKnowsWhatOlderRolloutsHaveWritten(t *testing.T) {
	s := storetest.New(t)
	ctx := t.Context()
	first := start(t, s, 1, 1, 0)
	c := claim(t, s, first, accountID(0))
	op := c.Operations[0]
	second := startStaged(t, s, 1, access.Strategy{}, 1) // planned before the first has written
	if err := s.RecordIntents(ctx, c, []access.Intent{{OperationID: op.ID, Document: `{"first":1}`}}, nil); err != nil {
		t.Fatal(err)
	}
	must[access.Rollout](t)(s.FinishTarget(ctx, c, []access.Outcome{{OperationID: op.ID, State: access.OperationWritten}}, access.TargetResult{State: access.TargetSucceeded}, nil))
	past(t, s, second.ID)
	ops := claim(t, s, second, accountID(0)).Operations
	if ops[0].Earlier == nil || *ops[0].Earlier != `{"first":1}` || ops[1].Earlier != nil {
		t.Errorf("what the older rollout has written: %v and %v, want that of the first operation alone", ops[0].Earlier, ops[1].Earlier)
	}
}
