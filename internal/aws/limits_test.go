package aws_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws"
	"portcullis.internal/portcullis/internal/aws/sandbox"
)

// The bucket of one account is empty after its burst; the one of another is not.
func TestRateIsPerAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, func(c *aws.Config) { c.IAMRate = 0.5 }) // a burst of one
	one, two := w.account(t, "web-prod"), w.account(t, "payments-prod")
	bob := []access.Resource{role("Bob")}
	if _, err := w.Read(t.Context(), scope(one), bob); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err := w.Read(ctx, scope(one), bob)
	if got, want := access.CloudClassOf(err), access.CloudThrottled; got != want {
		t.Errorf("the second call to an account at one in two seconds: got %q (%v), want %q", got, err, want)
	}
	if _, err := w.Read(t.Context(), scope(two), bob); err != nil {
		t.Errorf("the first call to another account: %v", err)
	}
}

// An account that AWS throttles gets through all the same, and the throttling shows.
func TestGetsThroughARateLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, func(c *aws.Config) {
		c.MaxAttempts, c.BackoffBase, c.BackoffCap = 50, 10*time.Millisecond, 20*time.Millisecond
	})
	w.org.SetFaults(sandbox.Faults{Rules: []sandbox.Fault{{Actions: []string{"iam:*"}, Rate: 8}}})
	a := w.account(t, "web-prod")
	for range 25 {
		if _, err := w.Read(t.Context(), scope(a), []access.Resource{role("Bob")}); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.Counts(a.ID); got.Throttles == 0 || got.Attempts != got.Calls+got.Throttles {
		t.Errorf("counts: %+v; want throttles, and an attempt for each", got)
	}
}

// A call that AWS throttles is repeated more often than one that fails.
func TestAttempts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, func(c *aws.Config) { c.MaxAttempts = 3 })
	for _, tt := range []struct {
		name, account string
		fault         sandbox.Fault
		want          int64
		class         access.CloudClass
	}{
		{"failing", "web-prod", sandbox.Fault{Actions: []string{"iam:GetRole"}, Fail: 1}, 3, access.CloudUnreachable},
		{"throttled", "payments-prod", sandbox.Fault{Actions: []string{"iam:GetRole"}, Throttle: 1}, 9, access.CloudThrottled},
	} {
		a := w.account(t, tt.account)
		w.org.SetFaults(sandbox.Faults{})
		if _, err := w.Read(t.Context(), scope(a), []access.Resource{role("Bob")}); err != nil {
			t.Fatal(err)
		}
		before := w.Counts(a.ID).Attempts
		w.org.SetFaults(sandbox.Faults{Rules: []sandbox.Fault{tt.fault}})
		_, err := w.Read(t.Context(), scope(a), []access.Resource{role("Bob")})
		if got := w.Counts(a.ID).Attempts - before; got != tt.want || access.CloudClassOf(err) != tt.class {
			t.Errorf("%s: %d attempts and %q, want %d and %q", tt.name, got, access.CloudClassOf(err), tt.want, tt.class)
		}
	}
}

// While AWS throttles an account that is pushed to, a scan leaves all turns to the push. It
// goes on in other accounts, and in this one afterwards.
func TestScanYieldsToPush(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.Config{}, func(c *aws.Config) { c.MaxAttempts = 1 })
	pushed, other := w.account(t, "web-prod"), w.account(t, "payments-prod")
	if _, err := w.Inventory(t.Context(), pushed); err != nil {
		t.Fatal(err)
	}
	w.org.SetFaults(sandbox.Faults{Rules: []sandbox.Fault{{Actions: []string{"iam:UpdateAssumeRolePolicy"}, Throttle: 1}}})
	sc := scope(pushed, role("Bob"))
	if err := w.Write(t.Context(), sc, access.Write{Resource: role("Bob"), Document: userSidePolicy(pushed.ID, "carol")}); access.CloudClassOf(err) != access.CloudThrottled {
		t.Fatalf("the write is not throttled: %v", err)
	}
	before := w.Counts(pushed.ID).Attempts
	if _, err := w.Inventory(t.Context(), pushed); access.KindOf(err) != access.KindConflict {
		t.Errorf("the scan of the account that is pushed to: %v, want it to yield", err)
	}
	if sent := w.Counts(pushed.ID).Attempts - before; sent != 0 {
		t.Errorf("%d attempts, want none", sent)
	}
	if _, err := w.Inventory(t.Context(), other); err != nil {
		t.Errorf("the scan of another account: %v", err)
	}
	w.org.SetFaults(sandbox.Faults{})
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		_, err := w.Inventory(t.Context(), pushed)
		if err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("a minute after the push: %v", err)
		}
	}
}

// A write that has to be repeated is not, once whoever sent it may write no more; and one
// that waits for its turn is not sent then.
func TestNoAttemptIsMadeOnceTheClaimIsLost(t *testing.T) {
	t.Parallel()
	lost := errors.New("the claim is lost")
	for _, tt := range []struct {
		name    string
		allowed int // so many attempts
	}{{"before the first", 0}, {"between two", 1}} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, sandbox.Config{})
			a := w.account(t, "web-prod")
			sc := scope(a, role("Bob"))
			if _, err := w.Read(t.Context(), sc, sc.Resources); err != nil {
				t.Fatal(err)
			}
			w.org.SetFaults(sandbox.Faults{Rules: []sandbox.Fault{{Actions: []string{"iam:UpdateAssumeRolePolicy"}, Throttle: 1}}})
			asked := 0
			sc.Held = func() error {
				if asked++; asked > tt.allowed {
					return lost
				}
				return nil
			}
			err := w.Write(t.Context(), sc, access.Write{Resource: role("Bob"), Document: userSidePolicy(a.ID, "carol")})
			if !errors.Is(err, lost) {
				t.Errorf("got %v, want it to say that the claim is lost", err)
			}
			reached := 0
			for _, c := range w.org.Calls() {
				if c.Action == "iam:UpdateAssumeRolePolicy" {
					reached++
				}
			}
			if reached != tt.allowed {
				t.Errorf("%d attempts reached AWS, want %d", reached, tt.allowed)
			}
		})
	}
}
