package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/jobs"
)

// SaveScan keeps what a scan found in an account. What was found before under the same key is the
// same finding; its acknowledgement remains only while it looks the same.
func (s *Store) SaveScan(ctx context.Context, scan access.Scan, events func(access.ScanOutcome) []access.AuditEvent) (access.ScanOutcome, error) {
	var out access.ScanOutcome
	err := s.inTx(ctx, func(tx *txn) error {
		out = access.ScanOutcome{}
		// Two scans of one account take turns.
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1, hashtext($2))", scanLock, string(scan.Account)); err != nil {
			return fmt.Errorf("waiting to save a scan: %w", err)
		}
		known, err := collect(ctx, tx, scanFinding, selectFindings+" WHERE f.account_id = $1 AND f.resolved_at IS NULL ORDER BY f.id FOR UPDATE OF f", string(scan.Account))
		if err != nil {
			return fmt.Errorf("reading what was found before: %w", err)
		}
		if err := tx.keepFound(ctx, scan, known, &out); err != nil {
			return err
		}
		if err := tx.resolveUnseen(ctx, scan, known, &out); err != nil {
			return err
		}
		tx.note(events(out)...)
		return tx.noteScan(ctx, scan)
	})
	return out, err
}

const scanLock = 0x7363616e // "scan"

const insertFinding = `INSERT INTO findings (account_id, kind, reason, resource_kind, resource_path, resource_name, subject, sentence, advice, live, desired, digest, first_seen, last_seen)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13) RETURNING id`

// seenAgain also removes the acknowledgement if $8 is true.
const seenAgain = `UPDATE findings SET reason = $2, sentence = $3, advice = $4, live = $5, desired = $6, digest = $7, last_seen = greatest(last_seen, $9),
	ack_id = CASE WHEN $8 THEN NULL ELSE ack_id END, ack_name = CASE WHEN $8 THEN NULL ELSE ack_name END, ack_email = CASE WHEN $8 THEN NULL ELSE ack_email END,
	ack_at = CASE WHEN $8 THEN NULL ELSE ack_at END, ack_reason = CASE WHEN $8 THEN NULL ELSE ack_reason END,
	version = version + CASE WHEN $8 THEN 1 ELSE 0 END
	WHERE id = $1`

func (tx *txn) keepFound(ctx context.Context, scan access.Scan, known []access.Finding, out *access.ScanOutcome) error {
	before := make(map[string]access.Finding, len(known))
	for _, f := range known {
		before[f.Key()] = f
	}
	b := &pgx.Batch{}
	for _, f := range scan.Findings {
		// As the database gives it back, so that it is found again.
		for _, text := range []*string{&f.Subject, &f.Sentence, &f.Advice, &f.Live, &f.Desired} {
			*text = storable(*text)
		}
		old, seen := before[f.Key()]
		if !seen {
			b.Queue(insertFinding, string(f.Account), f.Kind, f.Reason, f.Resource.Kind, f.Resource.Path, f.Resource.Name, f.Subject, f.Sentence, f.Advice,
				f.Live, f.Desired, f.Digest(), scan.At).QueryRow(func(row pgx.Row) error {
				if err := row.Scan(&f.ID); err != nil {
					return err
				}
				out.Opened = append(out.Opened, f)
				return nil
			})
			continue
		}
		lapses := old.Ack != nil && old.Digest() != f.Digest()
		b.Queue(seenAgain, old.ID, f.Reason, f.Sentence, f.Advice, f.Live, f.Desired, f.Digest(), lapses, scan.At)
		if f.ID = old.ID; lapses {
			out.Reopened = append(out.Reopened, f)
		}
	}
	if err := tx.batch(ctx, b); err != nil {
		return fmt.Errorf("saving what was found in account %s: %w", scan.Account, err)
	}
	return nil
}

