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

// admin is an IAM client with full rights in an account.
func (w *world) admin(t *testing.T, account access.AccountID) *iam.Client {
	t.Helper()
	i := slices.IndexFunc(w.org.Credentials(), func(c sandbox.Credential) bool { return c.User == sandbox.AdminUser })
	keys := w.org.Credentials()[i]
	cfg := sdk.Config{
		Region: "us-east-1", BaseEndpoint: sdk.String(w.endpoint),
		Credentials: credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, ""),
	}
	out, err := sts.NewFromConfig(cfg).AssumeRole(t.Context(), &sts.AssumeRoleInput{
		RoleArn:         sdk.String("arn:aws:iam::" + string(account) + ":role/OrganizationAccountAccessRole"),
		RoleSessionName: sdk.String("by-hand"),
	})
	if err != nil {
		t.Fatal(err)
	}
	c := out.Credentials
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
	return iam.NewFromConfig(cfg)
}

// deleteUser deletes a user with all that AWS requires to be deleted before.
func (w *world) deleteUser(t *testing.T, account access.AccountID, name string) {
	t.Helper()
	client := w.admin(t, account)
	policies, err := client.ListUserPolicies(t.Context(), &iam.ListUserPoliciesInput{UserName: &name})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range policies.PolicyNames {
		in := &iam.DeleteUserPolicyInput{UserName: &name, PolicyName: &p}
		if _, err := client.DeleteUserPolicy(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.DeleteUser(t.Context(), &iam.DeleteUserInput{UserName: &name}); err != nil {
		t.Fatal(err)
	}
}

func (w *world) createUser(t *testing.T, account access.AccountID, name string) {
	t.Helper()
	if _, err := w.admin(t, account).CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name}); err != nil {
		t.Fatal(err)
	}
}

// recreateUser deletes a user and creates one of the same name, as a person does by hand.
func (w *world) recreateUser(t *testing.T, account access.AccountID, name string) {
	t.Helper()
	w.deleteUser(t, account, name)
	w.createUser(t, account, name)
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
	w.createUser(t, account, "zoe")
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
