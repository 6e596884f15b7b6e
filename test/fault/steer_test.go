package fault

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/test/harness"
)

// heeds is how soon whatever somebody does to a rollout has to show in AWS.
const heeds = 2 * time.Second

// TestSteered does everything that can be done to a rollout under way, through the console
// that did not start it, and looks for the effect in the sandbox's record: when accounts
// were begun, and how many were worked on at once.
func TestSteered(t *testing.T) {
	t.Parallel()
	accounts := 60
	if full() {
		accounts = 2000
	}
	c := tell(t, "A rollout that is steered from another console", "each control takes effect in AWS's own record within 2 s: fewer or more accounts at once, a pause, a skipped account, a retry of failed accounts, a rollback, an abort")
	f := newFleet(t, accounts, "PORTCULLIS_MAX_IN_FLIGHT=20", "PORTCULLIS_MAX_FAILURES=1000", "PORTCULLIS_API_RATE=-1")
	other := harness.Serve(t, f.db, f.env...)
	s := &steering{fleet: f, api: other.API(f.Operator)}

	closed := f.accounts[:5]
	f.box.SetFaults(slow(30*time.Millisecond), sandbox.Fault{Actions: []string{"iam:*"}, Accounts: closed, Fail: 1, Status: http.StatusForbidden, Code: "AccessDenied", Message: "User is not authorized to perform this action"})
	s.id = f.mapRole("Bob")
	c.fact("%d accounts, two consoles, 20 at once, 30–45 ms a call", accounts)
	s.inState("failed", 1)
	c.fact("4 at once after %s", s.fewer(4))
	c.fact("of 30 at once 24 after %s", s.more(30, 24))
	begun, quiet := s.pause()
	c.fact("paused: the last account started %s later, and the last call of all came %s later", begun, quiet)
	f.box.SetFaults(slow(30 * time.Millisecond))
	left, at, answered := s.skip()
	c.fact("one account skipped: %s", answered)
	c.fact("resumed: accounts start after %s", s.resume())
	c.fact("failed accounts retried after %s", s.retry(closed))
	stopped, begins, restored := s.rollBack()
	c.fact("rolled back: the last account started %s later, the rollback started after %s, the first document was restored after %s", stopped, begins, restored)
	for _, call := range s.of(left) {
		if call.Time.After(at) {
			t.Errorf("account %s was left out and is called: %v", left, call)
		}
	}
	f.asBefore()
	s.id = f.mapRole("ReadOnly")
	s.inState("succeeded", accounts/20)
	c.fact("aborted: the last account started %s later", s.abort())
	f.chainVerifies()
}

// steering is a rollout that is steered through a console.
type steering struct {
	*fleet
	api *harness.API
	id  string
}

// effect is how long after somebody asked for it something happened.
type effect time.Duration

func (e effect) String() string {
	if e <= 0 {
		return "0.00 s"
	}
	return fmt.Sprintf("%.2f s", time.Duration(e).Seconds())
}

// heeded says where an effect came too late.
func (s *steering) heeded(what string, asked, at time.Time) effect {
	s.t.Helper()
	took := at.Sub(asked)
	timely(s.t, what+", after it was asked for", took, heeds)
	return effect(took)
}

// ask takes a step, and returns when that was asked for.
func (s *steering) ask(step string, body any) (asked time.Time) {
	s.t.Helper()
	asked = time.Now()
	if status, answer := s.api.Post("/rollouts/"+s.id+"/"+step, body); status != http.StatusOK {
		s.t.Fatalf("%s: %d %s", step, status, answer)
	}
	return asked
}

// of are the rollout's calls within accounts; all of them for none.
func (s *steering) of(accounts ...access.AccountID) []sandbox.Call {
	s.t.Helper()
	return s.mine(s.box.Calls(""), accounts)
}

// recent is of for the last thousands of calls, which are enough to look at time and again.
func (s *steering) recent(accounts ...access.AccountID) []sandbox.Call {
	s.t.Helper()
	return s.mine(s.box.Newest(3000), accounts)
}

