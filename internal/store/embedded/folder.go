package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// maxSocketPath is the longest path of a socket that the kernel accepts, without its zero byte. BSD
// and macOS accept 103, so the smaller limit applies everywhere.
const maxSocketPath = 103

const pollEvery = 20 * time.Millisecond

// folder is the layout of a cluster's folder.
type folder struct {
	dir    string
	data   string // the cluster itself; 0700, of the user that Postgres runs as
	socket string // the folder of the socket; 0700, so that the socket needs no password
	log    string
}

func newFolder(dir string) (folder, error) {
	if dir == "" {
		return folder{}, access.Invalid("data-dir", "no data folder is given: name one with --data-dir")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return folder{}, fmt.Errorf("finding the data folder %s: %w", dir, err)
	}
	f := folder{dir: abs, data: filepath.Join(abs, "data"), socket: filepath.Join(abs, "socket"), log: filepath.Join(abs, "postgres.log")}
	if path := filepath.Join(f.socket, ".s.PGSQL."+port); len(path) > maxSocketPath {
		return folder{}, access.Invalid("data-dir", "the data folder %s has too long a path: the database's socket in it would have %d characters, and the system accepts %d; choose a folder nearer to the root with --data-dir", abs, len(path), maxSocketPath)
	}
	return f, nil
}

// prepare makes the folder, and checks that we and the user of Postgres can use it.
func (f folder) prepare(who owner) error {
	if err := os.MkdirAll(f.dir, 0o755); err != nil {
		return f.unusable(err)
	}
	if err := who.canEnter(f.dir); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(f.data, "PG_VERSION")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return f.unusable(err)
	}
	if err := os.MkdirAll(f.socket, 0o700); err != nil {
		return f.unusable(err)
	}
	if err := who.chown(f.socket); err != nil {
		return f.unusable(err)
	}
	if _, err := os.ReadDir(f.socket); err != nil {
		return f.unusable(err)
	}
	return nil
}

func (f folder) unusable(err error) error {
	if !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.EROFS) {
		return access.Wrap(access.KindUnavailable, err, "the data folder %s cannot be used; choose another with --data-dir", f.dir)
	}
	return access.Wrap(access.KindUnavailable, err, "the data folder %s is not open to this user (%s); run as the user that owns it, or choose another with --data-dir", f.dir, describeOwner(f.dir, f.data))
}

// version returns the major version that made the cluster; "" when there is none yet.
func (f folder) version() string {
	body, err := os.ReadFile(filepath.Join(f.data, "PG_VERSION"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(body))
}

// lock lets one starter in at a time, so that the others find a cluster to join.
func (f folder) lock(ctx context.Context) (unlock func(), err error) {
	file, err := os.OpenFile(filepath.Join(f.dir, "start.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, f.unusable(err)
	}
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			_ = file.Close()
			return nil, fmt.Errorf("locking %s: %w", file.Name(), err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			_ = file.Close()
			return nil, access.Wrap(access.KindUnavailable, ctx.Err(), "another process has been starting the database in %s for too long; see which process has locked %s", f.dir, file.Name())
		}
	}
}

// logTail returns the last lines of the database's own log, for an error message.
func (f folder) logTail() string {
	body, err := os.ReadFile(f.log)
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(body)), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], " | ")
}
