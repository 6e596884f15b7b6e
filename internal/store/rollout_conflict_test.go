package store_test

import (
	"fmt"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

const (
	editedLive = `{"edited":1}`
	edited     = "somebody else has edited role Bob"
)

// startConflicted is a rollout of one target whose first operation is in conflict.
func startConflicted(t *testing.T, s *store.Store) (access.Rollout, access.Operation) {
	t.Helper()
	r := start(t, s, 1, 1, 0)
	c := claim(t, s, r, accountID(0))
	outcomes := []access.Outcome{
		{OperationID: c.Operations[0].ID, State: access.OperationConflict, LiveBefore: editedLive, Message: "edited"},
		{OperationID: c.Operations[1].ID, State: access.OperationSkipped, Message: "rests on it"},
	}
	result := access.TargetResult{State: access.TargetConflict, Message: "edited", Cause: edited}
	r = must[access.Rollout](t)(s.FinishTarget(t.Context(), c, outcomes, result, nil))
	return r, must[[]access.Operation](t)(s.Operations(t.Context(), r.ID, accountID(0)))[0]
}

func resolve(t *testing.T, s *store.Store, r access.Rollout, choices ...access.ResolveConflict) (access.Rollout, error) {
	t.Helper()
	return s.ResolveConflicts(t.Context(), r.ID, accountID(0), func(r *access.Rollout, target *access.Target, ops []access.Operation) ([]access.Operation, []access.AuditEvent, error) {
		decided, err := target.Resolve(ops, choices, operator, t0)
		if err != nil {
			return nil, nil, err
		}
		return decided, []access.AuditEvent{event("conflict.resolve", fmt.Sprintf("rollout/%d/%s", r.ID, target.Account))}, r.RetryTarget(target)
	})
}

func TestConflictIsFoundDecidedAndPushedAgain(t *testing.T) {
	s := storetest.New(t)
	r, op := startConflicted(t, s)
	if r.State != access.RolloutCompleted || op.State != access.OperationConflict || op.Found != editedLive {
		t.Fatalf("rollout %s, operation %+v; want the document that was found", r.State, op)
	}
	r, err := resolve(t, s, r, access.ResolveConflict{OperationID: op.ID, Choice: access.ConflictOverwrite, Seen: access.DocumentDigest(editedLive)})
	if err != nil {
		t.Fatal(err)
	}
	if r.State != access.RolloutRunning || r.Counts != (access.TargetCounts{Running: 1}) {
		t.Errorf("rollout %s with %+v, want the target in flight", r.State, r.Counts)
	}
	c := claim(t, s, r, accountID(0))
	want := access.Resolution{Choice: access.ConflictOverwrite, Seen: editedLive, By: access.PersonRef{ID: operator.PersonID, Name: operator.Name}, At: t0}
	diff(t, "resolution", want, c.Operations[0].Resolution)
	for _, o := range c.Operations {
		if o.State != access.OperationPlanned {
			t.Errorf("operation %s is %s, want it planned again", o.Resource, o.State)
		}
	}
	if c.Target.Cause != "" || c.Target.Message != "" {
		t.Errorf("the target still says %q, %q", c.Target.Cause, c.Target.Message)
	}
	if h := must[[]access.AuditEvent](t)(s.History(t.Context(), fmt.Sprintf("rollout/%d/%s", r.ID, accountID(0)))); len(h) != 1 {
		t.Errorf("%d events, want that of the decision", len(h))
	}
}

func TestConflictIsNotDecidedBlindly(t *testing.T) {
	s := storetest.New(t)
	r, op := startConflicted(t, s)
	seen := access.DocumentDigest(editedLive)
	other := must[[]access.Operation](t)(s.Operations(t.Context(), r.ID, accountID(0)))[1]
	for name, c := range map[string]struct {
		choices []access.ResolveConflict
		kind    access.Kind
		text    string
	}{
		"another document": {[]access.ResolveConflict{{OperationID: op.ID, Choice: access.ConflictOverwrite, Seen: access.DocumentDigest(`{"edited":0}`)}}, access.KindStale, "Look at it again"},
		"no document":      {[]access.ResolveConflict{{OperationID: op.ID, Choice: access.ConflictOverwrite}}, access.KindStale, "Look at it again"},
		"no choice":        {[]access.ResolveConflict{{OperationID: op.ID, Choice: "delete", Seen: seen}}, access.KindInvalid, "no choice"},
		"no conflict":      {[]access.ResolveConflict{{OperationID: other.ID, Choice: access.ConflictSkip}}, access.KindConflict, "not in conflict"},
		"twice":            {[]access.ResolveConflict{{OperationID: op.ID, Choice: access.ConflictSkip, Seen: seen}, {OperationID: op.ID, Choice: access.ConflictOverwrite, Seen: seen}}, access.KindConflict, "twice"},
		"nothing":          {nil, access.KindInvalid, "at least one"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := resolve(t, s, r, c.choices...)
			wantKind(t, err, c.kind, c.text)
		})
	}
	if again := must[access.Rollout](t)(s.Rollout(t.Context(), r.ID)); again.State != access.RolloutCompleted || again.Counts.Conflict != 1 {
		t.Errorf("a refused decision left the rollout %s with %+v", again.State, again.Counts)
	}
}

