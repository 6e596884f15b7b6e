package store

import (
	"context"
	"fmt"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// MakeLink gives a person a link to choose a password, in place of the password and any earlier link. It ends their
// sessions and tokens.
func (s *Store) MakeLink(ctx context.Context, personID int64, linkHash []byte, until time.Time, event access.AuditEvent) error {
	return s.inTx(ctx, func(tx *txn) error {
		if err := tx.lockPeople(ctx); err != nil {
			return err
		}
		var p access.Person
		err := tx.QueryRow(ctx, `UPDATE people SET generation = generation + 1, password_hash = '', link_hash = $2,
			link_until = $3 WHERE id = $1 AND NOT disabled RETURNING id, generation`,
			personID, linkHash, until).Scan(&p.ID, &p.Generation)
		if err != nil {
			return missing(err, "There is no person %d, or the account is disabled.", personID)
		}
		tx.noteFor(fmt.Sprintf("person/%d", personID), []access.AuditEvent{event})
		if err := tx.revokeTokens(ctx, personID, time.Time{}, event); err != nil {
			return err
		}
		_, err = tx.recordActs(ctx, p, event, access.ActReset)
		return err
	})
}

const noLink = "This link is not good any more: it was used, it has expired, or there is a newer one. Ask an admin for another."

// PersonByLink returns the person of a link that is good at a time.
func (s *Store) PersonByLink(ctx context.Context, linkHash []byte, at time.Time) (access.Person, error) {
	var read personScan
	err := s.pool.QueryRow(ctx, "SELECT "+personColumns+" FROM people p WHERE p.link_hash = $1 AND p.link_until > $2 AND NOT p.disabled",
		linkHash, at).Scan(read.fields()...)
	if err != nil {
		return access.Person{}, missing(err, noLink)
	}
	return read.done(), nil
}

// UseLink stores the password that a person chose with a link. The link can be used once.
func (s *Store) UseLink(ctx context.Context, linkHash []byte, at time.Time, passwordHash string, event access.AuditEvent) error {
	return s.inTx(ctx, func(tx *txn) error {
		var id int64
		err := tx.QueryRow(ctx, `UPDATE people SET generation = generation + 1, password_hash = $3, link_hash = NULL,
			link_until = NULL WHERE link_hash = $1 AND link_until > $2 AND NOT disabled RETURNING id`,
			linkHash, at, passwordHash).Scan(&id)
		if err != nil {
			return missing(err, noLink)
		}
		tx.noteFor(fmt.Sprintf("person/%d", id), []access.AuditEvent{event})
		return tx.revokeTokens(ctx, id, time.Time{}, event)
	})
}
