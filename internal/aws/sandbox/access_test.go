package sandbox_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
)

func allowARN(arn, condition string) string {
	if condition != "" {
		condition = `,"Condition":` + condition
	}
	return `{"Effect":"Allow","Principal":{"AWS":"` + arn + `"},"Action":["sts:AssumeRole","sts:SetSourceIdentity"]` + condition + `}`
}

func putUserPolicy(t *testing.T, cfg aws.Config, user, doc string) {
	t.Helper()
	_, err := iam.NewFromConfig(cfg).PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: &user, PolicyName: aws.String("test"), PolicyDocument: &doc})
	if err != nil {
		t.Fatal(err)
	}
}

func identity(effect, resource string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Action":"sts:*","Resource":"` + resource + `"}]}`
}

// Who may assume a role: the trust policy, the caller's own policies, and the border between
// accounts.
func TestWhoMayAssume(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	home, away := c.account(t, "payments-prod"), c.account(t, "identity")
	homeAdmin, awayAdmin := c.asAdmin(t, home), c.asAdmin(t, away)
	role := "arn:aws:iam::" + string(home) + ":role/Bob"
	arn := func(a access.AccountID, rest string) string { return "arn:aws:iam::" + string(a) + ":" + rest }
	putUserPolicy(t, homeAdmin, "bob", identity("Allow", role))
	putUserPolicy(t, homeAdmin, "carol", identity("Deny", role))
	putUserPolicy(t, awayAdmin, "dave", identity("Allow", "arn:aws:iam::*:role/B*"))
	for _, tt := range []struct {
		name    string
		trust   string
		account access.AccountID
		user    string
		want    string
	}{
		{"named, no policy of its own", allowARN(arn(home, "user/alice"), ""), home, "alice", ""},
		{"through the account, no policy of its own", allowARN(arn(home, "root"), ""), home, "alice", "AccessDenied"},
		{"through the account, with a policy", allowARN(arn(home, "root"), ""), home, "bob", ""},
		{"named, denied by its own policy", allowARN(arn(home, "user/carol"), ""), home, "carol", "AccessDenied"},
		{"everybody", allowARN("*", ""), home, "alice", ""},
		{"of another account, named, no policy of its own", allowARN(arn(away, "user/alice"), ""), away, "alice", "AccessDenied"},
		{"of another account, named, with a policy", allowARN(arn(away, "user/dave"), ""), away, "dave", ""},
		{"of another account, through it", allowARN(arn(away, "root"), ""), away, "dave", ""},
		{"of another account, not trusted", allowARN(arn(home, "root"), ""), away, "dave", "AccessDenied"},
		{"by the name in a condition", allowARN(arn(home, "root"), `{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/b*"}}`), home, "bob", ""},
		{"by another name in a condition", allowARN(arn(home, "root"), `{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/z*"}}`), home, "bob", "AccessDenied"},
	} {
		if err := setTrust(homeAdmin, "Bob", trust(tt.trust)); err != nil {
			t.Fatal(tt.name, err)
		}
		_, err := c.assume(c.as(t, tt.account, tt.user), home, "Bob")
		if got := code(err); got != tt.want {
			t.Errorf("%s: got %q (%v), want %q", tt.name, got, err, tt.want)
		}
	}
}

// The conditions that a mapping can set, in the two shapes that AWS documents.
func TestConditionsOfAssumeRole(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	id := c.account(t, "payments-prod")
	admin := c.asAdmin(t, id)
	alice := c.as(t, id, "alice")
	serial := "arn:aws:iam::" + string(id) + ":mfa/alice"
	withMFA := func(code string) func(*sts.AssumeRoleInput) {
		return func(in *sts.AssumeRoleInput) { in.SerialNumber, in.TokenCode = &serial, &code }
	}
	named := func(name string) func(*sts.AssumeRoleInput) {
		return func(in *sts.AssumeRoleInput) { in.RoleSessionName = &name }
	}
	source := func(name string) func(*sts.AssumeRoleInput) {
		return func(in *sts.AssumeRoleInput) { in.SourceIdentity = &name }
	}
	plain := func(*sts.AssumeRoleInput) {}
	networksWithVPC := `{"NotIpAddressIfExists":{"aws:SourceIp":["203.0.113.0/24"]},"StringNotEqualsIfExists":{"aws:SourceVpc":["vpc-0a1b2c3d"]}}`
	for _, tt := range []struct {
		name, condition string
		cfg             aws.Config
		change          func(*sts.AssumeRoleInput)
		want            string
	}{
		{"MFA given", `{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}`, alice, withMFA("123456"), ""},
		{"MFA missing", `{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}`, alice, plain, "AccessDenied"},
		{"MFA wrong", `{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}`, alice, withMFA("654321"), "AccessDenied"},
		{"MFA young enough", `{"NumericGreaterThanIfExists":{"aws:MultiFactorAuthAge":"3600"}}`, header(alice, "X-Sandbox-Mfa", "60"), plain, ""},
		{"MFA too old", `{"NumericGreaterThanIfExists":{"aws:MultiFactorAuthAge":"3600"}}`, header(alice, "X-Sandbox-Mfa", "7200"), plain, "AccessDenied"},
		{"session named after the user", `{"StringNotLike":{"sts:RoleSessionName":"${aws:username}"}}`, alice, named("alice"), ""},
		{"session named otherwise", `{"StringNotLike":{"sts:RoleSessionName":"${aws:username}"}}`, alice, named("bob"), "AccessDenied"},
		{"source identity of the user", `{"StringNotEquals":{"sts:SourceIdentity":"${aws:username}"}}`, alice, source("alice"), ""},
		{"source identity missing", `{"StringNotEquals":{"sts:SourceIdentity":"${aws:username}"}}`, alice, plain, "AccessDenied"},
		{"network and VPC: in the network", networksWithVPC, from(alice, "203.0.113.9"), plain, ""},
		{"network and VPC: elsewhere", networksWithVPC, from(alice, "8.8.8.8"), plain, "AccessDenied"},
		{"network and VPC: through the VPC", networksWithVPC, header(alice, "X-Sandbox-Source-Vpc", "vpc-0a1b2c3d"), plain, ""},
		{"network and VPC: through another VPC", networksWithVPC, header(alice, "X-Sandbox-Source-Vpc", "vpc-ffffffff"), plain, "AccessDenied"},
	} {
		doc := trust(allowARN("arn:aws:iam::"+string(id)+":user/alice", ""),
			`{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Condition":`+tt.condition+`}`)
		if err := setTrust(admin, "Bob", doc); err != nil {
			t.Fatal(tt.name, err)
		}
		_, err := c.assume(tt.cfg, id, "Bob", tt.change)
		if got := code(err); got != tt.want {
			t.Errorf("%s: got %q (%v), want %q", tt.name, got, err, tt.want)
		}
	}
}

