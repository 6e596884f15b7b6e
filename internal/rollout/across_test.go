package rollout_test

import (
	"slices"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/internal/rollout"
)

const (
	elsewhere   = "8.8.8.8"
	inTheOffice = "103.15.250.7"
)

var (
	heidi  = access.UserName{Path: "/contractors/", Name: "heidi"}
	roleOf = access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}
)

// identity is the account of the users who work in other accounts.
func (w *world) identity(t *testing.T) access.Account {
	t.Helper()
	i := slices.IndexFunc(w.all, func(a access.Account) bool { return a.Name == "identity" })
	if i < 0 {
		t.Fatal("the organization has no identity account")
	}
	return w.all[i]
}

// others are accounts that can be reached and are not the identity account.
func (w *world) others(t *testing.T, n int) []access.Account {
	t.Helper()
	var found []access.Account
	for _, a := range w.all {
		if a.ID != w.identity(t).ID && w.reachable(a.ID) && len(found) < n {
			found = append(found, a)
		}
	}
	return found
}

// letsIn asks the organization whether a user of one account may assume Bob in another.
func (w *world) letsIn(t *testing.T, home access.Account, user string, account access.Account, address string) bool {
	t.Helper()
	all := w.org.AccountCredentials(home.ID)
	keys := all[slices.IndexFunc(all, func(c sandbox.Credential) bool { return c.User == user })]
	prober, err := aws.NewProber(t.Context(), aws.Config{
		Region: "us-east-1", Endpoint: w.endpoint + "/from/" + address, AccessKeyID: keys.AccessKeyID, SecretAccessKey: keys.SecretAccessKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := prober.Probe(t.Context(), account, access.RoleName{Path: "/", Name: "Bob"})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Allowed
}

// trusting is a trust policy of others that leaves it to an account whom it lets in.
func trusting(home access.AccountID) string {
	return `{"Version":"2012-10-17","Statement":[{"Sid":"TheirAccount","Effect":"Allow",` +
		`"Principal":{"AWS":"arn:aws:iam::` + string(home) + `:root"},"Action":"sts:AssumeRole"}]}`
}

// withHeidi adds Bob of some accounts for heidi of the identity account.
func withHeidi(state access.State, home access.AccountID, accounts []access.Account) access.State {
	m := access.Mapping{ID: "mp-heidi", Role: access.RoleName{Path: "/", Name: "Bob"}, Allowlists: []string{"office"}}
	for _, a := range accounts {
		m.Accounts.IDs = append(m.Accounts.IDs, a.ID)
	}
	user := heidi
	user.Account = home
	m.Users = []access.UserName{user}
	state.Mappings = append(slices.Clone(state.Mappings), m.OrDefault())
	return state
}

// TestGrantAcrossAccountsOpensOnlyVerifiedRoles: Bob of three accounts trusts the identity account by a statement of others. Our
// Deny in one of them is edited between the plan and the push, which ends in conflict there. The policy of heidi opens the other
// two, and the third once the conflict is resolved.
func TestGrantAcrossAccountsOpensOnlyVerifiedRoles(t *testing.T) {
	w := newWorld(t)
	s := w.replica(t, rollout.Config{})
	home, accounts := w.identity(t), w.others(t, 3)
	for _, a := range accounts {
		w.edit(t, a, roleOf, trusting(home.ID))
	}
	w.readEverything(t)
	w.push(t, s, w.plan(t, desiredState(office...)), home.ID)
	w.readEverything(t)
	plan := w.plan(t, withHeidi(desiredState(office...), home.ID, accounts))
	w.edit(t, accounts[1], roleOf, strings.ReplaceAll(w.state(t, accounts[1].ID).Roles["Bob"], "103.15.250.0/24", "0.0.0.0/1"))

	r := wait(t, s, w.start(t, 8, plan).ID, "completed", completed)
	found := w.targetsOf(t, r.ID)
	if got := found[accounts[1].ID].State; got != access.TargetConflict {
		t.Fatalf("the edited account is %s, want a conflict", got)
	}
	if got := found[home.ID]; got.State != access.TargetFailed || got.Class != access.CloudBlocked {
		t.Errorf("the identity account is %s (%s): %s", got.State, got.Class, got.Message)
	}
	w.checkHeidi(t, home, accounts, []bool{true, false, true})

	w.overwrite(t, s, r.ID, accounts[1].ID)
	wait(t, s, r.ID, "completed", completed)
	if _, err := s.RetryTarget(t.Context(), operator, r.ID, home.ID); err != nil {
		t.Fatal(err)
	}
	wait(t, s, r.ID, "completed", completed)
	if got := w.targetsOf(t, r.ID)[home.ID]; got.State != access.TargetSucceeded {
		t.Errorf("after the retry, the identity account is %s (%s)", got.State, got.Message)
	}
	w.checkHeidi(t, home, accounts, []bool{true, true, true})
}

// checkHeidi fails unless heidi gets into Bob of the open accounts from the office, and into none from elsewhere.
func (w *world) checkHeidi(t *testing.T, home access.Account, accounts []access.Account, open []bool) {
	t.Helper()
	for i, a := range accounts {
		if w.letsIn(t, home, "contractors/heidi", a, elsewhere) {
			t.Errorf("heidi assumed Bob of %s from %s", a.ID, elsewhere)
		}
		if got := w.letsIn(t, home, "contractors/heidi", a, inTheOffice); got != open[i] {
			t.Errorf("heidi in Bob of %s from the office: %v, want %v", a.ID, got, open[i])
		}
	}
}

// TestRevocationKeepsTheDenyUntilTheUserPolicyIsWritten: the mapping loses heidi. A statement of others admits her account.
func TestRevocationKeepsTheDenyUntilTheUserPolicyIsWritten(t *testing.T) {
	w := newWorld(t)
	s := w.replica(t, rollout.Config{})
	home, accounts := w.identity(t), w.others(t, 2)
	for _, a := range accounts {
		w.edit(t, a, roleOf, trusting(home.ID))
	}
	w.readEverything(t)
	w.push(t, s, w.plan(t, withHeidi(desiredState(office...), home.ID, accounts)), home.ID)
	w.checkHeidi(t, home, accounts, []bool{true, true})
	w.readEverything(t)

	before := withHeidi(desiredState(office...), home.ID, accounts)
	plan := w.planChange(t, before, desiredState(office...))
	calls := len(w.org.Calls())
	r := wait(t, s, w.start(t, 8, plan).ID, "completed", completed)
	for _, a := range append(slices.Clone(accounts), home) {
		if got := w.targetsOf(t, r.ID)[a.ID]; got.State != access.TargetSucceeded {
			t.Errorf("account %s is %s (%s)", a.ID, got.State, got.Message)
		}
	}
	w.checkHeidi(t, home, accounts, []bool{false, false})
	for _, a := range accounts {
		if got := w.writes(calls)[a.ID]; got < 1 || got > 2 { // one is enough if the policy of heidi was written before
			t.Errorf("account %s was written %d times, want the final document, and mostly the closing one before it", a.ID, got)
		}
		if strings.Contains(w.state(t, a.ID).Roles["Bob"], "DenyRevoked") {
			t.Errorf("account %s keeps the Deny: %s", a.ID, w.state(t, a.ID).Roles["Bob"])
		}
	}
}
