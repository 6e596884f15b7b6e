package server

import (
	"context"
	"fmt"
	"log/slog"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store"
)

// ConsoleRole is the database role that the console works as.
type ConsoleRole = store.ConsoleRole

// DefaultConsoleRole is the name of the console's role.
const DefaultConsoleRole = "portcullis_app"

// Migrate brings the database's schema up to date, grants the console's role its rights, and says so.
func Migrate(ctx context.Context, d Database, role ConsoleRole, log *slog.Logger) ([]string, error) {
	if err := role.Check(); err != nil {
		return nil, err
	}
	return withURL(ctx, d, log, func(url string) ([]string, error) {
		if err := store.Migrate(ctx, url); err != nil {
			return nil, err
		}
		lines := []string{"The database's schema is up to date."}
		if d.private() {
			return lines, nil
		}
		granted, err := store.GrantConsole(ctx, url, role)
		switch {
		case err != nil:
			return lines, err
		case granted:
			return append(lines, fmt.Sprintf("The role %s has the rights that the console needs.", role.Name)), nil
		default:
			return append(lines, fmt.Sprintf("There is no role %s for the console yet. To make it, set "+
				"PORTCULLIS_CONSOLE_PASSWORD and run portcullis migrate again.", role.Name)), nil
		}
	})
}

// MigrationStatus lists the steps of the schema with their state. The error says that
// some are missing.
func MigrationStatus(ctx context.Context, d Database, log *slog.Logger) ([]string, error) {
	return withURL(ctx, d, log, func(url string) ([]string, error) {
		steps, complete, err := store.MigrationStatus(ctx, url)
		if err != nil {
			return nil, err
		}
		lines := make([]string, 0, len(steps)+1)
		for _, s := range steps {
			state := "missing"
			if s.Applied {
				state = "applied " + s.AppliedAt.Format("2006-01-02 15:04Z")
			}
			lines = append(lines, fmt.Sprintf("%05d  %-28s %s", s.Version, s.Name, state))
		}
		if !complete {
			return lines, access.Errorf(access.KindUnavailable, "The schema is not up to date. Run: portcullis migrate")
		}
		return append(lines, "The database's schema is up to date."), nil
	})
}

// withURL locates the database for one piece of work.
func withURL(ctx context.Context, d Database, log *slog.Logger, do func(url string) ([]string, error)) (lines []string, err error) {
	var started stack
	defer func() {
		if stopErr := started.stop(context.WithoutCancel(ctx)); err == nil && stopErr != nil {
			err = stopErr
		}
	}()
	url, err := d.locate(ctx, log, &started)
	if err != nil {
		return nil, err
	}
	return do(url)
}
