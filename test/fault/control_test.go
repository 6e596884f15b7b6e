package fault

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"portcullis.internal/portcullis/test/harness"
)

// TestPauseAndAbort pauses a rollout in the middle, goes on, and aborts another.
func TestPauseAndAbort(t *testing.T) {
	t.Parallel()
	const maxInFlight = 5
	accounts := 24
	if full() {
		accounts = 100
	}
	c := tell(t, "A pause, and an abort, in the middle", "afterwards nothing is written to an account without a write; accounts with a write are finished; the others are skipped, and the next push writes them")
	f := newFleet(t, accounts, fmt.Sprintf("PORTCULLIS_MAX_IN_FLIGHT=%d", maxInFlight)).mapped()
	f.box.SetFaults(slow(50 * time.Millisecond))
	written := f.box.Writes()
	id := f.change()
	f.whenWritten(written, accounts/4)
	f.post(id, "pause", nil)
	paused := time.Now()
	f.quiet()
	quiet := f.lastWrite().Sub(paused)
	f.post(id, "resume", nil)
	f.endsAsDesired(id)
	c.fact("%d accounts, %d at once, 50–75 ms a call: the last write came %.2f s after the pause", accounts, maxInFlight, max(0, quiet.Seconds()))

	written = f.box.Writes()
	id = f.change()
	f.whenWritten(written, accounts/4)
	f.post(id, "abort", map[string]string{"reason": "a test"})
	aborted := f.box.Writes()
	r := f.nobodyWorks(id)
	after := f.box.Writes() - aborted
	if r.State != "aborted" || r.Counts["skipped"] == 0 || r.Counts["succeeded"]+r.Counts["skipped"] != accounts {
		t.Errorf("the rollout is %s with %v, want it aborted, with every account succeeded or skipped", r.State, r.Counts)
	}
	if after > maxInFlight {
		t.Errorf("%d writes after the abort, want those in flight at most: %d", after, maxInFlight)
	}
	c.fact("aborted after %d of %d writes; %d more were in flight", aborted-written, accounts, after)
	f.box.SetFaults()
	rest := f.API(f.Editor).WaitForRollout(f.PushAgain(), endsWithin)
	if rest.State != "completed" || rest.Counts["succeeded"] != r.Counts["skipped"] || rest.Counts["unchanged"] != r.Counts["succeeded"] {
		t.Errorf("pushed again the rollout is %s with %v, want the %d skipped written and the others unchanged", rest.State, rest.Counts, r.Counts["skipped"])
	}
	f.pushAgainWritesNothing()
}

// nobodyWorks waits until no account of a rollout is being worked on.
func (f *fleet) nobodyWorks(id string) (r harness.Rollout) {
	f.t.Helper()
	harness.Eventually(f.t, endsWithin, "nobody works on the rollout", func() (bool, string) {
		var err error
		r, err = f.API(f.Editor).Rollout(id)
		return err == nil && r.State != "running" && r.Counts["running"] == 0, fmt.Sprint(r.State, r.Counts, err)
	})
	return r
}

// quiet waits until half a second has passed without a write.
func (f *fleet) quiet() {
	f.t.Helper()
	n, since := f.box.Writes(), time.Now()
	harness.Eventually(f.t, time.Minute, "no more is written", func() (bool, string) {
		if now := f.box.Writes(); now != n {
			n, since = now, time.Now()
		}
		return time.Since(since) > 500*time.Millisecond, fmt.Sprint(n)
	})
}

func (f *fleet) lastWrite() time.Time {
	f.t.Helper()
	writes := f.writes()
	return writes[len(writes)-1].Time
}

// TestDuplicatedJobs puts every job of a rollout into the queue three times more, while
// it runs.
func TestDuplicatedJobs(t *testing.T) {
	t.Parallel()
	if !full() {
		t.Skip("part of the long form: make fault")
	}
	c := tell(t, "Jobs that run several times", "a job that runs twice finds nothing to do: exactly the needed writes, once in the audit log")
	f := newFleet(t, 60, "PORTCULLIS_MAX_IN_FLIGHT=10")
	f.box.SetFaults(slow(20 * time.Millisecond))
	written := f.box.Writes()
	id := f.mapRole("Bob")
	copies := 0
	for done := false; !done; {
		n := f.direct.Int(`WITH copies AS (INSERT INTO river_job (args, kind, max_attempts, priority, queue, state)
			SELECT args, kind, max_attempts, priority, queue, 'available' FROM river_job, generate_series(1, 3)
			WHERE kind = 'push_target' AND (args->>'rollout_id')::bigint = $1 AND attempt <= 1 AND NOT metadata ? 'copied' RETURNING 1) SELECT count(*) FROM copies`, id)
		f.direct.Exec(`UPDATE river_job SET metadata = metadata || '{"copied": true}' WHERE kind = 'push_target'`)
		copies += n
		r, err := f.API(f.Editor).Rollout(id)
		done = err == nil && r.State == "completed"
	}
	f.endsAsDesired(id)
	if extra := f.box.Writes() - written - len(f.accounts)*writesPerAccount; extra != 0 {
		t.Errorf("%d writes more than needed", extra)
	}
	if copies < len(f.accounts) {
		t.Errorf("%d jobs were copied; too few for the test to mean anything", copies)
	}
	c.fact("%d accounts, %d jobs added; no write more than the %d needed", len(f.accounts), copies, len(f.accounts)*writesPerAccount)
	f.box.SetFaults()
	f.pushAgainWritesNothing()
}

