package harness

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/store/embedded"
)

// Database is a Postgres database of one test.
type Database struct {
	URL string
	t   testing.TB
}

var databases atomic.Int64

// The clusters are started by the first tests that want a database.
var (
	quick   = sync.OnceValues(func() (*embedded.Cluster, error) { return startCluster("pg-quick", true) })
	durable = sync.OnceValues(func() (*embedded.Cluster, error) { return startCluster("pg-durable", false) })
)

func startCluster(name string, throwaway bool) (*embedded.Cluster, error) {
	dir, err := sharedDir()
	if err != nil {
		return nil, err
	}
	c, err := embedded.Start(context.Background(), embedded.Config{Dir: filepath.Join(dir, name), Throwaway: throwaway})
	if err != nil {
		return nil, fmt.Errorf("the tests need Postgres: %w", err)
	}
	AtEnd(c.Stop)
	return c, nil
}

// NewDatabase makes an empty database. It is quick, and would not survive a power cut.
func NewDatabase(t testing.TB) *Database { return newDatabase(t, quick) }

// NewDurableDatabase makes an empty database that writes to the disk as one does to
// which data is entrusted: for measurements.
func NewDurableDatabase(t testing.TB) *Database { return newDatabase(t, durable) }

func newDatabase(t testing.TB, cluster func() (*embedded.Cluster, error)) *Database {
	t.Helper()
	c, err := cluster()
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("test_%d", databases.Add(1))
	execute(t, c.URL(), "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	u, err := url.Parse(c.URL())
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return &Database{URL: u.String(), t: t}
}

// Env makes a process use the database.
func (d *Database) Env() string { return "DATABASE_URL=" + d.URL }

// Exec runs a statement.
func (d *Database) Exec(sql string, args ...any) {
	d.t.Helper()
	execute(d.t, d.URL, sql, args...)
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
	conn, err := pgx.Connect(ctx, d.URL)
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

// TryInt asks for one number, also from another goroutine than the test's.
func (d *Database) TryInt(sql string, args ...any) (int, error) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, d.URL)
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
