package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// BeginReply reserves an idempotency key for a request of a token. Only the first of several
// requests gets it: fresh is true for that one. The others get what is kept under the key so far. A
// key is free again after access.IdempotentReplyLife.
func (s *Store) BeginReply(ctx context.Context, tokenID int64, key string, fingerprint []byte, at time.Time) (kept access.IdempotentReply, fresh bool, err error) {
	err = s.inTx(ctx, func(tx *txn) error {
		_, err := tx.Exec(ctx, "DELETE FROM idempotency_replies WHERE token_id = $1 AND key = $2 AND at <= $3", tokenID, key, at.Add(-access.IdempotentReplyLife))
		if err != nil {
			return fmt.Errorf("freeing an idempotency key: %w", err)
		}
		tag, err := tx.Exec(ctx, "INSERT INTO idempotency_replies (token_id, key, fingerprint, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING", tokenID, key, fingerprint, at)
		if err != nil {
			return fmt.Errorf("reserving an idempotency key: %w", err)
		}
		if fresh = tag.RowsAffected() == 1; fresh {
			return nil
		}
		kept, err = readReply(ctx, tx, tokenID, key)
		return err
	})
	return kept, fresh, err
}

func readReply(ctx context.Context, tx *txn, tokenID int64, key string) (access.IdempotentReply, error) {
	var r access.IdempotentReply
	var status *int
	err := tx.QueryRow(ctx, "SELECT fingerprint, status, content_type, etag, location, body, at FROM idempotency_replies WHERE token_id = $1 AND key = $2", tokenID, key).
		Scan(&r.Fingerprint, &status, &r.ContentType, &r.ETag, &r.Location, &r.Body, &r.At)
	if errors.Is(err, pgx.ErrNoRows) { // given back between the two statements
		return r, access.Errorf(access.KindConflict, "A request with the same idempotency key ended in this moment. Send this one again.")
	}
	if err != nil {
		return r, fmt.Errorf("reading a kept answer: %w", err)
	}
	r.Status = orZero(status)
	return r, nil
}

// FinishReply stores the answer under the key that BeginReply reserved.
func (s *Store) FinishReply(ctx context.Context, tokenID int64, key string, r access.IdempotentReply) error {
	tag, err := s.pool.Exec(ctx, `UPDATE idempotency_replies SET status = $3, content_type = $4, etag = $5, location = $6, body = $7
		WHERE token_id = $1 AND key = $2 AND fingerprint = $8 AND status IS NULL`,
		tokenID, key, r.Status, r.ContentType, r.ETag, r.Location, bytes.Clone(orEmpty(r.Body)), r.Fingerprint)
	if err != nil {
		return translate(fmt.Errorf("keeping an answer: %w", err))
	}
	return checkAffected(tag, 1, "keeping an answer")
}

// DropReply gives a key back: its request was refused and had no effect.
func (s *Store) DropReply(ctx context.Context, tokenID int64, key string) error {
	if _, err := s.pool.Exec(ctx, "DELETE FROM idempotency_replies WHERE token_id = $1 AND key = $2 AND status IS NULL", tokenID, key); err != nil {
		return translate(fmt.Errorf("giving an idempotency key back: %w", err))
	}
	return nil
}

// sweepReplies removes the answers that are kept no longer.
func (s *Store) sweepReplies(ctx context.Context, now time.Time) error {
	if _, err := s.pool.Exec(ctx, "DELETE FROM idempotency_replies WHERE at <= $1", now.Add(-access.IdempotentReplyLife)); err != nil {
		return translate(fmt.Errorf("removing old answers: %w", err))
	}
	return nil
}
