package sandbox_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
)

// sessionToken asks for temporary credentials as a user, with MFA or without.
func (c company) sessionToken(t *testing.T, cfg aws.Config, in sts.GetSessionTokenInput) (aws.Config, error) {
	t.Helper()
	out, err := sts.NewFromConfig(cfg).GetSessionToken(t.Context(), &in)
	if err != nil {
		return aws.Config{}, err
	}
	return c.with(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken), nil
}

func mfaOf(account access.AccountID, user, code string) sts.GetSessionTokenInput {
	return sts.GetSessionTokenInput{
		SerialNumber: aws.String("arn:aws:iam::" + string(account) + ":mfa/" + user),
		TokenCode:    &code,
	}
}

// Credentials of GetSessionToken are those of the user. They do at most what AWS lets them do.
func TestGetSessionToken(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	management := c.Accounts()[0].ID
	admin := c.as(t, management, sandbox.AdminUser)
	plain, err := c.sessionToken(t, admin, sts.GetSessionTokenInput{})
	if err != nil {
		t.Fatal(err)
	}
	me, err := sts.NewFromConfig(plain).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil || *me.Arn != "arn:aws:iam::"+string(management)+":user/"+sandbox.AdminUser {
		t.Errorf("the session is %v (%v), want the user's", me, err)
	}
	if _, err := iam.NewFromConfig(plain).ListUsers(t.Context(),
		&iam.ListUsersInput{}); code(err) != "InvalidClientTokenId" {
		t.Errorf("a call of IAM without MFA: %v", err)
	}
	if _, err := c.sessionToken(t, plain, sts.GetSessionTokenInput{}); code(err) != "AccessDenied" {
		t.Errorf("GetSessionToken with session credentials: %v", err)
	}
	if _, err := c.sessionToken(t, admin, mfaOf(management, sandbox.AdminUser, "654321")); code(err) != "AccessDenied" {
		t.Errorf("a wrong code: %v", err)
	}
	if _, err := c.sessionToken(t, admin,
		sts.GetSessionTokenInput{DurationSeconds: aws.Int32(899)}); code(err) != "ValidationError" {
		t.Errorf("a session of 899 seconds: %v", err)
	}
	strong, err := c.sessionToken(t, admin, mfaOf(management, sandbox.AdminUser, "123456"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := iam.NewFromConfig(strong).ListUsers(t.Context(), &iam.ListUsersInput{}); err != nil {
		t.Errorf("a call of IAM with MFA: %v", err)
	}
	role, err := c.assume(strong, c.account(t, "payments-prod"), "OrganizationAccountAccessRole")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.sessionToken(t, c.session(role), sts.GetSessionTokenInput{}); code(err) != "AccessDenied" {
		t.Errorf("GetSessionToken as a role session: %v", err)
	}
}

// A trust policy that requires MFA sees whether the session has it.
func TestSessionTokenCarriesMFA(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	id := c.account(t, "payments-prod")
	doc := trust(`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + string(id) +
		`:user/alice"},"Action":"sts:AssumeRole",` +
		`"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}`)
	if err := setTrust(c.asAdmin(t, id), "Bob", doc); err != nil {
		t.Fatal(err)
	}
	alice := c.as(t, id, "alice")
	for name, want := range map[string]string{"plain": "AccessDenied", "mfa": ""} {
		in := sts.GetSessionTokenInput{}
		if name == "mfa" {
			in = mfaOf(id, "alice", "123456")
		}
		cfg, err := c.sessionToken(t, alice, in)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.assume(cfg, id, "Bob"); code(err) != want {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
}

// The credentials follow the user: they end with the user.
func TestSessionTokenOfADeletedUser(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	id := c.account(t, "payments-prod")
	bob, err := c.sessionToken(t, c.as(t, id, "bob"), sts.GetSessionTokenInput{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := iam.NewFromConfig(c.asAdmin(t, id)).DeleteUser(t.Context(),
		&iam.DeleteUserInput{UserName: aws.String("bob")}); err != nil {
		t.Fatal(err)
	}
	if _, err := sts.NewFromConfig(bob).GetCallerIdentity(t.Context(),
		&sts.GetCallerIdentityInput{}); code(err) != "InvalidClientTokenId" {
		t.Errorf("got %v, want the token refused", err)
	}
}

func TestAttachedRolePolicies(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	id := c.account(t, "identity")
	client := iam.NewFromConfig(c.asAdmin(t, id))
	bob, admin := aws.String("Bob"), aws.String("arn:aws:iam::aws:policy/AdministratorAccess")
	attach := func(role, arn *string) error {
		_, err := client.AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{RoleName: role, PolicyArn: arn})
		return err
	}
	detach := func(role, arn *string) error {
		_, err := client.DetachRolePolicy(t.Context(), &iam.DetachRolePolicyInput{RoleName: role, PolicyArn: arn})
		return err
	}
	list := func(prefix string) []string {
		t.Helper()
		in := &iam.ListAttachedRolePoliciesInput{RoleName: bob, MaxItems: aws.Int32(1)}
		if prefix != "" {
			in.PathPrefix = &prefix
		}
		var arns []string
		for pages := iam.NewListAttachedRolePoliciesPaginator(client, in); pages.HasMorePages(); {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range page.AttachedPolicies {
				arns = append(arns, *p.PolicyArn)
			}
		}
		return arns
	}
	billing := aws.String("arn:aws:iam::aws:policy/job-function/Billing")
	for _, arn := range []*string{admin, billing, admin} { // the second time changes nothing
		if err := attach(bob, arn); err != nil {
			t.Fatal(err)
		}
	}
	if got := list(""); len(got) != 2 {
		t.Errorf("attached %v, want two", got)
	}
	if got := list("/job-function/"); len(got) != 1 || got[0] != *billing {
		t.Errorf("attached under /job-function/: %v", got)
	}
	if err := detach(bob, admin); err != nil {
		t.Fatal(err)
	}
	service := aws.String("AWSServiceRoleForSupport")
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"detaching once more":        {detach(bob, admin), "NoSuchEntity"},
		"a role that does not exist": {attach(aws.String("Nobody"), admin), "NoSuchEntity"},
		"detaching from no role":     {detach(aws.String("Nobody"), admin), "NoSuchEntity"},
		"a policy that does not exist": {
			attach(bob, aws.String("arn:aws:iam::"+string(id)+":policy/None")),
			"NoSuchEntity",
		},
		"a role of AWS":                       {attach(service, admin), "UnmodifiableEntity"},
		"detaching from a role of AWS":        {detach(service, admin), "UnmodifiableEntity"},
		"a user without permission to attach": {attachAs(t, c.as(t, id, "alice"), *bob, *admin), "AccessDenied"},
	} {
		if code(tt.err) != tt.want {
			t.Errorf("%s: got %v, want %s", name, tt.err, tt.want)
		}
	}
	for n := range 10 {
		last := attach(bob, aws.String("arn:aws:iam::aws:policy/Sample"+string(rune('A'+n))))
		if want := map[bool]string{true: "LimitExceeded"}[n == 9]; code(last) != want {
			t.Errorf("policy %d: got %v, want %q", n+2, last, want)
		}
	}
}

func attachAs(t *testing.T, cfg aws.Config, role, arn string) error {
	t.Helper()
	_, err := iam.NewFromConfig(cfg).AttachRolePolicy(t.Context(),
		&iam.AttachRolePolicyInput{RoleName: &role, PolicyArn: &arn})
	return err
}
