package fault

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/aws/sandbox"
)

// mostCalls bounds the calls of a rollout under throttling: the least number, divided by the share of
// calls that AWS accepts, times this.
const mostCalls = 1.3

// TestThrottlingBounds throttles a share of all calls at random and compares the calls of a rollout
// with those of the same rollout without throttling. The report also compares the time, and marks it
// if it is over the bound: a busy machine is slower, so no test fails by it.
func TestThrottlingBounds(t *testing.T) {
	t.Parallel()
	shares, accounts := []float64{0, 0.7}, 24
	if full() {
		shares, accounts = []float64{0, 0.5, 0.6, 0.7}, 100
	}
	c := tell(t, fmt.Sprintf("50 to 70 %% of all calls throttled at random, %d accounts", accounts),
		"calls: at most 1.3/(1−p) times those without throttling; time: 2·T0/(1−p) + 30 s, "+
			"where T0 is the time without throttling")
	var least measured
	for _, share := range shares {
		m := measure(t, accounts, share)
		if share == 0 {
			least = m
		}
		calls := float64(m.calls) * (1 - share) / float64(least.calls)
		if calls > mostCalls {
			t.Errorf("%.0f %% throttled: %d calls, which is %.2f/(1−p) of %d; at most %.1f/(1−p) are wanted",
				100*share, m.calls, calls, least.calls, mostCalls)
		}
		c.fact("%.0f %%: %d calls, %.2f/(1−p); %s", 100*share, m.calls, calls, m.against(least, share))
	}
}

// measured is the cost of one rollout.
type measured struct {
	calls int // to IAM and STS, by the sandbox's own count
	took  time.Duration
}

// against compares the time with its bound.
func (m measured) against(least measured, share float64) string {
	bound := time.Duration(2*float64(least.took)/(1-share)) + 30*time.Second
	text := fmt.Sprintf("%.1f s of %.1f s", m.took.Seconds(), bound.Seconds())
	if m.took > bound {
		text += " (over)"
	}
	return text
}

// measure maps a role in all accounts of an organization, with three writes in each.
func measure(t *testing.T, accounts int, share float64) measured {
	t.Helper()
	f := newFleet(t, accounts)
	if share > 0 {
		f.box.SetFaults(sandbox.Fault{Actions: []string{"iam:*", "sts:*"}, Throttle: share})
	}
	before := f.callsOf("iam:", "sts:")
	id := f.mapRole("Bob")
	began := time.Now()
	f.API(f.Editor).WaitForRollout(id, endsWithin)
	m := measured{calls: f.callsOf("iam:", "sts:") - before, took: time.Since(began)}
	f.box.SetFaults()
	f.endsAsDesired(id)
	return m
}

// callsOf counts the calls of some services, throttled ones too.
func (f *fleet) callsOf(services ...string) int {
	f.t.Helper()
	n := 0
	for _, c := range f.box.Counts() {
		for _, s := range services {
			if strings.HasPrefix(c.Action, s) {
				n += c.Count
			}
		}
	}
	return n
}
