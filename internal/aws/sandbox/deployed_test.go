package sandbox_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/deploy"
	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
)

// asConsole returns a configuration of the deployment role in an account, as the console assumes it.
func (c company) asConsole(t *testing.T, account access.AccountID) aws.Config {
	t.Helper()
	out, err := c.assume(c.as(t, c.Accounts()[0].ID, sandbox.ConsoleUser), account, sandbox.DeployRole)
	if err != nil {
		t.Fatal(err)
	}
	return c.session(out)
}

// The deployment role has the policy of deploy/stackset.yaml.
func TestDeploymentRoleIsThatOfTheTemplate(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	id := c.account(t, "payments-prod")
	stack, err := deploy.NewStack(deploy.Parameters{
		Partition: "aws", Account: string(id),
		ConsolePrincipal: "arn:aws:iam::" + string(c.Accounts()[0].ID) + ":user/" + sandbox.ConsoleUser,
	})
	if err != nil {
		t.Fatal(err)
	}
	admin := iam.NewFromConfig(c.asAdmin(t, id))
	got, err := admin.GetRolePolicy(t.Context(),
		&iam.GetRolePolicyInput{RoleName: aws.String(sandbox.DeployRole), PolicyName: aws.String("Portcullis")})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(stack.RolePolicy, decoded(t, got.PolicyDocument)); d != "" {
		t.Errorf("the template (-) and the sandbox (+) differ:\n%s", d)
	}
}

// The console writes only roles with the tag and users with the boundary, and attaches only its own policies.
func TestTagAndBoundaryLimitTheConsole(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	id := c.account(t, "payments-prod")
	admin, console := iam.NewFromConfig(c.asAdmin(t, id)), iam.NewFromConfig(c.asConsole(t, id))
	ctx, alice, bob := t.Context(), aws.String("alice"), aws.String("Bob")
	own, err := console.CreatePolicy(ctx,
		&iam.CreatePolicyInput{
			PolicyName: aws.String("Portcullis-alice-1"), Path: aws.String("/portcullis/"),
			PolicyDocument: allowDoc(`"sts:AssumeRole"`),
		})
	if err != nil {
		t.Fatal(err)
	}
	attach := func(arn string) error {
		_, err := console.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: alice, PolicyArn: &arn})
		return err
	}
	writes := func() map[string]string {
		trusts := setTrust(c.asConsole(t, id), "Bob", trust(ec2))
		_, puts := console.PutUserPolicy(ctx,
			&iam.PutUserPolicyInput{
				UserName: alice, PolicyName: aws.String("PortcullisAssumeRole"),
				PolicyDocument: allowDoc(`"sts:AssumeRole"`),
			})
		return map[string]string{
			"trust policy": code(trusts), "inline policy": code(puts),
			"attachment": code(attach(*own.Policy.Arn)),
		}
	}
	check := func(what string, denied ...string) {
		t.Helper()
		for write, got := range writes() {
			want := ""
			if slices.Contains(denied, write) {
				want = "AccessDenied"
			}
			if got != want {
				t.Errorf("%s: the %s: got %q, want %q", what, write, got, want)
			}
		}
	}
	check("with the tag and the boundary")
	if got := code(attach("arn:aws:iam::aws:policy/AdministratorAccess")); got != "AccessDenied" {
		t.Errorf("attaching a policy of AWS: got %q", got)
	}
	if _, err := admin.UntagRole(ctx,
		&iam.UntagRoleInput{RoleName: bob, TagKeys: []string{"portcullis-managed"}}); err != nil {
		t.Fatal(err)
	}
	check("without the tag", "trust policy")
	tag := types.Tag{Key: aws.String("portcullis-managed"), Value: aws.String("false")}
	if _, err := admin.TagRole(ctx, &iam.TagRoleInput{RoleName: bob, Tags: []types.Tag{tag}}); err != nil {
		t.Fatal(err)
	}
	check("with another value of the tag", "trust policy")
	tag.Value = aws.String("true")
	if _, err := admin.TagRole(ctx, &iam.TagRoleInput{RoleName: bob, Tags: []types.Tag{tag}}); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.DeleteUserPermissionsBoundary(ctx,
		&iam.DeleteUserPermissionsBoundaryInput{UserName: alice}); err != nil {
		t.Fatal(err)
	}
	check("without the boundary", "inline policy", "attachment")
}

// The tags and the boundary show as AWS shows them, and the boundary can be neither one that does not exist
// nor one that is deleted.
func TestTagsAndBoundariesShow(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	id := c.account(t, "payments-prod")
	admin, ctx := iam.NewFromConfig(c.asAdmin(t, id)), t.Context()
	role, err := admin.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String("Bob")})
	if err != nil || len(role.Role.Tags) != 1 || *role.Role.Tags[0].Key != "portcullis-managed" {
		t.Errorf("role %+v (%v), want one tag", role, err)
	}
	tags, err := admin.ListRoleTags(ctx, &iam.ListRoleTagsInput{RoleName: aws.String("Bob")})
	if err != nil || len(tags.Tags) != 1 || *tags.Tags[0].Value != "true" {
		t.Errorf("tags %+v (%v), want one", tags, err)
	}
	user, err := admin.GetUser(ctx, &iam.GetUserInput{UserName: aws.String("alice")})
	if err != nil || user.User.PermissionsBoundary == nil ||
		!strings.HasSuffix(*user.User.PermissionsBoundary.PermissionsBoundaryArn, ":policy/portcullis-user-boundary") {
		t.Fatalf("user %+v (%v), want the boundary", user, err)
	}
	boundary := user.User.PermissionsBoundary.PermissionsBoundaryArn
	none := aws.String("arn:aws:iam::" + string(id) + ":policy/None")
	_, put := admin.PutUserPermissionsBoundary(ctx,
		&iam.PutUserPermissionsBoundaryInput{UserName: aws.String("alice"), PermissionsBoundary: none})
	_, made := admin.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("zoe"), PermissionsBoundary: none})
	_, deleted := admin.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: boundary})
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"a boundary that does not exist":      {put, "NoSuchEntity"},
		"a user with one that does not exist": {made, "NoSuchEntity"},
		"deleting the boundary":               {deleted, "DeleteConflict"},
	} {
		if code(tt.err) != tt.want {
			t.Errorf("%s: got %v, want %s", name, tt.err, tt.want)
		}
	}
}

// decoded is a document as it was before IAM encoded it for its answer.
func decoded(t *testing.T, document *string) string {
	t.Helper()
	text, err := url.PathUnescape(*document)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
