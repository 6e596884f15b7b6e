package fault

import (
	"fmt"
	"testing"
	"time"

	"portcullis.internal/portcullis/test/harness"
)

// databaseFault is something that happens to the database in the middle of a rollout.
type databaseFault struct {
	name, holds string
	short       bool
	strike      func(f *fleet, pg *harness.Postgres) string
}

var databaseFaults = []databaseFault{
	{"Postgres stopped in immediate mode and started again", "confirmed data is there after recovery; nothing is written to AWS without its record", true, func(f *fleet, pg *harness.Postgres) string {
		pg.Crash()
		f.nothingIsWritten(2 * time.Second)
		pg.Start()
		return "down for 2 s"
	}},
	{"Postgres shut down and started again", "confirmed data is there; nothing is written to AWS without its record", false, func(f *fleet, pg *harness.Postgres) string {
		pg.Stop()
		f.nothingIsWritten(2 * time.Second)
		pg.Start()
		return "down for 2 s"
	}},
	{"Postgres refuses connections, longer than a lease", "pushes stop within a second and a call; every account is finished afterwards", false, func(f *fleet, pg *harness.Postgres) string {
		pg.Relay.Refuse(true)
		f.nothingIsWritten(14 * time.Second)
		pg.Relay.Refuse(false)
		return "out of reach for 14 s"
	}},
	{"Postgres slow", "the rollout is slow, and right", false, func(_ *fleet, pg *harness.Postgres) string {
		pg.Relay.Slow(40 * time.Millisecond)
		return "every answer 40 ms late"
	}},
	{"The answer of a COMMIT is lost", "a transaction with an unknown result is looked up, not repeated: one outcome and one audit event for each write", false, func(_ *fleet, pg *harness.Postgres) string {
		pg.Relay.SwallowCommits(6)
		return "one COMMIT in six"
	}},
	{"The insert of an audit event is refused", "no write without its audit event", false, func(f *fleet, pg *harness.Postgres) string {
		pg.Direct.Exec("CREATE FUNCTION no_event() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused by a test'; END $$")
		pg.Direct.Exec("CREATE TRIGGER no_event BEFORE INSERT ON audit_events FOR EACH ROW WHEN (NEW.action <> 'x') EXECUTE FUNCTION no_event()")
		f.nothingIsWritten(3 * time.Second)
		pg.Direct.Exec("DROP TRIGGER no_event ON audit_events")
		pg.Direct.Exec("DROP FUNCTION no_event")
		return "for 3 s"
	}},
	{"The insert of an outcome is refused", "the next claim of the account recognises the write by its meaning", false, func(f *fleet, pg *harness.Postgres) string {
		pg.Direct.Exec("CREATE FUNCTION no_outcome() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused by a test'; END $$")
		pg.Direct.Exec("CREATE TRIGGER no_outcome BEFORE UPDATE ON operations FOR EACH ROW WHEN (NEW.state = 'written') EXECUTE FUNCTION no_outcome()")
		f.nothingIsWritten(3 * time.Second)
		pg.Direct.Exec("DROP TRIGGER no_outcome ON operations")
		pg.Direct.Exec("DROP FUNCTION no_outcome")
		return "for 3 s"
	}},
}

// TestDatabaseFaults mistreats the database in the middle of rollouts.
func TestDatabaseFaults(t *testing.T) {
	t.Parallel()
	const maxInFlight = 5
	accounts := 24
	if full() {
		accounts = 40
	}
	pg := harness.NewPostgres(t)
	f := newFleetOn(t, pg.Database, accounts, fmt.Sprintf("PORTCULLIS_MAX_IN_FLIGHT=%d", maxInFlight))
	f.direct = pg.Direct
	f.mapped()
	for _, fault := range databaseFaults {
		if !full() && !fault.short {
			continue
		}
		c := tell(t, fault.name, fault.holds)
		f.box.SetFaults(slow(30 * time.Millisecond))
		written, swallowed := f.box.Writes(), pg.Relay.Swallowed.Load()
		id := f.change()
		f.whenWritten(written, len(f.accounts)/4)
		began := time.Now()
		what := fault.strike(f, pg)
		f.await(id, pg)
		took := time.Since(began)
		r := f.endsAsDesired(id)
		if t.Failed() {
			t.Fatalf("after: %s", fault.name)
		}
		extra := f.box.Writes() - written - len(f.accounts)
		if extra < 0 || extra > maxInFlight+int(pg.Relay.Swallowed.Load()-swallowed) {
			t.Errorf("%s: %d writes more than needed", fault.name, extra)
		}
		if n := pg.Relay.Swallowed.Load() - swallowed; n > 0 {
			what += fmt.Sprintf(", %d lost", n)
		}
		c.fact("%d accounts; %s; done after %.1f s; %d writes more than the %d needed", r.Targets, what, took.Seconds(), extra, len(f.accounts))
		f.box.SetFaults()
	}
	f.pushAgainWritesNothing()
}

// await waits for the end of a rollout by the database itself, with the fault still in
// force, and then heals the relay.
func (f *fleet) await(rollout string, pg *harness.Postgres) {
	f.t.Helper()
	harness.Eventually(f.t, endsWithin, "the rollout ends", func() (bool, string) {
		n, err := pg.Direct.TryInt("SELECT count(*) FROM rollouts WHERE id = $1 AND state = 'completed'", rollout)
		return n == 1, fmt.Sprint(n, err)
	})
	pg.Relay.Slow(0)
	pg.Relay.SwallowCommits(0)
	pg.Relay.Refuse(false)
}

// nothingIsWritten watches for a while that no write begins, but for those on their way
// already.
func (f *fleet) nothingIsWritten(span time.Duration) {
	f.t.Helper()
	const onTheirWay = 1500 * time.Millisecond // a second for which the claim is good, and the call
	since := time.Now().Add(onTheirWay)
	end := time.NewTimer(max(span, 2*onTheirWay))
	defer end.Stop()
	<-end.C
	for _, c := range f.writes() {
		if c.Time.After(since) {
			f.t.Errorf("%s was written in account %s although nothing can be recorded", c.Resource, c.Account)
		}
	}
}
