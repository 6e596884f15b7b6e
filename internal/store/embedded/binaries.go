package embedded

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// findBinaries returns the folder of initdb and postgres that fit the cluster: any for a
// new one, those of its own major version for one that is there.
func findBinaries(ctx context.Context, cfg Config, f folder) (string, error) {
	found := installedBinaries()
	want := f.version()
	for _, bin := range found {
		if want == "" || majorVersion(ctx, bin) == want {
			return bin, nil
		}
	}
	if len(found) > 0 {
		return "", access.Errorf(access.KindUnavailable, "the database in %s was made by Postgres %s, and this machine has only %s; install it (Debian: apt-get install postgresql-%s), or choose another folder with --data-dir", f.dir, want, strings.Join(found, ", "), want)
	}
	return fetchBinaries(ctx, cfg, f, want)
}

// installedBinaries lists the folders with Postgres binaries, in order of preference:
// what is on PATH, then the newest of each place where packages put them.
func installedBinaries() []string {
	var candidates []string
	if initdb, err := exec.LookPath("initdb"); err == nil {
		// Postgres finds its shared files beside the real binary, not beside a link to it.
		if real, err := filepath.EvalSymlinks(initdb); err == nil {
			candidates = append(candidates, filepath.Dir(real))
		}
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin", "/usr/local/pgsql/bin"} {
		dirs, err := filepath.Glob(pattern)
		if err != nil {
			continue
		}
		slices.SortFunc(dirs, func(a, b string) int { return cmp.Compare(versionInPath(b), versionInPath(a)) })
		candidates = append(candidates, dirs...)
	}
	var found []string
	for _, dir := range candidates {
		if !slices.Contains(found, dir) && executable(filepath.Join(dir, "initdb")) && executable(filepath.Join(dir, "postgres")) {
			found = append(found, dir)
		}
	}
	return found
}

func versionInPath(bin string) int {
	digits := strings.TrimLeft(filepath.Base(filepath.Dir(bin)), "abcdefghijklmnopqrstuvwxyz@-")
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir() && info.Mode()&0o111 != 0
}

// majorVersion asks the binary: "postgres (PostgreSQL) 15.14 (Debian …)".
func majorVersion(ctx context.Context, bin string) string {
	out, err := exec.CommandContext(ctx, filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		return ""
	}
	fields := strings.Fields(string(out))
	if len(fields) < 3 {
		return ""
	}
	major, _, _ := strings.Cut(fields[2], ".")
	return major
}

func installHint() string {
	if runtime.GOOS == "darwin" {
		return "brew install postgresql@17"
	}
	return "apt-get install postgresql (Debian, Ubuntu) or dnf install postgresql-server (Fedora, RHEL)"
}
