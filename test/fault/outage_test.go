package fault

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/test/harness"
)

// unanswered is what the API says about calls that AWS does not answer.
type unanswered struct {
	Unanswered *struct {
		Targets       int
		Account       access.AccountID
		Cause, Detail string
	}
}

// TestOutageIsShown has AWS answer every call in some accounts with 503, and then not at all. The pages of
// another console say so as well, until AWS answers.
func TestOutageIsShown(t *testing.T) {
	t.Parallel()
	c := tell(t, "AWS that does not answer",
		"the rollout, the account and the overview say so on each replica, with the time since when, until AWS answers")
	const accounts = 5
	f := newFleet(t, accounts).mapped()
	reader := harness.Serve(t, f.db, append(f.env, "PORTCULLIS_WORKERS=1")...)
	visitor := reader.SignIn(f.Editor)
	for what, fault := range map[string]sandbox.Fault{
		"HTTP status 503, ServiceUnavailable": {
			Fail: 1, Status: http.StatusServiceUnavailable, Code: "ServiceUnavailable",
		},
		"no answer yet": {Latency: sandbox.Duration(15 * time.Second)},
	} {
		fault.Actions = []string{"iam:*"}
		began := time.Now()
		f.box.SetFaults(fault)
		rollout := f.change()
		var said unanswered
		harness.EventuallyGently(t, time.Minute, what+" is shown", func() (bool, string) {
			said = unanswered{}
			f.API(f.Editor).Get("/rollouts/"+rollout, &said)
			u := said.Unanswered
			return u != nil && u.Targets == accounts && u.Cause == what, fmt.Sprintf("%+v", u)
		})
		shown := time.Since(began)
		target := "/rollouts/" + rollout + "/targets/" + string(said.Unanswered.Account)
		for _, path := range []string{"/", "/rollouts/" + rollout, target} {
			visitor.Get(path).Want(http.StatusOK, "AWS does not answer", "("+what+"), retrying since", "Seen last at")
		}
		f.box.SetFaults()
		harness.EventuallyGently(t, time.Minute, what+" is shown no more", func() (bool, string) {
			var now unanswered
			f.API(f.Editor).Get("/organization", &now)
			return now.Unanswered == nil, "it is"
		})
		f.endsAsDesired(rollout)
		c.fact("%s: shown after %.0f s", what, shown.Seconds())
	}
}