// resolveUnseen resolves what a whole scan did not see. That an account could not be
// read later than this reading stays as it is.
func (tx *txn) resolveUnseen(ctx context.Context, scan access.Scan, known []access.Finding, out *access.ScanOutcome) error {
	if !scan.Whole {
		return nil
	}
	seen := map[string]bool{}
	for _, f := range scan.Findings {
		f.Subject = storable(f.Subject)
		seen[f.Key()] = true
	}
	var ids []int64
	for _, f := range known {
		if seen[f.Key()] || f.Kind == access.FindingUnreachable && f.LastSeen.After(scan.ReadAt) {
			continue
		}
		ids = append(ids, f.ID)
		out.Resolved = append(out.Resolved, f)
	}
	if len(ids) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, "UPDATE findings SET resolved_at = $2, version = version + 1 WHERE id = ANY($1)", ids, scan.At)
	if err != nil {
		return fmt.Errorf("resolving what is gone from account %s: %w", scan.Account, err)
	}
	return nil
}

// noteScan notes which reading was compared. A scan without a reading notes nothing.
func (tx *txn) noteScan(ctx context.Context, scan access.Scan) error {
	if scan.ReadAt.IsZero() {
		return nil
	}
	_, err := tx.Exec(ctx, `INSERT INTO account_scans (account_id, read_at, revision, scanned_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account_id) DO UPDATE SET read_at = excluded.read_at, revision = excluded.revision, scanned_at = excluded.scanned_at`,
		string(scan.Account), scan.ReadAt, scan.Revision, scan.At)
	if err != nil {
		return fmt.Errorf("noting the scan of account %s: %w", scan.Account, err)
	}
	return nil
}

// SkipScan notes that a reading need not be compared.
func (s *Store) SkipScan(ctx context.Context, scan access.Scan) error {
	return s.inTx(ctx, func(tx *txn) error { return tx.noteScan(ctx, scan) })
}

// Unscanned lists accounts that a rollout may touch and whose inventory was read after
// it was last compared.
func (s *Store) Unscanned(ctx context.Context, limit int) ([]access.AccountID, error) {
	ids, err := collect(ctx, s.pool, pgx.RowTo[access.AccountID], `SELECT i.account_id FROM inventories i JOIN accounts a ON a.id = i.account_id
		LEFT JOIN account_scans s ON s.account_id = i.account_id
		WHERE (s.read_at IS NULL OR s.read_at < i.read_at) AND a.state = 'ACTIVE' AND NOT a.management ORDER BY i.account_id LIMIT $1`, limit)
	if err != nil {
		return nil, translate(fmt.Errorf("looking for accounts to compare: %w", err))
	}
	return ids, nil
}

// StoppedTargets returns how the last pushes of accounts ended or where they are. A target that an
// aborted rollout left undone is not busy, because no worker will push it.
func (s *Store) StoppedTargets(ctx context.Context, ids []access.AccountID) (map[access.AccountID]access.StoppedTarget, error) {
	found := make(map[access.AccountID]access.StoppedTarget, len(ids))
	err := eachRow(ctx, s.pool, `SELECT t.account_id, t.rollout_id, t.state,
			EXISTS (SELECT FROM rollouts r JOIN targets w ON w.rollout_id = r.id AND w.account_id = t.account_id
				WHERE r.ended_at IS NULL AND w.state IN ('waiting', 'running'))
		FROM unnest($1::text[]) a (id), LATERAL (
			SELECT * FROM targets t WHERE t.account_id = a.id COLLATE "C" ORDER BY t.rollout_id DESC LIMIT 1) t`, []any{texts(ids)}, func(row pgx.Rows) error {
		var id access.AccountID
		var st access.StoppedTarget
		err := row.Scan(&id, &st.Rollout, &st.State, &st.Busy)
		found[id] = st
		return err
	})
	if err != nil {
		return nil, translate(fmt.Errorf("reading the last pushes: %w", err))
	}
	return found, nil
}

// readAfter is how long a rollout must have ended before its accounts are read: IAM spreads a write
// with a delay (docs/aws-facts.md, "Eventual consistency").
const readAfter = "30 seconds"

