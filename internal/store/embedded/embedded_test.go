package embedded

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// starterDir makes the test binary a process that starts a cluster and then waits, so
// that a test can kill it.
const starterDir = "PORTCULLIS_TEST_STARTER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(starterDir); dir != "" {
		if _, err := Start(context.Background(), Config{Dir: dir, Throwaway: true}); err != nil {
			_, _ = os.Stdout.WriteString("error " + err.Error() + "\n")
			os.Exit(1)
		}
		_, _ = os.Stdout.WriteString("ready\n")
		select {}
	}
	os.Exit(m.Run())
}

// shortDir returns a folder whose path a socket fits into.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "pcl-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "db")
}

func start(t *testing.T, dir string) *Cluster {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := Start(ctx, Config{Dir: dir, Throwaway: true})
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(func() { _ = c.Stop() })
	return c
}

func exec1(t *testing.T, c *Cluster, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), c.URL())
	if err != nil {
		t.Fatalf("connecting to %s: %v", c.URL(), err)
	}
	defer conn.Close(t.Context())
	var got string
	if err := conn.QueryRow(t.Context(), sql).Scan(&got); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return got
}

func TestDataOutlivesAStop(t *testing.T) {
	dir := shortDir(t)
	first := start(t, dir)
	if first.Joined() {
		t.Error("the first start joined, want started")
	}
	if got := exec1(t, first, "SELECT current_database() || ' ' || current_setting('listen_addresses')"); got != "portcullis " {
		t.Errorf("database and addresses = %q, want portcullis on no address", got)
	}
	conn, err := pgx.Connect(t.Context(), first.URL())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "CREATE TABLE kept AS SELECT 'still here' AS word"); err != nil {
		t.Fatal(err)
	}
	_ = conn.Close(t.Context())
	if err := first.Stop(); err != nil {
		t.Fatalf("Stop: %v", err)
	}
	second := start(t, dir)
	if got := exec1(t, second, "SELECT word FROM kept"); got != "still here" {
		t.Errorf("after a restart got %q", got)
	}
}

func TestSecondStartJoins(t *testing.T) {
	dir := shortDir(t)
	first := start(t, dir)
	second := start(t, dir)
	if !second.Joined() {
		t.Error("the second start made a cluster of its own, want joined")
	}
	if err := second.Stop(); err != nil {
		t.Fatal(err)
	}
	if got := exec1(t, first, "SELECT 'up'"); got != "up" {
		t.Errorf("after the joined one stopped got %q, want the cluster up", got)
	}
}

func TestStartAfterTheStarterWasKilled(t *testing.T) {
	dir := shortDir(t)
	starter := exec.Command(os.Args[0])
	starter.Env = append(os.Environ(), starterDir+"="+dir)
	out, err := starter.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := starter.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	if line != "ready\n" {
		t.Fatalf("the starter said %q", line)
	}
	if err := starter.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = starter.Wait()
	after := start(t, dir)
	if after.Joined() {
		// It had not begun to shut down yet: then it goes, and the next start is ours.
		t.Log("joined the dying server; waiting for it to go")
		awaitGone(t, after)
		after = start(t, dir)
	}
	if got := exec1(t, after, "SELECT 'up'"); got != "up" {
		t.Errorf("got %q", got)
	}
}

func awaitGone(t *testing.T, c *Cluster) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for c.folder.ping(t.Context()) == nil {
		if time.Now().After(deadline) {
			t.Fatal("the server outlives the process that started it")
		}
		if err := pause(t.Context(), pollEvery); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStalePidFile(t *testing.T) {
	dir := shortDir(t)
	c := start(t, dir)
	if err := c.Stop(); err != nil {
		t.Fatal(err)
	}
	// The number of a process that lives and is no database server: our own.
	if err := os.WriteFile(c.folder.pidFile(), []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	again := start(t, dir)
	if got := exec1(t, again, "SELECT 'up'"); got != "up" {
		t.Errorf("got %q", got)
	}
}

func TestInterruptedInitialisation(t *testing.T) {
	dir := shortDir(t)
	half := filepath.Join(dir, "data.new")
	if err := os.MkdirAll(half, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(half, "PG_VERSION"), []byte("15\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := start(t, dir)
	if got := exec1(t, c, "SELECT 'up'"); got != "up" {
		t.Errorf("got %q", got)
	}
}

func TestRefusals(t *testing.T) {
	closed := filepath.Join(filepath.Dir(shortDir(t)), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(filepath.Dir(shortDir(t)), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	foreign := shortDir(t)
	if err := os.MkdirAll(filepath.Join(foreign, "data"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(foreign, "data", "PG_VERSION"), []byte("9\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, dir, want string
		root            bool
	}{
		{"no folder", "", "--data-dir", false},
		{"path too long", "/tmp/" + strings.Repeat("long", 30), "too long a path", false},
		{"parent closed to the user of Postgres", filepath.Join(closed, "db"), "may not enter " + closed, true},
		{"a file in the way", file, file, false},
		{"made by a version that is not here", foreign, "made by Postgres 9", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.root && os.Geteuid() != 0 {
				t.Skip("only a root process runs Postgres as another user")
			}
			_, err := Start(t.Context(), Config{Dir: tt.dir})
			if err == nil || !strings.Contains(access.MessageOf(err), tt.want) {
				t.Errorf("got %v, want a message with %q", err, tt.want)
			}
		})
	}
}

func TestMessageOfAFolderThatIsNotOpenToUs(t *testing.T) {
	f, err := newFolder(shortDir(t))
	if err != nil {
		t.Fatal(err)
	}
	got := access.MessageOf(f.unusable(&fs.PathError{Op: "open", Path: f.dir, Err: syscall.EACCES}))
	for _, want := range []string{f.dir, "belongs to", "--data-dir"} {
		if !strings.Contains(got, want) {
			t.Errorf("got %q, want it to say %q", got, want)
		}
	}
}

func TestNoBinaries(t *testing.T) {
	repository = "http://127.0.0.1:1" // nothing listens there
	t.Cleanup(func() { repository = "" })
	f, err := newFolder(shortDir(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	_, err = fetchBinaries(t.Context(), Config{Log: slog.New(slog.DiscardHandler)}, f, "")
	if err == nil || !strings.Contains(access.MessageOf(err), "apt-get install postgresql") {
		t.Errorf("got %v, want what to install", err)
	}
}

func TestStartGivesUpWithItsContext(t *testing.T) {
	dir := shortDir(t)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := newFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := f.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = Start(ctx, Config{Dir: dir})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "start.lock") {
		t.Errorf("got %v, want the deadline and the lock's name", err)
	}
}
