package harness

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
)

// Administrator changes an account of a sandbox behind the console's back. It fails its test where
// the sandbox refuses a change.
type Administrator struct {
	t   *testing.T
	iam *iam.Client
}

// NewAdministrator signs in to an account of the sandbox at an endpoint. The credentials are those
// that the sandbox prints.
func NewAdministrator(t *testing.T, endpoint string, all []sandbox.Credential, account access.AccountID) Administrator {
	t.Helper()
	keys := all[slices.IndexFunc(all, func(c sandbox.Credential) bool { return c.User == sandbox.AdminUser })]
	cfg := aws.Config{
		Region: "us-east-1", BaseEndpoint: &endpoint,
		Credentials: credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, ""),
	}
	role := access.RoleName{Path: "/", Name: "OrganizationAccountAccessRole"}.ARN("aws", account)
	in := &sts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("by-hand")}
	out, err := sts.NewFromConfig(cfg).AssumeRole(t.Context(), in)
	if err != nil {
		t.Fatalf("becoming an administrator of %s: %v", account, err)
	}
	c := out.Credentials
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
	return Administrator{t: t, iam: iam.NewFromConfig(cfg)}
}

// CreateUser creates a user without policies, with the permissions boundary of the template if the account
// has it: the console writes policies of such users only.
func (a Administrator) CreateUser(name string) {
	a.t.Helper()
	out, err := a.iam.CreateUser(a.t.Context(), &iam.CreateUserInput{UserName: &name})
	if err != nil {
		a.t.Fatalf("creating user %s: %v", name, err)
	}
	boundary := strings.Split(*out.User.Arn, ":user/")[0] + ":policy/portcullis-user-boundary"
	if _, err := a.iam.GetPolicy(a.t.Context(), &iam.GetPolicyInput{PolicyArn: &boundary}); err != nil {
		return
	}
	in := &iam.PutUserPermissionsBoundaryInput{UserName: &name, PermissionsBoundary: &boundary}
	if _, err := a.iam.PutUserPermissionsBoundary(a.t.Context(), in); err != nil {
		a.t.Fatalf("setting the boundary of user %s: %v", name, err)
	}
}

// DeleteUser deletes a user and the inline policies, which AWS requires to be deleted before.
func (a Administrator) DeleteUser(name string) {
	a.t.Helper()
	policies, err := a.iam.ListUserPolicies(a.t.Context(), &iam.ListUserPoliciesInput{UserName: &name})
	if err != nil {
		a.t.Fatalf("listing the policies of user %s: %v", name, err)
	}
	for _, p := range policies.PolicyNames {
		in := &iam.DeleteUserPolicyInput{UserName: &name, PolicyName: &p}
		if _, err := a.iam.DeleteUserPolicy(a.t.Context(), in); err != nil {
			a.t.Fatalf("deleting policy %s of user %s: %v", p, name, err)
		}
	}
	if _, err := a.iam.DeleteUser(a.t.Context(), &iam.DeleteUserInput{UserName: &name}); err != nil {
		a.t.Fatalf("deleting user %s: %v", name, err)
	}
}

// SetTrust puts a document in place of the trust policy of a role.
func (a Administrator) SetTrust(role, document string) {
	a.t.Helper()
	in := &iam.UpdateAssumeRolePolicyInput{RoleName: &role, PolicyDocument: &document}
	if _, err := a.iam.UpdateAssumeRolePolicy(a.t.Context(), in); err != nil {
		a.t.Fatalf("editing the trust policy of role %s: %v", role, err)
	}
}

// CreateRole creates a role without permissions, with the tag of roles that the console may write.
func (a Administrator) CreateRole(name, trust string) {
	a.t.Helper()
	key, value := "portcullis-managed", "true"
	in := &iam.CreateRoleInput{
		RoleName: &name, AssumeRolePolicyDocument: &trust,
		Tags: []types.Tag{{Key: &key, Value: &value}},
	}
	if _, err := a.iam.CreateRole(a.t.Context(), in); err != nil {
		a.t.Fatalf("creating role %s: %v", name, err)
	}
}

// DeleteRole deletes a role that has no policies.
func (a Administrator) DeleteRole(name string) {
	a.t.Helper()
	if _, err := a.iam.DeleteRole(a.t.Context(), &iam.DeleteRoleInput{RoleName: &name}); err != nil {
		a.t.Fatalf("deleting role %s: %v", name, err)
	}
}

// AttachPolicy attaches a managed policy to a user.
func (a Administrator) AttachPolicy(user, arn string) {
	a.t.Helper()
	in := &iam.AttachUserPolicyInput{UserName: &user, PolicyArn: &arn}
	if _, err := a.iam.AttachUserPolicy(a.t.Context(), in); err != nil {
		a.t.Fatalf("attaching %s to user %s: %v", arn, user, err)
	}
}

// DetachPolicy detaches a managed policy from a user.
func (a Administrator) DetachPolicy(user, arn string) {
	a.t.Helper()
	in := &iam.DetachUserPolicyInput{UserName: &user, PolicyArn: &arn}
	if _, err := a.iam.DetachUserPolicy(a.t.Context(), in); err != nil {
		a.t.Fatalf("detaching %s from user %s: %v", arn, user, err)
	}
}
