package sandbox_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"portcullis.internal/portcullis/internal/aws/sandbox"
)

func allowDoc(actions string) *string {
	return aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":` + actions + `,"Resource":"*"}]}`)
}

// TestAManagedPolicysLife: what IAM refuses on the way is refused.
func TestAManagedPolicysLife(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	id := c.account(t, "payments-prod")
	client := iam.NewFromConfig(c.asAdmin(t, id))
	ctx := t.Context()
	made, err := client.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("Team"), Path: aws.String("/x/"), PolicyDocument: allowDoc(`"iam:GetUser"`)})
	if err != nil {
		t.Fatal(err)
	}
	arn := made.Policy.Arn
	if want := "arn:aws:iam::" + string(id) + ":policy/x/Team"; *arn != want {
		t.Errorf("ARN %s, want %s", *arn, want)
	}
	if _, err := client.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("TEAM"), PolicyDocument: allowDoc(`"iam:GetUser"`)}); code(err) != "EntityAlreadyExists" {
		t.Errorf("the same name in other case: %v", err)
	}
	long := allowDoc(`["iam:` + strings.Repeat("a", 6200) + `"]`)
	if _, err := client.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: long}); code(err) != "LimitExceeded" {
		t.Errorf("over the quota: %v", err)
	}
	for range 4 {
		if _, err := client.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: allowDoc(`"iam:ListUsers"`), SetAsDefault: true}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := client.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: allowDoc(`"iam:ListUsers"`)}); code(err) != "LimitExceeded" {
		t.Errorf("a sixth version: %v", err)
	}
	remove := func(v string) error {
		_, err := client.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: arn, VersionId: &v})
		return err
	}
	if err := remove("v5"); code(err) != "DeleteConflict" {
		t.Errorf("removing the default version: %v", err)
	}
	bob := aws.String("bob")
	if _, err := client.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: bob, PolicyArn: arn}); err != nil {
		t.Fatal(err)
	}
	drop := func() error {
		_, err := client.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: arn})
		return err
	}
	if err := drop(); code(err) != "DeleteConflict" {
		t.Errorf("removing an attached policy: %v", err)
	}
	if _, err := client.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{UserName: bob, PolicyArn: arn}); err != nil {
		t.Fatal(err)
	}
	if err := drop(); code(err) != "DeleteConflict" {
		t.Errorf("removing a policy of several versions: %v", err)
	}
	for _, v := range []string{"v1", "v2", "v3", "v4"} {
		if err := remove(v); err != nil {
			t.Fatal(err)
		}
	}
	if err := drop(); err != nil {
		t.Error(err)
	}
	if _, err := client.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: bob, PolicyArn: arn}); code(err) != "NoSuchEntity" {
		t.Errorf("attaching a policy that is gone: %v", err)
	}
}

// TestAttachedPoliciesCount: the default version of an attached policy decides, a user can have
// ten, and the account's details show it all.
func TestAttachedPoliciesCount(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	id := c.account(t, "payments-prod")
	client, own := iam.NewFromConfig(c.asAdmin(t, id)), iam.NewFromConfig(c.as(t, id, "bob"))
	ctx, bob := t.Context(), aws.String("bob")
	may := func() bool {
		_, err := own.ListRoles(ctx, &iam.ListRolesInput{})
		return err == nil
	}
	made, err := client.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("Team"), PolicyDocument: allowDoc(`"iam:ListRoles"`)})
	if err != nil {
		t.Fatal(err)
	}
	if may() {
		t.Fatal("bob may list roles before the policy is attached")
	}
	if _, err := client.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: bob, PolicyArn: made.Policy.Arn}); err != nil {
		t.Fatal(err)
	}
	if may() {
		t.Error("the attached policy counts, although the boundary does not allow it")
	}
	if _, err := client.DeleteUserPermissionsBoundary(ctx,
		&iam.DeleteUserPermissionsBoundaryInput{UserName: bob}); err != nil {
		t.Fatal(err)
	}
	if !may() {
		t.Error("the attached policy does not count")
	}
	if _, err := client.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: made.Policy.Arn, PolicyDocument: allowDoc(`"iam:GetUser"`), SetAsDefault: true}); err != nil {
		t.Fatal(err)
	}
	if may() {
		t.Error("a version that is no longer the default counts")
	}
	attached := 1
	for _, name := range strings.Split("a b c d e f g h i j", " ") {
		_, err := client.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: bob, PolicyArn: aws.String("arn:aws:iam::aws:policy/" + name)})
		if attached < 10 && err != nil || attached == 10 && message(err) != "Cannot exceed quota for PoliciesPerUser: 10" {
			t.Errorf("policy %d: %v", attached+1, err)
		}
		attached++
	}
	details, err := client.GetAccountAuthorizationDetails(ctx, &iam.GetAccountAuthorizationDetailsInput{Filter: []types.EntityType{types.EntityTypeLocalManagedPolicy}})
	if err != nil || len(details.Policies) != 2 || // the other is the permissions boundary
		len(details.Policies[0].PolicyVersionList) != 2 || *details.Policies[0].DefaultVersionId != "v2" {
		t.Errorf("details %+v, %v", details, err)
	}
}
