package aws_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws"
	"portcullis.internal/portcullis/internal/aws/sandbox"
)

func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{})
	a := w.account(t, "web-prod")
	long := strings.Replace(userSidePolicy(a.ID, "alice"), `"103.15.250.0/24"`, `"103.15.250.0/24"`+strings.Repeat(`,"103.15.251.0/24"`, 120), 1)
	linked := access.Resource{Kind: access.ResourceRole, Path: "/aws-service-role/support.amazonaws.com/", Name: "AWSServiceRoleForSupport"}
	for _, tt := range []struct {
		name     string
		account  access.Account
		resource access.Resource
		document string
		want     access.CloudClass
		advice   string
	}{
		{"over quota", a, role("Bob"), long, access.CloudQuota, "too long"},
		{"unknown user", a, role("Bob"), userSidePolicy(a.ID, "mallory"), access.CloudInvalidPrincipal, "does not exist"},
		{"not JSON", a, role("Bob"), "{", access.CloudMalformed, "refuses"},
		{
			"no such role, so no tag", a, role("Nothing"), userSidePolicy(a.ID, "alice"), access.CloudDenied,
			"the tag portcullis-managed=true",
		},
		{
			"no such user, so no boundary", a, user("nobody"), mayAssume(a.ID, "Bob"), access.CloudDenied,
			"the permissions boundary portcullis-user-boundary",
		},
		{"service-linked role", w.account(t, "payments-nonprod"), linked, userSidePolicy(a.ID, "alice"), access.CloudDenied, "may not"},
		{"suspended account", w.account(t, "legacy-crm"), role("Bob"), userSidePolicy(a.ID, "alice"), access.CloudDenied, "could not be assumed"},
		{"deployment role of somebody else", w.account(t, "acquired-shop"), role("Bob"), userSidePolicy(a.ID, "alice"), access.CloudDenied, "trust policy"},
		{"no such account", access.Account{ID: "000000000001"}, role("Bob"), userSidePolicy(a.ID, "alice"), access.CloudDenied, "exists"},
	} {
		err := w.Write(t.Context(), scope(tt.account, tt.resource), access.Write{Resource: tt.resource, Document: tt.document})
		if got := access.CloudClassOf(err); got != tt.want {
			t.Errorf("%s: got %q (%v), want %q", tt.name, got, err, tt.want)
			continue
		}
		e := err.(*access.CloudError)
		if !strings.Contains(e.Advice, tt.advice) || e.Account != tt.account.ID || e.Code == "" || e.Action == "" || e.RequestID == "" {
			t.Errorf("%s: the error does not say it all: %+v", tt.name, e)
		}
	}
}

func TestExternalID(t *testing.T) {
	t.Parallel()
	right := newWorld(t, sandbox.Config{ExternalID: "acme-42"}, func(c *aws.Config) { c.ExternalID = "acme-42" })
	if _, err := right.Inventory(t.Context(), right.account(t, "web-prod")); err != nil {
		t.Errorf("with the external id: %v", err)
	}
	wrong := newWorld(t, sandbox.Config{ExternalID: "acme-42"})
	_, err := wrong.Inventory(t.Context(), wrong.account(t, "web-prod"))
	if got, want := access.CloudClassOf(err), access.CloudDenied; got != want {
		t.Errorf("without the external id: got %q (%v), want %q", got, err, want)
	}
}

func TestRepeatsWhatPasses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{})
	a := w.account(t, "web-prod")
	wr := access.Write{Resource: role("Bob"), Document: userSidePolicy(a.ID, "alice")}
	update := []string{"iam:UpdateAssumeRolePolicy"}
	for _, tt := range []struct {
		name      string
		fault     sandbox.Fault
		attempts  int64
		throttles int64
	}{
		{"throttled", sandbox.Fault{Actions: update, Throttle: 1, Count: 3}, 4, 3},
		{"somebody else writes", sandbox.Fault{Actions: update, Fail: 1, Code: "ConcurrentModification", Status: 409, Count: 2}, 3, 0},
		{"a failure", sandbox.Fault{Actions: update, Fail: 1, Count: 2}, 3, 0},
		{"an answer cut off", sandbox.Fault{Actions: update, LoseAnswer: 1, Count: 2}, 3, 0},
		{"an answer lost in a 500", sandbox.Fault{Actions: update, LoseAnswer: 1, Answer500: true, Count: 2}, 3, 0},
	} {
		w.org.SetFaults(sandbox.Faults{Rules: []sandbox.Fault{tt.fault}})
		if _, err := w.Read(t.Context(), scope(a, wr.Resource), []access.Resource{wr.Resource}); err != nil { // the session is open
			t.Fatal(err)
		}
		before := w.Counts(a.ID)
		if err := w.Write(t.Context(), scope(a, wr.Resource), wr); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		after := w.Counts(a.ID)
		got := access.CallCount{Calls: after.Calls - before.Calls, Attempts: after.Attempts - before.Attempts, Throttles: after.Throttles - before.Throttles, Writes: after.Writes - before.Writes}
		if d := cmp.Diff(access.CallCount{Calls: 1, Attempts: tt.attempts, Throttles: tt.throttles, Writes: 1}, got); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
}

func TestGivesUpInWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, func(c *aws.Config) { c.MaxAttempts = 2 })
	a := w.account(t, "web-prod")
	wr := access.Write{Resource: role("Bob"), Document: userSidePolicy(a.ID, "alice")}
	for _, tt := range []struct {
		name  string
		fault sandbox.Fault
		want  access.CloudClass
	}{
		{"throttled", sandbox.Fault{Actions: []string{"iam:*"}, Throttle: 1}, access.CloudThrottled},
		{"throttled by STS", sandbox.Fault{Actions: []string{"sts:*"}, Throttle: 1}, access.CloudThrottled},
		{"failing", sandbox.Fault{Actions: []string{"iam:*"}, Fail: 1}, access.CloudUnreachable},
		{"cut off", sandbox.Fault{Actions: []string{"iam:*"}, LoseAnswer: 1}, access.CloudUnreachable},
		{"a control policy", sandbox.Fault{Actions: []string{"iam:*"}, Fail: 1, Code: "AccessDenied", Status: 403, Message: "with an explicit deny in a service control policy"}, access.CloudDeniedSCP},
	} {
		w.org.SetFaults(sandbox.Faults{Rules: []sandbox.Fault{tt.fault}})
		sc := scope(a, wr.Resource)
		sc.SessionName = strings.ReplaceAll(tt.name, " ", "-") // a session of its own
		err := w.Write(t.Context(), sc, wr)
		if got := access.CloudClassOf(err); got != tt.want {
			t.Errorf("%s: got %q (%v), want %q", tt.name, got, err, tt.want)
		}
	}
}

func TestUnreachableEndpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 2}, func(c *aws.Config) { c.Endpoint, c.MaxAttempts = "http://127.0.0.1:1", 2 })
	_, err := w.Organization(t.Context())
	if got, want := access.CloudClassOf(err), access.CloudUnreachable; got != want || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %q (%v), want %q and that the connection was refused", got, err, want)
	}
}

func TestWrongSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{Accounts: 2}, func(c *aws.Config) { c.SecretAccessKey = "not-the-secret" })
	_, err := w.Organization(t.Context())
	if access.CloudClassOf(err) != access.CloudCredentials {
		t.Fatalf("got %v, want the console's credentials refused", err)
	}
	e := err.(*access.CloudError)
	if !strings.Contains(e.Advice, "credentials") || strings.Contains(e.Error()+e.Advice, "not-the-secret") {
		t.Errorf("advice: %q", e.Advice)
	}
}

// Credentials are used while they last for five minutes more, and no longer. The sandbox's clock is
// slow, so that the credentials that it issues expire earlier.
func TestCredentialsAreRenewedInTime(t *testing.T) {
	t.Parallel()
	for slow, want := range map[time.Duration]bool{9 * time.Minute: false, 11 * time.Minute: true} {
		w := newWorld(t, sandbox.Config{Accounts: 8, Now: func() time.Time { return time.Now().Add(-slow) }})
		a := w.account(t, "identity")
		for range 3 {
			if _, err := w.Read(t.Context(), scope(a), []access.Resource{role("Bob")}); err != nil {
				t.Fatal(err)
			}
		}
		// Opening a session takes two calls: AssumeRole and GetCallerIdentity.
		if opened := (w.Counts(a.ID).Calls - 3) / 2; (opened > 1) != want {
			t.Errorf("with %v left: opened %d sessions for 3 reads; want it renewed: %v", 15*time.Minute-slow, opened, want)
		}
	}
}

// A sandbox that has forgotten its sessions acts like AWS after an early revocation of credentials.
func TestFetchesForgottenCredentialsAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{})
	a := w.account(t, "web-prod")
	sc, resources := scope(a, role("Bob")), []access.Resource{role("Bob")}
	if _, err := w.Read(t.Context(), sc, resources); err != nil {
		t.Fatal(err)
	}
	w.org.Reset()
	if _, err := w.Read(t.Context(), sc, resources); err != nil {
		t.Errorf("after the sessions were forgotten: %v", err)
	}
}
