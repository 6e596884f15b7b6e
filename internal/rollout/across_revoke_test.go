package rollout_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/internal/rollout"
	"portcullis.internal/portcullis/test/harness"
)

const administrator = "arn:aws:iam::aws:policy/AdministratorAccess"

// bobFor is a state in which a user has Bob of some accounts.
func bobFor(user access.UserName, accounts ...access.Account) access.State {
	m := access.Mapping{
		ID: "mp-user", Role: access.RoleName{Path: "/", Name: "Bob"},
		Allowlists: []string{"office"}, Users: []access.UserName{user},
	}
	for _, a := range accounts {
		m.Accounts.IDs = append(m.Accounts.IDs, a.ID)
	}
	state := desiredState(office...)
	state.Mappings = nil
	if len(accounts) > 0 {
		state.Mappings = []access.Mapping{m.OrDefault()}
	}
	return state
}

func (w *world) heidi(t *testing.T) access.UserName {
	t.Helper()
	user := heidi
	user.Account = w.identity(t).ID
	return user
}

// may asks the organization whether a user may assume Bob of an account.
func (w *world) may(t *testing.T, user access.UserName, account access.Account, address string) bool {
	t.Helper()
	answer, err := w.prober(t, user, address).Probe(t.Context(), account, access.RoleName{Path: "/", Name: "Bob"})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Allowed
}

// checkMay fails unless a user gets into Bob of some accounts from the office as wanted, and never from elsewhere.
func (w *world) checkMay(t *testing.T, user access.UserName, want bool, roles ...access.Account) {
	t.Helper()
	for _, a := range roles {
		if w.may(t, user, a, elsewhere) {
			t.Errorf("%s assumed Bob of %s from %s", user.Name, a.ID, elsewhere)
		}
		if got := w.may(t, user, a, inTheOffice); got != want {
			t.Errorf("%s in Bob of %s from the office: %v, want %v", user.Name, a.ID, got, want)
		}
	}
}

// grant gives a user Bob of some accounts, and reads everything again.
func (w *world) grant(t *testing.T, s *rollout.Service, user access.UserName, roles ...access.Account) {
	t.Helper()
	wait(t, s, w.start(t, 8, w.plan(t, bobFor(user, roles...))).ID, "completed", completed)
	w.checkMay(t, user, true, roles...)
	w.readEverything(t)
}

// writeAll writes all documents of a plan without a rollout.
func (w *world) writeAll(t *testing.T, plan access.Plan) {
	t.Helper()
	for target := range plan.Targets() {
		for _, op := range target.Operations {
			w.edit(t, w.account(t, target.Account), op.Resource, op.After)
		}
	}
}

// keepsDeny reports whether Bob of an account denies the users who were removed from it.
func (w *world) keepsDeny(t *testing.T, account access.Account) bool {
	t.Helper()
	return strings.Contains(w.state(t, account.ID).Roles["Bob"], "DenyRevoked")
}

// account is an account of the organization.
func (w *world) account(t *testing.T, id access.AccountID) access.Account {
	t.Helper()
	i := slices.IndexFunc(w.all, func(a access.Account) bool { return a.ID == id })
	if i < 0 {
		t.Fatalf("the organization has no account %s", id)
	}
	return w.all[i]
}

// first is a strategy that takes some accounts before all others.
func first(accounts ...access.Account) access.Strategy {
	s := wavesOf(accounts)
	s.Waves[0].RequiresApproval = false
	return s
}

// reaper ends a worker at each step of each visit of a target, once. It needs a rollout with one target in flight.
type reaper struct {
	mu     sync.Mutex
	visits int
	died   map[string]bool
	after  func(step string)
}

func (r *reaper) fault(p rollout.Point) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	step := fmt.Sprintf("visit %d, %s", r.visits+1, p)
	if p == rollout.PointFinished {
		r.visits++
	}
	if r.died[step] {
		return nil
	}
	r.died[step] = true
	r.after(step)
	return fmt.Errorf("%s: %w", step, errKilled)
}

// check fails unless there were so many visits, and a death at each step of each. The last step of a visit is after its
// end was committed.
func (r *reaper) check(t *testing.T, visits int) {
	t.Helper()
	harness.Eventually(t, patience, "the last visit is over", func() (bool, string) {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.visits == visits && len(r.died) >= 6*visits, fmt.Sprintf("%d visits, %d deaths", r.visits, len(r.died))
	})
}

