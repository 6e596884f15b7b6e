package store

import (
	"context"
	"fmt"

	"portcullis.internal/portcullis/internal/access"
)

// PersonByIdentity returns the person whom an identity provider knows as a subject.
func (s *Store) PersonByIdentity(ctx context.Context, issuer, subject string) (access.Person, error) {
	var id int64
	err := s.pool.QueryRow(ctx, "SELECT person_id FROM person_identities WHERE issuer = $1 AND subject = $2", issuer, storable(subject)).Scan(&id)
	if err != nil {
		return access.Person{}, missing(err, "Nobody here is %q of %s.", subject, issuer)
	}
	return s.Person(ctx, id)
}

// LinkIdentity ties a subject of an identity provider to a person. Each person has one
// subject there, and each subject is one person.
func (s *Store) LinkIdentity(ctx context.Context, issuer, subject string, personID int64, event access.AuditEvent) error {
	return s.inTx(ctx, func(tx *txn) error {
		tx.noteFor(fmt.Sprintf("person/%d", personID), []access.AuditEvent{event})
		if _, err := tx.Exec(ctx, "INSERT INTO person_identities (issuer, subject, person_id, created_at) VALUES ($1, $2, $3, $4)", issuer, storable(subject), personID, event.At); err != nil {
			return fmt.Errorf("linking person %d to %s: %w", personID, issuer, err)
		}
		return nil
	})
}
