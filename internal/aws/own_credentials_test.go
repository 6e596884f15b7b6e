package aws_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws"
	"portcullis.internal/portcullis/internal/aws/sandbox"
)

// TestOwnCredentialsRefused calls STS with credentials that it refuses: the refusal is that of the console, not of the
// account, and the console knows it until STS accepts them.
func TestOwnCredentialsRefused(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]func(*aws.Config){
		"wrong secret": func(c *aws.Config) { c.SecretAccessKey += "x" },
		"unknown key":  func(c *aws.Config) { c.AccessKeyID = "AKIA0000000000000000" },
	} {
		w := newWorld(t, sandbox.Config{}, wrong)
		_, err := w.Read(t.Context(), scope(w.account(t, "web-prod")), []access.Resource{role("Bob")})
		var e *access.CloudError
		if !errors.As(err, &e) || e.Class != access.CloudCredentials || e.Cause == "" || e.Advice == "" {
			t.Errorf("%s: got %+v, want class %s with cause and advice", name, err, access.CloudCredentials)
		}
		if since, why := w.CredentialsRefused(); access.CloudClassOf(why) != access.CloudCredentials || since.IsZero() {
			t.Errorf("%s: the console does not know of the refusal: %v", name, why)
		}
		if _, err := w.Identity(t.Context()); access.CloudClassOf(err) != access.CloudCredentials {
			t.Errorf("%s: the identity: %v", name, err)
		}
		if _, err := w.Organization(t.Context()); access.CloudClassOf(err) != access.CloudCredentials {
			t.Errorf("%s: the organization: %v", name, err)
		}
	}
}

// TestNoCredentials has a console without any credentials.
func TestNoCredentials(t *testing.T) {
	for _, name := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
	} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	w := newWorld(t, sandbox.Config{}, func(c *aws.Config) {
		c.AccessKeyID, c.SecretAccessKey, c.Region = "", "", "us-east-1"
	})
	_, err := w.Read(t.Context(), scope(w.account(t, "web-prod")), []access.Resource{role("Bob")})
	if access.CloudClassOf(err) != access.CloudCredentials || !strings.Contains(err.Error(), "has no AWS credentials") {
		t.Errorf("got %v, want that the console has no credentials", err)
	}
}

// TestOwnCredentialsExpireAndReturn lets STS refuse expired credentials for a while.
func TestOwnCredentialsExpireAndReturn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{})
	a := w.account(t, "web-prod")
	who, err := w.Identity(t.Context())
	if err != nil || !strings.Contains(who.ARN, sandbox.ConsoleUser) || !who.Account.Valid() {
		t.Fatalf("the identity is %+v, %v", who, err)
	}
	if id, err := w.ReadableOrganization(t.Context()); err != nil || !strings.HasPrefix(id, "o-") {
		t.Errorf("the organization is %q, %v", id, err)
	}
	expired := sandbox.Fault{Actions: []string{"sts:*"}, Fail: 1, Status: 403, Code: "ExpiredToken"}
	w.org.SetFaults(sandbox.Faults{Rules: []sandbox.Fault{expired}})
	_, err = w.Read(t.Context(), scope(a), []access.Resource{role("Bob")})
	if access.CloudClassOf(err) != access.CloudCredentials {
		t.Errorf("expired: got %v, want the console's credentials refused", err)
	}
	if _, why := w.CredentialsRefused(); why == nil {
		t.Error("expired: the console does not know")
	}
	w.org.SetFaults(sandbox.Faults{Rules: []sandbox.Fault{{Actions: []string{"sts:*"}, Throttle: 1, Count: 1}}})
	if _, err := w.Identity(t.Context()); err != nil {
		t.Errorf("accepted again: %v", err)
	}
	if _, why := w.CredentialsRefused(); why != nil {
		t.Errorf("accepted again, and the console still says %v", why)
	}
}

