package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// joinPatience is how long a server may take to start or to shut down.
const joinPatience = time.Minute

// joinRunning reports whether a server of this folder answers. It waits while one is
// starting or shutting down, and clears the pid file of one that is dead.
func joinRunning(ctx context.Context, cfg Config, f folder) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, joinPatience)
	defer cancel()
	for {
		pid, there := f.postmaster()
		if !there {
			return false, nil
		}
		if !f.alive(pid) {
			cfg.Log.Warn("clearing the pid file of a database server that is dead", "dir", f.dir, "pid", pid)
			if err := os.Remove(f.pidFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
				return false, fmt.Errorf("clearing the pid file of a dead server: %w", err)
			}
			return false, nil
		}
		if f.ping(ctx) == nil {
			return true, nil
		}
		if err := pause(ctx, pollEvery); err != nil {
			return false, access.Wrap(access.KindUnavailable, err, "the database in %s runs (process %d) but does not answer; see %s", f.dir, pid, f.log)
		}
	}
}

func (f folder) pidFile() string { return filepath.Join(f.data, "postmaster.pid") }

// postmaster returns the process that claims to serve the folder.
func (f folder) postmaster() (int, bool) {
	body, err := os.ReadFile(f.pidFile())
	if err != nil {
		return 0, false
	}
	line, _, _ := strings.Cut(string(body), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return 0, true // written half-way by one that died
	}
	return pid, true
}

// alive reports whether the process is a server of this folder. After a restart of the
// machine or the container the number may belong to anybody, ourselves included; a
// server works in its data folder.
func (f folder) alive(pid int) bool {
	if pid <= 0 {
		return false
	}
	if err := syscall.Kill(pid, 0); err != nil && !errors.Is(err, syscall.EPERM) {
		return false
	}
	if _, err := os.Stat("/proc/self/cwd"); err != nil {
		return true // no way to tell: leave the judgement to Postgres
	}
	cwd, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "cwd"))
	if err != nil {
		return false
	}
	data, err := filepath.EvalSymlinks(f.data)
	return err == nil && cwd == data
}
