package fault

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
)

// TestThrottling throttles a share of all calls, and lets some fail with 500 besides.
func TestThrottling(t *testing.T) {
	t.Parallel()
	if !full() {
		t.Skip("part of the long form: make fault")
	}
	const accounts = 40
	f := newFleet(t, accounts).mapped()
	for _, share := range []float64{0.3, 0.6, 0.9} {
		c := tell(t, fmt.Sprintf("%.0f %% of all calls throttled, 5 %% answered with 500", 100*share), "no account is lost to throttling; no more writes than needed take effect")
		f.box.SetFaults(sandbox.Fault{Actions: []string{"iam:*", "sts:*"}, Throttle: share}, sandbox.Fault{Actions: []string{"iam:*"}, Fail: 0.05})
		written, throttled := f.box.Writes(), f.struck("throttled")
		began := time.Now()
		r := f.endsAsDesired(f.change())
		if extra := f.box.Writes() - written - accounts; extra != 0 {
			t.Errorf("%d writes more than needed", extra)
		}
		c.fact("%d accounts in %.1f s; %d calls throttled; lost: %d", accounts, time.Since(began).Seconds(), f.struck("throttled")-throttled, r.Targets-r.Counts["succeeded"])
		f.box.SetFaults()
	}
	f.pushAgainWritesNothing()
}

// TestCredentialsExpire ends temporary credentials in the middle of pushes.
func TestCredentialsExpire(t *testing.T) {
	t.Parallel()
	if !full() {
		t.Skip("part of the long form: make fault")
	}
	c := tell(t, "Credentials that expire in the middle of a push", "the role is assumed again and the push continues; nothing fails")
	const accounts = 30
	f := newFleet(t, accounts)
	taken := f.asked("sts:AssumeRole")
	f.box.SetFaults(slow(80*time.Millisecond), sandbox.Fault{Actions: []string{"iam:*"}, Life: sandbox.Duration(250 * time.Millisecond)})
	f.endsAsDesired(f.mapRole("Bob"))
	again := f.asked("sts:AssumeRole") - taken - accounts
	if again < accounts/2 {
		t.Errorf("the role was assumed %d more times; too few for the test to mean anything", again)
	}
	c.fact("%d accounts, sessions of 250 ms at 80 ms a call; the role was assumed %d times more than once per account", accounts, again)
	f.box.SetFaults()
	f.pushAgainWritesNothing()
}

// TestDeniedInAThird refuses everything in a third of the accounts, and then no more.
func TestDeniedInAThird(t *testing.T) {
	t.Parallel()
	const accounts = 30
	c := tell(t, "AccessDenied in a third of the accounts", "the other accounts are written; nothing is written in the closed ones, and a retry completes them")
	f := newFleet(t, accounts, "PORTCULLIS_MAX_FAILURES=1000")
	closed := f.accounts[:accounts/3]
	f.box.SetFaults(sandbox.Fault{Actions: []string{"iam:*"}, Accounts: closed, Fail: 1, Status: http.StatusForbidden, Code: "AccessDenied", Message: "User is not authorized to perform this action"})
	id := f.mapRole("Bob")
	r := f.API(f.Editor).WaitForRollout(id, endsWithin)
	if r.State != "completed" || r.Counts["failed"] != len(closed) || r.Counts["succeeded"] != accounts-len(closed) {
		t.Fatalf("the rollout is %s with %v, want %d failed and the rest succeeded", r.State, r.Counts, len(closed))
	}
	for _, target := range f.API(f.Editor).Targets(id) {
		if target.State == "failed" && (target.Class != string(access.CloudDenied) || target.Calls.Writes != 0) {
			t.Errorf("account %s: class %q, %d writes; want denied and none: %s", target.Account, target.Class, target.Calls.Writes, target.Message)
		}
	}
	f.box.SetFaults()
	f.post(id, "retry", nil)
	f.endsAsDesired(id)
	f.pushAgainWritesNothing()
	c.fact("%d accounts, %d of them closed; after the retry all are as desired", accounts, len(closed))
}

// asked counts how often an action was called.
func (f *fleet) asked(action string) int {
	f.t.Helper()
	n := 0
	for _, c := range f.box.Counts() {
		if c.Action == action {
			n += c.Count
		}
	}
	return n
}

// post takes a step of a rollout over the API, as the operator.
func (f *fleet) post(rollout, step string, body any) {
	f.t.Helper()
	if status, answer := f.API(f.Operator).Post("/rollouts/"+rollout+"/"+step, body); status != http.StatusOK {
		f.t.Fatalf("%s: %d %s", step, status, answer)
	}
}
