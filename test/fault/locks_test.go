package fault

import (
	"testing"
	"time"

	"portcullis.internal/portcullis/test/harness"
)

// frozenRecovers is the longest time without progress for a rollout when a console is frozen in the middle of
// a transaction: the time-out of Postgres, one lease, and the rest of the rollout.
const frozenRecovers = 20 * time.Second

// TestRolloutHeldUp has somebody hold the row that every end of a target needs: first from
// outside, for longer than a lease, so that claims are lost whose ends still wait to be
// committed; then in a console that is frozen in the middle of the transaction.
func TestRolloutHeldUp(t *testing.T) {
	t.Parallel()
	const accounts, maxInFlight = 24, 6
	c := tell(t, "A rollout's row held for longer than a lease, and by a console that is frozen in the middle of a transaction", "no account is counted twice, and the limit of accounts in flight holds; another console continues; the frozen one writes nothing after it resumes")
	pg := harness.NewPostgres(t)
	f := newFleetOn(t, pg.Database, accounts, "PORTCULLIS_MAX_IN_FLIGHT=6").mapped()
	f.direct = pg.Direct
	other := harness.Serve(t, pg.Direct, f.env...)
	f.box.SetFaults(slow(20 * time.Millisecond))
	watch := watchMaxInFlight(f)

	written := f.box.Writes()
	id := f.change()
	f.whenWritten(written, accounts/4)
	release := pg.Direct.Lock("SELECT FROM rollouts WHERE id = $1 FOR UPDATE", id)
	pauseFor(8 * time.Second)
	release()
	released := time.Now()
	r := f.endsAsDesired(id)
	if extra := f.box.Writes() - written - accounts; extra != 0 {
		t.Errorf("%d writes more than needed", extra)
	}
	c.fact("held for 8 s: all %d accounts done %.1f s after it", accounts, r.Ended.Sub(released).Seconds())

	written = f.box.Writes()
	id = f.change()
	f.whenWritten(written, accounts/6)
	frozen := f.Console
	letGo := f.freezeInTransaction(pg, id)
	f.Console = other
	stopped := time.Now()
	r = f.endsAsDesired(id)
	took := r.Ended.Sub(stopped)
	timely(t, "the rollout made no progress", took, frozenRecovers)
	letGo()
	f.thawedWritesNothing(frozen)
	if extra := f.box.Writes() - written - accounts; extra < 0 || extra > maxInFlight {
		t.Errorf("%d writes more than needed", extra)
	}
	if peak := watch(); peak > maxInFlight {
		t.Errorf("%d accounts in flight at once; %d may be", peak, maxInFlight)
	}
	f.box.SetFaults()
	f.pushAgainWritesNothing()
	c.fact("frozen: all done %.1f s after it; none written by the frozen one", took.Seconds())
}

// freezeInTransaction freezes the console, which is the only one behind the relay, when a
// transaction of it holds a rollout's row and was about to be committed.
func (f *fleet) freezeInTransaction(pg *harness.Postgres, rollout string) (letGo func()) {
	f.t.Helper()
	for range 200 {
		letGo, ok := pg.Relay.CatchCommit(10 * time.Second)
		if !ok {
			break
		}
		f.t.Cleanup(letGo)
		if _, err := pg.Direct.TryInt("SELECT 1 FROM rollouts WHERE id = $1 FOR UPDATE NOWAIT", rollout); err != nil {
			f.Freeze()
			return letGo
		}
		letGo()
	}
	f.t.Fatal("no transaction of the console holds the rollout's row")
	return nil
}
