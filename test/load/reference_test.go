package load

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/test/harness"
)

// bareServer is the least that can be called a page of accounts (see the program
// test/load/reference), a process of its own as the console is, and who asks it for the page
// at path.
type bareServer struct {
	*reader
	path string
	cmd  *exec.Cmd
}

func buildReference(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "reference")
	cmd := exec.Command("go", "build", "-o", path, "./test/load/reference")
	cmd.Dir = harness.Root()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the reference: %v\n%s", err, out)
	}
	return path
}

func startReference(t *testing.T, program, database, path string) *bareServer {
	t.Helper()
	s := &bareServer{path: path, cmd: exec.Command(program)}
	s.cmd.Env = append(os.Environ(), "DATABASE_URL="+database)
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.stop() })
	base, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the reference does not tell its address: %v", err)
	}
	s.reader = &reader{base: strings.TrimSpace(base), client: &http.Client{Transport: transport()}}
	return s
}

// stop ends the server and returns how much processor time it has used in all.
func (s *bareServer) stop() time.Duration {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	return s.cmd.ProcessState.UserTime() + s.cmd.ProcessState.SystemTime()
}