func (s *steering) mine(calls []sandbox.Call, accounts []access.AccountID) []sandbox.Call {
	calls = slices.DeleteFunc(calls, func(c sandbox.Call) bool {
		return !strings.HasSuffix(c.Caller, "/portcullis-rollout-"+s.id) || len(accounts) > 0 && !slices.Contains(accounts, c.Account)
	})
	slices.SortFunc(calls, func(a, b sandbox.Call) int { return a.Time.Compare(b.Time) })
	return calls
}

// inState waits until so many targets are in a state.
func (s *steering) inState(state string, n int) {
	s.t.Helper()
	s.eventuallyCounts(fmt.Sprintf("%d %s", n, state), func(counts map[string]int) bool { return counts[state] >= n })
}

func (s *steering) eventuallyCounts(what string, ok func(map[string]int) bool) {
	s.t.Helper()
	harness.Eventually(s.t, time.Minute, what, func() (bool, string) {
		r, err := s.api.Rollout(s.id)
		return err == nil && ok(r.Counts), fmt.Sprint(r.State, r.Counts, err)
	})
}

// span is the time in which an account is worked on.
type span struct{ first, last time.Time }

func spans(calls []sandbox.Call) map[access.AccountID]span {
	all := map[access.AccountID]span{}
	for _, c := range calls {
		one, seen := all[c.Account]
		if !seen {
			one.first = c.Time
		}
		one.last = c.Time
		all[c.Account] = one
	}
	return all
}

// inFlight counts the accounts that are worked on at a time.
func inFlight(all map[access.AccountID]span, at time.Time) int {
	n := 0
	for _, one := range all {
		if !one.first.After(at) && !one.last.Before(at) {
			n++
		}
	}
	return n
}

// lastBegun is when the last account was begun.
func lastBegun(calls []sandbox.Call) time.Time {
	var at time.Time
	for _, one := range spans(calls) {
		if one.first.After(at) {
			at = one.first
		}
	}
	return at
}

// firstAfter is when the first call after a time was made.
func (s *steering) firstAfter(asked time.Time, calls func() []sandbox.Call) (at time.Time) {
	s.t.Helper()
	harness.Eventually(s.t, time.Minute, "something is called", func() (bool, string) {
		for _, c := range calls() {
			if c.Time.After(asked) {
				at = c.Time
				return true, ""
			}
		}
		return false, "no call"
	})
	return at
}

// fewer has fewer accounts worked on at once. What is in flight ends.
func (s *steering) fewer(n int) effect {
	s.t.Helper()
	asked := s.ask("max-in-flight", map[string]int{"max_in_flight": n})
	s.eventuallyCounts("fewer in flight", func(counts map[string]int) bool { return counts["running"] <= n })
	now := time.Now()
	all, late := spans(s.of()), asked
	for _, one := range all {
		if one.first.Before(now) && one.first.After(late) && inFlight(all, one.first) > n {
			late = one.first
		}
	}
	return s.heeded(fmt.Sprintf("an account was begun while more than %d were in flight", n), asked, late)
}

// more has more accounts worked on at once, and looks for the time when so many are seen
// to be: an account that is in flight is called by and by.
func (s *steering) more(n, seen int) effect {
	s.t.Helper()
	asked := s.ask("max-in-flight", map[string]int{"max_in_flight": n})
	var at time.Time
	harness.Eventually(s.t, time.Minute, fmt.Sprintf("%d in flight", seen), func() (bool, string) {
		all, most := spans(s.recent()), 0
		for _, one := range all {
			if one.first.After(asked) {
				k := inFlight(all, one.first)
				most = max(most, k)
				if k >= seen && (at.IsZero() || one.first.Before(at)) {
					at = one.first
				}
				if k > n {
					s.t.Errorf("%d accounts were worked on at once, and %d may be", k, n)
				}
			}
		}
		return !at.IsZero(), fmt.Sprint(most)
	})
	return s.heeded(fmt.Sprintf("%d were worked on at once", seen), asked, at)
}

