package harness

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// binaryEnv names a binary that is to be tested in place of one built from the tree.
const binaryEnv = "PORTCULLIS_BIN"

// run holds what one run of a test binary shares.
var run struct {
	mu   sync.Mutex
	dir  string
	ends []func() error
}

// Main runs the tests and then puts away what they shared. Call it from TestMain.
func Main(m *testing.M) {
	code := m.Run()
	if err := putAway(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

func putAway() error {
	run.mu.Lock()
	defer run.mu.Unlock()
	var errs []error
	for i := len(run.ends) - 1; i >= 0; i-- {
		errs = append(errs, run.ends[i]())
	}
	if run.dir != "" {
		errs = append(errs, os.RemoveAll(run.dir))
	}
	return errors.Join(errs...)
}

// sharedDir is a folder for what the whole run shares. Every user may enter it, since
// Postgres does not run as root.
func sharedDir() (string, error) {
	run.mu.Lock()
	defer run.mu.Unlock()
	if run.dir != "" {
		return run.dir, nil
	}
	dir, err := os.MkdirTemp("", "portcullis-test-")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", err
	}
	run.dir = dir
	return dir, nil
}

// AtEnd has something done when all tests have run.
func AtEnd(do func() error) {
	run.mu.Lock()
	defer run.mu.Unlock()
	run.ends = append(run.ends, do)
}

var build = sync.OnceValues(func() (string, error) {
	if path := os.Getenv(binaryEnv); path != "" {
		return filepath.Abs(path)
	}
	dir, err := sharedDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "portcullis")
	cmd := exec.Command("go", "build", "-o", path, "./cmd/server")
	cmd.Dir = Root()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("building portcullis: %w\n%s", err, out.String())
	}
	return path, nil
})

// Binary returns the path of the built program.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Root is the folder of the module.
func Root() string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(here), "..", "..")
}

// Command runs the program to its end and returns what it printed and its exit code.
func Command(t testing.TB, env []string, stdin string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.Command(Binary(t), args...)
	cmd.Env = append(cleanEnv(), env...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("running portcullis %s: %v", strings.Join(args, " "), err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// MustCommand is Command for what has to go well.
func MustCommand(t testing.TB, env []string, stdin string, args ...string) string {
	t.Helper()
	out, errs, code := Command(t, env, stdin, args...)
	if code != 0 {
		t.Fatalf("portcullis %s: exit code %d\n%s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// cleanEnv is the environment without what would reach into the program: settings of
// its own, a database, AWS.
func cleanEnv() []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "PORTCULLIS_") && !strings.HasPrefix(kv, "AWS_") && !strings.HasPrefix(kv, "DATABASE_URL=") && !strings.HasPrefix(kv, "PG") {
			env = append(env, kv)
		}
	}
	return append(env, "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true")
}
