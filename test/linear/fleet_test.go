package linear

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/jobs"
	"portcullis.internal/portcullis/test/harness"
)

const (
	replicas   = 3
	people     = 4
	allowlists = 6
)

// fleet is three consoles on one database, and the people whose tokens the clients use.
type fleet struct {
	t       *testing.T
	db      *harness.Database
	bases   [replicas]string
	console [replicas]*harness.Console
	tokens  [people]string
	client  *http.Client
	serial  atomic.Int64
	history *history
	first   int64 // the head when the clients begin
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{t: t, db: harness.NewDatabase(t), client: &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: 32},
	}}
	box := harness.StartSandbox(t, 4)
	env := append(box.Env(), "PORTCULLIS_API_RATE=-1")
	for i := range replicas {
		f.console[i] = harness.Serve(t, f.db, env...)
		f.bases[i] = f.console[i].URL() + "/api/v1"
	}
	for i := range people {
		f.tokens[i] = harness.AddPerson(t, f.db, fmt.Sprint("Person", i), "editor", "approver", "operator",
			"admin").Token
	}
	f.history = newHistory()
	f.addAllowlists()
	return f
}

// addAllowlists makes the allowlists that all changes edit. No mapping uses them, so a change has no
// documents, and each apply is done at once.
func (f *fleet) addAllowlists() {
	f.t.Helper()
	var edits []map[string]any
	for i := range allowlists {
		name := fmt.Sprint("list-", i)
		edits = append(edits, map[string]any{
			"op": "allowlist.add", "id": allowlist(i),
			"allowlist": map[string]any{"name": name},
		})
	}
	w := &worker{fleet: f}
	made := w.must(call{op: opPropose, title: "allowlists"}, edits)
	id := made.change
	submitted := w.must(call{op: opSubmit, change: id}, nil)
	w.must(call{op: opApprove, change: id, person: 1, digest: submitted.digest}, nil)
	f.first = w.must(call{op: opApply, change: id, digest: submitted.digest}, nil).revision
	f.history.ops = nil
}

func allowlist(i int) string { return fmt.Sprint("al-linear-", i) }

// keepTime makes the consoles look for expired entries now, several of them at once. They look every ten
// seconds otherwise, and later after a kill.
func (f *fleet) keepTime() {
	f.t.Helper()
	for range replicas {
		f.db.Exec("INSERT INTO river_job (kind, queue, max_attempts, args) VALUES ($1, $2, 1, '{}')",
			jobs.KeepTime{}.Kind(), jobs.QueueTime)
	}
}

// keepKilling kills a console now and then and starts it again, until the context ends.
func (f *fleet) keepKilling(ctx context.Context, dice *rand.Rand) (kills int) {
	for {
		select {
		case <-ctx.Done():
			return kills
		case <-time.After(time.Duration(300+dice.IntN(900)) * time.Millisecond):
		}
		f.keepTime()
		i := dice.IntN(replicas)
		f.console[i].Kill()
		kills++
		f.console[i] = f.console[i].Again()
	}
}
