package rollout_test

import (
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/internal/rollout"
)

// assume asks the organization for a role of the user's own account, from an address.
func (w *world) assume(t *testing.T, account access.AccountID, user, role, address string) error {
	t.Helper()
	all := w.org.AccountCredentials(account)
	keys := all[slices.IndexFunc(all, func(c sandbox.Credential) bool { return c.User == user })]
	client := sts.New(sts.Options{
		Region: "us-east-1", BaseEndpoint: sdk.String(w.endpoint + "/from/" + address), Retryer: sdk.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, ""),
	})
	arn := access.RoleName{Path: "/", Name: role}.ARN("aws", account)
	_, err := client.AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: sdk.String("test")})
	return err
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
	const elsewhere, inTheOffice = "8.8.8.8", "103.15.250.7"
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
	if states["erin"] != access.OperationSkipped {
		t.Errorf("the policy of erin is %s, want it skipped", states["erin"])
	}
	if got := w.state(t, account.ID).Users["erin"][access.UserPolicyName]; got != "" {
		t.Errorf("the policy of erin was written: %s", got)
	}
	if w.assume(t, account.ID, "erin", "Bob", elsewhere) == nil {
		t.Errorf("erin assumed Bob from %s", elsewhere)
	}

	// The test can fail: with the policy, the organization does admit her.
	erin, byHand := "erin", "by-hand"
	in := &iam.PutUserPolicyInput{UserName: &erin, PolicyName: &byHand, PolicyDocument: &policy}
	if _, err := w.admin(t, account.ID).PutUserPolicy(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if err := w.assume(t, account.ID, "erin", "Bob", elsewhere); err != nil {
		t.Errorf("the policy does not open Bob: %v", err)
	}
	if w.assume(t, account.ID, "erin", "Admin", elsewhere) == nil {
		t.Errorf("erin assumed Admin from %s, where the Deny was written", elsewhere)
	}
	if err := w.assume(t, account.ID, "erin", "Admin", inTheOffice); err != nil {
		t.Errorf("erin did not assume Admin from the office: %v", err)
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
