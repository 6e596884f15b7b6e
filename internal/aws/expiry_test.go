package aws_test

import (
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
)

// Credentials that end before their time are fetched anew; the call goes through.
func TestCredentialsThatEndBeforeTheirTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{})
	a := w.account(t, "web-prod")
	bob := []access.Resource{role("Bob")}
	if _, err := w.Read(t.Context(), scope(a), bob); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	w.org.SetFaults(sandbox.Faults{Rules: []sandbox.Fault{{Actions: []string{"iam:*"}, Life: sandbox.Duration(time.Millisecond), Count: 1}, {Latency: sandbox.Duration(2 * time.Millisecond)}}})
	_, err := w.Read(t.Context(), scope(a), bob)
	if got := access.CloudClassOf(err); got != access.CloudDenied {
		t.Errorf("sessions that end at once: %q (%v), want denied: it is tried anew once only", got, err)
	}
	w.org.SetFaults(sandbox.Faults{Rules: []sandbox.Fault{{Actions: []string{"iam:*"}, Life: sandbox.Duration(time.Since(began) + time.Second)}}})
	if _, err := w.Read(t.Context(), scope(a), bob); err != nil {
		t.Errorf("a session that is still good: %v", err)
	}
	if got := w.Counts(a.ID); got.Calls < 5 {
		t.Errorf("%+v, want the role assumed again for each refusal", got)
	}
}

// A suspended account lets nobody in, and says so; active again it does.
func TestSuspendedAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{})
	a := w.account(t, "web-prod")
	if !w.org.SetAccountState(a.ID, access.AccountSuspended) || w.org.SetAccountState("000000000000", access.AccountSuspended) {
		t.Fatal("an account is not found, or one that is not there")
	}
	if _, err := w.Read(t.Context(), scope(a), []access.Resource{role("Bob")}); access.CloudClassOf(err) != access.CloudDenied {
		t.Errorf("reading a suspended account: %v, want it denied", err)
	}
	w.org.SetAccountState(a.ID, access.AccountActive)
	if _, err := w.Read(t.Context(), scope(a), []access.Resource{role("Bob")}); err != nil {
		t.Errorf("active again: %v", err)
	}
}
