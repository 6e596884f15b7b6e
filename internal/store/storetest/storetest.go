// Package storetest gives each test a database of its own, on real Postgres: New and NewURL clone a
// template that holds the migrated schema. One private cluster serves all tests of a test binary.
// It is kept between runs, so that only the first pays for making it; several binaries at the same
// time use one each.
//
// It is for tests only. Without Postgres they fail, and say what to install.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/embedded"
)

// startWithin bounds the start of the cluster and the migration of the template.
const startWithin = 2 * time.Minute

// New returns a store on a database of the test's own, which is dropped after it.
func New(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{URL: NewURL(t)})
	if err != nil {
		t.Fatalf("opening a test database: %v", err)
	}
	t.Cleanup(s.Close)
	return s
}

// NewURL returns the address of a migrated, empty database of the test's own.
func NewURL(t testing.TB) string { return create(t, true) }

// NewEmptyURL returns the address of a database without any tables.
func NewEmptyURL(t testing.TB) string { return create(t, false) }

var (
	once    sync.Once
	shared  *server
	failure error
	number  atomic.Int64
)

// server is the cluster of this test binary.
type server struct {
	admin    string // address of a database that tests do not use
	template string
	mu       sync.Mutex // Postgres clones a template for one at a time
}

func create(t testing.TB, migrated bool) string {
	t.Helper()
	once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), startWithin)
		defer cancel()
		shared, failure = start(ctx)
	})
	if failure != nil {
		t.Fatalf("the tests need Postgres (Debian: apt-get install postgresql): %v", failure)
	}
	name := fmt.Sprintf("test_%d", number.Add(1))
	sql := "CREATE DATABASE " + name
	if migrated {
		sql += " TEMPLATE " + shared.template
	}
	if err := shared.exec(sql); err != nil {
		t.Fatalf("creating a test database: %v", err)
	}
	t.Cleanup(func() {
		if err := shared.exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Errorf("dropping a test database: %v", err)
		}
	})
	return addressOf(shared.admin, name)
}

func start(ctx context.Context) (*server, error) {
	dir, err := takeDir()
	if err != nil {
		return nil, err
	}
	cluster, err := embedded.Start(ctx, embedded.Config{Dir: dir, Throwaway: true})
	if err != nil {
		// It does not sync to disk, so a crash may have left it beyond repair.
		if err := os.RemoveAll(filepath.Join(dir, "data")); err != nil {
			return nil, err
		}
		if cluster, err = embedded.Start(ctx, embedded.Config{Dir: dir, Throwaway: true}); err != nil {
			return nil, err
		}
	}
	s := &server{admin: addressOf(cluster.URL(), "postgres")}
	return s, s.prepare(ctx)
}

// lock keeps the folder ours for as long as this process lives.
var lock *os.File //nolint:unused // a file that nothing refers to is closed

// takeDir returns the first folder that no other test binary uses.
func takeDir() (string, error) {
	root := filepath.Join("/tmp", "portcullis-test-"+strconv.Itoa(os.Getuid()))
	if err := os.Mkdir(root, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	info, err := os.Lstat(root)
	if err != nil {
		return "", err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); !ok || !info.IsDir() || int(stat.Uid) != os.Getuid() {
		return "", fmt.Errorf("%s is not a folder of this user's: remove it", root)
	}
	for i := 0; ; i++ {
		dir := filepath.Join(root, strconv.Itoa(i))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", err
		}
		f, err := os.OpenFile(filepath.Join(dir, "in-use.lock"), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return "", err
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			lock = f
			return dir, nil
		}
		_ = f.Close()
	}
}

// prepare removes what an earlier run left, and makes the template of this schema.
func (s *server) prepare(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.admin)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, `SELECT datname FROM pg_database WHERE datname LIKE 'test\_%' OR datname LIKE 'template\_%'`)
	if err != nil {
		return err
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	schema, err := store.SchemaDigest()
	if err != nil {
		return err
	}
	s.template = "template_" + schema // another schema, another template
	ready := false
	for _, name := range found {
		if name == s.template {
			ready = true
			continue
		}
		if _, err := conn.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			return err
		}
	}
	if ready {
		return nil
	}
	return s.makeTemplate(ctx, conn)
}

// makeTemplate migrates under another name, so that a template is always whole.
func (s *server) makeTemplate(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, "CREATE DATABASE test_template"); err != nil {
		return err
	}
	if err := store.Migrate(ctx, addressOf(s.admin, "test_template")); err != nil {
		return err
	}
	_, err := conn.Exec(ctx, "ALTER DATABASE test_template RENAME TO "+s.template)
	return err
}

func (s *server) exec(sql string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.admin)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	return err
}

// addressOf returns the address of another database of the cluster.
func addressOf(address, database string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	u.Path = "/" + database
	return u.String()
}
