package fault

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/test/harness"
)

// TestTwoConsoles has two consoles share rollouts over one database: in the first one of
// them is killed, in the second one is frozen and comes back when all is done.
func TestTwoConsoles(t *testing.T) {
	t.Parallel()
	const maxInFlight = 5
	accounts := 40
	if full() {
		accounts = 200
	}
	c := tell(t, "Two consoles on one database", "Two processes share the rollouts. In the first rollout one of them is killed. In the second one is frozen with SIGSTOP,\nthe other finishes its accounts, and then the frozen one resumes.")
	f := newFleet(t, accounts, fmt.Sprintf("PORTCULLIS_MAX_IN_FLIGHT=%d", maxInFlight))
	other := harness.Serve(t, f.db, f.env...)
	f.box.SetFaults(slow(20 * time.Millisecond))
	watch := watchMaxInFlight(f)

	written, asked := f.box.Writes(), len(f.box.Calls(""))
	rollout := f.mapRole("Bob")
	f.whenWritten(written, accounts)
	one, two := f.bothWork(other)
	other.Kill()
	f.endsAsDesired(rollout)
	f.maxInFlightHeld(asked, maxInFlight)
	c.fact("%d accounts; when the second console was killed, the first had made %.0f writes and the second %.0f", accounts, one, two)

	other = other.Again()
	// The rollout must last until the restarted console has fetched its first job, also on a busy machine.
	f.box.SetFaults(slow(60 * time.Millisecond))
	written = f.box.Writes()
	rollout = f.mapRole("ReadOnly")
	f.whenWritten(written, accounts)
	f.bothWork(other)
	other.Freeze()
	f.endsAsDesired(rollout)
	f.thawedWritesNothing(other)
	c.fact("the console that was frozen wrote nothing after others had finished its accounts")
	f.box.SetFaults()
	f.pushAgainWritesNothing()
	if peak := watch(); peak != maxInFlight {
		t.Errorf("at most %d targets were in flight at once by the database; want %d, reached and never exceeded", peak, maxInFlight)
	}
	c.fact("the limit of %d accounts in flight was reached and never exceeded, by the database and by the sandbox's record", maxInFlight)
}

// bothWork checks that the rollout is shared.
func (f *fleet) bothWork(other *harness.Console) (one, two float64) {
	f.t.Helper()
	const metric = "portcullis_aws_writes_total"
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if one, two = f.Metric(metric), other.Metric(metric); one > 0 && two > 0 {
			break
		}
	}
	if one == 0 || two == 0 {
		f.t.Errorf("one console has made %v writes and the other %v; want both to work", one, two)
	}
	return one, two
}

// maxInFlightHeld checks by the sandbox's record that no more accounts than the limit were
// worked on at once. An account whose worker was killed counts from its first call to
// its last, the time it waited included.
func (f *fleet) maxInFlightHeld(since, maxInFlight int) {
	f.t.Helper()
	calls := slices.DeleteFunc(f.box.Calls("")[since:], func(c sandbox.Call) bool { return !slices.Contains(f.accounts, c.Account) })
	if peak := most(calls); peak > maxInFlight {
		f.t.Errorf("by the sandbox's record %d accounts were worked on at once; at most %d may be", peak, maxInFlight)
	}
}

// watchMaxInFlight looks at the database all the time, until the function that it returns is
// called, which returns how many targets were in flight at most.
func watchMaxInFlight(f *fleet) func() int {
	ctx, cancel := context.WithCancel(f.t.Context())
	peak := 0
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				n, err := f.db.TryInt("SELECT count(*) FROM targets WHERE state = 'running'")
				if err != nil {
					f.t.Errorf("watching the accounts in flight: %v", err)
					return
				}
				peak = max(peak, n)
			}
		}
	})
	return func() int {
		cancel()
		watching.Wait()
		return peak
	}
}

// thawedWritesNothing lets a frozen console go on, whose targets others have finished,
// and checks that it writes nothing more.
func (f *fleet) thawedWritesNothing(frozen *harness.Console) {
	f.t.Helper()
	written := f.box.Writes()
	frozen.Thaw()
	f.answers(frozen)
	frozen.Stop() // waits for whatever its workers are still at
	if more := f.box.Writes() - written; more != 0 {
		f.t.Errorf("the console that was frozen made %d writes after others had finished its accounts", more)
	}
}

// answers waits until a console serves requests.
func (f *fleet) answers(c *harness.Console) {
	f.t.Helper()
	api := c.API(f.Editor)
	harness.Eventually(f.t, time.Minute, "the console that was frozen answers", func() (bool, string) {
		err := api.Try("/accounts?limit=1", &struct{}{})
		return err == nil, fmt.Sprint(err)
	})
}
