package rollout_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/internal/rollout"
)

// refusing is a fault that refuses every call of IAM in some accounts. Users can still assume roles there.
func refusing(accounts ...access.AccountID) sandbox.Faults {
	return sandbox.Faults{Rules: []sandbox.Fault{{
		Actions: []string{"iam:*"}, Accounts: accounts, Fail: 1, Status: http.StatusForbidden, Code: "AccessDenied",
	}}}
}

// named is an account of the organization.
func (w *world) named(t *testing.T, name string) access.Account {
	t.Helper()
	i := slices.IndexFunc(w.all, func(a access.Account) bool { return a.Name == name })
	if i < 0 {
		t.Fatalf("the organization has no account %s", name)
	}
	return w.all[i]
}

// onlyHeidi is the state with a single mapping: Bob of some accounts for heidi.
func onlyHeidi(home access.AccountID, accounts []access.Account) access.State {
	state := desiredState(office...)
	state.Mappings = nil
	return withHeidi(state, home, accounts)
}

// withAlice adds Bob of an account for alice of the same account.
func withAlice(state access.State, account access.AccountID) access.State {
	m := access.Mapping{
		ID: "mp-alice", Role: access.RoleName{Path: "/", Name: "Bob"}, Allowlists: []string{"office"},
		Accounts: access.Selector{IDs: []access.AccountID{account}}, Users: []access.UserName{{Path: "/", Name: "alice"}},
	}
	state.Mappings = append(slices.Clone(state.Mappings), m.OrDefault())
	return state
}

// wavesOf is a strategy of waves that a person approves, and the rest.
func wavesOf(waves ...[]access.Account) access.Strategy {
	var s access.Strategy
	for _, accounts := range waves {
		rule := access.WaveRule{RequiresApproval: true}
		for _, a := range accounts {
			rule.Accounts.IDs = append(rule.Accounts.IDs, a.ID)
		}
		s.Waves = append(s.Waves, rule)
	}
	return s
}

// awaitApproval waits until a wave has ended.
func awaitApproval(t *testing.T, s *rollout.Service, id int64, wave int) access.Rollout {
	t.Helper()
	ended := func(r access.Rollout) bool { return r.Phase == access.PhaseAwaitingApproval && r.Wave == wave }
	return wait(t, s, id, "awaiting approval", ended)
}

// trustEverywhere gives Bob of some accounts a statement of others that admits an account.
func (w *world) trustEverywhere(t *testing.T, home access.Account, accounts []access.Account) {
	t.Helper()
	for _, a := range accounts {
		w.edit(t, a, roleOf, trusting(home.ID))
	}
}

// checkBlocked fails unless the target of an account has failed since documents elsewhere could not be set.
func (w *world) checkBlocked(t *testing.T, id int64, account access.AccountID) {
	t.Helper()
	if got := w.targetsOf(t, id)[account]; got.State != access.TargetFailed || got.Class != access.CloudBlocked {
		t.Errorf("account %s is %s (%s): %s", account, got.State, got.Class, got.Message)
	}
}

// checkSucceeded fails unless the targets of some accounts have succeeded.
func (w *world) checkSucceeded(t *testing.T, id int64, accounts ...access.Account) {
	t.Helper()
	found := w.targetsOf(t, id)
	for _, a := range accounts {
		if got := found[a.ID]; got.State != access.TargetSucceeded {
			t.Errorf("account %s is %s (%s): %s", a.ID, got.State, got.Class, got.Message)
		}
	}
}