func (s *steering) pause() (begun, quiet effect) {
	s.t.Helper()
	asked := s.ask("pause", nil)
	s.eventuallyCounts("nothing in flight", func(counts map[string]int) bool { return counts["running"] == 0 })
	s.quiet()
	calls := s.of()
	return s.heeded("an account was begun after the pause", asked, lastBegun(calls)), s.heeded("AWS was called after the pause", asked, calls[len(calls)-1].Time)
}

// skip leaves out the account that would be next.
func (s *steering) skip() (left access.AccountID, at time.Time, answered effect) {
	s.t.Helper()
	left = access.AccountID(s.direct.Strings("SELECT account_id FROM targets WHERE rollout_id = $1 AND state = 'waiting' ORDER BY position LIMIT 1", s.id)[0])
	asked := s.ask("targets/"+string(left)+"/skip", map[string]string{"reason": "a test"})
	at = time.Now()
	return left, at, s.heeded("the account was left out", asked, at)
}

func (s *steering) resume() effect {
	s.t.Helper()
	asked := s.ask("resume", nil)
	return s.heeded("the first account was begun", asked, s.firstAfter(asked, func() []sandbox.Call { return s.recent() }))
}

func (s *steering) retry(failed []access.AccountID) effect {
	s.t.Helper()
	asked := s.ask("retry", nil)
	return s.heeded("a failed account was retried", asked, s.firstAfter(asked, func() []sandbox.Call { return s.recent(failed...) }))
}

// rollBack takes the rollout back, and waits until that is done.
func (s *steering) rollBack() (stopped, begins, restored effect) {
	s.t.Helper()
	asked := s.ask("rollback", map[string]string{"reason": "a test"})
	var back string
	harness.Eventually(s.t, time.Minute, "the way back begins", func() (bool, string) {
		found := s.direct.Strings("SELECT rolled_back_by::text FROM rollouts WHERE id = $1 AND rolled_back_by IS NOT NULL", s.id)
		if len(found) == 1 {
			back = found[0]
		}
		return back != "", "it has not"
	})
	way := &steering{fleet: s.fleet, api: s.api, id: back}
	begins = s.heeded("the rollback started its first account", asked, s.firstAfter(asked, func() []sandbox.Call { return way.recent() }))
	restored = effect(s.firstAfter(asked, func() []sandbox.Call {
		return slices.DeleteFunc(way.recent(), func(c sandbox.Call) bool { return !slices.Contains(harness.WriteActions, c.Action) })
	}).Sub(asked))
	stopped = s.heeded("an account was begun after the roll back", asked, lastBegun(s.of()))
	harness.Eventually(s.t, endsWithin, "it is rolled back", func() (bool, string) {
		r, err := s.api.Rollout(s.id)
		return err == nil && r.State == "rolled_back", fmt.Sprint(r.State, r.Counts, err)
	})
	return stopped, begins, restored
}

func (s *steering) abort() effect {
	s.t.Helper()
	asked := s.ask("abort", map[string]string{"reason": "a test"})
	s.eventuallyCounts("nothing in flight", func(counts map[string]int) bool { return counts["running"] == 0 })
	return s.heeded("an account was begun after the abort", asked, lastBegun(s.of()))
}

// asBefore checks that every account holds what it held when that was noted last.
func (f *fleet) asBefore() {
	f.t.Helper()
	for _, id := range f.accounts {
		now := f.box.State(id)
		for role, before := range f.before[id].Roles {
			if !iam.Equal(now.Roles[role], before, nil) {
				f.t.Errorf("role %s of account %s holds\n%s\nand held\n%s", role, id, now.Roles[role], before)
			}
		}
		for user, before := range f.before[id].Users {
			if got, want := now.Users[user][access.UserPolicyName], before[access.UserPolicyName]; got != want && !iam.Equal(got, want, nil) {
				f.t.Errorf("user %s of account %s holds\n%s\nand held\n%s", user, id, got, want)
			}
		}
	}
}
