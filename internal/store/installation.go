package store

import (
	"context"
	"fmt"

	"portcullis.internal/portcullis/internal/access"
)

// IsDemo reports whether the demo laid the database out.
func (s *Store) IsDemo(ctx context.Context) (bool, error) {
	var demo bool
	err := s.pool.QueryRow(ctx, "SELECT demo FROM installation").Scan(&demo)
	return demo, translate(err)
}

// MarkDemo marks the database as the demo's, for good. It refuses one that people use already.
func (s *Store) MarkDemo(ctx context.Context) error {
	return s.inTx(ctx, func(tx *txn) error {
		var demo, used bool
		err := tx.QueryRow(ctx, "SELECT demo, EXISTS (SELECT FROM people) FROM installation FOR UPDATE").Scan(&demo, &used)
		switch {
		case err != nil:
			return fmt.Errorf("reading whether the database is the demo's: %w", err)
		case demo:
			return nil
		case used:
			return access.Errorf(access.KindForbidden, "The database holds people who are not the demo's. The demo would "+
				"add people whose passwords are public. Give the demo another folder with --data-dir")
		}
		_, err = tx.Exec(ctx, "UPDATE installation SET demo = true")
		return err
	})
}
