package rollout_test

import (
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/rollout"
)

// rollBack rolls a rollout back as a strategy does, whatever it opens, and returns the rollout that restored the
// documents once it has ended.
func (w *world) rollBack(t *testing.T, s *rollout.Service, id int64) access.Rollout {
	t.Helper()
	_, err := w.store.UpdateProgress(t.Context(), id, func(
		r *access.Rollout, _ *access.WaveProgress,
	) ([]access.AuditEvent, error) {
		return nil, r.RollBack(operator.Ref(), "It was the wrong day.", time.Now(), access.RollbackFacts{Within: time.Hour})
	})
	if err != nil {
		t.Fatal(err)
	}
	r := wait(t, s, id, "rolled back", func(r access.Rollout) bool { return r.State == access.RolloutRolledBack })
	back, err := s.Rollout(t.Context(), operator, r.RolledBackBy)
	if err != nil {
		t.Fatal(err)
	}
	return back
}

// across is an organization in which statements of others in Bob of two accounts admit the account of a user. The
// account of the user comes after the others in a rollout.
func across(t *testing.T) (w *world, s *rollout.Service, look *watch, home access.Account, roles []access.Account) {
	t.Helper()
	w = newWorld(t)
	home, roles = w.some(8), w.others(t, 2)
	user := access.UserName{Account: home.ID, Path: "/", Name: "carol"}
	w.trustEverywhere(t, home, roles)
	w.readEverything(t)
	look = w.watching(t, user, roles)
	s = w.replica(t, rollout.Config{Cloud: look, MoveEvery: 20 * time.Millisecond})
	return w, s, look, home, roles
}

// TestRollbackOfAGrantClosesBeforeItRemoves: the rollback first writes the trust policies with a Deny for the user,
// then removes the policy of the user, then the Deny.
func TestRollbackOfAGrantClosesBeforeItRemoves(t *testing.T) {
	w, s, look, home, roles := across(t)
	was := w.state(t, roles[0].ID).Roles["Bob"]
	r := wait(t, s, w.start(t, 1, w.plan(t, bobFor(look.user, roles...))).ID, "completed", completed)
	w.checkMay(t, look.user, true, roles...)

	calls := len(w.org.Calls())
	back := w.rollBack(t, s, r.ID)
	w.checkSucceeded(t, back.ID, home, roles[0], roles[1])
	w.checkMay(t, look.user, false, roles...)
	if got := w.writes(calls); got[home.ID] != 1 || got[roles[0].ID] != 2 || got[roles[1].ID] != 2 {
		t.Errorf("the writes are %v, want two of each role, and the policy of the user",
			got)
	}
	if got := w.state(t, roles[0].ID).Roles["Bob"]; !iam.Equal(got, was, nil) {
		t.Errorf("Bob is %s, want %s", got, was)
	}
	done := look.ofRollouts(calls)
	removed := lastCall(done, func(c sandbox.Call) bool { return c.Action == "iam:DeleteUserPolicy" })
	for _, a := range roles {
		checkVerified(t, done[:removed], a.ID)
		if lastCall(done, trustOf(a)) < removed {
			t.Errorf("the final trust policy of %s was written before the policy of the user", a.ID)
		}
	}
}

func trustOf(a access.Account) func(sandbox.Call) bool {
	return func(c sandbox.Call) bool { return c.Action == "iam:UpdateAssumeRolePolicy" && c.Account == a.ID }
}

// TestRollbackOfAGrantKeepsTheDenyForADeadAccount: the account of the user refuses all calls during the rollback. A
// retry of the rollback completes it.
func TestRollbackOfAGrantKeepsTheDenyForADeadAccount(t *testing.T) {
	w, s, look, home, roles := across(t)
	r := wait(t, s, w.start(t, 4, w.plan(t, bobFor(look.user, roles...))).ID, "completed", completed)
	w.org.SetFaults(refusing(home.ID))
	back := w.rollBack(t, s, r.ID)
	for _, a := range roles {
		w.checkBlocked(t, back.ID, a.ID)
		if !w.keepsDeny(t, a) {
			t.Errorf("Bob of %s does not keep the Deny: %s", a.ID, w.state(t, a.ID).Roles["Bob"])
		}
	}
	w.checkMay(t, look.user, false, roles...)
	w.org.SetFaults(sandbox.Faults{})
	if _, err := s.Retry(t.Context(), operator, back.ID); err != nil {
		t.Fatal(err)
	}
	wait(t, s, back.ID, "completed", completed)
	w.checkSucceeded(t, back.ID, home, roles[0], roles[1])
	w.checkMay(t, look.user, false, roles...)
	if w.keepsDeny(t, roles[0]) || w.keepsDeny(t, roles[1]) {
		t.Error("after the retry, a role keeps the Deny")
	}
}