// TestRefusalsOfAnAccountAreNotOwn tells refusals by an account from those of the console's own credentials: of the
// deployment role, and of a session that has ended.
func TestRefusalsOfAnAccountAreNotOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{})
	bob := []access.Resource{role("Bob")}
	_, err := w.Read(t.Context(), scope(w.account(t, "acquired-shop")), bob)
	if access.CloudClassOf(err) != access.CloudDenied {
		t.Errorf("a role that does not trust the console: got %v, want denied", err)
	}
	w.org.SetFaults(sandbox.Faults{Rules: []sandbox.Fault{
		{Actions: []string{"iam:*"}, Fail: 1, Status: 403, Code: "ExpiredToken"},
	}})
	_, err = w.Read(t.Context(), scope(w.account(t, "web-prod")), bob)
	if access.CloudClassOf(err) != access.CloudDenied {
		t.Errorf("a session that has ended: got %v, want denied", err)
	}
	if _, why := w.CredentialsRefused(); why != nil {
		t.Errorf("the console's own credentials count as refused: %v", why)
	}
}

// TestSilence asks since when AWS does not answer: with an error status, with no answer at all, and afterwards.
func TestSilence(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, func(c *aws.Config) { c.MaxAttempts, c.HTTPTimeout = 2, time.Minute })
	a, other := w.account(t, "web-prod"), w.account(t, "payments-nonprod")
	bob := []access.Resource{role("Bob")}
	before := time.Now()
	w.org.SetFaults(sandbox.Faults{Rules: []sandbox.Fault{{
		Actions: []string{"iam:*"}, Accounts: []access.AccountID{a.ID}, Fail: 1, Status: 503, Code: "ServiceUnavailable",
	}}})
	if _, err := w.Read(t.Context(), scope(a), bob); access.CloudClassOf(err) != access.CloudUnreachable {
		t.Fatalf("503: %v", err)
	}
	if s := w.Silence(a.ID); s.Since.Before(before) || !strings.Contains(s.Cause, "503") {
		t.Errorf("503: the silence is %+v, want one since this test", s)
	}
	if s := w.Silence(other.ID); !s.Since.IsZero() {
		t.Errorf("another account: %+v", s)
	}
	w.org.SetFaults(sandbox.Faults{Rules: []sandbox.Fault{{Actions: []string{"iam:*"}, Throttle: 1}}})
	if _, err := w.Read(t.Context(), scope(a), bob); access.CloudClassOf(err) != access.CloudThrottled {
		t.Fatalf("throttled: %v", err)
	}
	if s := w.Silence(a.ID); !s.Since.IsZero() {
		t.Errorf("throttling is an answer, and the silence is %+v", s)
	}
	w.org.SetFaults(sandbox.Faults{Rules: []sandbox.Fault{
		{Actions: []string{"iam:*"}, Latency: sandbox.Duration(7 * time.Second)},
	}})
	done := make(chan error, 1)
	go func() { _, err := w.Read(t.Context(), scope(a), bob); done <- err }()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for heard := false; !heard; <-tick.C {
		select {
		case err := <-done:
			t.Fatalf("the read ended before the silence was noticed: %v", err)
		default:
		}
		s := w.Silence(a.ID)
		heard = s.Cause == "no answer yet" && !s.Since.IsZero()
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if s := w.Silence(a.ID); !s.Since.IsZero() {
		t.Errorf("AWS answered, and the silence is %+v", s)
	}
}

// TestLacksExternalID warns only where roles in AWS itself are assumed without an external id.
func TestLacksExternalID(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL", "")
	for _, tt := range []struct {
		endpoint, external string
		want               bool
	}{
		{"", "", true},
		{"", "acme-42", false},
		{"https://vpce-0123.sts.eu-west-1.vpce.amazonaws.com", "", true},
		{"http://127.0.0.1:8081", "", false},
		{"http://moto.example.com", "", false},
	} {
		cfg := aws.Config{Region: "eu-west-1", Endpoint: tt.endpoint, ExternalID: tt.external}
		cloud, err := aws.New(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if got := cloud.LacksExternalID(); got != tt.want {
			t.Errorf("endpoint %q with external id %q: %t, want %t", tt.endpoint, tt.external, got, tt.want)
		}
	}
}
