package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"portcullis.internal/portcullis/internal/access"
)

// Schema is how the schema of a database compares with this release.
type Schema string

// The schema lacks steps of this release, has exactly its steps, or has steps that this release does not know.
const (
	SchemaBehind  Schema = "behind"
	SchemaCurrent Schema = "current"
	SchemaNewer   Schema = "newer"
)

// CheckSchema returns an error unless the schema is exactly that of this release. It changes nothing.
func (s *Store) CheckSchema(ctx context.Context) error {
	m, err := newMigrator(s.pool, s.sql)
	if err != nil {
		return err
	}
	at, err := m.schema(ctx)
	switch {
	case err != nil:
		return err
	case at == SchemaNewer:
		return newerSchema()
	case at == SchemaBehind:
		return access.Errorf(access.KindUnavailable,
			"The database does not have the schema of this release. Run portcullis migrate as the owner of the database")
	default:
		return nil
	}
}

func newerSchema() error {
	return access.Errorf(access.KindUnavailable,
		"The schema of the database is newer than this release. Start the release that migrated it, or a later one")
}

// schema compares the steps that the database records with those of this release. It only reads, so that the role of
// the console can ask.
func (m *migrator) schema(ctx context.Context) (Schema, error) {
	ours, err := m.recordedVersions(ctx, "SELECT version_id FROM goose_db_version WHERE is_applied AND version_id > 0")
	if err != nil {
		return "", err
	}
	queue, err := m.recordedVersions(ctx, "SELECT version FROM river_migration WHERE line = 'main'")
	if err != nil {
		return "", err
	}
	var known, knownOfQueue []int64
	for _, source := range m.ours.ListSources() {
		known = append(known, source.Version)
	}
	for _, step := range m.jobs.AllVersions() {
		knownOfQueue = append(knownOfQueue, int64(step.Version))
	}
	switch {
	case !subset(ours, known) || !subset(queue, knownOfQueue):
		return SchemaNewer, nil
	case !subset(known, ours) || !subset(knownOfQueue, queue):
		return SchemaBehind, nil
	default:
		return SchemaCurrent, nil
	}
}

// recordedVersions lists versions of steps; none where the table is missing.
func (m *migrator) recordedVersions(ctx context.Context, query string) ([]int64, error) {
	rows, err := m.pool.Query(ctx, query)
	var versions []int64
	if err == nil {
		versions, err = pgx.CollectRows(rows, pgx.RowTo[int64])
	}
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg) && pg.Code == stateNoTable:
		return nil, nil
	case err != nil:
		return nil, translate(fmt.Errorf("reading the state of the schema: %w", err))
	default:
		return versions, nil
	}
}

func subset(some, all []int64) bool {
	return !slices.ContainsFunc(some, func(n int64) bool { return !slices.Contains(all, n) })
}
