package fault

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"portcullis.internal/portcullis/test/harness"
)

// cutAll ends every other connection to the database.
const cutAll = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
	WHERE datname = current_database() AND pid <> pg_backend_pid()`

// newDraft is a change that adds an allowlist.
const newDraft = `{"title": "x", "reason": "y", "edits": [{"op": "allowlist.add", "id": "", "allowlist": {"name": "home"}}]}`

// answers counts answers by status, and keeps those that are wrong.
type answers struct {
	mu     sync.Mutex
	counts map[int]int
	wrong  []string
}

// ask sends a request and looks whether an answer with an error is one that a client can act on.
func (a *answers) ask(t *testing.T, method, url, token, body string) {
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.counts[resp.StatusCode]++
	down := resp.StatusCode == http.StatusServiceUnavailable
	problem := resp.Header.Get("Content-Type") == "application/problem+json"
	if resp.StatusCode >= 500 && !down || down && (resp.Header.Get("Retry-After") == "" || !problem) {
		a.wrong = append(a.wrong, method+" "+url+": "+resp.Status+": "+string(text))
	}
}

// TestCutConnections ends the database's connections again and again under requests of the API: the server ends them and
// says so, and the network cuts them without a word.
func TestCutConnections(t *testing.T) {
	t.Parallel()
	span := 4 * time.Second
	if full() {
		span = 20 * time.Second
	}
	c := tell(t, "Connections of the database that are cut", "the API answers 503 and when to come back, never 500")
	pg, box := harness.NewPostgres(t), harness.StartSandbox(t, 4)
	console := harness.Serve(t, pg.Database, append(box.Env(), "PORTCULLIS_API_RATE=-1")...)
	person := harness.AddPerson(t, pg.Direct, "Edda", "editor", "admin", "auditor")
	console.API(person).WaitForInventories(time.Minute)
	got := &answers{counts: map[int]int{}}
	end := time.Now().Add(span)
	var wg sync.WaitGroup
	for _, r := range []struct{ method, path, body string }{
		{"GET", "/accounts", ""},
		{"GET", "/state", ""},
		{"GET", "/audit", ""},
		{"GET", "/changes", ""},
		{"GET", "/rollouts", ""},
		{"GET", "/findings", ""},
		{"POST", "/changes", newDraft},
	} {
		wg.Go(func() {
			for time.Now().Before(end) {
				got.ask(t, r.method, console.URL()+"/api/v1"+r.path, person.Token, r.body)
			}
		})
	}
	cut := 0
	for time.Now().Before(end) {
		cut += pg.Direct.Int(cutAll)
		pg.Relay.Cut()
	}
	wg.Wait()
	if len(got.wrong) > 0 {
		t.Errorf("%d answers are wrong, such as %s", len(got.wrong), got.wrong[0])
	}
	if got.counts[http.StatusServiceUnavailable] == 0 || got.counts[http.StatusOK] == 0 {
		t.Errorf("answers by status: %v; want some 200 and some 503, or the test means nothing", got.counts)
	}
	c.fact("%d connections cut; answers by status: %v", cut, got.counts)
}

// TestReadOnlyDatabase makes the database read-only under a console, as after a failover to a standby, and back.
func TestReadOnlyDatabase(t *testing.T) {
	t.Parallel()
	db, box := harness.NewDatabase(t), harness.StartSandbox(t, 1)
	console := harness.Serve(t, db, box.Env()...)
	person := harness.AddPerson(t, db, "Edda", "editor")
	ready := func(want int) {
		t.Helper()
		harness.Eventually(t, 20*time.Second, "/readyz is "+http.StatusText(want), func() (bool, string) {
			resp, err := http.Get(console.URL() + "/readyz")
			if err != nil {
				return false, err.Error()
			}
			defer resp.Body.Close()
			text, _ := io.ReadAll(resp.Body)
			return resp.StatusCode == want, resp.Status + ": " + string(text)
		})
	}
	owner := *db
	owner.Owner += "&options=-c%20default_transaction_read_only%3Doff"
	set := func(value string) {
		owner.Exec("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = " + value +
			"', current_database()); END $$")
		owner.Exec(cutAll)
	}
	set("on")
	ready(http.StatusServiceUnavailable)
	got := &answers{counts: map[int]int{}}
	for range 5 {
		got.ask(t, "POST", console.URL()+"/api/v1/changes", person.Token, newDraft)
	}
	if len(got.wrong) > 0 || got.counts[http.StatusServiceUnavailable] != 5 {
		t.Errorf("writes by the API: %v %q, want 503 with Retry-After and a problem", got.counts, got.wrong)
	}
	resp, err := http.PostForm(console.URL()+"/signin", map[string][]string{"email": {person.Email()}, "password": {person.Password}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("signing in on the page: %s with Retry-After %q, want 503", resp.Status, resp.Header.Get("Retry-After"))
	}
	set("off")
	ready(http.StatusOK)
}
