package sandbox_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
)

// company is a running sandbox with what tests look up in it.
type company struct {
	*sandbox.Organization
	endpoint string
	client   *http.Client // one for all, so that the tests do not run out of connections
}

func start(t *testing.T, cfg sandbox.Config) company {
	t.Helper()
	o, err := sandbox.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	addr, stop, err := o.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return dial(o, addr)
}

func dial(o *sandbox.Organization, addr string) company {
	return company{o, "http://" + addr, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}}}
}

// account finds an account by its name.
func (c company) account(t *testing.T, name string) access.AccountID {
	t.Helper()
	for _, a := range c.Accounts() {
		if a.Name == name {
			return a.ID
		}
	}
	t.Fatalf("the company has no account %s", name)
	return ""
}

// as returns a configuration that signs as a user of an account.
func (c company) as(t *testing.T, account access.AccountID, user string) aws.Config {
	t.Helper()
	for _, k := range c.AccountCredentials(account) {
		if k.User == user {
			return c.with(k.AccessKeyID, k.SecretAccessKey, "")
		}
	}
	t.Fatalf("account %s has no user %s", account, user)
	return aws.Config{}
}

func (c company) with(key, secret, token string) aws.Config {
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(c.endpoint), HTTPClient: c.client,
		Credentials: credentials.NewStaticCredentialsProvider(key, secret, token),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}
}

// asAdmin returns a configuration with full rights in an account, as the management
// account's admin gets them.
func (c company) asAdmin(t *testing.T, account access.AccountID) aws.Config {
	t.Helper()
	management := c.Accounts()[0].ID
	admin := c.as(t, management, sandbox.AdminUser)
	if account == management {
		return admin
	}
	out, err := c.assume(admin, account, "OrganizationAccountAccessRole")
	if err != nil {
		t.Fatal(err)
	}
	return c.session(out)
}

func (c company) assume(cfg aws.Config, account access.AccountID, role string, change ...func(*sts.AssumeRoleInput)) (*sts.AssumeRoleOutput, error) {
	in := &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::" + string(account) + ":role/" + role), RoleSessionName: aws.String("test")}
	for _, f := range change {
		f(in)
	}
	return sts.NewFromConfig(cfg).AssumeRole(context.Background(), in)
}

func (c company) session(out *sts.AssumeRoleOutput) aws.Config {
	return c.with(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
}

// from makes requests come from an address, as the sandbox is told by a header.
func from(cfg aws.Config, addr string) aws.Config { return header(cfg, "X-Sandbox-Source-Ip", addr) }

// at adds a path to the endpoint.
func at(cfg aws.Config, path string) aws.Config {
	cfg.BaseEndpoint = aws.String(*cfg.BaseEndpoint + path)
	return cfg
}

func header(cfg aws.Config, name, value string) aws.Config {
	cfg = cfg.Copy()
	cfg.APIOptions = append(cfg.APIOptions, func(s *middleware.Stack) error {
		return s.Build.Add(middleware.BuildMiddlewareFunc("header "+name, func(ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler) (middleware.BuildOutput, middleware.Metadata, error) {
			in.Request.(*smithyhttp.Request).Header.Set(name, value)
			return next.HandleBuild(ctx, in)
		}), middleware.After)
	})
	return cfg
}

// code is AWS's error code of an error, "" of none, and the error's text of any other.
func code(err error) string {
	var api smithy.APIError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &api):
		return api.ErrorCode()
	default:
		return err.Error()
	}
}

func message(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorMessage()
	}
	return ""
}

func setTrust(cfg aws.Config, role, doc string) error {
	_, err := iam.NewFromConfig(cfg).UpdateAssumeRolePolicy(context.Background(), &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String(role), PolicyDocument: aws.String(doc)})
	return err
}

