package server

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
)

func demoConfig(dir string) Config {
	return Config{
		Demo: true, Listen: "127.0.0.1:0", MetricsListen: "127.0.0.1:0",
		Database: Database{Dir: dir},
		Sandbox:  &Sandbox{Listen: "127.0.0.1:0", Accounts: 12, Snapshot: SnapshotPath(dir)},
		Hash:     authn.HashParams{Memory: 64, Time: 1, Threads: 1},
		Log:      slog.New(slog.DiscardHandler), Version: "test",
	}
}

// startDemo starts a small demo on free ports.
func startDemo(t *testing.T, dir string) *Server {
	t.Helper()
	s, err := Start(t.Context(), demoConfig(dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, s) })
	return s
}

// openDir is a folder that other users may enter: Postgres does not run as root.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "portcullis-server-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func stop(t *testing.T, s *Server) {
	t.Helper()
	if err := s.Stop(context.WithoutCancel(t.Context())); err != nil {
		t.Errorf("stopping: %v", err)
	}
}

func get(t *testing.T, url, token string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// rollouts are what the API says of all rollouts.
type rollouts struct {
	Items []struct {
		ID     int64
		State  string
		Counts map[string]int
	}
}

func (s *Server) rollouts(t *testing.T) rollouts {
	t.Helper()
	status, body := get(t, s.URL()+"/api/v1/rollouts", demoTokenPrefix+"viewer")
	var r rollouts
	if err := json.Unmarshal([]byte(body), &r); err != nil || status != http.StatusOK {
		t.Fatalf("rollouts: status %d, %v: %s", status, err, body)
	}
	return r
}

func waitUntilPushed(t *testing.T, s *Server) rollouts {
	t.Helper()
	deadline := time.After(60 * time.Second)
	for {
		r := s.rollouts(t)
		if len(r.Items) > 0 && r.Items[0].State == "completed" {
			return r
		}
		select {
		case <-deadline:
			t.Fatalf("the sample was not pushed: %+v", r)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func TestDemoFromNothingAndAgain(t *testing.T) {
	dir := openDir(t)
	s := startDemo(t, dir)
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/api/v1/state": 401, "/signin": 200} {
		if got, body := get(t, s.URL()+path, ""); got != want {
			t.Errorf("%s: %d, want %d: %.300s", path, got, want, body)
		}
	}
	if got, body := get(
		t,
		s.URL()+"/api/v1/strategies",
		demoTokenPrefix+"viewer",
	); got != http.StatusOK ||
		!strings.Contains(body, "In waves") {
		t.Errorf("strategies: %d, want the sample: %.300s", got, body)
	}
	if got, body := get(t, s.MetricsURL(), ""); got != http.StatusOK || !strings.Contains(body, "portcullis_aws_calls_total") {
		t.Errorf("metrics: %d, want the calls to AWS among them: %.300s", got, body)
	}
	first := waitUntilPushed(t, s)
	if c := first.Items[0].Counts; len(first.Items) != 1 || c["succeeded"] == 0 || c["failed"]+c["conflict"] > 0 {
		t.Errorf("rollouts = %+v, want one in which every account succeeded", first)
	}
	_, state := get(t, s.URL()+"/api/v1/state", demoTokenPrefix+"viewer")
	if !strings.Contains(state, "103.15.250.0/24") {
		t.Errorf("state = %.500s, want the sample", state)
	}
	box := sandboxState(t, s)
	checkStopOrder(t, s)
	if second, err := Start(t.Context(), demoConfig(dir)); err == nil {
		stop(t, second)
		t.Error("a second demo started in the same data folder")
	} else if !strings.Contains(err.Error(), dir) {
		t.Errorf("a second demo: %v, want which folder is in use", err)
	}
	stop(t, s)
	checkNotServed(t, dir)

	again := startDemo(t, dir)
	if _, got := get(t, again.URL()+"/api/v1/state", demoTokenPrefix+"viewer"); got != state {
		t.Errorf("state after a second start = %.500s\nwant it as it was left: %.500s", got, state)
	}
	if r := again.rollouts(t); len(r.Items) != 1 {
		t.Errorf("rollouts after a second start = %+v, want the first alone", r)
	}
	if got := sandboxState(t, again); got != box {
		t.Error("the sandbox organization was not found as it was left")
	}
}

// checkNotServed serves the demo's database to others and on loopback. Both must be refused: its passwords are public.
func checkNotServed(t *testing.T, dir string) {
	t.Helper()
	for _, url := range []string{"https://portcullis.example.com", ""} {
		cfg := Config{
			Listen: "127.0.0.1:0", PublicURL: url, MetricsListen: metricsOff, Database: Database{Dir: dir},
			Cloud: Cloud{Region: "us-east-1"}, Log: slog.New(slog.DiscardHandler),
		}
		if served, err := Start(t.Context(), cfg); err == nil {
			stop(t, served)
			t.Errorf("the demo's database was served, with the address %q", url)
		} else if !strings.Contains(err.Error(), "demo") {
			t.Errorf("serving the demo's database: %v, want it refused for that", err)
		}
	}
}

// TestDemoLeavesOtherDatabasesAlone starts the demo in the data folder of a console that people use.
func TestDemoLeavesOtherDatabasesAlone(t *testing.T) {
	dir := openDir(t)
	admin, err := OpenAdmin(t.Context(), Database{Dir: dir}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	person := NewPerson{Email: "you@example.com", Name: "You", Roles: []access.Role{access.RoleAdmin}, Password: "a long password"}
	if _, err := admin.AddPerson(t.Context(), person); err != nil {
		t.Fatal(err)
	}
	if err := admin.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err := Start(t.Context(), demoConfig(dir)); err == nil {
		stop(t, s)
		t.Error("the demo added people with public passwords to a database that people use")
	} else if !strings.Contains(err.Error(), "--data-dir") {
		t.Errorf("got %v, want it refused with what to do", err)
	}
}

// checkStopOrder checks that what asks the database stops before the database does.
func checkStopOrder(t *testing.T, s *Server) {
	t.Helper()
	place := func(name string) int {
		return slices.IndexFunc(s.started.parts, func(p part) bool { return p.name == name })
	}
	database := place("the database")
	for _, name := range []string{
		"the watched rollouts", "the requests", "the live pages", "the background parts", "the workers",
	} {
		if at := place(name); database < 0 || at <= database {
			t.Errorf("%s is part %d and the database part %d; it must stop before", name, at, database)
		}
	}
}

// sandboxState is the state of one account of the sandbox that the sample reaches.
func sandboxState(t *testing.T, s *Server) string {
	t.Helper()
	for _, k := range s.Sandbox().Credentials() {
		if k.User == "alice" {
			_, body := get(t, s.SandboxURL()+"/_sandbox/state?account="+string(k.Account), "")
			if !strings.Contains(body, "Portcullis") {
				t.Errorf("account %s contains nothing of ours: %.500s", k.Account, body)
			}
			return body
		}
	}
	t.Fatal("the sandbox has no alice")
	return ""
}

func TestFailedStartStopsWhatWasStarted(t *testing.T) {
	taken, err := listen(t.Context(), "The test", "127.0.0.1:0", "--listen")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	dir := openDir(t)
	cfg := Config{
		Demo: true, Listen: "127.0.0.1:0", MetricsListen: metricsOff, Database: Database{Dir: dir},
		Sandbox: &Sandbox{Listen: taken.Addr().String(), Accounts: 2}, Log: slog.New(slog.DiscardHandler),
	}
	if s, err := Start(t.Context(), cfg); err == nil {
		stop(t, s)
		t.Fatal("started, although the sandbox's port is in use")
	}
	cfg.Sandbox.Listen = "127.0.0.1:0"
	s, err := Start(t.Context(), cfg) // would find the cluster of the failed start still running
	if err != nil {
		t.Fatal(err)
	}
	stop(t, s)
	if err := s.Stop(t.Context()); err != nil {
		t.Errorf("stopping twice: %v", err)
	}
}
