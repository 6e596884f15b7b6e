package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// What a monitor wants to know of what is going on. Rollouts that have ended are counted
// by whoever remembers up to when it has seen them.
const (
	openRollouts = `SELECT state, count(*), sum(waiting), sum(running), sum(succeeded), sum(unchanged), sum(failed), sum(conflict), sum(skipped)
		FROM rollouts WHERE ended_at IS NULL GROUP BY state`
	endedRollouts = `SELECT state, ended_at, extract(epoch FROM ended_at - coalesce(started_at, created_at))::float8
		FROM rollouts WHERE ended_at > $1 ORDER BY ended_at`
	openJobs = `SELECT queue, state::text, count(*) FROM river_job WHERE state IN ('available', 'running', 'retryable', 'scheduled') GROUP BY queue, state`
)

// Stats returns what a monitor wants to know, with the rollouts that ended since a time.
func (s *Store) Stats(ctx context.Context, since time.Time) (access.Stats, error) {
	f := access.Stats{Rollouts: map[access.RolloutState]int{}, Findings: access.FindingCounts{}}
	b := &pgx.Batch{}
	b.Queue(openRollouts).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var state access.RolloutState
			var n int
			var c access.TargetCounts
			if err := rows.Scan(&state, &n, &c.Waiting, &c.Running, &c.Succeeded, &c.Unchanged, &c.Failed, &c.Conflict, &c.Skipped); err != nil {
				return err
			}
			f.Rollouts[state] = n
			for _, t := range access.TargetStates() {
				f.Targets.Add(t, c.Of(t))
			}
		}
		return rows.Err()
	})
	b.Queue(endedRollouts, since).Query(func(rows pgx.Rows) error {
		var err error
		f.Ended, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (access.RolloutEnd, error) {
			var e access.RolloutEnd
			var took float64
			err := row.Scan(&e.State, &e.At, &took)
			e.Took = time.Duration(took * float64(time.Second))
			return e, err
		})
		return err
	})
	b.Queue(openJobs).Query(func(rows pgx.Rows) error {
		var err error
		f.Jobs, err = pgx.CollectRows(rows, pgx.RowToStructByPos[access.JobCount])
		return err
	})
	b.Queue(openFindings).Query(func(rows pgx.Rows) error { return scanFindingCounts(rows, f.Findings) })
	if err := s.pool.SendBatch(ctx, b).Close(); err != nil {
		return f, translate(err)
	}
	r, err := s.Organization(ctx, 0)
	f.Readings = map[string]access.Reading{
		"organization": {SucceededAt: r.SyncedAt, FailedAt: r.ErrorAt},
		"accounts":     {SucceededAt: r.Scan.SucceededAt, FailedAt: r.Scan.ErrorAt},
	}
	f.Refused, f.Silent = len(r.Refused), r.Unanswered.Targets
	return f, err
}
