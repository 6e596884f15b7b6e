package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// insertRollout stores a rollout whose targets all wait, with its waves, none of which has
// begun.
func (tx *txn) insertRollout(ctx context.Context, r access.Rollout, s access.Staging, targets int) (access.Rollout, error) {
	r.State, r.Kind = cmp.Or(r.State, access.RolloutRunning), cmp.Or(r.Kind, access.RolloutPush)
	if r.CreatedAt.IsZero() {
		r.CreatedAt = timeNow()
	}
	if r.StartedAt.IsZero() && r.State == access.RolloutRunning {
		r.StartedAt = r.CreatedAt
	}
	strategy, err := json.Marshal(s.Strategy)
	if err != nil {
		return r, fmt.Errorf("encoding a strategy: %w", err)
	}
	waves := s.Waves
	if len(waves) == 0 && targets > 0 {
		waves = []access.Wave{{Number: 1, Name: "All accounts", State: access.WaveWaiting}}
	}
	err = tx.QueryRow(ctx, `INSERT INTO rollouts (kind, change_id, title, revision, strategy, strategy_name, state, max_in_flight, pace, max_failures,
			waiting, running, succeeded, unchanged, failed, conflict, skipped, starter_id, starter_name,
				starter_email, note, created_at, started_at, wave, waves, later, rolls_back, left_behind, revokes)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, 0, 0, 0, 0, 0, 0, $11, $12, $13, $14, $15, $16, 0,
			$17, $10, $18, $19, $20) RETURNING id`,
		string(r.Kind), nullID(r.ChangeID), r.Title, r.Revision, strategy, s.Strategy.Name, string(r.State), r.MaxInFlight, r.MaxFailures,
		targets, r.StartedBy.ID, r.StartedBy.Name, r.StartedBy.Email, r.Note, r.CreatedAt, nullTime(r.StartedAt),
		len(waves), nullID(r.RollsBack), r.LeftBehind, storable(r.Revokes)).Scan(&r.ID)
	if err != nil {
		return r, fmt.Errorf("creating a rollout: %w", err)
	}
	return r, tx.insertWaves(ctx, r.ID, waves)
}

func (tx *txn) insertWaves(ctx context.Context, rollout int64, waves []access.Wave) error {
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"rollout_waves"}, []string{"rollout_id", "number", "name", "targets", "left_over", "max_in_flight", "max_failures", "bake", "requires_approval", "state"},
		pgx.CopyFromSlice(len(waves), func(i int) ([]any, error) {
			w := waves[i]
			return []any{rollout, w.Number, w.Name, 0, 0, w.MaxInFlight, w.MaxFailures, w.Bake, w.RequiresApproval, string(access.WaveWaiting)}, nil
		}))
	if err != nil {
		return fmt.Errorf("creating the waves of rollout %d: %w", rollout, err)
	}
	return nil
}

// setOut lets a rollout begin whose targets were just made.
func (tx *txn) setOut(ctx context.Context, id int64) (access.Rollout, error) {
	_, err := tx.Exec(ctx, `UPDATE rollout_waves w SET targets = t.n, left_over = t.n
		FROM (SELECT wave, count(*) AS n FROM targets WHERE rollout_id = $1 GROUP BY wave) t WHERE w.rollout_id = $1 AND w.number = t.wave`, id)
	if err != nil {
		return access.Rollout{}, fmt.Errorf("counting the waves of rollout %d: %w", id, err)
	}
	o, err := tx.open(ctx, id)
	if err != nil {
		return access.Rollout{}, err
	}
	err = tx.moveOn(ctx, o)
	return o.Rollout, err
}

// Waves returns the waves of a rollout, with what became of their targets and checks.
func (s *Store) Waves(ctx context.Context, rollout int64) ([]access.Wave, error) {
	if _, err := s.Rollout(ctx, rollout); err != nil {
		return nil, err
	}
	var waves []access.Wave
	b := &pgx.Batch{}
	b.Queue("SELECT "+waveColumns+" FROM rollout_waves w WHERE w.rollout_id = $1 ORDER BY w.number", rollout).Query(func(rows pgx.Rows) error {
		var err error
		waves, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (access.Wave, error) {
			var w access.Wave
			return w, row.Scan(waveFields(&w)...)
		})
		return err
	})
	b.Queue("SELECT wave, state, count(*) FROM targets WHERE rollout_id = $1 GROUP BY wave, state", rollout).Query(func(rows pgx.Rows) error {
		return countInto(rows, waves, func(w *access.Wave, state string, n int) { w.Counts.Add(access.TargetState(state), n) })
	})
	b.Queue(`SELECT c.wave, c.state, count(*), c.round FROM rollout_checks c JOIN (SELECT wave, max(round) AS round FROM rollout_checks WHERE rollout_id = $1 GROUP BY wave) AS last USING (wave, round)
		WHERE c.rollout_id = $1 GROUP BY c.wave, c.state, c.round`, rollout).Query(func(rows pgx.Rows) error {
		round := 0
		return countInto(rows, waves, func(w *access.Wave, state string, n int) { w.Health.Round = round; countCheck(w, state, n) }, &round)
	})
	if err := s.pool.SendBatch(ctx, b).Close(); err != nil {
		return nil, translate(fmt.Errorf("reading the waves of rollout %d: %w", rollout, err))
	}
	return waves, nil
}

// countInto reads rows of a wave, a state and a count, and whatever else comes with them.
func countInto(rows pgx.Rows, waves []access.Wave, add func(w *access.Wave, state string, n int), also ...any) error {
	for rows.Next() {
		var wave, n int
		var state string
		if err := rows.Scan(append([]any{&wave, &state, &n}, also...)...); err != nil {
			return err
		}
		if wave <= len(waves) {
			add(&waves[wave-1], state, n)
		}
	}
	return rows.Err()
}

func countCheck(w *access.Wave, state string, n int) {
	switch access.CheckState(state) {
	case access.CheckGood:
		w.Health.Good += n
	case access.CheckBad:
		w.Health.Bad += n
	default:
		w.Health.Waiting += n
	}
}

// StrategyOf returns the strategy of a rollout as it was when it began.
func (s *Store) StrategyOf(ctx context.Context, rollout int64) (access.Strategy, error) {
	var body []byte
	var found access.Strategy
	err := s.pool.QueryRow(ctx, "SELECT strategy FROM rollouts WHERE id = $1", rollout).Scan(&body)
	if err != nil {
		return found, missing(err, noRollout, rollout)
	}
	return found, json.Unmarshal(body, &found)
}
