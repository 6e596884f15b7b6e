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

var reviewer = access.Actor{
	Kind: access.ActorPerson, PersonID: 2, Name: "reviewer", Roles: []access.Role{access.RoleApprover},
}

// erinOf is erin of an account.
func erinOf(account access.AccountID) access.UserName {
	return access.UserName{Account: account, Path: "/", Name: "erin"}
}

// withoutUnreachable makes accounts reachable in which nothing works.
func (w *world) withoutUnreachable(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		a := w.named(t, name)
		w.org.SetAccountState(a.ID, access.AccountActive)
		w.byHand(t, a.ID).SetTrust(sandbox.DeployRole, w.state(t, w.some(0).ID).Roles[sandbox.DeployRole])
	}
	w.readEverything(t)
}

// checkErin fails unless erin gets into Bob of an account from the office as wanted, and never from elsewhere.
func (w *world) checkErin(t *testing.T, home access.Account, open bool, roles ...access.Account) {
	t.Helper()
	for _, a := range roles {
		if w.letsIn(t, home, "erin", a, elsewhere) {
			t.Errorf("erin assumed Bob of %s from %s", a.ID, elsewhere)
		}
		if got := w.letsIn(t, home, "erin", a, inTheOffice); got != open {
			t.Errorf("erin in Bob of %s from the office: %v, want %v", a.ID, got, open)
		}
	}
}

// planErin plans erin's policy, which names each role once for any account.
func (w *world) planErin(t *testing.T, home access.AccountID) access.Plan {
	t.Helper()
	state := desiredState(office...)
	state.Mappings = nil
	plan := w.plan(t, withErin(state, home))
	if policy := plannedUserPolicy(t, plan, home, "erin"); !strings.Contains(policy, `"arn:aws:iam::*:role/Bob"`) {
		t.Fatalf("erin's policy has no patterns: %s", policy)
	}
	return plan
}

// TestPatternIsWrittenAfterAllAccounts: all accounts can be reached, so the policy with the patterns is the last
// document that is written, after all trust policies were written and read back.
func TestPatternIsWrittenAfterAllAccounts(t *testing.T) {
	w := newWorld(t)
	w.withoutUnreachable(t, "acquired-shop", "legacy-crm")
	home, roles := w.some(8), w.others(t, 4)
	w.trustEverywhere(t, home, roles)
	look := w.watching(t, erinOf(home.ID), roles)
	s := w.replica(t, rollout.Config{Cloud: look})
	w.readEverything(t)
	plan := w.planErin(t, home.ID)
	calls := len(w.org.Calls())
	r := wait(t, s, w.start(t, 8, plan).ID, "completed", completed)
	if r.Counts.Succeeded != targets {
		t.Errorf("the counts are %+v, want all %d succeeded", r.Counts, targets)
	}
	w.checkErin(t, home, true, roles...)

	done := look.ofRollouts(calls)
	put := lastCall(done, func(c sandbox.Call) bool { return c.Action == "iam:PutUserPolicy" })
	trust := lastCall(done, func(c sandbox.Call) bool { return c.Action == "iam:UpdateAssumeRolePolicy" })
	if put < trust || len(look.written()) != 1 {
		t.Errorf("the policy of erin was written %d times, last in call %d; the last trust policy in call %d",
			len(look.written()), put, trust)
	}
	for _, a := range w.all {
		if !a.Management {
			checkVerified(t, done[:put], a.ID)
		}
	}
}

// TestPatternWaitsForAReviewerWhereAnAccountIsDead: one account cannot be reached, so the policy with the patterns is
// not written. It is written by a retry after another person than the one who started the rollout has accepted that
// account.
func TestPatternWaitsForAReviewerWhereAnAccountIsDead(t *testing.T) {
	w := newWorld(t)
	w.withoutUnreachable(t, "legacy-crm")
	home, dead, roles := w.some(8), w.named(t, "acquired-shop"), w.others(t, 4)
	w.trustEverywhere(t, home, roles)
	look := w.watching(t, erinOf(home.ID), append(slices.Clone(roles), dead))
	s := w.replica(t, rollout.Config{Cloud: look})
	w.readEverything(t)
	r := wait(t, s, w.start(t, 8, w.planErin(t, home.ID)).ID, "completed", completed)
	w.checkBlocked(t, r.ID, home.ID)
	if got := w.targetsOf(t, r.ID)[home.ID].Message; !strings.Contains(got, string(dead.ID)) {
		t.Errorf("the target does not name the dead account: %s", got)
	}
	w.checkErin(t, home, false, roles...)

	retry := func() access.Target {
		t.Helper()
		if _, err := s.RetryTarget(t.Context(), operator, r.ID, home.ID); err != nil {
			t.Fatal(err)
		}
		wait(t, s, r.ID, "completed", completed)
		return w.targetsOf(t, r.ID)[home.ID]
	}
	if err := w.openAnyway(t, r.ID, operator, dead.ID); access.KindOf(err) != access.KindForbidden {
		t.Errorf("the person who started the rollout accepts an account: %v, want KindForbidden", err)
	}
	if err := w.openAnyway(t, r.ID, reviewer, roles[0].ID); err != nil {
		t.Fatal(err)
	}
	if got := retry(); got.Class != access.CloudBlocked || len(look.written()) > 0 {
		t.Errorf("with another account accepted, the target is %s (%s), and the policy was written %d times",
			got.State, got.Class, len(look.written()))
	}
	if err := w.openAnyway(t, r.ID, reviewer, dead.ID); err != nil {
		t.Fatal(err)
	}
	if got := retry(); got.State != access.TargetSucceeded || len(look.written()) != 1 {
		t.Errorf("the target is %s (%s), and the policy was written %d times", got.State, got.Message, len(look.written()))
	}
	w.checkErin(t, home, true, roles...)
}

