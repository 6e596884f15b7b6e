package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// claimTarget claims a target in flight that has no valid claim.
const claimTarget = `
UPDATE targets t SET claim = claim + 1, lease_state = 'leased', lease_until = clock_timestamp() + $3::interval, started_at = coalesce(started_at, clock_timestamp())
WHERE rollout_id = $1 AND account_id = $2 AND state = 'running' AND (lease_state <> 'leased' OR lease_until < clock_timestamp())
RETURNING ` + targetColumns + `, t.lease_until, ` + approvedDigest

// ClaimTarget claims a target. ok is false if there is nothing to do: the target has ended, or
// another worker has claimed it.
func (s *Store) ClaimTarget(ctx context.Context, rollout int64, account access.AccountID, lease time.Duration) (claim access.Claim, ok bool, err error) {
	b := &pgx.Batch{}
	b.Queue(claimTarget, rollout, string(account), lease).QueryRow(func(row pgx.Row) error {
		err := row.Scan(append(targetFields(&claim.Target), &claim.Until, &claim.Digest)...)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		ok = err == nil
		return err
	})
	b.Queue("SELECT "+rolloutColumns+" FROM rollouts WHERE id = $1", rollout).QueryRow(func(row pgx.Row) error {
		var err error
		claim.Rollout, err = scanRollout(row)
		return err
	})
	b.Queue(operationQuery, rollout, string(account)).Query(func(rows pgx.Rows) error {
		var err error
		claim.Operations, err = pgx.CollectRows(rows, scanOperation)
		return err
	})
	b.Queue(earlierWrites, rollout, string(account)).Query(func(rows pgx.Rows) error { return takeEarlier(rows, claim.Operations) })
	b.Queue("SELECT "+claimedAccount+" FROM accounts WHERE id = $1", string(account)).QueryRow(func(row pgx.Row) error {
		var err error
		claim.Account, err = scanClaimedAccount(row, account)
		return err
	})
	// One batch is one transaction: the claim comes with what it is a claim on.
	if err := s.pool.SendBatch(ctx, b).Close(); err != nil {
		return access.Claim{}, false, missing(err, noRollout, rollout)
	}
	if !ok {
		return access.Claim{}, false, nil
	}
	claim.Number = claim.Target.Claim
	return claim, true, nil
}

// earlierWrites finds what older rollouts have written since the rollout was planned: it differs
// from what the plan found, but it is no foreign edit. What was written later than the change was
// submitted cannot be in its plan. A rollback restores documents, and only over the documents of
// the rollout that it rolls back.
const earlierWrites = `
SELECT DISTINCT ON (o.id) o.id, coalesce(d.body, '')
FROM rollouts r LEFT JOIN changes c ON c.id = r.change_id
JOIN targets t ON t.account_id = $2 AND t.rollout_id < r.id AND coalesce(t.ended_at, 'infinity') > coalesce(c.submitted_at, r.created_at)
JOIN operations w ON w.rollout_id = t.rollout_id AND w.account_id = t.account_id AND w.state = 'written'
JOIN operations o ON o.rollout_id = r.id AND o.account_id = $2 AND o.resource_kind = w.resource_kind AND o.resource_path = w.resource_path AND o.resource_name = w.resource_name
LEFT JOIN documents d ON d.sha256 = w.written
WHERE r.id = $1 AND r.kind = 'push'
ORDER BY o.id, w.rollout_id DESC`

func takeEarlier(rows pgx.Rows, operations []access.Operation) error {
	for rows.Next() {
		var id int64
		var document string
		if err := rows.Scan(&id, &document); err != nil {
			return err
		}
		for i := range operations {
			if operations[i].ID == id {
				operations[i].Earlier = &document
			}
		}
	}
	return rows.Err()
}

const claimedAccount = "id, name, email, state, ou, tags, partition, management, trust_quota, user_quota, managed_quota, pushed_revision"

// scanClaimedAccount returns an account that is not known any more as CLOSED, so that its
// target ends with that as the reason.
func scanClaimedAccount(row pgx.Row, id access.AccountID) (access.Account, error) {
	var a access.Account
	err := row.Scan(&a.ID, &a.Name, &a.Email, &a.State, &a.OU, &a.Tags, &a.Partition, &a.Management, &a.Quotas.TrustPolicy, &a.Quotas.UserPolicy, &a.Quotas.ManagedPolicy, &a.PushedRevision)
	if errors.Is(err, pgx.ErrNoRows) {
		return access.Account{ID: id, State: access.AccountClosed}, nil
	}
	return a, err
}

// currentClaim is the condition that a claim is the newest on its target, and that the target
// was not requeued.
const currentClaim = "rollout_id = $1 AND account_id = $2 AND claim = $3 AND lease_state = 'leased'"

// RenewClaim extends the lease of a claim.
func (s *Store) RenewClaim(ctx context.Context, c access.Claim, lease time.Duration) error {
	tag, err := s.pool.Exec(ctx, "UPDATE targets SET lease_until = clock_timestamp() + $4::interval WHERE "+currentClaim,
		c.Target.RolloutID, string(c.Target.Account), c.Number, lease)
	if err != nil {
		return translate(fmt.Errorf("renewing the claim on account %s of rollout %d: %w", c.Target.Account, c.Target.RolloutID, err))
	}
	if tag.RowsAffected() == 0 {
		return access.ErrClaimLost
	}
	return nil
}