// TestGrantAcrossWavesOpensEachRoleInItsWave: heidi's account is in the first wave. In each wave her policy opens the
// roles that were verified. One account refuses all calls, one cannot be reached, in one the role is deleted, in one
// our Deny is edited. A retry opens these roles once the accounts are as they should be.
func TestGrantAcrossWavesOpensEachRoleInItsWave(t *testing.T) {
	w := newWorld(t)
	home, a, lost := w.identity(t), w.others(t, 6), w.named(t, "acquired-shop")
	roles := append(slices.Clone(a), lost)
	w.trustEverywhere(t, home, a)
	w.byHand(t, lost.ID).SetTrust("Bob", trusting(home.ID))
	user := heidi
	user.Account = home.ID
	look := w.watching(t, user, roles)
	s := w.replica(t, rollout.Config{Cloud: look, MoveEvery: 20 * time.Millisecond})
	refused, deleted, edited := a[2], a[3], a[4]

	w.readEverything(t)
	w.push(t, s, w.plan(t, withAlice(bobFor(user), edited.ID)), edited.ID)
	w.readEverything(t)
	plan := w.plan(t, withAlice(onlyHeidi(home.ID, roles), edited.ID))
	w.org.SetFaults(refusing(refused.ID))
	w.byHand(t, deleted.ID).DeleteRole("Bob")
	approved := w.state(t, edited.ID).Roles["Bob"]
	w.edit(t, edited, roleOf, strings.ReplaceAll(approved, "103.15.250.0/24", "0.0.0.0/1"))

	calls := len(w.org.Calls())
	r := w.stage(t, 4, wavesOf([]access.Account{home, a[0]}, []access.Account{a[1], refused, lost}), plan)
	awaitApproval(t, s, r.ID, 1)
	w.checkHeidi(t, home, roles, []bool{true, false, false, false, false, false, false})
	got := w.targetsOf(t, r.ID)[home.ID]
	if got.State != access.TargetWaiting || got.Wave != 2 || got.Pass != access.PassGrants {
		t.Errorf("after the first wave the identity account is %s in wave %d, pass %d", got.State, got.Wave, got.Pass)
	}
	approve(t, s, r.ID, 1)
	awaitApproval(t, s, r.ID, 2)
	w.checkHeidi(t, home, roles, []bool{true, true, false, false, false, false, false})
	approve(t, s, r.ID, 2)
	wait(t, s, r.ID, "completed", completed)
	w.checkHeidi(t, home, roles, []bool{true, true, false, false, false, true, false})
	w.checkBlocked(t, r.ID, home.ID)

	w.org.SetFaults(sandbox.Faults{})
	w.byHand(t, lost.ID).SetTrust(sandbox.DeployRole, w.state(t, a[0].ID).Roles[sandbox.DeployRole])
	w.byHand(t, deleted.ID).CreateRole("Bob", trusting(home.ID))
	w.edit(t, edited, roleOf, approved)
	if _, err := s.Retry(t.Context(), operator, r.ID); err != nil {
		t.Fatal(err)
	}
	wait(t, s, r.ID, "completed", completed)
	w.checkHeidi(t, home, roles, []bool{true, true, true, true, true, true, true})
	w.checkSucceeded(t, r.ID, append(slices.Clone(roles), home)...)
	if n := look.checkOrder(t, calls); n != len(roles) {
		t.Errorf("%d roles were opened, want %d", n, len(roles))
	}
	look.checkLooked(t, len(roles))
}

func approve(t *testing.T, s *rollout.Service, id int64, wave int) {
	t.Helper()
	if _, err := s.ApproveWave(t.Context(), operator, id, wave); err != nil {
		t.Fatal(err)
	}
}