func getTrust(t *testing.T, cfg aws.Config, role string) string {
	t.Helper()
	out, err := iam.NewFromConfig(cfg).GetRole(context.Background(), &iam.GetRoleInput{RoleName: aws.String(role)})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := url.PathUnescape(*out.Role.AssumeRolePolicyDocument)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// article is the pair of statements for a user that the product is about.
func article(account access.AccountID, user string) string {
	who := `"Principal":{"AWS":"arn:aws:iam::` + string(account) + `:user/` + user + `"},"Action":"sts:AssumeRole"`
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` + who + `},{"Effect":"Deny",` + who +
		`,"Condition":{"NotIpAddress":{"aws:SourceIp":["103.15.250.0/24","12.148.72.0/23"]}}}]}`
}

func TestArticleTrustPolicy(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{})
	id := c.account(t, "payments-prod")
	if err := setTrust(c.asAdmin(t, id), "Bob", article(id, "carol")); err != nil {
		t.Fatal(err)
	}
	carol, bob := c.as(t, id, "carol"), c.as(t, id, "bob")
	for _, tt := range []struct {
		name string
		cfg  aws.Config
		want string
	}{
		{"first range", from(carol, "103.15.250.7"), ""},
		{"end of second range", from(carol, "12.148.73.255"), ""},
		{"beside the first", from(carol, "103.15.251.0"), "AccessDenied"},
		{"after the second", from(carol, "12.148.74.0"), "AccessDenied"},
		{"somewhere else", from(carol, "8.8.8.8"), "AccessDenied"},
		{"first range, by the endpoint's path", at(carol, "/from/103.15.250.7"), ""},
		{"IPv6 by the endpoint's path", at(carol, "/from/2001:db8::1"), "AccessDenied"},
		{"no address by the endpoint's path", at(carol, "/from/none/"), "AccessDenied"},
		{"IPv6", from(carol, "2001:db8::1"), "AccessDenied"},
		{"no address", from(carol, "none"), "AccessDenied"},
		{"the connection's own address", carol, "AccessDenied"},
		{"through an endpoint", header(carol, "X-Sandbox-Source-Vpc", "vpc-0a1b2c3d"), "AccessDenied"},
		{"a user who is not trusted", from(bob, "103.15.250.7"), "AccessDenied"},
	} {
		_, err := c.assume(tt.cfg, id, "Bob")
		if got := code(err); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestSignatureIsChecked(t *testing.T) {
	t.Parallel()
	c := start(t, sandbox.Config{Accounts: 3})
	k := c.Credentials()[0]
	out, err := c.assume(c.with(k.AccessKeyID, k.SecretAccessKey, ""), c.account(t, "identity"), sandbox.DeployRole)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		cfg  aws.Config
		want string
	}{
		{"right", c.with(k.AccessKeyID, k.SecretAccessKey, ""), ""},
		{"wrong secret", c.with(k.AccessKeyID, k.SecretAccessKey[1:]+"x", ""), "SignatureDoesNotMatch"},
		{"unknown key", c.with("AKIAUNKNOWN000000000", k.SecretAccessKey, ""), "InvalidClientTokenId"},
		{"session", c.session(out), ""},
		{"session without its token", c.with(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, ""), "InvalidClientTokenId"},
	} {
		_, err := sts.NewFromConfig(tt.cfg).GetCallerIdentity(t.Context(), nil)
		if got := code(err); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
	_, err = organizations.NewFromConfig(c.with(k.AccessKeyID, "wrong", "")).ListRoots(t.Context(), nil)
	if got, want := code(err), "InvalidSignatureException"; got != want {
		t.Errorf("organizations with a wrong secret: got %q, want %q", got, want)
	}
}

func TestSessionExpires(t *testing.T) {
	t.Parallel()
	clock := make(chan time.Time, 1)
	clock <- time.Now()
	now := func() time.Time { n := <-clock; clock <- n; return n }
	c := start(t, sandbox.Config{Accounts: 3, Now: now})
	k := c.Credentials()[0]
	out, err := c.assume(c.with(k.AccessKeyID, k.SecretAccessKey, ""), c.account(t, "identity"), sandbox.DeployRole)
	if err != nil {
		t.Fatal(err)
	}
	clock <- (<-clock).Add(61 * time.Minute)
	_, err = sts.NewFromConfig(c.session(out)).GetCallerIdentity(t.Context(), nil)
	if got, want := code(err), "ExpiredToken"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
