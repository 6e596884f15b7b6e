package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// sampleLock keeps replicas from recording the same sample twice.
const sampleLock = 0x706f7274_736d70 // "port smp"

// sample records a progress sample of each rollout under way, and a last one of each that has just
// ended. The time between two samples grows with the rollout's age, so that a chart has about as
// many points for an hour as for a minute, and their number stays small.
const sample = `
WITH due AS MATERIALIZED (
    SELECT r.* FROM rollouts r
    CROSS JOIN LATERAL (SELECT max(at) AS at, count(*) AS n FROM rollout_progress_samples WHERE rollout_id = r.id) s
    WHERE (r.ended_at IS NULL OR r.ended_at > clock_timestamp() - interval '5 minutes')
      AND CASE WHEN s.at IS NULL THEN true
               WHEN r.ended_at IS NOT NULL THEN s.at < r.ended_at
               ELSE s.n < 1000 AND clock_timestamp() - s.at >= greatest(interval '2 seconds', (clock_timestamp() - r.created_at) / 100) END)
INSERT INTO rollout_progress_samples (rollout_id, at, running, ended, failed, calls, attempts, throttles)
SELECT r.id, clock_timestamp(), r.running, r.succeeded + r.unchanged + r.failed + r.conflict + r.skipped, r.failed + r.conflict, t.calls, t.attempts, t.throttles
FROM due r
CROSS JOIN LATERAL (SELECT coalesce(sum(calls), 0) AS calls, coalesce(sum(attempts), 0) AS attempts, coalesce(sum(throttles), 0) AS throttles FROM targets WHERE rollout_id = r.id) t
ON CONFLICT DO NOTHING`

// SampleRollouts records progress samples. It does nothing while another replica does so.
func (s *Store) SampleRollouts(ctx context.Context) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		var mine bool
		err := tx.QueryRow(ctx, "SELECT pg_try_advisory_xact_lock($1)", int64(sampleLock)).Scan(&mine)
		if err != nil || !mine {
			return err
		}
		_, err = tx.Exec(ctx, sample)
		return err
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		return translate(fmt.Errorf("recording progress samples: %w", err))
	}
	return nil
}

// Samples returns the progress samples of a rollout, the oldest first.
func (s *Store) Samples(ctx context.Context, rollout int64) ([]access.ProgressSample, error) {
	found, err := collect(ctx, s.pool, func(row pgx.CollectableRow) (access.ProgressSample, error) {
		var p access.ProgressSample
		err := row.Scan(&p.At, &p.Running, &p.Ended, &p.Failed, &p.Calls, &p.Attempts, &p.Throttles)
		p.At = p.At.UTC()
		return p, err
	}, "SELECT at, running, ended, failed, calls, attempts, throttles FROM rollout_progress_samples WHERE rollout_id = $1 ORDER BY at", rollout)
	if err != nil {
		return nil, translate(fmt.Errorf("reading the progress samples of rollout %d: %w", rollout, err))
	}
	return found, nil
}