// TestMigrationsRaced starts several consoles at once on an empty database.
func TestMigrationsRaced(t *testing.T) {
	t.Parallel()
	replicas := 2
	if full() {
		replicas = 4
	}
	c := tell(t, "Several consoles started at once on an empty database", "one brings the schema up to date, the others wait; each migration is applied once")
	db, box := harness.NewDatabase(t), harness.StartSandbox(t, 5)
	var starting sync.WaitGroup
	var slowest atomic.Int64
	for range replicas {
		starting.Go(func() {
			p := harness.Serve(t, db, box.Env()...)
			slowest.Store(max(slowest.Load(), int64(p.Ready)))
		})
	}
	starting.Wait()
	if twice := db.Int("SELECT count(*) FROM (SELECT version_id FROM goose_db_version WHERE is_applied GROUP BY version_id HAVING count(*) > 1) x"); twice != 0 {
		t.Errorf("%d migrations were applied twice", twice)
	}
	if open := db.Int("SELECT count(*) FROM goose_db_version WHERE NOT is_applied"); open != 0 {
		t.Errorf("%d migrations are not applied", open)
	}
	c.fact("%d consoles; all ready after %.1f s at the latest", replicas, time.Duration(slowest.Load()).Seconds())
}

// TestManyReaders has many programs follow a rollout live, a quarter of which read
// nothing of what they are sent.
func TestManyReaders(t *testing.T) {
	t.Parallel()
	readers, accounts := 200, 20
	if full() {
		readers, accounts = 2000, 40
	}
	c := tell(t, fmt.Sprintf("%d live readers, a quarter of them not reading", readers), "the rollout ends as desired; every reader who reads gets the end; a reader who does not read delays no other")
	f := newFleet(t, accounts, "PORTCULLIS_API_RATE=-1").mapped()
	people := f.crowd(readers)
	f.box.SetFaults(slow(100 * time.Millisecond))
	id := f.change()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var open, told atomic.Int64
	var reading sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 0}}
	for i := range readers {
		reading.Go(func() {
			f.follow(ctx, client, people[i/streamsEach].Token, id, i%4 == 0, &open, &told)
		})
	}
	f.endsAsDesired(id)
	harness.Eventually(t, time.Minute, "everybody who reads is told of the end", func() (bool, string) {
		return int(told.Load()) == readers-(readers+3)/4, fmt.Sprintf("%d told, %d open", told.Load(), open.Load())
	})
	cancel()
	reading.Wait()
	c.fact("%d streams were open; the rollout of %d accounts ended as desired, and %d readers got the end; memory of the console at most %d MiB", open.Load(), accounts, told.Load(), f.PeakRSS()>>20)
}

// follow reads a rollout's events to their end, or opens them and reads none.
func (f *fleet) follow(
	ctx context.Context, client *http.Client, token, id string, lazy bool, open, told *atomic.Int64,
) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL()+"/api/v1/rollouts/"+id+"/events", nil)
	if err != nil {
		f.t.Error(err)
		return
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := client.Do(req)
	if err != nil {
		if ctx.Err() == nil {
			f.t.Errorf("following the rollout: %v", err)
		}
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		f.t.Errorf("following the rollout: %s", resp.Status)
		return
	}
	open.Add(1)
	if lazy {
		<-ctx.Done()
		return
	}
	body, err := io.ReadAll(resp.Body)
	if err == nil && bytes.Contains(body, []byte("completed")) {
		told.Add(1)
	}
}

// TestManyConsoles has four consoles share a rollout; one is killed, one frozen, one
// stopped in an orderly way.
func TestManyConsoles(t *testing.T) {
	t.Parallel()
	if !full() {
		t.Skip("part of the long form: make fault")
	}
	const maxInFlight, accounts = 12, 120
	c := tell(t, "Four consoles: one killed, one frozen past its lease, one stopped in an orderly way", "the last one finishes everything; the frozen one writes nothing after it resumes; the limit of accounts in flight holds")
	f := newFleet(t, accounts, fmt.Sprintf("PORTCULLIS_MAX_IN_FLIGHT=%d", maxInFlight)).mapped()
	killed, frozen, stopped := harness.Serve(t, f.db, f.env...), harness.Serve(t, f.db, f.env...), harness.Serve(t, f.db, f.env...)
	f.box.SetFaults(slow(60 * time.Millisecond))
	watch := watchMaxInFlight(f)
	written := f.box.Writes()
	id := f.change()
	f.whenWritten(written, accounts/6)
	frozen.Freeze()
	f.whenWritten(written, accounts/4)
	killed.Kill()
	died := time.Now()
	f.whenWritten(written, accounts/3)
	if code := stopped.Stop(); code != 0 {
		t.Errorf("the console that was stopped exits with %d", code)
	}
	r := f.endsAsDesired(id)
	f.thawedWritesNothing(frozen)
	extra := f.box.Writes() - written - accounts
	if extra < 0 || extra > 2*maxInFlight {
		t.Errorf("%d writes more than needed", extra)
	}
	if peak := watch(); peak > maxInFlight {
		t.Errorf("%d accounts in flight at once; %d may be", peak, maxInFlight)
	}
	f.box.SetFaults()
	f.pushAgainWritesNothing()
	c.fact("%d accounts, %d at once; done %.1f s after the kill; %d writes more than needed; none by the frozen one", accounts, maxInFlight, r.Ended.Sub(died).Seconds(), extra)
}
