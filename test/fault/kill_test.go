package fault

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestKilledConsole kills the console at different moments of one rollout and starts it
// again each time.
func TestKilledConsole(t *testing.T) {
	t.Parallel()
	accounts, kills := 40, 2
	if full() {
		accounts, kills = 200, 12
	}
	c := tell(t, "A console that is killed", "The console's process is ended with SIGKILL in the middle of one rollout and started again, several times.\nOther workers can claim the accounts of a killed worker when its lease has expired, six seconds later.")
	f := newFleet(t, accounts)
	f.box.SetFaults(slow(15 * time.Millisecond))
	written := f.box.Writes()
	rollout := f.mapRole("Bob")
	var moments []string
	for i := range kills {
		// The moments lie all over the rollout, and never twice at the same place.
		share := (float64(i) + rand.Float64()) / float64(kills)
		f.whenWritten(written, int(share*float64(accounts*writesPerAccount)))
		f.Kill()
		moments = append(moments, strconv.Itoa(f.box.Writes()-written))
		f.Console = f.Again()
	}
	f.endsAsDesired(rollout)
	extra := f.fewWrittenTwice(written, kills)
	c.fact("%d accounts, %d writes needed; killed %d times, after %s writes", accounts, accounts*writesPerAccount, kills, strings.Join(moments, ", "))
	c.fact("%d writes more than needed were made, for outcomes that were not known when the console died; none was lost", extra)
	f.box.SetFaults()
	f.pushAgainWritesNothing()
}

// fewWrittenTwice checks that a kill costs no more than the writes that were on their
// way: what was written and recorded is not written again.
func (f *fleet) fewWrittenTwice(since, kills int) (extra int) {
	f.t.Helper()
	const maxInFlight = 20
	needed := len(f.accounts) * writesPerAccount
	extra = f.box.Writes() - since - needed
	if extra < 0 || extra > kills*maxInFlight {
		f.t.Errorf("%d writes more than the %d needed; want 0 to %d: one for each account in flight at a kill", extra, needed, kills*maxInFlight)
	}
	return extra
}