func TestSessionsAreLimited(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	id := c.account(t, "payments-prod")
	management := c.as(t, c.Accounts()[0].ID, sandbox.AdminUser)
	readOnly := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:Get*","Resource":"*"}]}`
	limit := func(in *sts.AssumeRoleInput) { in.Policy = &readOnly }
	out, err := c.assume(management, id, "OrganizationAccountAccessRole", limit)
	if err != nil {
		t.Fatal(err)
	}
	limited := c.session(out)
	getTrust(t, limited, "Bob")
	if got, want := code(setTrust(limited, "Bob", trust(ec2))), "AccessDenied"; got != want {
		t.Errorf("a write under a read-only session policy: got %q, want %q", got, want)
	}
	for _, tt := range []struct {
		name   string
		change func(*sts.AssumeRoleInput)
		want   string
	}{
		{"too short a session", func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(60) }, "ValidationError"},
		{"longer than the role allows", func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(7200) }, "ValidationError"},
		{"a name of one letter", func(in *sts.AssumeRoleInput) { in.RoleSessionName = aws.String("x") }, "ValidationError"},
		{"a session policy that is none", func(in *sts.AssumeRoleInput) { in.Policy = aws.String("{}") }, "MalformedPolicyDocument"},
	} {
		_, err := c.assume(management, id, "OrganizationAccountAccessRole", tt.change)
		if got := code(err); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestAccountsAreApart(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	one, two := c.account(t, "payments-prod"), c.account(t, "web-prod")
	before := getTrust(t, c.asAdmin(t, two), "Bob")
	if err := setTrust(c.asAdmin(t, one), "Bob", article(one, "alice")); err != nil {
		t.Fatal(err)
	}
	if got := getTrust(t, c.asAdmin(t, two), "Bob"); got != before {
		t.Errorf("the other account changed: %s", got)
	}
	management := c.Accounts()[0].ID
	for name, tt := range map[string]struct {
		cfg  aws.Config
		want string
	}{
		"the console":                {c.as(t, management, sandbox.ConsoleUser), ""},
		"a member's user":            {c.as(t, one, "alice"), "AccessDeniedException"},
		"a member's own admin":       {c.asAdmin(t, one), "AccessDeniedException"},
		"a suspended account's user": {c.as(t, c.account(t, "legacy-crm"), "alice"), "AccessDeniedException"},
	} {
		_, err := organizations.NewFromConfig(tt.cfg).ListAccounts(t.Context(), &organizations.ListAccountsInput{})
		if got := code(err); got != tt.want {
			t.Errorf("organizations as %s: got %q (%v), want %q", name, got, err, tt.want)
		}
	}
	for _, name := range []string{"legacy-crm", "acquired-shop"} {
		_, err := c.assume(c.as(t, management, sandbox.ConsoleUser), c.account(t, name), sandbox.DeployRole)
		if got, want := code(err), "AccessDenied"; got != want {
			t.Errorf("the deployment role in %s: got %q, want %q", name, got, want)
		}
	}
	out, err := c.assume(c.as(t, management, sandbox.ConsoleUser), one, sandbox.DeployRole)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := code(setTrust(c.session(out), sandbox.DeployRole, trust(ec2))), "AccessDenied"; got != want {
		t.Errorf("the deployment role on itself: got %q, want %q", got, want)
	}
}
