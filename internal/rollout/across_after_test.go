package rollout_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/internal/rollout"
)

// TestHealthChecksOfTargetsThatContinue: every document of a wave is read back. A target that continues is checked in
// the wave in which it ends, and one that has failed is not checked.
func TestHealthChecksOfTargetsThatContinue(t *testing.T) {
	w := newWorld(t)
	roles, user := w.others(t, 3), w.heidi(t)
	home := w.account(t, user.Account)
	w.trustEverywhere(t, home, roles)
	w.readEverything(t)
	s := w.replica(t, rollout.Config{MoveEvery: 20 * time.Millisecond})
	plan := w.plan(t, bobFor(user, roles...))
	w.org.SetFaults(refusing(roles[2].ID))
	strategy := wavesOf([]access.Account{home, roles[0]})
	strategy.ReadBack = true
	r := awaitApproval(t, s, w.stage(t, 4, strategy, plan).ID, 1)
	if r.Later != 3 || r.Counts.Waiting != 3 || r.Counts.Succeeded != 1 {
		t.Errorf("after the first wave, %d targets are for later, and the counts are %+v", r.Later, r.Counts)
	}
	w.checkMay(t, user, true, roles[0])
	approve(t, s, r.ID, 1)
	r = wait(t, s, r.ID, "completed", completed)
	if r.Later != 0 || r.Counts.Waiting != 0 || r.Counts.Succeeded != 2 || r.Counts.Failed != 2 {
		t.Errorf("at the end, %d targets are for later, and the counts are %+v", r.Later, r.Counts)
	}
	w.checkBlocked(t, r.ID, home.ID)
	checkHealth(t, s, r.ID, 1, 1) // roles[0]; roles[1]
	waves, err := s.Waves(t.Context(), operator, r.ID)
	if err != nil || waves[0].Targets != 1 || waves[1].Targets != 3 {
		t.Errorf("the waves are %+v (%v), want the account of the user in the second one", waves, err)
	}
	w.checkMay(t, user, true, roles[:2]...)
	w.readEverything(t)

	w.org.SetFaults(sandbox.Faults{})
	strategy = wavesOf(roles)
	strategy.ReadBack = true
	r = w.stage(t, 4, strategy, w.planChange(t, bobFor(user, roles...), bobFor(user)))
	awaitApproval(t, s, r.ID, 1)
	approve(t, s, r.ID, 1)
	wait(t, s, r.ID, "completed", completed)
	checkHealth(t, s, r.ID, 1, 3) // roles[2], which her policy never named; the others, which waited for her policy
	w.checkMay(t, user, false, roles...)
}

// checkHealth fails unless each wave had so many good checks, and no bad one.
func checkHealth(t *testing.T, s *rollout.Service, id int64, good ...int) {
	t.Helper()
	waves, err := s.Waves(t.Context(), operator, id)
	if err != nil || len(waves) != len(good) {
		t.Fatalf("%d waves (%v), want %d", len(waves), err, len(good))
	}
	for i, wave := range waves {
		if wave.Health.Good != good[i] || wave.Health.Bad != 0 {
			t.Errorf("wave %d has %+v, want %d good checks", i+1, wave.Health, good[i])
		}
	}
}