// TestRevocationSurvivesADeathAtEachStep: a statement of others in Bob admits the account of the user. The worker
// dies once at each step of the closing trust policy, the policy of the user and the final trust policy. The user
// never gets in from elsewhere, and the three documents are written once.
func TestRevocationSurvivesADeathAtEachStep(t *testing.T) {
	for name, visits := range map[string]int{"heidi": 3, "carol": 2} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			role, user := w.others(t, 1)[0], w.heidi(t)
			if name == "carol" {
				user = access.UserName{Account: role.ID, Path: "/", Name: "carol"}
			}
			w.edit(t, role, roleOf, trusting(user.Account))
			w.readEverything(t)
			w.writeAll(t, w.plan(t, bobFor(user, role)))
			w.checkMay(t, user, true, role)
			w.readEverything(t)
			look := w.watching(t, user, []access.Account{role})
			death := &reaper{died: map[string]bool{}, after: look.look}
			s := w.replica(t, rollout.Config{
				Cloud: look, Lease: 600 * time.Millisecond, RequeueEvery: 100 * time.Millisecond,
				MoveEvery: 20 * time.Millisecond, ConfirmClaimEvery: -1, Fault: death.fault,
			})

			plan := w.planChange(t, bobFor(user, role), bobFor(user))
			calls := len(w.org.Calls())
			r := w.stage(t, 1, first(role), plan)
			wait(t, s, r.ID, "completed", completed)
			w.checkSucceeded(t, r.ID, role, w.account(t, user.Account))
			w.checkMay(t, user, false, role)
			if w.keepsDeny(t, role) {
				t.Errorf("Bob keeps the Deny: %s", w.state(t, role.ID).Roles["Bob"])
			}
			total := 0
			for _, n := range w.writes(calls) {
				total += n
			}
			if total != 3 {
				t.Errorf("%d writes, want 3", total)
			}
			death.check(t, visits)
		})
	}
}

// TestRevocationKeepsTheDenyOfAnAdministrator: heidi has AdministratorAccess when the plan is made, and a statement
// of others admits her account. The final trust policy keeps her out.
func TestRevocationKeepsTheDenyOfAnAdministrator(t *testing.T) {
	w := newWorld(t)
	role, user := w.others(t, 1)[0], w.heidi(t)
	w.edit(t, role, roleOf, trusting(user.Account))
	w.readEverything(t)
	look := w.watching(t, user, []access.Account{role})
	s := w.replica(t, rollout.Config{Cloud: look, MoveEvery: 20 * time.Millisecond})
	w.grant(t, s, user, role)
	w.byHand(t, user.Account).AttachPolicy(user.Name, administrator)
	w.readEverything(t)

	plan := w.planChange(t, bobFor(user, role), bobFor(user))
	r := w.stage(t, 1, first(role), plan)
	wait(t, s, r.ID, "completed", completed)
	w.checkSucceeded(t, r.ID, role, w.account(t, user.Account))
	w.checkMay(t, user, false, role)
	w.checkHolds(t, plan)
	if !w.keepsDeny(t, role) {
		t.Errorf("Bob does not keep the Deny: %s", w.state(t, role.ID).Roles["Bob"])
	}
	look.checkLooked(t, 4)

	// The test can fail: without the Deny, the organization admits her.
	w.edit(t, role, roleOf, trusting(user.Account))
	if !w.may(t, user, role, elsewhere) {
		t.Error("the organization does not admit an administrator by the statement of others")
	}
}

// TestRevocationWaitsForADeadAccount: heidi's account refuses all calls, so her policy stays and names the role. The
// Deny stays, too, until a retry has written her policy.
func TestRevocationWaitsForADeadAccount(t *testing.T) {
	w := newWorld(t)
	role, user := w.others(t, 1)[0], w.heidi(t)
	home := w.account(t, user.Account)
	w.edit(t, role, roleOf, trusting(home.ID))
	w.readEverything(t)
	look := w.watching(t, user, []access.Account{role})
	s := w.replica(t, rollout.Config{Cloud: look, MoveEvery: 20 * time.Millisecond})
	w.grant(t, s, user, role)
	plan := w.planChange(t, bobFor(user, role), bobFor(user))
	w.org.SetFaults(refusing(home.ID))
	r := w.stage(t, 4, first(role), plan)
	wait(t, s, r.ID, "completed", completed)
	w.checkBlocked(t, r.ID, role.ID)
	w.checkMay(t, user, false, role)
	if !w.keepsDeny(t, role) {
		t.Errorf("Bob does not keep the Deny: %s", w.state(t, role.ID).Roles["Bob"])
	}

	w.org.SetFaults(sandbox.Faults{})
	if _, err := s.Retry(t.Context(), operator, r.ID); err != nil {
		t.Fatal(err)
	}
	wait(t, s, r.ID, "completed", completed)
	w.checkSucceeded(t, r.ID, role, home)
	w.checkMay(t, user, false, role)
	if w.keepsDeny(t, role) || w.state(t, home.ID).Users["contractors/heidi"][access.UserPolicyName] != "" {
		t.Errorf("after the retry, Bob is %s", w.state(t, role.ID).Roles["Bob"])
	}
}

