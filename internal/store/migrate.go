package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"portcullis.internal/portcullis/migrations"
)

// migrateLock is the advisory lock of whoever migrates; lockPoll is how often the others look. They
// poll rather than wait in Postgres, since a waiting statement would block an index that is built
// concurrently.
const (
	migrateLock = 0x706f7274 // "port"
	lockPoll    = 100 * time.Millisecond
)

// Migrate brings the schema up to this release: ours, then the job queue's. Several
// processes may call it at once: one applies, the others wait for it.
func Migrate(ctx context.Context, url string) error {
	return withMigrator(ctx, url, func(m *migrator) error {
		unlock, err := m.lock(ctx)
		if err != nil {
			return err
		}
		defer unlock()
		if at, err := m.schema(ctx); err != nil || at == SchemaNewer {
			return cmp.Or(err, newerSchema())
		}
		if _, err := m.ours.Up(ctx); err != nil {
			return fmt.Errorf("migrating the database: %w", err)
		}
		if _, err := m.jobs.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
			return fmt.Errorf("migrating the job queue: %w", err)
		}
		return nil
	})
}

// Migration is one step of the schema, and whether it is in.
type Migration struct {
	Version   int64
	Name      string
	Applied   bool
	AppliedAt time.Time
}

// MigrationStatus lists the steps of the schema, and says whether all are in, those of
// the job queue included.
func MigrationStatus(ctx context.Context, url string) (steps []Migration, complete bool, err error) {
	err = withMigrator(ctx, url, func(m *migrator) error {
		steps, complete, err = m.status(ctx)
		return err
	})
	return steps, complete, err
}

type migrator struct {
	pool *pgxpool.Pool
	ours *goose.Provider
	jobs *rivermigrate.Migrator[pgx.Tx]
}

func withMigrator(ctx context.Context, url string, do func(*migrator) error) error {
	pool, err := openPool(ctx, Config{URL: url, MaxConns: 3})
	if err != nil {
		return err
	}
	defer pool.Close()
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	m, err := newMigrator(pool, db)
	if err != nil {
		return err
	}
	return translate(do(m))
}

func newMigrator(pool *pgxpool.Pool, db *sql.DB) (*migrator, error) {
	silent := slog.New(slog.DiscardHandler)
	// Numbers are given out ahead, so a later one may be in before an earlier one is there.
	ours, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS, goose.WithSlog(silent), goose.WithAllowOutofOrder(true))
	if err != nil {
		return nil, fmt.Errorf("reading the migrations: %w", err)
	}
	jobs, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: silent})
	if err != nil {
		return nil, fmt.Errorf("reading the job queue's migrations: %w", err)
	}
	return &migrator{pool: pool, ours: ours, jobs: jobs}, nil
}

// lock keeps a connection with the lock on it. Postgres releases the lock if this process dies.
func (m *migrator) lock(ctx context.Context) (unlock func(), err error) {
	conn, err := m.pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("connecting to the database: %w", err)
	}
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for {
		var got bool
		err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", migrateLock).Scan(&got)
		if err == nil && got {
			return func() {
				_, _ = conn.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", migrateLock)
				conn.Release()
			}, nil
		}
		if err == nil {
			select {
			case <-tick.C:
				continue
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		conn.Release()
		return nil, fmt.Errorf("waiting for another process to migrate the database: %w", err)
	}
}

func (m *migrator) status(ctx context.Context) ([]Migration, bool, error) {
	found, err := m.ours.Status(ctx)
	if err != nil {
		return nil, false, fmt.Errorf("reading the state of the schema: %w", err)
	}
	complete := true
	steps := make([]Migration, 0, len(found))
	for _, f := range found {
		applied := f.State == goose.StateApplied
		complete = complete && applied
		steps = append(steps, Migration{Version: f.Source.Version, Name: f.Source.Path, Applied: applied, AppliedAt: f.AppliedAt.UTC()})
	}
	queue, err := m.jobs.Validate(ctx, nil)
	if err != nil {
		return nil, false, errors.Join(errors.New("reading the state of the job queue's schema"), err)
	}
	return steps, complete && queue.OK, nil
}

// SchemaDigest changes with the migrations. Tests name their template after it.
func SchemaDigest() (string, error) {
	h := sha256.New()
	err := fs.WalkDir(migrations.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(migrations.FS, path)
		_, _ = fmt.Fprintf(h, "%s %d ", path, len(body))
		_, _ = h.Write(body)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("reading the migrations: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}