// openAnyway accepts the roles of an account without proof.
func (w *world) openAnyway(t *testing.T, id int64, by access.Actor, account access.AccountID) error {
	t.Helper()
	accept := func(r *access.Rollout, _ *access.WaveProgress) ([]access.AuditEvent, error) {
		return nil, r.OpenAnyway(by, access.Groups{}, []access.AccountID{account})
	}
	_, err := w.store.UpdateProgress(t.Context(), id, accept)
	return err
}

// TestReviewerOpensTheOnlyRole: the policy of heidi opens a single role, in an account that cannot be reached. Another
// person accepts that account.
func TestReviewerOpensTheOnlyRole(t *testing.T) {
	w := newWorld(t)
	dead, user := w.named(t, "acquired-shop"), w.heidi(t)
	home := w.account(t, user.Account)
	s := w.replica(t, rollout.Config{MoveEvery: 20 * time.Millisecond})
	r := wait(t, s, w.start(t, 8, w.plan(t, bobFor(user, dead))).ID, "completed", completed)
	w.checkBlocked(t, r.ID, home.ID)
	if err := w.openAnyway(t, r.ID, reviewer, dead.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RetryTarget(t.Context(), operator, r.ID, home.ID); err != nil {
		t.Fatal(err)
	}
	wait(t, s, r.ID, "completed", completed)
	w.checkSucceeded(t, r.ID, home)
	got := w.state(t, home.ID).Users["contractors/heidi"][access.UserPolicyName]
	if !strings.Contains(got, string(dead.ID)) {
		t.Errorf("heidi has the policy %q", got)
	}
}

// TestPatternDoesNotOpenARoleOfAnotherAccount: erin's roles are in all accounts but one. Her patterns cover Bob of that
// account, too, which a statement of others opens to her account. Once that statement is gone, a retry writes her
// policy.
func TestPatternDoesNotOpenARoleOfAnotherAccount(t *testing.T) {
	w := newWorld(t)
	w.withoutUnreachable(t, "acquired-shop", "legacy-crm")
	home, roles := w.some(8), w.others(t, 3)
	other := roles[0]
	service := w.state(t, other.ID).Roles["Bob"]
	w.trustEverywhere(t, home, roles)
	w.readEverything(t)
	look := w.watching(t, erinOf(home.ID), roles)
	s := w.replica(t, rollout.Config{Cloud: look, MoveEvery: 20 * time.Millisecond})
	state := desiredState(office...)
	state.Mappings = nil
	state = withErin(state, home.ID)
	for i := range state.Mappings {
		state.Mappings[i].Accounts.Except = []string{string(other.ID)}
	}
	plan := w.plan(t, state)
	if policy := plannedUserPolicy(t, plan, home.ID, "erin"); !strings.Contains(policy, `"arn:aws:iam::*:role/Bob"`) {
		t.Fatalf("erin's policy has no patterns: %s", policy)
	}
	r := wait(t, s, w.start(t, 8, plan).ID, "completed", completed)
	w.checkBlocked(t, r.ID, home.ID)
	got := w.targetsOf(t, r.ID)[home.ID].Message
	if !strings.Contains(got, "Role Bob in account "+string(other.ID)) {
		t.Errorf("the target does not name the role that stays closed: %s", got)
	}
	w.checkErin(t, home, false, roles...)

	w.edit(t, other, roleOf, service)
	if _, err := s.RetryTarget(t.Context(), operator, r.ID, home.ID); err != nil {
		t.Fatal(err)
	}
	wait(t, s, r.ID, "completed", completed)
	w.checkErin(t, home, true, roles[1:]...)
	w.checkErin(t, home, false, other)
}
