package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

const checkpointColumns = "seq, hash, at, key, signature"

func scanCheckpoint(row pgx.CollectableRow) (access.Checkpoint, error) {
	var c access.Checkpoint
	err := row.Scan(&c.Seq, &c.Hash, &c.At, &c.Key, &c.Signature)
	c.At = c.At.UTC()
	return c, err
}

// Checkpoints lists the signed checkpoints of the audit log, oldest first.
func (s *Store) Checkpoints(ctx context.Context) ([]access.Checkpoint, error) {
	found, err := collect(ctx, s.pool, scanCheckpoint, "SELECT "+checkpointColumns+" FROM audit_checkpoints ORDER BY seq, key")
	if err != nil {
		return nil, translate(fmt.Errorf("reading the checkpoints: %w", err))
	}
	return found, nil
}

// LastCheckpoint is the newest checkpoint that a key made; a zero one when there is none.
func (s *Store) LastCheckpoint(ctx context.Context, key string) (access.Checkpoint, error) {
	found, err := collect(ctx, s.pool, scanCheckpoint, "SELECT "+checkpointColumns+" FROM audit_checkpoints WHERE key = $1 ORDER BY seq DESC LIMIT 1", key)
	if err != nil || len(found) == 0 {
		return access.Checkpoint{}, translate(err)
	}
	return found[0], nil
}

// AddCheckpoint keeps a checkpoint. Two servers may make the same one at once.
func (s *Store) AddCheckpoint(ctx context.Context, c access.Checkpoint) error {
	_, err := s.pool.Exec(ctx, "INSERT INTO audit_checkpoints (seq, hash, at, key, signature) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
		c.Seq, c.Hash, c.At, c.Key, c.Signature)
	if err != nil {
		return translate(fmt.Errorf("keeping a checkpoint: %w", err))
	}
	return nil
}

// AuditEnd is the number of the newest event of the audit log; 0 for an empty log.
func (s *Store) AuditEnd(ctx context.Context) (int64, error) {
	var seq int64
	err := s.pool.QueryRow(ctx, "SELECT seq FROM audit_head").Scan(&seq)
	return seq, translate(err)
}