// TestDenyOfAnAdministratorStaysUntilItIsNotNeeded: Bob keeps a Deny for heidi, who is an administrator. A push of
// the same state writes nothing, and a push after she is no administrator any more removes the Deny.
func TestDenyOfAnAdministratorStaysUntilItIsNotNeeded(t *testing.T) {
	w := newWorld(t)
	role, user := w.others(t, 1)[0], w.heidi(t)
	home := w.account(t, user.Account)
	w.edit(t, role, roleOf, trusting(home.ID))
	s := w.replica(t, rollout.Config{MoveEvery: 20 * time.Millisecond})
	w.readEverything(t)
	before := withAlice(bobFor(user, role), role.ID)
	after := withAlice(bobFor(user), role.ID)
	wait(t, s, w.start(t, 8, w.plan(t, before)).ID, "completed", completed)
	admin := w.byHand(t, home.ID)
	admin.AttachPolicy(user.Name, administrator)
	w.readEverything(t)
	wait(t, s, w.start(t, 8, w.planChange(t, before, after)).ID, "completed", completed)
	w.checkMay(t, user, false, role)
	if !w.keepsDeny(t, role) {
		t.Fatalf("Bob does not keep the Deny: %s", w.state(t, role.ID).Roles["Bob"])
	}

	w.readEverything(t)
	calls := len(w.org.Calls())
	if got := w.push(t, s, w.plan(t, after), role.ID); got.State != access.TargetUnchanged || len(w.writes(calls)) > 0 {
		t.Errorf("a second push: the target is %s, and the writes are %v", got.State, w.writes(calls))
	}
	w.checkMay(t, user, false, role)

	admin.DetachPolicy(user.Name, administrator)
	w.readEverything(t)
	if got := w.push(t, s, w.plan(t, after), role.ID); got.State != access.TargetSucceeded || w.keepsDeny(t, role) {
		t.Errorf("after she is no administrator any more: the target is %s (%s), and Bob is %s",
			got.State, got.Message, w.state(t, role.ID).Roles["Bob"])
	}
	w.checkMay(t, user, false, role)
	if !w.admits(t, role, "alice", "Bob", inTheOffice) {
		t.Error("alice lost the role")
	}
}

// TestAbortOfARevocationKeepsTheDeny: the rollout is aborted between the closing trust policy and the write of
// heidi's policy. The next push keeps her out as long as her policy names the role.
func TestAbortOfARevocationKeepsTheDeny(t *testing.T) {
	w := newWorld(t)
	role, user := w.others(t, 1)[0], w.heidi(t)
	home := w.account(t, user.Account)
	w.edit(t, role, roleOf, trusting(home.ID))
	w.readEverything(t)
	look := w.watching(t, user, []access.Account{role})
	s := w.replica(t, rollout.Config{Cloud: look, MoveEvery: 20 * time.Millisecond})
	before, after := withAlice(bobFor(user, role), role.ID), withAlice(bobFor(user), role.ID)
	wait(t, s, w.start(t, 8, w.plan(t, before)).ID, "completed", completed)
	w.readEverything(t)
	r := w.stage(t, 4, wavesOf([]access.Account{role}), w.planChange(t, before, after))
	awaitApproval(t, s, r.ID, 1)
	if _, err := s.Abort(t.Context(), operator, r.ID, "wrong day"); err != nil {
		t.Fatal(err)
	}
	aborted := func(r access.Rollout) bool { return r.State == access.RolloutAborted && r.Counts.Running == 0 }
	wait(t, s, r.ID, "aborted", aborted)
	w.checkMay(t, user, false, role)
	if !w.keepsDeny(t, role) {
		t.Errorf("Bob does not keep the Deny: %s", w.state(t, role.ID).Roles["Bob"])
	}
	w.readEverything(t)
	w.push(t, s, w.plan(t, after), role.ID)
	w.checkMay(t, user, false, role)

	named := slices.Contains(look.names(w.state(t, home.ID).Users["contractors/heidi"][access.UserPolicyName]), role.ID)
	if named != w.keepsDeny(t, role) {
		t.Errorf("her policy names the role: %v; Bob keeps the Deny: %v", named, w.keepsDeny(t, role))
	}
}

// TestRevocationPlannedBeforeTheGrantWasWritten: a rollout grants heidi a role. A newer one takes the role away, and
// its plan was made before the older one wrote anything.
func TestRevocationPlannedBeforeTheGrantWasWritten(t *testing.T) {
	w := newWorld(t)
	role, user := w.others(t, 1)[0], w.heidi(t)
	home := w.account(t, user.Account)
	w.edit(t, role, roleOf, trusting(home.ID))
	w.readEverything(t)
	look := w.watching(t, user, []access.Account{role})
	s := w.replica(t, rollout.Config{Cloud: look, MoveEvery: 20 * time.Millisecond})
	with, without := withAlice(bobFor(user, role), role.ID), withAlice(bobFor(user), role.ID)
	older, newer := w.plan(t, with), w.planChange(t, with, without)
	one := w.stage(t, 8, wavesOf([]access.Account{role}), older)
	two := w.stage(t, 1, first(role), newer)
	awaitApproval(t, s, one.ID, 1)
	approve(t, s, one.ID, 1)
	wait(t, s, one.ID, "completed", completed)
	r := wait(t, s, two.ID, "completed", completed)
	w.checkMay(t, user, false, role)
	w.checkSucceeded(t, r.ID, role, home)
	if !w.keepsDeny(t, role) {
		t.Errorf("Bob does not keep the Deny for a user whose permissions the plan did not see: %s",
			w.state(t, role.ID).Roles["Bob"])
	}

	w.readEverything(t)
	if got := w.push(t, s, w.plan(t, without), role.ID); got.State != access.TargetSucceeded || w.keepsDeny(t, role) {
		t.Errorf("the next push is %s (%s), and Bob is %s", got.State, got.Message, w.state(t, role.ID).Roles["Bob"])
	}
	w.checkMay(t, user, false, role)
}