// RescanRolledOut inserts the jobs that read the accounts of rollouts that ended, once
// for each rollout.
func (s *Store) RescanRolledOut(ctx context.Context) error {
	return s.inTx(ctx, func(tx *txn) error {
		ended, err := collect(ctx, tx, pgx.RowTo[int64], `INSERT INTO rollout_scans
			SELECT id FROM rollouts r WHERE ended_at < now() - $1::interval AND NOT EXISTS (SELECT FROM rollout_scans s WHERE s.rollout_id = r.id)
			ON CONFLICT DO NOTHING RETURNING rollout_id`, readAfter)
		if err != nil || len(ended) == 0 {
			return err
		}
		ids, err := collect(ctx, tx, pgx.RowTo[access.AccountID], `SELECT DISTINCT a.id FROM targets t JOIN accounts a ON a.id = t.account_id
			WHERE t.rollout_id = ANY($1) AND a.state = 'ACTIVE' AND NOT a.management`, ended)
		if err != nil {
			return fmt.Errorf("reading the accounts of rollouts: %w", err)
		}
		return tx.requestReadings(ctx, ids)
	})
}

// ForgetFindings resolves the findings of accounts that are no longer targets.
func (s *Store) ForgetFindings(ctx context.Context, at time.Time, event access.AuditEvent) error {
	return s.inTx(ctx, func(tx *txn) error {
		tag, err := tx.Exec(ctx, `UPDATE findings f SET resolved_at = $1, version = f.version + 1 FROM accounts a
			WHERE a.id = f.account_id AND f.resolved_at IS NULL AND (a.state <> 'ACTIVE' OR a.management)`, at)
		if err == nil && tag.RowsAffected() > 0 {
			tx.note(event)
		}
		return err
	})
}

// RequestInventories inserts the jobs that read accounts, unless they are there.
func (s *Store) RequestInventories(ctx context.Context, ids []access.AccountID) error {
	return s.inTx(ctx, func(tx *txn) error { return tx.requestReadings(ctx, ids) })
}

func (tx *txn) requestReadings(ctx context.Context, ids []access.AccountID) error {
	if len(ids) == 0 {
		return nil
	}
	params := make([]river.InsertManyParams, len(ids))
	for i, id := range ids {
		params[i] = river.InsertManyParams{
			Args:       jobs.ReadInventory{Account: string(id)},
			InsertOpts: &river.InsertOpts{Queue: jobs.QueueSync, UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: unfinished}},
		}
	}
	if _, err := tx.store.queue.InsertManyTx(ctx, tx.Tx, params); err != nil {
		return fmt.Errorf("asking for the inventories: %w", err)
	}
	return nil
}

// RequestScan inserts the job that has every account read, unless one is there.
func (s *Store) RequestScan(ctx context.Context, event access.AuditEvent) error {
	return s.inTx(ctx, func(tx *txn) error {
		tx.note(event)
		return tx.requestOnce(ctx, jobs.ScanAccounts{}, time.Time{})
	})
}

// gathered is how long a comparison waits for more accounts to be read: what it needs to
// know besides is the same for one and for many.
const gathered = 2 * time.Second

// RequestComparison inserts the job that compares, unless one is there. What one that
// runs does not see is for the next, which a period brings at the latest.
func (s *Store) RequestComparison(ctx context.Context) error {
	return s.inTx(ctx, func(tx *txn) error { return tx.requestOnce(ctx, jobs.CompareAccounts{}, timeNow().Add(gathered)) })
}

func (tx *txn) requestOnce(ctx context.Context, args river.JobArgs, at time.Time) error {
	if _, err := tx.store.queue.InsertTx(ctx, tx.Tx, args, &river.InsertOpts{Queue: jobs.QueueDrift, ScheduledAt: at, UniqueOpts: river.UniqueOpts{ByState: unfinished}}); err != nil {
		return fmt.Errorf("asking for %s: %w", args.Kind(), err)
	}
	return nil
}
