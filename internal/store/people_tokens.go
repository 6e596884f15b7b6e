package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// usedEvery is how often the last use of a token is noted at most: a client that calls
// all the time is not to write all the time.
const usedEvery = time.Minute

const tokenColumns = "t.id, t.person_id, p.name, t.name, t.scopes, t.created_at, t.expires_at, t.last_used_at, t.revoked_at"

func scanToken(row pgx.CollectableRow) (access.Token, error) {
	var t access.Token
	return t, row.Scan(tokenFields(&t)...)
}

func tokenFields(t *access.Token) []any {
	return []any{&t.ID, &t.PersonID, &t.Person, &t.Name, &t.Scopes, &t.CreatedAt, timeOrZero{&t.ExpiresAt}, timeOrZero{&t.LastUsedAt}, timeOrZero{&t.RevokedAt}}
}

// TokenByHash finds a token that is neither revoked nor expired, with its person, and
// notes its use.
func (s *Store) TokenByHash(ctx context.Context, hash []byte, at time.Time) (access.Token, access.Person, error) {
	var t access.Token
	var person personScan
	err := s.pool.QueryRow(ctx, "SELECT "+tokenColumns+", "+personColumns+" FROM tokens t JOIN people p ON p.id = t.person_id WHERE t.hash = $1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2)", hash, at).
		Scan(append(tokenFields(&t), person.fields()...)...)
	if err != nil {
		return access.Token{}, access.Person{}, missing(err, "There is no such token, or it was revoked, or has expired.")
	}
	if at.Sub(t.LastUsedAt) >= usedEvery {
		_, err := s.pool.Exec(ctx, "UPDATE tokens SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)", t.ID, at)
		if err != nil {
			return access.Token{}, access.Person{}, translate(fmt.Errorf("noting the use of token %d: %w", t.ID, err))
		}
		t.LastUsedAt = at.UTC().Truncate(time.Microsecond)
	}
	return t, person.done(), nil
}

// CreateToken stores a token by the hash of its secret. An event without an object is
// given the token's.
func (s *Store) CreateToken(ctx context.Context, t access.Token, hash []byte, event access.AuditEvent) (access.Token, error) {
	if t.CreatedAt.IsZero() {
		t.CreatedAt = timeNow()
	}
	err := s.inTx(ctx, func(tx *txn) error {
		err := tx.QueryRow(ctx, `WITH made AS (INSERT INTO tokens (person_id, name, hash, scopes, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id, person_id)
			SELECT made.id, p.name FROM made JOIN people p ON p.id = made.person_id`,
			t.PersonID, t.Name, hash, orEmpty(t.Scopes), t.CreatedAt, nullTime(t.ExpiresAt)).Scan(&t.ID, &t.Person)
		if err != nil {
			return missing(fmt.Errorf("creating the token %q: %w", t.Name, err), noPerson, t.PersonID)
		}
		tx.noteFor(fmt.Sprintf("token/%d", t.ID), []access.AuditEvent{event})
		return nil
	})
	if err != nil {
		return access.Token{}, err
	}
	return t, nil
}

// Tokens lists all tokens, revoked ones too, by person and age.
func (s *Store) Tokens(ctx context.Context) ([]access.Token, error) {
	found, err := collect(ctx, s.pool, scanToken, "SELECT "+tokenColumns+" FROM tokens t JOIN people p ON p.id = t.person_id ORDER BY p.name, t.id")
	if err != nil {
		return nil, translate(fmt.Errorf("listing the tokens: %w", err))
	}
	return found, nil
}

// revokeTokens ends all tokens of a person that were made since a time, because of what an event says. Each has an
// event of its own, by the same actor.
func (tx *txn) revokeTokens(ctx context.Context, personID int64, since time.Time, because access.AuditEvent) error {
	rows, err := tx.Query(ctx, `UPDATE tokens SET revoked_at = greatest($2, created_at)
		WHERE person_id = $1 AND created_at >= $3 AND revoked_at IS NULL RETURNING id, name`,
		personID, because.At, since)
	if err != nil {
		return fmt.Errorf("revoking the tokens of person %d: %w", personID, err)
	}
	var id int64
	var name string
	_, err = pgx.ForEachRow(rows, []any{&id, &name}, func() error {
		detail, err := json.Marshal(map[string]string{"name": name, "because": because.Action})
		e := because
		e.Action, e.Object, e.Detail = "token.revoke", fmt.Sprintf("token/%d", id), detail
		tx.note(e)
		return err
	})
	if err != nil {
		return fmt.Errorf("revoking the tokens of person %d: %w", personID, err)
	}
	return nil
}

// RevokeToken makes a token useless for ever.
func (s *Store) RevokeToken(ctx context.Context, id int64, at time.Time, event access.AuditEvent) error {
	return s.inTx(ctx, func(tx *txn) error {
		tx.noteFor(fmt.Sprintf("token/%d", id), []access.AuditEvent{event})
		tag, err := tx.Exec(ctx, "UPDATE tokens SET revoked_at = greatest($2, created_at) WHERE id = $1 AND revoked_at IS NULL", id, at)
		if err != nil {
			return fmt.Errorf("revoking token %d: %w", id, err)
		}
		if tag.RowsAffected() == 0 {
			return access.Errorf(access.KindNotFound, "There is no token %d, or it was revoked already.", id)
		}
		return nil
	})
}
