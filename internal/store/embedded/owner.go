package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"portcullis.internal/portcullis/internal/access"
)

// owner is the user that Postgres runs as. A zero owner is ourselves.
type owner struct {
	name       string
	credential *syscall.Credential
}

// chooseOwner returns ourselves, or, when we are root, whom the cluster belongs to
// already, else postgres, else nobody.
func chooseOwner(f folder) (owner, error) {
	if os.Geteuid() != 0 {
		return owner{}, nil
	}
	candidates := []string{"postgres", "nobody"}
	if uid, ok := uidOf(f.data); ok && uid != 0 {
		u, err := user.LookupId(strconv.Itoa(int(uid)))
		if err != nil {
			return owner{}, access.Wrap(access.KindUnavailable, err, "the database in %s belongs to user id %d, which has no name on this machine; give the folder to another with: chown -R postgres %s", f.data, uid, f.data)
		}
		candidates = []string{u.Username}
	}
	for _, name := range candidates {
		if o, err := lookUp(name); err == nil {
			return o, nil
		}
	}
	return owner{}, access.Errorf(access.KindUnavailable, "Postgres does not run as root, and this machine has neither a user postgres nor a user nobody to run it as; add one (useradd --system postgres), or set DATABASE_URL")
}

func lookUp(name string) (owner, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return owner{}, err
	}
	uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
	gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(errUID, errGID); err != nil {
		return owner{}, err
	}
	if uid == 0 {
		return owner{}, fmt.Errorf("%s is root", name)
	}
	return owner{name: name, credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}

func (o owner) chown(path string) error {
	if o.credential == nil {
		return nil
	}
	return os.Chown(path, int(o.credential.Uid), int(o.credential.Gid))
}

// canEnter refuses a folder below one that the user cannot enter, as a root home is.
func (o owner) canEnter(dir string) error {
	if o.credential == nil {
		return nil
	}
	for d := dir; ; d = filepath.Dir(d) {
		info, err := os.Stat(d)
		if err != nil {
			return fmt.Errorf("looking at %s: %w", d, err)
		}
		if !o.searchable(info) {
			return access.Errorf(access.KindUnavailable, "Postgres runs as the user %s, which may not enter %s (mode %o); choose another folder with --data-dir, such as /var/lib/portcullis, or open that one with: chmod o+x %s", o.name, d, info.Mode().Perm(), d)
		}
		if d == filepath.Dir(d) {
			return nil
		}
	}
}

func (o owner) searchable(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return true
	}
	switch {
	case stat.Uid == o.credential.Uid:
		return info.Mode().Perm()&0o100 != 0
	case stat.Gid == o.credential.Gid:
		return info.Mode().Perm()&0o010 != 0
	default:
		return info.Mode().Perm()&0o001 != 0
	}
}

func uidOf(path string) (uint32, bool) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return stat.Uid, true
}

// describeOwner names the owner of the first of the paths that is there.
func describeOwner(dir, data string) string {
	for _, path := range []string{data, dir, filepath.Dir(dir)} {
		uid, ok := uidOf(path)
		if !ok {
			continue
		}
		if u, err := user.LookupId(strconv.Itoa(int(uid))); err == nil {
			return path + " belongs to " + u.Username
		}
		return path + " belongs to user id " + strconv.Itoa(int(uid))
	}
	return "its owner is unknown"
}
