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

// admits asks the organization whether a user may assume a role of the user's own account, from an
// address.
func (w *world) admits(t *testing.T, account access.Account, user, role, address string) bool {
	t.Helper()
	all := w.org.AccountCredentials(account.ID)
	keys := all[slices.IndexFunc(all, func(c sandbox.Credential) bool { return c.User == user })]
	prober, err := aws.NewProber(t.Context(), aws.Config{
		Region: "us-east-1", Endpoint: w.endpoint + "/from/" + address,
		AccessKeyID: keys.AccessKeyID, SecretAccessKey: keys.SecretAccessKey,
	})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := prober.Probe(t.Context(), account, access.RoleName{Path: "/", Name: role})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Allowed
}

// withErin adds four roles in all accounts for erin of one account. Her policy does not fit with
// each role of each account, so it names each role once, for any account.
func withErin(state access.State, account access.AccountID) access.State {
	for _, role := range []string{"Admin", "Bob", "Deploy", "ReadOnly"} {
		mapping := access.Mapping{
			ID: "mp-" + role, Role: access.RoleName{Path: "/", Name: role}, Accounts: access.Selector{All: true},
			Allowlists: []string{"office"}, Users: []access.UserName{{Account: account, Path: "/", Name: "erin"}},
		}
		state.Mappings = append(state.Mappings, mapping.OrDefault())
	}
	return state
}

// TestUserPolicyWithPatternsDoesNotOpenAConflict: a statement of others in Bob trusts the account,
// and only our Deny keeps erin to the office. The Deny is edited between the approval and the push,
// so Bob is a conflict and the Deny for erin is not written. Her policy names Bob in any account,
// and would open the role from everywhere.
func TestUserPolicyWithPatternsDoesNotOpenAConflict(t *testing.T) {
	w := newWorld(t)
	s := w.replica(t, rollout.Config{})
	account, bob := w.some(3), access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}
	trusting := `{"Version":"2012-10-17","Statement":[{"Sid":"TheirAccount","Effect":"Allow",` +
		`"Principal":{"AWS":"arn:aws:iam::` + string(account.ID) + `:root"},"Action":"sts:AssumeRole"}]}`
	w.edit(t, account, bob, trusting)
	w.readEverything(t)
	w.push(t, s, w.plan(t, desiredState(office...)), account.ID)

	plan := w.plan(t, withErin(desiredState(office...), account.ID))
	policy := plannedUserPolicy(t, plan, account.ID, "erin")
	if !strings.Contains(policy, `"arn:aws:iam::*:role/Bob"`) || strings.Contains(policy, string(account.ID)) {
		t.Fatalf("erin's policy names roles of one account: %s", policy)
	}
	w.edit(t, account, bob, strings.ReplaceAll(w.state(t, account.ID).Roles["Bob"], "103.15.250.0/24", "0.0.0.0/1"))

	r := wait(t, s, w.start(t, 8, plan).ID, "completed", completed)
	states := map[string]access.OperationState{}
	ops, err := s.Operations(t.Context(), operator, r.ID, account.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range ops {
		states[op.Resource.Name] = op.State
	}
	if states["Bob"] != access.OperationConflict || states["Admin"] != access.OperationWritten {
		t.Errorf("Bob is %s and Admin is %s, want a conflict and written", states["Bob"], states["Admin"])
	}
	if states["erin"] == access.OperationWritten {
		t.Error("the policy of erin is written")
	}
	if got := w.state(t, account.ID).Users["erin"][access.UserPolicyName]; got != "" {
		t.Errorf("the policy of erin was written: %s", got)
	}
	if w.admits(t, account, "erin", "Bob", elsewhere) {
		t.Errorf("erin assumed Bob from %s", elsewhere)
	}

	// The test can fail: with the policy, the organization does admit her.
	w.edit(t, account, access.Resource{Kind: access.ResourceUser, Path: "/", Name: "erin"}, policy)
	if !w.admits(t, account, "erin", "Bob", elsewhere) {
		t.Error("the policy does not open Bob")
	}
	if w.admits(t, account, "erin", "Admin", elsewhere) {
		t.Errorf("erin assumed Admin from %s, where the Deny was written", elsewhere)
	}
	if !w.admits(t, account, "erin", "Admin", inTheOffice) {
		t.Error("erin did not assume Admin from the office")
	}
}

// plannedUserPolicy is the document that a plan has for a user.
func plannedUserPolicy(t *testing.T, p access.Plan, account access.AccountID, user string) string {
	t.Helper()
	for target := range p.Targets() {
		for _, op := range target.Operations {
			if target.Account == account && op.Resource.Kind == access.ResourceUser && op.Resource.Name == user {
				return op.After
			}
		}
	}
	t.Fatalf("the plan has no policy of %s", user)
	return ""
}