// TestRollbackOfARevocationOpensOnlyVerifiedRoles: one of the two role accounts refuses all calls during the
// rollback. The policy of the user gets the other role back, and the first one after a retry.
func TestRollbackOfARevocationOpensOnlyVerifiedRoles(t *testing.T) {
	w, s, look, home, roles := across(t)
	w.grant(t, s, look.user, roles...)
	plan := w.planChange(t, bobFor(look.user, roles...), bobFor(look.user))
	r := wait(t, s, w.start(t, 4, plan).ID, "completed", completed)
	w.checkMay(t, look.user, false, roles...)

	w.org.SetFaults(refusing(roles[1].ID))
	look.forget()
	calls := len(w.org.Calls())
	back := w.rollBack(t, s, r.ID)
	w.checkBlocked(t, back.ID, home.ID)
	w.checkMay(t, look.user, true, roles[0])
	w.checkMay(t, look.user, false, roles[1])

	w.org.SetFaults(sandbox.Faults{})
	if _, err := s.Retry(t.Context(), operator, back.ID); err != nil {
		t.Fatal(err)
	}
	wait(t, s, back.ID, "completed", completed)
	w.checkSucceeded(t, back.ID, home, roles[0], roles[1])
	w.checkMay(t, look.user, true, roles...)
	if n := look.checkOrder(t, calls); n != 2 {
		t.Errorf("%d roles were opened again, want 2", n)
	}
}

// TestRollbackBetweenTheWavesOfAGrant: the user has one of two roles, and the target of the user waits to continue in
// the next wave.
func TestRollbackBetweenTheWavesOfAGrant(t *testing.T) {
	w, s, look, home, roles := across(t)
	r := w.stage(t, 4, wavesOf([]access.Account{home, roles[0]}), w.plan(t, bobFor(look.user, roles...)))
	awaitApproval(t, s, r.ID, 1)
	w.checkMay(t, look.user, true, roles[0])
	w.checkMay(t, look.user, false, roles[1])
	back := w.rollBack(t, s, r.ID)
	w.checkSucceeded(t, back.ID, home, roles[0])
	w.checkMay(t, look.user, false, roles...)
	if got := w.state(t, home.ID).Users["carol"][access.UserPolicyName]; got != "" {
		t.Errorf("the user has the policy %s", got)
	}
	for _, a := range roles {
		if got := w.state(t, a.ID).Roles["Bob"]; !iam.Equal(got, trusting(home.ID), nil) {
			t.Errorf("Bob of %s is %s", a.ID, got)
		}
	}
}

// TestRollbackBetweenTheWavesOfARevocation: one role has the closing trust policy, and the policy of the user still
// names it.
func TestRollbackBetweenTheWavesOfARevocation(t *testing.T) {
	w, s, look, home, roles := across(t)
	w.grant(t, s, look.user, roles...)
	had := w.state(t, roles[0].ID).Roles["Bob"]
	r := w.stage(t, 4, wavesOf(roles[:1]), w.planChange(t, bobFor(look.user, roles...), bobFor(look.user)))
	awaitApproval(t, s, r.ID, 1)
	w.checkMay(t, look.user, false, roles[0])
	w.checkMay(t, look.user, true, roles[1])
	if !w.keepsDeny(t, roles[0]) {
		t.Errorf("Bob does not keep the Deny: %s", w.state(t, roles[0].ID).Roles["Bob"])
	}
	back := w.rollBack(t, s, r.ID)
	w.checkSucceeded(t, back.ID, roles[0])
	w.checkMay(t, look.user, true, roles...)
	if got := w.state(t, roles[0].ID).Roles["Bob"]; !iam.Equal(got, had, nil) {
		t.Errorf("Bob is %s, want %s", got, had)
	}
	if got := w.targetsOf(t, r.ID)[home.ID].State; got != access.TargetSkipped {
		t.Errorf("the account of the user, which was not started, is %s", got)
	}
}
