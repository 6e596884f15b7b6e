package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// ScanFailed records why a replica could scan no account, for a reason that is not of an account.
func (s *Store) ScanFailed(ctx context.Context, words, replica string) error {
	_, err := s.pool.Exec(ctx, "UPDATE organization SET scan_error = $1, scan_error_at = $2, scan_replica = $3",
		storable(words), timeNow(), replica)
	if err != nil {
		return translate(fmt.Errorf("recording why a scan failed: %w", err))
	}
	return nil
}

// ReportRefused records that AWS refuses the own credentials of a replica since a time. Empty words say that AWS
// accepts them.
func (s *Store) ReportRefused(ctx context.Context, replica string, since time.Time, words string) error {
	query := `INSERT INTO refused_replicas (replica, since, seen_at, error)
		VALUES ($1, clock_timestamp() - $2::interval, clock_timestamp(), $3)
		ON CONFLICT (replica) DO UPDATE SET since = excluded.since, seen_at = excluded.seen_at, error = excluded.error`
	args := []any{replica, max(time.Since(since), 0), storable(words)}
	if words == "" {
		query, args = "DELETE FROM refused_replicas WHERE replica = $1", args[:1]
	}
	if _, err := s.pool.Exec(ctx, query, args...); err != nil {
		return translate(fmt.Errorf("recording whether AWS accepts the credentials of replica %s: %w", replica, err))
	}
	return nil
}

// lastScan returns when an account was read last, and the last error of reading one. Both come from an index.
const lastScan = `
SELECT (SELECT max(inventory_at) FROM accounts), e.error, e.at, e.account, e.replica
FROM (SELECT scan_error AS error, scan_error_at AS at, '' AS account, scan_replica AS replica FROM organization
	UNION ALL (SELECT inventory_error, inventory_error_at, id, '' FROM accounts WHERE inventory_error <> ''
		ORDER BY inventory_error_at DESC LIMIT 1)) e
ORDER BY e.at DESC NULLS LAST LIMIT 1`

// readings adds to the record of the organization how the last scans went, and which calls and credentials AWS refuses
// or does not answer.
func readings(ctx context.Context, q querier, r *access.OrganizationRecord) error {
	err := q.QueryRow(ctx, lastScan).Scan(timeOrZero{&r.Scan.SucceededAt}, &r.Scan.Error, timeOrZero{&r.Scan.ErrorAt},
		&r.Scan.Account, &r.Scan.Replica)
	if err != nil {
		return err
	}
	if r.Unanswered, err = loadUnanswered(ctx, q); err != nil {
		return err
	}
	r.Refused, err = collect(ctx, q, func(row pgx.CollectableRow) (access.RefusedReplica, error) {
		var one access.RefusedReplica
		return one, row.Scan(&one.Replica, timeOrZero{&one.Since}, timeOrZero{&one.SeenAt}, &one.Error)
	}, `SELECT replica, since, seen_at, error FROM refused_replicas
		WHERE seen_at > clock_timestamp() - $1::interval ORDER BY since, replica`, reportedFor)
	return err
}