func TestFailuresAreCountedByCauseAndOU(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 6, 6, 0)
	end := func(i int, result access.TargetResult) {
		must[access.Rollout](t)(s.FinishTarget(t.Context(), claim(t, s, r, accountID(i)), nil, result, nil))
	}
	denied := access.TargetResult{State: access.TargetFailed, Class: access.CloudDenied, Code: "AccessDenied", Cause: "the deployment role lacks iam:PutUserPolicy", Advice: "Give it."}
	end(0, denied)
	end(1, access.TargetResult{State: access.TargetSucceeded})
	end(2, access.TargetResult{State: access.TargetConflict, Cause: edited})
	end(3, denied)
	if _, err := s.Pool().Exec(t.Context(), "UPDATE targets SET ou = 'Root/Sandbox' WHERE account_id = $1", string(accountID(4))); err != nil {
		t.Fatal(err)
	}
	end(4, denied)
	failures := must[[]access.Failure](t)(s.Failures(t.Context(), r.ID))
	groups := access.GroupFailures(failures)
	diff(t, "groups", []access.FailureGroup{
		{State: access.TargetFailed, Class: denied.Class, Code: denied.Code, Cause: denied.Cause, Advice: denied.Advice, Targets: 3, Example: accountID(0), OUs: []access.OUCount{{OU: "Root/Prod", Targets: 2}, {OU: "Root/Sandbox", Targets: 1}}},
		{State: access.TargetConflict, Cause: edited, Targets: 1, Example: accountID(2), OUs: []access.OUCount{{OU: "Root/Prod", Targets: 1}}},
	}, groups)
	page := must[access.Page[access.Target]](t)(s.Targets(t.Context(), r.ID, access.TargetQuery{Cause: denied.Cause}))
	if len(page.Items) != 3 || page.Total != 3 {
		t.Errorf("%d of %d targets have this cause, want 3", len(page.Items), page.Total)
	}
}

func TestLongCauseIsCut(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 1, 1, 0)
	cause := fmt.Sprintf("%0400d", 1)
	must[access.Rollout](t)(s.FinishTarget(t.Context(), claim(t, s, r, accountID(0)), nil, access.TargetResult{State: access.TargetFailed, Cause: cause}, nil))
	if got := must[access.Target](t)(s.Target(t.Context(), r.ID, accountID(0))).Cause; len([]rune(got)) != 300 {
		t.Errorf("a cause of %d characters", len([]rune(got)))
	}
}

func TestProgressSamplesAreFewAndEndWithRollout(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 2, 2, 0)
	c := claim(t, s, r, accountID(0))
	if err := s.SnoozeClaim(t.Context(), c, lease, access.CallCount{Calls: 3, Attempts: 9, Throttles: 6}); err != nil {
		t.Fatal(err)
	}
	for range 3 { // at once: only the first is due
		if err := s.SampleRollouts(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	samples := must[[]access.ProgressSample](t)(s.Samples(t.Context(), r.ID))
	if len(samples) != 1 || samples[0].Running != 2 || samples[0].Ended != 0 || samples[0].Throttles != 6 || samples[0].Attempts != 9 {
		t.Fatalf("samples %+v, want one that counts the snoozed calls", samples)
	}
	must[access.Rollout](t)(s.FinishTarget(t.Context(), c, nil, access.TargetResult{State: access.TargetFailed, Calls: access.CallCount{Calls: 2, Attempts: 2}}, nil))
	push(t, s, r, accountID(1), access.TargetSucceeded)
	for range 3 {
		if err := s.SampleRollouts(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	samples = must[[]access.ProgressSample](t)(s.Samples(t.Context(), r.ID))
	if len(samples) != 2 || samples[1].Ended != 2 || samples[1].Failed != 1 || samples[1].Attempts != 11 {
		t.Errorf("samples %+v, want a last one at the end", samples)
	}
}

func TestSnoozeNeedsCurrentClaim(t *testing.T) {
	s := storetest.New(t)
	r := start(t, s, 1, 1, 0)
	c := claim(t, s, r, accountID(0))
	c.Number++
	if err := s.SnoozeClaim(t.Context(), c, lease, access.CallCount{}); err != access.ErrClaimLost {
		t.Errorf("got %v, want the claim lost", err)
	}
}