// TestBlockedTargetReleasesItsAccount: a newer rollout waits while heidi's account continues in a later wave of an
// older one. It starts once the older target has ended as blocked, and a retry of the newer one opens the role that
// was missing.
func TestBlockedTargetReleasesItsAccount(t *testing.T) {
	w := newWorld(t)
	home, a := w.identity(t), w.others(t, 2)
	w.trustEverywhere(t, home, a)
	user := heidi
	user.Account = home.ID
	look := w.watching(t, user, a)
	s := w.replica(t, rollout.Config{Cloud: look, MoveEvery: 20 * time.Millisecond})
	w.readEverything(t)
	older, newer := w.plan(t, onlyHeidi(home.ID, a)), w.plan(t, withAlice(onlyHeidi(home.ID, a), home.ID))
	w.org.SetFaults(refusing(a[1].ID))

	first := w.stage(t, 4, wavesOf([]access.Account{home, a[0]}), older)
	awaitApproval(t, s, first.ID, 1)
	second := w.start(t, 4, newer)
	blocked := func(r access.Rollout) bool { return r.BlockedBy.Rollout == first.ID && r.Counts.Running == 0 }
	wait(t, s, second.ID, "blocked by the older one", blocked)
	if got := w.targetsOf(t, second.ID)[home.ID]; got.State != access.TargetWaiting {
		t.Errorf("while the older rollout has the identity account, the newer target is %s", got.State)
	}
	approve(t, s, first.ID, 1)
	wait(t, s, first.ID, "completed", completed)
	w.checkBlocked(t, first.ID, home.ID)
	wait(t, s, second.ID, "completed", completed)
	w.checkBlocked(t, second.ID, home.ID)
	if !w.admits(t, home, "alice", "Bob", inTheOffice) {
		t.Error("the newer rollout did not give alice of the identity account her role")
	}
	w.checkHeidi(t, home, a, []bool{true, false})

	w.org.SetFaults(sandbox.Faults{})
	if _, err := s.Retry(t.Context(), operator, second.ID); err != nil {
		t.Fatal(err)
	}
	wait(t, s, second.ID, "completed", completed)
	w.checkHeidi(t, home, a, []bool{true, true})
	w.checkSucceeded(t, second.ID, home, a[1])
}

// TestGrantSurvivesADeathAtEachStep: the worker dies once at each step of the visits to both accounts. The policy of
// the user is written once, after the trust policy.
func TestGrantSurvivesADeathAtEachStep(t *testing.T) {
	w := newWorld(t)
	role, user := w.others(t, 1)[0], w.heidi(t)
	home := w.account(t, user.Account)
	w.edit(t, role, roleOf, trusting(home.ID))
	w.readEverything(t)
	look := w.watching(t, user, []access.Account{role})
	death := &reaper{died: map[string]bool{}, after: look.look}
	s := w.replica(t, rollout.Config{
		Cloud: look, Lease: 600 * time.Millisecond, RequeueEvery: 100 * time.Millisecond,
		MoveEvery: 20 * time.Millisecond, ConfirmClaimEvery: -1, Fault: death.fault,
	})
	calls := len(w.org.Calls())
	r := w.stage(t, 1, first(home), w.plan(t, bobFor(user, role)))
	wait(t, s, r.ID, "completed", completed)
	w.checkSucceeded(t, r.ID, role, home)
	w.checkMay(t, user, true, role)
	if got := w.writes(calls); got[role.ID] != 1 || got[home.ID] != 1 {
		t.Errorf("the writes are %v, want one in each account", got)
	}
	death.check(t, 3)
	if n := look.checkOrder(t, calls); n != 1 {
		t.Errorf("%d roles were opened, want 1", n)
	}
}

// TestGrantDoesNotOpenARoleThatWasEditedBetweenTheWaves: the first wave writes and verifies our Deny, another person
// edits it, and the user's account is in the second wave.
func TestGrantDoesNotOpenARoleThatWasEditedBetweenTheWaves(t *testing.T) {
	w := newWorld(t)
	roles, user := w.others(t, 2), w.heidi(t)
	home := w.account(t, user.Account)
	w.trustEverywhere(t, home, roles)
	w.readEverything(t)
	s := w.replica(t, rollout.Config{MoveEvery: 20 * time.Millisecond})
	r := w.stage(t, 4, wavesOf(roles), w.plan(t, bobFor(user, roles...)))
	awaitApproval(t, s, r.ID, 1)
	written := w.state(t, roles[1].ID).Roles["Bob"]
	w.edit(t, roles[1], roleOf, strings.ReplaceAll(written, "103.15.250.0/24", "0.0.0.0/1"))
	approve(t, s, r.ID, 1)
	wait(t, s, r.ID, "completed", completed)
	w.checkBlocked(t, r.ID, home.ID)
	w.checkMay(t, user, true, roles[0])
	w.checkMay(t, user, false, roles[1])

	w.edit(t, roles[1], roleOf, written)
	if _, err := s.Retry(t.Context(), operator, r.ID); err != nil {
		t.Fatal(err)
	}
	wait(t, s, r.ID, "completed", completed)
	w.checkMay(t, user, true, roles...)
}