// TestAccountThatLeavesASelectorIsClosed: the mapping keeps one of heidi's two accounts.
func TestAccountThatLeavesASelectorIsClosed(t *testing.T) {
	w := newWorld(t)
	roles, user := w.others(t, 2), w.heidi(t)
	home := w.account(t, user.Account)
	w.trustEverywhere(t, home, roles)
	w.readEverything(t)
	look := w.watching(t, user, roles)
	s := w.replica(t, rollout.Config{Cloud: look, MoveEvery: 20 * time.Millisecond})
	w.grant(t, s, user, roles...)

	plan := w.planChange(t, bobFor(user, roles...), bobFor(user, roles[0]))
	calls := len(w.org.Calls())
	strategy := first(roles[1])
	strategy.Waves[0].RequiresApproval = true
	r := w.stage(t, 4, strategy, plan)
	awaitApproval(t, s, r.ID, 1)
	if !w.keepsDeny(t, roles[1]) {
		t.Errorf("before heidi's policy is written, Bob does not keep the Deny: %s",
			w.state(t, roles[1].ID).Roles["Bob"])
	}
	w.checkMay(t, user, false, roles[1])
	approve(t, s, r.ID, 1)
	wait(t, s, r.ID, "completed", completed)
	w.checkSucceeded(t, r.ID, roles[1], home)
	w.checkMay(t, user, true, roles[0])
	w.checkMay(t, user, false, roles[1])
	got := w.writes(calls)
	if got[roles[0].ID] != 0 || got[roles[1].ID] != 2 || got[home.ID] != 1 || w.keepsDeny(t, roles[1]) {
		t.Errorf("the writes are %v, and the account that left has %s", got, w.state(t, roles[1].ID).Roles["Bob"])
	}
}

// TestStatementOfOthersSinceThePlanKeepsTheDeny: only our statements admit heidi when the plan is made. Another
// person adds a statement that admits her account before the push.
func TestStatementOfOthersSinceThePlanKeepsTheDeny(t *testing.T) {
	w := newWorld(t)
	role, user := w.others(t, 1)[0], w.heidi(t)
	look := w.watching(t, user, []access.Account{role})
	s := w.replica(t, rollout.Config{Cloud: look, MoveEvery: 20 * time.Millisecond})
	w.grant(t, s, user, role)
	plan := w.planChange(t, bobFor(user, role), bobFor(user))
	_, added, _ := strings.Cut(trusting(user.Account), `"Statement":[`)
	added = `"Statement":[` + strings.TrimSuffix(added, "]}") + ","
	w.edit(t, role, roleOf, strings.Replace(w.state(t, role.ID).Roles["Bob"], `"Statement":[`, added, 1))

	strategy := first(role)
	strategy.Waves[0].RequiresApproval = true
	r := w.stage(t, 4, strategy, plan)
	awaitApproval(t, s, r.ID, 1)
	w.checkMay(t, user, false, role) // her policy still names the role
	approve(t, s, r.ID, 1)
	wait(t, s, r.ID, "completed", completed)
	w.checkSucceeded(t, r.ID, role, w.account(t, user.Account))
	w.checkMay(t, user, false, role)
	if bob := w.state(t, role.ID).Roles["Bob"]; !w.keepsDeny(t, role) || !strings.Contains(bob, "TheirAccount") {
		t.Errorf("Bob does not keep the Deny and the statement of others: %s", bob)
	}
}

// TestRevocationOfADeletedUser: heidi is deleted between the plan and the push, so AWS refuses every trust policy
// that names her.
func TestRevocationOfADeletedUser(t *testing.T) {
	w := newWorld(t)
	role, user := w.others(t, 1)[0], w.heidi(t)
	home := w.account(t, user.Account)
	w.edit(t, role, roleOf, trusting(home.ID))
	w.readEverything(t)
	s := w.replica(t, rollout.Config{MoveEvery: 20 * time.Millisecond})
	w.grant(t, s, user, role)
	plan := w.planChange(t, bobFor(user, role), bobFor(user))
	w.byHand(t, home.ID).DeleteUser(user.Name)
	r := w.stage(t, 1, first(role), plan)
	wait(t, s, r.ID, "completed", completed)
	w.checkSucceeded(t, r.ID, role)
	if got := w.targetsOf(t, r.ID)[home.ID]; got.State != access.TargetUnchanged {
		t.Errorf("the identity account is %s (%s)", got.State, got.Message)
	}
	if got := w.state(t, role.ID).Roles["Bob"]; !same(got, trusting(home.ID)) {
		t.Errorf("Bob is %s", got)
	}
}
