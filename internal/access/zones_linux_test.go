package access

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestZonesWithoutDatabase runs the test below in an empty root folder, as in the container image: there is no zone
// database, neither of the system nor of the Go installation.
func TestZonesWithoutDatabase(t *testing.T) {
	root := t.TempDir()
	copyProgram(t, filepath.Join(root, "test"))
	cmd := exec.CommandContext(t.Context(), "/test", "-test.run=^TestZones$", "-test.v")
	cmd.Dir, cmd.Env = "/", []string{"PORTCULLIS_EMPTY_ROOT=1"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, os.ErrPermission) {
		t.Skip("this machine permits neither chroot nor a user namespace")
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func copyProgram(t *testing.T, to string) {
	t.Helper()
	from, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	f, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(f, from); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestZones(t *testing.T) {
	if _, err := os.Stat("/usr/share/zoneinfo"); err == nil && os.Getenv("PORTCULLIS_EMPTY_ROOT") != "" {
		t.Fatal("the root folder is not empty")
	}
	m := MaintenanceWindow{From: "22:00", To: "04:00", Zone: "Europe/Berlin"}
	s := Strategy{Name: "nights", MaintenanceWindow: m}
	if err := s.Check(); err != nil {
		t.Errorf("a strategy at night in Berlin: %v", err)
	}
	if open, _ := m.NextChange(time.Date(2026, 11, 30, 21, 30, 0, 0, time.UTC)); !open || m.Problem() != "" {
		t.Errorf("22:30 in Berlin: open %v (%s), want it open", open, m.Problem())
	}
}
