package harness

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/embedded"
)

// Database is a Postgres database of one test. The console works on it as its narrow role, as in production.
type Database struct {
	URL   string // for the console
	Owner string // the same database for the owner of the tables
	t     testing.TB
}

// consoleRole is the console's role. The clusters of tests let it in without a password.
const consoleRole = "portcullis_app"

var databases atomic.Int64

// The clusters are started by the first tests that want a database.
var (
	quick   = sync.OnceValues(func() (*cluster, error) { return startCluster("pg-quick", true) })
	durable = sync.OnceValues(func() (*cluster, error) { return startCluster("pg-durable", false) })
)

// cluster is a server with a template: a migrated database without data.
type cluster struct {
	url string
	mu  sync.Mutex // Postgres clones a template for one at a time
}

const template = "test_template"

func startCluster(name string, throwaway bool) (*cluster, error) {
	dir, err := sharedDir()
	if err != nil {
		return nil, err
	}
	c, err := embedded.Start(context.Background(), embedded.Config{Dir: filepath.Join(dir, name), Throwaway: throwaway})
	if err != nil {
		return nil, fmt.Errorf("the tests need Postgres: %w", err)
	}
	AtEnd(c.Stop)
	made := &cluster{url: c.URL()}
	if err := made.create(template, ""); err != nil {
		return nil, err
	}
	return made, migrate(addressOf(c.URL(), template, ""))
}

// migrate prepares a database as portcullis migrate does.
func migrate(owner string) error {
	ctx := context.Background()
	if err := store.Migrate(ctx, owner); err != nil {
		return err
	}
	_, err := store.GrantConsole(ctx, owner, store.ConsoleRole{Name: consoleRole, Password: "not-asked-for"})
	return err
}

// create makes a database; from is the template.
func (c *cluster) create(name, from string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	sql := "CREATE DATABASE " + pgx.Identifier{name}.Sanitize()
	if from != "" {
		sql += " TEMPLATE " + from
	}
	conn, err := pgx.Connect(context.Background(), addressOf(c.url, "postgres", ""))
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(context.Background(), sql)
	return err
}

// addressOf is the address of another database of a server, for another role if one is named.
func addressOf(address, database, role string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	u.Path = "/" + database
	if role != "" {
		u.User = url.User(role)
	}
	return u.String()
}

// NewDatabase makes a migrated database without data. It is quick, and would not survive a power cut.
func NewDatabase(t testing.TB) *Database {
	t.Helper()
	return newDatabase(t, quick, template)
}

// NewEmptyDatabase makes a database without tables, which the owner uses.
func NewEmptyDatabase(t testing.TB) *Database {
	t.Helper()
	d := newDatabase(t, quick, "")
	d.URL = d.Owner
	return d
}

// NewDurableDatabase makes a migrated database that writes to the disk as one does to
// which data is entrusted: for measurements.
func NewDurableDatabase(t testing.TB) *Database {
	t.Helper()
	return newDatabase(t, durable, template)
}

func newDatabase(t testing.TB, on func() (*cluster, error), from string) *Database {
	t.Helper()
	c, err := on()
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("test_%d", databases.Add(1))
	if err := c.create(name, from); err != nil {
		t.Fatal(err)
	}
	return &Database{URL: addressOf(c.url, name, consoleRole), Owner: addressOf(c.url, name, ""), t: t}
}

// DataDir is the folder of consoles on this database: it keeps the key of the audit log and the checkpoints.
func (d *Database) DataDir() string {
	d.t.Helper()
	dir, err := sharedDir()
	if err != nil {
		d.t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(d.Owner))
	return filepath.Join(dir, fmt.Sprintf("data-%x", sum[:6]))
}

// Env makes a process use the database.
func (d *Database) Env() string { return "DATABASE_URL=" + d.URL }

// Exec runs a statement.
func (d *Database) Exec(sql string, args ...any) {
	d.t.Helper()
	execute(d.t, d.Owner, sql, args...)
}

// letTokensDecide switches on the settings that let API tokens review and apply changes, before the first revision.
func (d *Database) letTokensDecide() {
	d.t.Helper()
	d.Exec(`ALTER TABLE settings DROP CONSTRAINT IF EXISTS settings_added_in_check`)
	d.Exec(`INSERT INTO settings (body, added_in)
		SELECT '{"tokens_may_review": true, "tokens_may_apply": true}', 0 WHERE NOT EXISTS (SELECT FROM settings)`)
}

// Lock runs a statement in a transaction that stays open until it is released.
func (d *Database) Lock(sql string, args ...any) (release func()) {
	d.t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, d.Owner)
	if err != nil {
		d.t.Fatal(err)
	}
	release = sync.OnceFunc(func() { _ = conn.Close(ctx) })
	d.t.Cleanup(release)
	tx, err := conn.Begin(ctx)
	if err != nil {
		d.t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, sql, args...); err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
	return release
}

func execute(t testing.TB, address, sql string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(context.Background(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// Int asks for one number.
func (d *Database) Int(sql string, args ...any) int {
	d.t.Helper()
	n, err := d.TryInt(sql, args...)
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

// Texts asks for one column of texts.
func (d *Database) Texts(sql string, args ...any) []string {
	d.t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, d.Owner)
	if err != nil {
		d.t.Fatal(err)
	}
	defer conn.Close(ctx)
	rows, _ := conn.Query(ctx, sql, args...) // its error is also that of collecting
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
	return texts
}

// TryInt asks for one number, also from another goroutine than the test's.
func (d *Database) TryInt(sql string, args ...any) (int, error) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, d.Owner)
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	var n int
	if err := conn.QueryRow(ctx, sql, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("%s: %w", sql, err)
	}
	return n, nil
}
