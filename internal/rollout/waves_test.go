package rollout_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/rollout"
	"portcullis.internal/portcullis/internal/store"
)

var bob = access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}

// stage starts a rollout by a strategy.
func (w *world) stage(t *testing.T, maxInFlight int, strategy access.Strategy, p access.Plan) access.Rollout {
	t.Helper()
	var accounts []access.Account
	for target := range p.Targets() {
		accounts = append(accounts, access.Account{ID: target.Account, OU: target.OU})
	}
	r, err := w.store.StartRollout(t.Context(), access.Rollout{
		Title: "test", State: access.RolloutRunning, MaxInFlight: maxInFlight, StartedBy: operator.Ref(), CreatedAt: time.Now(),
	}, p, access.Stage(strategy, accounts, nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// only keeps the targets of a plan that can be reached, so many of them.
func (w *world) only(p access.Plan, n int) access.Plan {
	var kept []access.PlannedTarget
	for target := range p.Targets() {
		if w.reachable(target.Account) && len(kept) < n {
			kept = append(kept, target)
		}
	}
	return access.NewPlan(p.Documents, kept...)
}

func TestWavesWithChecksAndApproval(t *testing.T) {
	w := newWorld(t)
	probed := make(chan access.AccountID, 10)
	s := w.replica(t, rollout.Config{
		MoveEvery: 20 * time.Millisecond,
		Probe: func(_ context.Context, a access.Account, _ access.RoleName) (access.ProbeAnswer, error) {
			probed <- a.ID
			return access.ProbeAnswer{Allowed: false, Message: "AccessDenied"}, nil
		},
	})
	plan := w.only(w.plan(t, desiredState(office...)), 6)
	strategy := access.Strategy{
		Name: "Careful", ReadBack: true, Waves: []access.WaveRule{{Name: "Canary", Count: 2, Bake: 50 * time.Millisecond, RequiresApproval: true}},
		Probes: []access.Probe{{Role: access.RoleName{Path: "/", Name: "Bob"}, Allowed: false, Accounts: 1}},
	}
	r := w.stage(t, 4, strategy, plan)
	r = wait(t, s, r.ID, "awaiting approval", func(r access.Rollout) bool { return r.Phase == access.PhaseAwaitingApproval })
	if r.Counts.Succeeded != 2 || r.Counts.Waiting != 4 {
		t.Errorf("awaiting approval after two canaries: %+v", r.Counts)
	}
	if writes := w.writes(0); len(writes) != 2 {
		t.Errorf("writes in %d accounts, want the two canaries only", len(writes))
	}
	if _, err := s.ApproveWave(t.Context(), operator, r.ID, 1); err != nil {
		t.Fatal(err)
	}
	wait(t, s, r.ID, "completed", completed)
	waves, err := s.Waves(t.Context(), operator, r.ID)
	if err != nil || len(waves) != 2 || waves[0].Health != (access.Health{Round: 1, Good: 3}) || waves[1].Health != (access.Health{Round: 1, Good: 5}) {
		t.Errorf("waves %+v (%v), want every account read back and one probed", waves, err)
	}
	if len(probed) != 2 {
		t.Errorf("%d probes, want one for each wave", len(probed))
	}
	w.checkHolds(t, plan)
}

func TestAnEditDuringTheBakeHalts(t *testing.T) {
	w := newWorld(t)
	s := w.replica(t, rollout.Config{MoveEvery: 20 * time.Millisecond})
	plan := w.only(w.plan(t, desiredState(office...)), 3)
	canary := access.Account{}
	for _, a := range w.all {
		if a.ID == plan.Target(0).Account {
			canary = a
		}
	}
	r := w.stage(t, 4, access.Strategy{ReadBack: true, Waves: []access.WaveRule{{Name: "Canary", Count: 1, Bake: time.Second}}}, plan)
	wait(t, s, r.ID, "baking", func(r access.Rollout) bool { return r.Phase == access.PhaseBaking })
	userSide := w.state(t, canary.ID).Roles["Bob"]
	w.edit(t, canary, bob, strings.ReplaceAll(userSide, "103.15.250.0/24", "0.0.0.0/1"))
	r = wait(t, s, r.ID, "halted", func(r access.Rollout) bool { return r.State == access.RolloutHalted })
	checks, err := s.Checks(t.Context(), operator, r.ID, 1, 0)
	if err != nil || len(checks.Items) != 1 || checks.Items[0].State != access.CheckBad || !strings.Contains(checks.Items[0].Message, "Bob") {
		t.Errorf("checks %+v (%v), want the one that names the document", checks, err)
	}
	insight, err := s.Insight(t.Context(), operator, r.ID)
	if err != nil || insight.Bad.Total != 1 || len(insight.Bad.Items) != 1 {
		t.Errorf("%+v (%v) is told as bad, want the one check", insight.Bad, err)
	}
	if r.Counts.Waiting != 2 {
		t.Errorf("%d wait, want the rest of the accounts left alone", r.Counts.Waiting)
	}

	w.edit(t, canary, bob, userSide)
	if _, err := s.CheckAgain(t.Context(), operator, r.ID); err != nil {
		t.Fatal(err)
	}
	wait(t, s, r.ID, "completed", completed)
	if was, err := s.Checks(t.Context(), operator, r.ID, 1, 1); err != nil || was.Total != 1 || was.Items[0].State != access.CheckBad {
		t.Errorf("the first round is on record as %+v (%v)", was, err)
	}
}

func TestOverrideWindowNeedsReason(t *testing.T) {
	w := newWorld(t)
	s := w.replica(t, rollout.Config{MoveEvery: 20 * time.Millisecond})
	closed := access.MaintenanceWindow{Days: []int{(int(time.Now().UTC().Weekday()) + 3) % 7}, From: "02:00", To: "03:00"}
	plan := w.only(w.plan(t, desiredState(office...)), 3)
	r := w.stage(t, 4, access.Strategy{MaintenanceWindow: closed}, plan)
	wait(t, s, r.ID, "outside of its maintenance window", func(r access.Rollout) bool { return r.Phase == access.PhaseMaintenanceWindow })
	if _, err := s.OverrideWindow(t.Context(), operator, r.ID, " ", false); access.KindOf(err) != access.KindInvalid {
		t.Errorf("without a reason: %v, want KindInvalid", err)
	}
	if writes := w.writes(0); len(writes) != 0 {
		t.Fatalf("it has written outside of its maintenance window: %v", writes)
	}
	if r, err := s.OverrideWindow(t.Context(), operator, r.ID, "an office has moved", false); err != nil || r.WindowOverride.Reason != "an office has moved" {
		t.Fatalf("%+v, %v", r.WindowOverride, err)
	}
	wait(t, s, r.ID, "completed", completed)
	w.checkHolds(t, plan)
	found, err := w.store.Audit(t.Context(), access.AuditFilter{Action: "rollout.override_window"})
	if err != nil || len(found.Items) != 1 || !strings.Contains(string(found.Items[0].Detail), "an office has moved") {
		t.Errorf("the audit log says %+v (%v)", found.Items, err)
	}
}

func TestRollBackRestoresEachDocumentBefore(t *testing.T) {
	w := newWorld(t)
	s := w.replica(t, rollout.Config{MoveEvery: 20 * time.Millisecond})
	plan := w.only(w.plan(t, desiredState(office...)), 5)
	before := map[access.AccountID]string{}
	for target := range plan.Targets() {
		before[target.Account] = w.state(t, target.Account).Roles["Bob"]
	}
	r := wait(t, s, w.start(t, 5, plan).ID, "completed", completed)
	w.checkHolds(t, plan)
	editedOne := plan.Target(2).Account
	var account access.Account
	for _, a := range w.all {
		if a.ID == editedOne {
			account = a
		}
	}
	edited := strings.ReplaceAll(w.state(t, editedOne).Roles["Bob"], "103.15.250.0/24", "0.0.0.0/1")
	w.edit(t, account, bob, edited)

	r, err := s.RollBack(t.Context(), operator, r.ID, "It locks people out.")
	if err != nil || r.RolledBackBy == 0 {
		t.Fatalf("rolling back: %v, %+v", err, r)
	}
	r = wait(t, s, r.ID, "rolled back", func(r access.Rollout) bool { return r.State == access.RolloutRolledBack })
	if !strings.Contains(r.Note, "One account could not be restored") {
		t.Errorf("the note is %q, want it to count the account that somebody edited", r.Note)
	}
	for id, was := range before {
		want := was
		if id == editedOne {
			want = edited
		}
		if got := w.state(t, id).Roles["Bob"]; !iam.Equal(got, want, nil) {
			t.Errorf("account %s holds\n%s\nwant\n%s", id, got, want)
		}
		if _, there := w.state(t, id).Users["alice"][access.UserPolicyName]; there && id != editedOne {
			t.Errorf("alice of %s still has the policy that the rollout gave her", id)
		}
	}
	back, err := s.Rollout(t.Context(), operator, r.RolledBackBy)
	if err != nil || back.Counts.Succeeded != 4 || back.Counts.Conflict != 1 || back.RollsBack != r.ID {
		t.Errorf("the rollback rollout: %+v (%v)", back, err)
	}
}

func TestUnconfirmedRolloutIsRolledBack(t *testing.T) {
	w := newWorld(t)
	s := w.replica(t, rollout.Config{MoveEvery: 20 * time.Millisecond})
	plan := w.only(w.plan(t, desiredState(office...)), 2)
	was := w.state(t, plan.Target(0).Account).Roles["Bob"]
	r := w.stage(t, 4, access.Strategy{Confirm: 300 * time.Millisecond}, plan)
	wait(t, s, r.ID, "rolled back", func(r access.Rollout) bool { return r.State == access.RolloutRolledBack })
	if got := w.state(t, plan.Target(0).Account).Roles["Bob"]; !iam.Equal(got, was, nil) {
		t.Errorf("the role holds %s, want what was before", got)
	}
	r = w.stage(t, 4, access.Strategy{Confirm: time.Hour}, w.only(w.plan(t, desiredState(office...)), 2))
	wait(t, s, r.ID, "to be confirmed", func(r access.Rollout) bool { return r.Phase == access.PhaseConfirm })
	if _, err := s.Confirm(t.Context(), operator, r.ID); err != nil {
		t.Fatal(err)
	}
	wait(t, s, r.ID, "completed", completed)
}

func TestOlderAndNewerRolloutsOfTheSameAccounts(t *testing.T) {
	w := newWorld(t)
	first := w.only(w.plan(t, desiredState(office...)), 8)
	second := w.only(w.plan(t, desiredState(append(office, "12.148.80.0/22")...)), 8) // planned before the first has written
	older, newer := w.start(t, 3, first), w.start(t, 8, second)
	if newer.Counts.Running != 0 {
		t.Errorf("the newer one has %d in flight, want it blocked by the older", newer.Counts.Running)
	}
	s := w.replica(t, rollout.Config{MoveEvery: 20 * time.Millisecond})
	for _, id := range []int64{older.ID, newer.ID} {
		if r := wait(t, s, id, "completed", completed); r.Counts.Succeeded != 8 {
			t.Errorf("rollout %d ends with %+v, want no conflict between our own", id, r.Counts)
		}
	}
	w.checkHolds(t, second)
}

func TestControlsAreRefusedWithoutTheRole(t *testing.T) {
	s := rollout.New(rollout.Config{Store: (*store.Store)(nil)})
	viewer := access.Actor{Kind: access.ActorPerson, PersonID: 9, Roles: []access.Role{access.RoleViewer}}
	ctx := t.Context()
	for name, do := range map[string]func() error{
		"roll back":       func() error { _, err := s.RollBack(ctx, viewer, 1, "why"); return err },
		"approve":         func() error { _, err := s.ApproveWave(ctx, viewer, 1, 1); return err },
		"confirm":         func() error { _, err := s.Confirm(ctx, viewer, 1); return err },
		"max in flight":   func() error { _, err := s.SetMaxInFlight(ctx, viewer, 1, 5); return err },
		"override window": func() error { _, err := s.OverrideWindow(ctx, viewer, 1, "why", false); return err },
		"recheck":         func() error { _, err := s.CheckAgain(ctx, viewer, 1); return err },
		"skip queue":      func() error { _, err := s.SkipQueue(ctx, viewer, 1); return err },
		"skip":            func() error { _, err := s.SkipTarget(ctx, viewer, 1, "111122223333", "why"); return err },
		"retry":           func() error { _, err := s.RetryTarget(ctx, viewer, 1, "111122223333"); return err },
	} {
		if err := do(); access.KindOf(err) != access.KindForbidden {
			t.Errorf("%s: %v, want KindForbidden", name, err)
		}
	}
}
