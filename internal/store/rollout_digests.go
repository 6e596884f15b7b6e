package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// approvedDigest is the digest of the operations of target t as they were when its rollout was made.
const approvedDigest = `coalesce((SELECT d.digest FROM target_digests d WHERE d.rollout_id = t.rollout_id AND d.account_id = t.account_id), '')`

// saveDigests stores the digests of the targets of a rollout that is being made. Each target must have one.
func (tx *txn) saveDigests(ctx context.Context, rollout int64, targets int, digests access.TargetDigests) error {
	if len(digests) != targets {
		return fmt.Errorf("rollout %d has %d targets, and %d of them have a digest: its plan was altered", rollout, targets, len(digests))
	}
	rows := make([][]any, 0, len(digests))
	for account, digest := range digests {
		rows = append(rows, []any{rollout, string(account), digest})
	}
	columns := []string{"rollout_id", "account_id", "digest"}
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"target_digests"}, columns, pgx.CopyFromRows(rows)); err != nil {
		return fmt.Errorf("saving the digests of rollout %d: %w", rollout, err)
	}
	return nil
}
