package store

import (
	"context"
	"fmt"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// signInsKept is how long attempts are kept for counting; the audit log keeps them for
// ever.
const signInsKept = 7 * 24 * time.Hour

// CountFailures counts failed sign-ins by e-mail and by address since a time.
func (s *Store) CountFailures(ctx context.Context, email, addr string, since time.Time) (byEmail, byAddr int, err error) {
	err = s.pool.QueryRow(ctx, `SELECT
		(SELECT count(*) FROM sign_ins WHERE NOT ok AND email = $1 AND at >= $3),
		(SELECT count(*) FROM sign_ins WHERE NOT ok AND addr = $2 AND at >= $3)`, storable(email), storable(addr), since).Scan(&byEmail, &byAddr)
	if err != nil {
		return 0, 0, translate(fmt.Errorf("counting failed sign-ins: %w", err))
	}
	return byEmail, byAddr, nil
}

// RecordSignIn notes an attempt and its audit event.
func (s *Store) RecordSignIn(ctx context.Context, email, addr string, ok bool, at time.Time, event access.AuditEvent) error {
	return s.inTx(ctx, func(tx *txn) error {
		tx.note(event)
		if _, err := tx.Exec(ctx, "INSERT INTO sign_ins (email, addr, ok, at) VALUES ($1, $2, $3, $4)", storable(email), storable(addr), ok, at); err != nil {
			return fmt.Errorf("noting a sign-in: %w", err)
		}
		return nil
	})
}
