package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// SessionFind returns a session that has not expired, and a person as they are now, or
// none: in one query, since every request asks for both.
func (s *Store) SessionFind(ctx context.Context, hash []byte, personID int64) (access.Session, bool, error) {
	var found access.Session
	var person personScan
	err := s.pool.QueryRow(ctx, "SELECT s.data, s.expiry, "+personColumns+" FROM sessions s LEFT JOIN people p ON p.id = $2 WHERE s.hash = $1 AND s.expiry > now() AND s.ended_at IS NULL", hash, personID).
		Scan(append([]any{&found.Data, &found.Expiry}, person.fields()...)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return access.Session{}, false, nil
	}
	if err != nil {
		return access.Session{}, false, translate(fmt.Errorf("looking for a session: %w", err))
	}
	found.Person = person.done()
	return found, true, nil
}

// SessionTouch moves the end of a session, if there is one: what was ended stays ended.
func (s *Store) SessionTouch(ctx context.Context, hash []byte, expiry time.Time) error {
	if _, err := s.pool.Exec(ctx, "UPDATE sessions SET expiry = $2, used_at = now() WHERE hash = $1 AND ended_at IS NULL", hash, expiry); err != nil {
		return translate(fmt.Errorf("keeping a session: %w", err))
	}
	return nil
}

// A session that was ended is not brought back.
const saveSession = `INSERT INTO sessions (hash, data, expiry, person_id, generation, addr, agent, opened_at, used_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now())
	ON CONFLICT (hash) DO UPDATE SET (data, expiry, person_id, generation, addr, agent, opened_at, used_at)
		= (EXCLUDED.data, EXCLUDED.expiry, EXCLUDED.person_id, EXCLUDED.generation, EXCLUDED.addr, EXCLUDED.agent, EXCLUDED.opened_at, EXCLUDED.used_at)
	WHERE sessions.ended_at IS NULL`

// SessionSave stores a session, in place of an earlier state of it, with what its person
// is told of it.
func (s *Store) SessionSave(ctx context.Context, hash []byte, data []byte, expiry time.Time, about access.SignedIn) error {
	_, err := s.pool.Exec(ctx, saveSession, hash, orEmpty(data), expiry, nullID(about.PersonID), about.Generation, storable(about.Addr), storable(about.Agent), nullTime(about.OpenedAt))
	if err != nil {
		return translate(fmt.Errorf("saving a session: %w", err))
	}
	return nil
}

// SessionDelete ends a session.
func (s *Store) SessionDelete(ctx context.Context, hash []byte) error {
	if _, err := s.pool.Exec(ctx, "DELETE FROM sessions WHERE hash = $1", hash); err != nil {
		return translate(fmt.Errorf("ending a session: %w", err))
	}
	return nil
}

// Sessions lists the open sessions of a person, the last used first. Here is the hash of
// the session of whoever asks.
func (s *Store) Sessions(ctx context.Context, personID int64, here []byte) ([]access.SignedIn, error) {
	found, err := collect(ctx, s.pool, func(row pgx.CollectableRow) (access.SignedIn, error) {
		var o access.SignedIn
		return o, row.Scan(&o.ID, &o.PersonID, &o.Generation, &o.Addr, &o.Agent, timeOrZero{&o.OpenedAt}, timeOrZero{&o.UsedAt}, &o.Expires, &o.Here)
	}, `SELECT s.id, s.person_id, s.generation, s.addr, s.agent, s.opened_at, s.used_at, s.expiry, s.hash = $2
		FROM sessions s JOIN people p ON p.id = s.person_id AND p.generation = s.generation
		WHERE s.person_id = $1 AND s.ended_at IS NULL AND s.expiry > now() ORDER BY s.used_at DESC NULLS LAST, s.id`, personID, orEmpty(here))
	if err != nil {
		return nil, translate(fmt.Errorf("listing the sessions of person %d: %w", personID, err))
	}
	return found, nil
}

// EndSession ends one session of a person.
func (s *Store) EndSession(ctx context.Context, personID, id int64, event access.AuditEvent) error {
	return s.inTx(ctx, func(tx *txn) error {
		tag, err := tx.Exec(ctx, "UPDATE sessions SET ended_at = now(), expiry = least(expiry, now()) WHERE id = $2 AND person_id = $1 AND ended_at IS NULL AND expiry > now()", personID, id)
		if err != nil {
			return fmt.Errorf("ending session %d of person %d: %w", id, personID, err)
		}
		if tag.RowsAffected() == 0 {
			return access.Errorf(access.KindNotFound, "There is no such session, or it is over already.")
		}
		tx.note(event)
		return nil
	})
}

// endedKept is how long an ended session is kept from being saved again, by a request that
// loaded it before.
const endedKept = 15 * time.Minute

// SessionSweep removes the sessions that have expired, attempts to sign in that count no
// more, and answers of the API that are kept no longer.
func (s *Store) SessionSweep(ctx context.Context, now time.Time) error {
	if _, err := s.pool.Exec(ctx, "DELETE FROM sessions WHERE expiry <= $1 AND (ended_at IS NULL OR ended_at <= $2)", now, now.Add(-endedKept)); err != nil {
		return translate(fmt.Errorf("removing expired sessions: %w", err))
	}
	if _, err := s.pool.Exec(ctx, "DELETE FROM sign_ins WHERE at < $1", now.Add(-signInsKept)); err != nil {
		return translate(fmt.Errorf("removing old attempts to sign in: %w", err))
	}
	return s.sweepReplies(ctx, now)
}
