package main_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"portcullis.internal/portcullis/test/harness"
)

// TestAPIRate sees that the setting reaches the API: whoever calls too often is told when
// to come back.
func TestAPIRate(t *testing.T) {
	db, box := harness.NewDatabase(t), harness.StartSandbox(t, 1)
	p := harness.AddPerson(t, db, "alice", "viewer")
	console := harness.Serve(t, db, append(box.Env(), "PORTCULLIS_API_RATE=1")...)
	last := 0
	for range 5 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, console.URL()+"/api/v1/accounts", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+p.Token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if last = resp.StatusCode; last == http.StatusTooManyRequests {
			if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err != nil || n < 1 {
				t.Errorf("Retry-After is %q", resp.Header.Get("Retry-After"))
			}
			return
		}
	}
	t.Errorf("five calls at once at one a second end with %d, want 429", last)
}

// TestServeRefuses starts consoles whose settings cannot be meant. None of them touches the data folder.
func TestServeRefuses(t *testing.T) {
	newer := harness.NewDatabase(t)
	newer.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)")
	empty := harness.NewEmptyDatabase(t)
	data := filepath.Join(t.TempDir(), "data")
	keep := "PORTCULLIS_DATA_DIR=" + data
	for name, c := range map[string]struct {
		env  []string
		args []string
		code int
		says []string
	}{
		"no database":         {nil, nil, 2, []string{"DATABASE_URL", "--private-database"}},
		"two databases":       {[]string{newer.Env()}, []string{"--private-database"}, 2, []string{"leave out one"}},
		"no key of the audit": {[]string{newer.Env()}, nil, 1, []string{"--data-dir", "PORTCULLIS_AUDIT_KEY", "--no-audit-key"}},
		"a wrong key":         {[]string{newer.Env(), "PORTCULLIS_AUDIT_KEY=hunter2"}, nil, 1, []string{"PORTCULLIS_AUDIT_KEY"}},
		"a key and no key": {
			[]string{newer.Env(), "PORTCULLIS_AUDIT_KEY=hunter2"},
			[]string{"--no-audit-key"},
			1,
			[]string{"Leave out one"},
		},
		"no region":         {[]string{"DATABASE_URL=postgres://127.0.0.1:1/x", keep}, nil, 1, []string{"AWS_REGION"}},
		"no address":        {[]string{"DATABASE_URL=mysql://x", keep}, nil, 1, []string{"DATABASE_URL is not"}},
		"a newer database":  {[]string{newer.Env(), "AWS_REGION=us-east-1", keep}, nil, 1, []string{"newer than this release"}},
		"an empty database": {[]string{empty.Env(), "AWS_REGION=us-east-1", keep}, nil, 1, []string{"portcullis migrate"}},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"serve", "--listen", "127.0.0.1:0", "--metrics-listen", "off"}, c.args...)
			command(t, c.env, args...).refused(t, c.code, c.says...)
		})
	}
	if _, err := os.Stat(data); !os.IsNotExist(err) {
		t.Errorf("the data folder was made by a console that did not start: %v", err)
	}
	command(t, []string{newer.Env()}, "migrate").refused(t, 1, "newer than this release")
	command(t, []string{empty.Env()}, "user", "list").refused(t, 1, "portcullis migrate")
}

// TestServeMigratesWhenAsked also runs the console without a key of the audit log.
func TestServeMigratesWhenAsked(t *testing.T) {
	db, box := harness.NewEmptyDatabase(t), harness.StartSandbox(t, 1)
	console := harness.Serve(t, db, append(box.Env(), "PORTCULLIS_MIGRATE=true", "PORTCULLIS_NO_AUDIT_KEY=true")...)
	if console.Stop(); !strings.Contains(console.Output(), "owns the tables") ||
		!strings.Contains(console.Output(), "no signed checkpoints") {
		t.Errorf("the log is %s, want warnings about the role and the checkpoints", console.Output())
	}
	if _, err := os.Stat(filepath.Join(db.DataDir(), "audit.key")); !os.IsNotExist(err) {
		t.Errorf("a key was made although it was refused: %v", err)
	}
}

// TestMigrateMakesTheConsolesRole follows README.md: the owner migrates, and the console works as its own role.
func TestMigrateMakesTheConsolesRole(t *testing.T) {
	db := harness.NewEmptyDatabase(t)
	env := []string{db.Env(), "PORTCULLIS_CONSOLE_ROLE=console_of_a_test"}
	if out := harness.MustCommand(t, env, "", "migrate"); !strings.Contains(out, "PORTCULLIS_CONSOLE_PASSWORD") {
		t.Errorf("migrate says %q, want how the role is made", out)
	}
	secret := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(secret, []byte("a-long-password\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := harness.MustCommand(t, append(env, "PORTCULLIS_CONSOLE_PASSWORD_FILE="+secret), "", "migrate")
	if !strings.Contains(out, "console_of_a_test") {
		t.Errorf("migrate says %q, want the role", out)
	}
	console := []string{"DATABASE_URL=" + strings.Replace(db.URL, "portcullis@", "console_of_a_test@", 1)}
	harness.MustCommand(t, console, "", "user", "add", "--email", "you@example.com", "--name", "You", "--role", "admin")
	command(t, console, "migrate", "--console-role", "console_of_a_test").refused(t, 1, "must own nothing")
	command(t, env, "migrate", "--console-role", "A role").refused(t, 1, "--console-role")
}
