package rollout_test

import (
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/rollout"
	"portcullis.internal/portcullis/test/harness"
)

// byHand changes users of an account as its administrator does.
func (w *world) byHand(t *testing.T, account access.AccountID) harness.Administrator {
	t.Helper()
	return harness.NewAdministrator(t, w.endpoint, w.org.Credentials(), account)
}

// recreateUser deletes a user and creates one of the same name, as a person does by hand.
func (w *world) recreateUser(t *testing.T, account access.AccountID, name string) {
	t.Helper()
	admin := w.byHand(t, account)
	admin.DeleteUser(name)
	admin.CreateUser(name)
}

// push runs a plan to its end, and returns the target of an account.
func (w *world) push(t *testing.T, s *rollout.Service, p access.Plan, account access.AccountID) access.Target {
	t.Helper()
	return w.targetsOf(t, wait(t, s, w.start(t, 8, p).ID, "completed", completed).ID)[account]
}

// checkNames fails unless the trust policy of Bob names users of the account, as IAM shows only
// users who exist, and no unique id of a deleted one.
func (w *world) checkNames(t *testing.T, account access.AccountID, users ...string) {
	t.Helper()
	bob := w.state(t, account).Roles["Bob"]
	for _, u := range users {
		if !strings.Contains(bob, ":user/"+u+`"`) {
			t.Errorf("Bob does not name %s: %s", u, bob)
		}
	}
	if strings.Contains(bob, "AIDA") {
		t.Errorf("Bob names a deleted user: %s", bob)
	}
}

// TestPushAdmitsARecreatedUser: the plan is older than the new user, who has another unique id. The
// push itself sees that, and a second push has nothing to write.
func TestPushAdmitsARecreatedUser(t *testing.T) {
	w := newWorld(t)
	s := w.replica(t, rollout.Config{})
	state, account := desiredState(office...), w.some(3).ID
	w.push(t, s, w.plan(t, state), account)

	plan := w.plan(t, state)
	w.recreateUser(t, account, "carol")
	if bob := w.state(t, account).Roles["Bob"]; !strings.Contains(bob, "AIDA") {
		t.Fatalf("the organization does not show the id of the deleted user: %s", bob)
	}
	target := w.push(t, s, plan, account)
	if target.State != access.TargetSucceeded || target.Calls.Writes != 2 {
		t.Errorf("the target is %s (%s) after %d writes, want Bob and carol's policy written",
			target.State, target.Message, target.Calls.Writes)
	}
	w.checkNames(t, account, "alice", "carol")
	w.checkHolds(t, plan)

	before := len(w.org.Calls())
	if target := w.push(t, s, plan, account); target.State != access.TargetUnchanged {
		t.Errorf("the second push is %s (%s), want unchanged", target.State, target.Message)
	}
	if writes := w.writes(before); len(writes) != 0 {
		t.Errorf("the second push wrote %v", writes)
	}

	w.recreateUser(t, account, "carol")
	if target := w.push(t, s, plan, account); target.State != access.TargetSucceeded {
		t.Errorf("after another recreation the same plan is %s (%s), want succeeded", target.State, target.Message)
	}
	w.checkNames(t, account, "alice", "carol")
	w.checkHolds(t, plan)
}

// TestPushDoesNotWriteWhatShowsTheARN: another user is recreated, and the trust policy names only
// users whose unique ids have stayed valid.
func TestPushDoesNotWriteWhatShowsTheARN(t *testing.T) {
	w := newWorld(t)
	s := w.replica(t, rollout.Config{})
	account := w.some(3).ID
	plan := w.plan(t, desiredState(office...))
	w.push(t, s, plan, account)
	plan = w.plan(t, desiredState(office...))
	w.byHand(t, account).CreateUser("zoe")
	w.recreateUser(t, account, "zoe")
	before := len(w.org.Calls())
	if target := w.push(t, s, plan, account); target.State != access.TargetUnchanged {
		t.Errorf("the target is %s (%s), want unchanged", target.State, target.Message)
	}
	if writes := w.writes(before); len(writes) != 0 {
		t.Errorf("the push wrote %v", writes)
	}
}

// TestRollbackAdmitsARecreatedUser: what the rollout replaced shows the id of the deleted user. The
// rollback restores the allowlist, and names the user who exists now.
func TestRollbackAdmitsARecreatedUser(t *testing.T) {
	w := newWorld(t)
	s := w.replica(t, rollout.Config{})
	account := w.some(3).ID
	first := w.plan(t, desiredState(office...))
	w.push(t, s, first, account)
	plan := w.plan(t, desiredState(append(office, "12.148.80.0/22")...))
	w.recreateUser(t, account, "carol")
	r := wait(t, s, w.start(t, 8, plan).ID, "completed", completed)
	w.checkNames(t, account, "alice", "carol")
	if _, err := s.RollBack(t.Context(), operator, r.ID, "test"); err != nil {
		t.Fatal(err)
	}
	undone := func(r access.Rollout) bool { return r.State == access.RolloutRolledBack }
	r = wait(t, s, r.ID, "rolled back", undone)
	if target := w.targetsOf(t, r.RolledBackBy)[account]; target.State != access.TargetSucceeded {
		t.Errorf("the target of the rollback is %s (%s), want succeeded", target.State, target.Message)
	}
	w.checkNames(t, account, "alice", "carol")
	if bob := w.state(t, account).Roles["Bob"]; strings.Contains(bob, "12.148.80.0/22") {
		t.Errorf("Bob was not rolled back: %s", bob)
	}
}
