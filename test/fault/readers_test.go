package fault

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"portcullis.internal/portcullis/test/harness"
)

// TestReadersShareWhatIsRead counts what Postgres is asked while a rollout changes and one
// browser watches its page, and then five hundred.
func TestReadersShareWhatIsRead(t *testing.T) {
	t.Parallel()
	many, changes := 300, 8
	if full() {
		many, changes = 500, 20
	}
	c := tell(t, fmt.Sprintf("%d browsers that watch the page of one rollout", many), "data is read once after a change, regardless of the number of browsers")
	pg := harness.NewPostgres(t)
	f := newFleetOn(t, pg.Database, 8, "PORTCULLIS_MAX_IN_FLIGHT=1")
	f.direct = pg.Direct
	f.box.SetFaults(slow(300 * time.Millisecond))
	id := f.mapRole("Bob")
	f.post(id, "pause", nil)
	f.nobodyWorks(id)
	none := f.asksWith(nil, 0, changes, id, pg)
	one := f.asksWith([]harness.Person{f.Editor}, 1, changes, id, pg)
	all := f.asksWith(f.crowd(many), many, changes, id, pg)
	// One browser reads again after some of the changes, many together after each; and what
	// the console asks by itself grows with the time that all this takes. If each browser
	// asked anything of its own, that would be several times as many statements as browsers.
	if most := one + int64(many); all > most {
		t.Errorf("%d readers cost %d statements, one costs %d and none %d; want %d at most", many, all, one, none, most)
	}
	c.fact("%d changes of a rollout: %d statements without a browser, %d with one browser, %d with %d", changes, none, one, all, many)
}

// streamsEach is how many streams one person may have open.
const streamsEach = 20

// crowd adds as many people as are needed to open so many streams.
func (f *fleet) crowd(streams int) []harness.Person {
	f.t.Helper()
	var people []harness.Person
	for len(people)*streamsEach < streams {
		people = append(people, harness.AddPerson(f.t, f.db, fmt.Sprintf("Reader%d", len(people)+1), "viewer"))
	}
	return people
}

// asksWith changes a rollout so many times under the eyes of so many browsers of some people, and
// returns how many statements that took, the changes themselves included.
func (f *fleet) asksWith(people []harness.Person, readers, changes int, id string, pg *harness.Postgres) int64 {
	f.t.Helper()
	ctx, leave := context.WithCancel(f.t.Context())
	var clients []*http.Client
	for _, p := range people {
		client := f.SignIn(p).Client()
		client.Timeout = 0
		clients = append(clients, client)
	}
	var open, told atomic.Int64
	var reading sync.WaitGroup
	for i := range readers {
		reading.Go(func() { f.watchPage(ctx, clients[i/streamsEach], id, &open, &told) })
	}
	harness.Eventually(f.t, time.Minute, "everybody watches", func() (bool, string) {
		return open.Load() == int64(readers), fmt.Sprint(open.Load())
	})
	pauseFor(3 * time.Second) // what an opened page reads is read
	before, heard := pg.Relay.Statements.Load(), told.Load()
	for i := range changes {
		f.post(id, "max-in-flight", map[string]int{"max_in_flight": 2 + i%2})
		pauseFor(400 * time.Millisecond)
	}
	pauseFor(3 * time.Second)
	asked := pg.Relay.Statements.Load() - before
	if told := told.Load() - heard; told < int64(readers*changes)/2 {
		f.t.Errorf("%d readers were told %d times of %d changes", readers, told, changes)
	}
	leave()
	reading.Wait()
	return asked
}

// pauseFor lets time pass in which things are counted.
func pauseFor(d time.Duration) { <-time.After(d) }

// watchPage reads what a page of a rollout is sent.
func (f *fleet) watchPage(ctx context.Context, client *http.Client, id string, open, told *atomic.Int64) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL()+"/rollouts/"+id+"/events", nil)
	if err != nil {
		f.t.Error(err)
		return
	}
	resp, err := client.Do(req)
	if err != nil {
		f.t.Errorf("watching the page: %v", err)
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		f.t.Errorf("watching the page: %s", resp.Status)
		return
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for first := true; lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "event: status") {
			told.Add(1)
			if first {
				open.Add(1)
				first = false
			}
		}
	}
}
