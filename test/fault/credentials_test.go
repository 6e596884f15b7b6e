package fault

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/test/harness"
)

// organization is what the API says about the reading of the organization.
type organization struct {
	LastError *struct{ Detail, Replica string }  `json:"last_error"`
	Refused   []struct{ Replica, Detail string } `json:"refused_credentials"`
}

func (f *fleet) organization() organization {
	f.t.Helper()
	var o organization
	f.API(f.Editor).Get("/organization", &o)
	return o
}

// ready waits until a console is ready, or is not.
func (f *fleet) ready(c *harness.Console, want int) string {
	f.t.Helper()
	var said string
	harness.Eventually(f.t, time.Minute, "the readiness changes", func() (bool, string) {
		var status int
		status, said = c.Readiness()
		return status == want, said
	})
	return said
}

// TestReplicaWithWrongKey starts a second console with a wrong secret key before a rollout.
func TestReplicaWithWrongKey(t *testing.T) {
	t.Parallel()
	c := tell(t, "A replica whose AWS credentials are wrong",
		"no account fails; the replica starts none and is not ready, but serves pages; "+
			"the other replica finishes the rollout")
	const accounts = 12
	f := newFleet(t, accounts, "PORTCULLIS_MAX_IN_FLIGHT=4")
	env := slices.Concat(f.env, []string{"AWS_SECRET_ACCESS_KEY=wrong"})
	other := harness.ServeUnready(t, f.db, env...)
	said := f.ready(other, http.StatusServiceUnavailable)
	if !strings.Contains(said, "AWS refuses the console's own credentials") ||
		!strings.Contains(said, "[failed] aws_credentials") {
		t.Errorf("the replica says %q", said)
	}
	f.box.SetFaults(slow(20 * time.Millisecond))
	r := f.endsAsDesired(f.mapRole("Bob"))
	if n := other.Metric("portcullis_aws_writes_total"); n != 0 {
		t.Errorf("the replica made %v writes", n)
	}
	if n := strings.Count(other.Output(), `"level":"ERROR"`); n != 1 ||
		!strings.Contains(other.Output(), "AWS refuses the console's own credentials; ") {
		t.Errorf("%d errors in the log of the replica, want one about its credentials", n)
	}
	if o := f.organization(); len(o.Refused) != 1 || !strings.Contains(o.Refused[0].Replica, other.Addr) {
		t.Errorf("the other console says %+v, want that the credentials of %s are refused", o, other.Addr)
	}
	if page := f.SignIn(f.Editor).Get("/").Want(http.StatusOK); !strings.Contains(page.Text(), other.Addr) {
		t.Error("the overview of the other console does not name the replica")
	}
	c.fact("%d accounts; %d succeeded; the replica made no write", accounts, r.Counts["succeeded"])
}

// TestOwnCredentialsExpire lets the credentials of the only console expire in the middle of a rollout, and be accepted
// again some time later.
func TestOwnCredentialsExpire(t *testing.T) {
	t.Parallel()
	c := tell(t, "Credentials of the console that expire",
		"no account fails; the rollout continues once AWS accepts the credentials again")
	const accounts = 12
	f := newFleet(t, accounts, "PORTCULLIS_MAX_IN_FLIGHT=2")
	f.box.SetFaults(slow(60 * time.Millisecond))
	written := f.box.Writes()
	rollout := f.mapRole("Bob")
	f.whenWritten(written, 2*writesPerAccount)
	management := f.box.Credentials("")[0].Account
	f.box.SetFaults(slow(60*time.Millisecond),
		sandbox.Fault{Actions: []string{"sts:AssumeRole"}, Fail: 1, Status: 403, Code: "ExpiredToken"},
		sandbox.Fault{
			Actions: []string{"sts:GetCallerIdentity"}, Accounts: []access.AccountID{management},
			Fail: 1, Status: 403, Code: "ExpiredToken",
		})
	f.ready(f.Console, http.StatusServiceUnavailable)
	before, err := f.API(f.Editor).Rollout(rollout)
	if err != nil || before.State != "running" || before.Counts["failed"] > 0 {
		t.Errorf("the rollout is %s with %v, %v; want it running without a failure", before.State, before.Counts, err)
	}
	code, answer := f.API(f.Operator).Post("/organization/sync?wait=20s", nil)
	if code != http.StatusNoContent && code != http.StatusConflict {
		t.Errorf("a sync meanwhile: %d %s", code, answer)
	}
	f.box.SetFaults(slow(5 * time.Millisecond))
	f.ready(f.Console, http.StatusOK)
	f.endsAsDesired(rollout)
	if !strings.Contains(f.Output(), "AWS accepts the console's own credentials again") {
		t.Error("the log does not say that the credentials are accepted again")
	}
	if o := f.organization(); len(o.Refused) > 0 {
		t.Errorf("the console still says %+v", o.Refused)
	}
	c.fact("%d accounts; %d were done when the credentials expired; none failed", accounts, before.Counts["succeeded"])
}
