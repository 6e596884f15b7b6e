package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/embedded"
)

// locate returns the URL of the database, and starts or joins the private cluster where
// none was given.
func (d Database) locate(ctx context.Context, log *slog.Logger, started *stack) (string, error) {
	if d.URL != "" {
		return d.URL, nil
	}
	if err := prepareDir(d.Dir); err != nil {
		return "", err
	}
	cluster, err := embedded.Start(ctx, embedded.Config{Dir: clusterDir(d.Dir), Log: log})
	if err != nil {
		return "", err
	}
	started.push("the private database", func(context.Context) error { return cluster.Stop() })
	return cluster.URL(), nil
}

// prepareDir makes the data folder. Others may pass through it, since Postgres runs as
// another user when the console runs as root, but see nothing in it.
func prepareDir(dir string) error {
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return access.Wrap(access.KindUnavailable, pathReason(err), "The data folder %s cannot be made. Give another with --data-dir, or make it writable", dir)
	}
	f, err := os.CreateTemp(dir, ".writable-*")
	if err != nil {
		return access.Wrap(access.KindUnavailable, pathReason(err), "The data folder %s cannot be written. Give another with --data-dir, or make it writable for this user", dir)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// pathReason leaves out the path, which the message says already.
func pathReason(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// openDatabase locates the database, brings its schema up to date if it may, and opens it. It refuses a schema of
// another release.
func openDatabase(ctx context.Context, d Database, log *slog.Logger, started *stack) (*store.Store, error) {
	url, err := d.locate(ctx, log, started)
	if err != nil {
		return nil, err
	}
	if d.Migrate || d.private() {
		if err := migrate(ctx, d, url); err != nil {
			return nil, err
		}
	}
	st, err := store.Open(ctx, store.Config{URL: url, MaxConns: d.MaxConns, Log: log, Trace: d.trace})
	if err != nil {
		return nil, err
	}
	started.push("the database", func(context.Context) error { st.Close(); return nil })
	return st, st.CheckSchema(ctx)
}

// migrate also grants the console's role what new tables need, if there is such a role.
func migrate(ctx context.Context, d Database, url string) error {
	if err := store.Migrate(ctx, url); err != nil {
		return fmt.Errorf("bringing the database's schema up to date: %w", err)
	}
	if d.private() {
		return nil
	}
	_, err := store.GrantConsole(ctx, url, store.ConsoleRole{Name: DefaultConsoleRole})
	return err
}

// DefaultDataDir is where a private database lives when nobody says: apart for the demo,
// whose people have known passwords. Root's is where Postgres, which does not run as
// root, can enter.
func DefaultDataDir(name string) string {
	if os.Geteuid() == 0 {
		return filepath.Join("/var/lib/portcullis", name)
	}
	if base := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(base) {
		return filepath.Join(base, "portcullis", name)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return filepath.Join(os.TempDir(), fmt.Sprintf("portcullis-%d", os.Geteuid()), name)
	}
	return filepath.Join(home, ".local", "share", "portcullis", name)
}