// TestRoleMovesToAnotherAccount: heidi loses Bob of one account and gets Bob of another, which is in a later wave. The
// first role is final after the first wave.
func TestRoleMovesToAnotherAccount(t *testing.T) {
	w := newWorld(t)
	roles, user := w.others(t, 2), w.heidi(t)
	home := w.account(t, user.Account)
	w.trustEverywhere(t, home, roles)
	w.readEverything(t)
	look := w.watching(t, user, roles)
	s := w.replica(t, rollout.Config{Cloud: look, MoveEvery: 20 * time.Millisecond})
	w.grant(t, s, user, roles[0])
	plan := w.planChange(t, bobFor(user, roles[0]), bobFor(user, roles[1]))
	look.forget()
	calls := len(w.org.Calls())
	r := w.stage(t, 1, wavesOf([]access.Account{home, roles[0]}), plan)
	awaitApproval(t, s, r.ID, 1)
	w.checkMay(t, user, false, roles...)
	if w.keepsDeny(t, roles[0]) {
		t.Errorf("Bob keeps the Deny although her policy is written: %s", w.state(t, roles[0].ID).Roles["Bob"])
	}
	approve(t, s, r.ID, 1)
	wait(t, s, r.ID, "completed", completed)
	w.checkSucceeded(t, r.ID, home, roles[0], roles[1])
	w.checkMay(t, user, false, roles[0])
	w.checkMay(t, user, true, roles[1])
	if got := w.writes(calls)[home.ID]; got != 2 || look.checkOrder(t, calls) != 1 {
		t.Errorf("her policy was written %d times, want it without the first role, then with the second one", got)
	}
}

// TestRevocationKeepsTheDenyWhereTheUserPolicyIsInConflict: another person edited the policy of heidi since the plan
// was made, so the rollout does not write it, and it still names the role.
func TestRevocationKeepsTheDenyWhereTheUserPolicyIsInConflict(t *testing.T) {
	w := newWorld(t)
	role, user := w.others(t, 1)[0], w.heidi(t)
	home := w.account(t, user.Account)
	w.edit(t, role, roleOf, trusting(home.ID))
	w.readEverything(t)
	look := w.watching(t, user, []access.Account{role})
	s := w.replica(t, rollout.Config{Cloud: look, MoveEvery: 20 * time.Millisecond})
	w.grant(t, s, user, role)
	plan := w.planChange(t, bobFor(user, role), bobFor(user))
	had := w.state(t, home.ID).Users["contractors/heidi"][access.UserPolicyName]
	w.edit(t, home, userOf(user), strings.ReplaceAll(had, "role/Bob", "role/*"))
	r := wait(t, s, w.stage(t, 1, first(role), plan).ID, "completed", completed)
	w.checkBlocked(t, r.ID, role.ID)
	if got := w.targetsOf(t, r.ID)[home.ID].State; got != access.TargetConflict {
		t.Errorf("the account of the user is %s, want a conflict", got)
	}
	w.checkMay(t, user, false, role)
	if !w.keepsDeny(t, role) {
		t.Errorf("Bob does not keep the Deny: %s", w.state(t, role.ID).Roles["Bob"])
	}

	w.edit(t, home, userOf(user), had)
	if _, err := s.Retry(t.Context(), operator, r.ID); err != nil {
		t.Fatal(err)
	}
	wait(t, s, r.ID, "completed", completed)
	w.checkSucceeded(t, r.ID, role, home)
	w.checkMay(t, user, false, role)
	if w.keepsDeny(t, role) {
		t.Errorf("after the retry, Bob keeps the Deny: %s", w.state(t, role.ID).Roles["Bob"])
	}
}
