package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// UpdateProgress locks a rollout, lets decide change it and its wave progress, and makes its
// targets follow.
func (s *Store) UpdateProgress(ctx context.Context, id int64, decide func(*access.Rollout, *access.WaveProgress) ([]access.AuditEvent, error)) (access.Rollout, error) {
	var o *opened
	err := s.inTx(ctx, func(tx *txn) error {
		var err error
		if o, err = tx.open(ctx, id); err != nil {
			return err
		}
		return tx.progress(ctx, o, decide)
	})
	if err != nil {
		return access.Rollout{}, err
	}
	return o.Rollout, nil
}

// progress lets decide change a locked rollout and its wave progress, makes its targets follow, and saves it.
func (tx *txn) progress(
	ctx context.Context, o *opened, decide func(*access.Rollout, *access.WaveProgress) ([]access.AuditEvent, error),
) error {
	before, wave := o.Rollout, o.progress.Wave
	events, err := decide(&o.Rollout, &o.progress)
	if err != nil {
		return err
	}
	tx.noteFor(access.RolloutObject(o.ID), events)
	if err := tx.follow(ctx, before, o); err != nil {
		return fmt.Errorf("making the targets of rollout %d follow: %w", o.ID, err)
	}
	if wave != o.progress.Wave {
		if err := tx.saveWave(ctx, o.progress.Wave); err != nil {
			return err
		}
	}
	return tx.moveOn(ctx, o)
}

func (tx *txn) saveWave(ctx context.Context, w access.Wave) error {
	b := &pgx.Batch{}
	queueWave(b, w)
	if err := tx.batch(ctx, b); err != nil {
		return fmt.Errorf("saving wave %d of rollout %d: %w", w.Number, w.RolloutID, err)
	}
	return nil
}

// UpdateTarget locks a rollout and lets decide change it and one of its targets: a target that
// waits again is started again, a skipped one is left out.
func (s *Store) UpdateTarget(ctx context.Context, id int64, account access.AccountID, decide func(*access.Rollout, *access.Target) ([]access.AuditEvent, error)) (access.Rollout, error) {
	return s.updateTarget(ctx, id, account, func(_ *txn, r *access.Rollout, t *access.Target) ([]access.AuditEvent, error) { return decide(r, t) })
}

// updateTarget is UpdateTarget for a decision that reads and keeps more than the two.
func (s *Store) updateTarget(ctx context.Context, id int64, account access.AccountID, decide func(*txn, *access.Rollout, *access.Target) ([]access.AuditEvent, error)) (access.Rollout, error) {
	var o *opened
	err := s.inTx(ctx, func(tx *txn) error {
		var err error
		if o, err = tx.open(ctx, id); err != nil {
			return err
		}
		var t access.Target
		// Its state changes under the lock on the rollout alone. A lock of its own would be
		// waited for in a circle, where the target is about to end.
		err = tx.QueryRow(ctx, "SELECT "+targetColumns+" FROM targets t WHERE t.rollout_id = $1 AND t.account_id = $2", id, string(account)).Scan(targetFields(&t)...)
		if err != nil {
			return missing(err, "Rollout %d has no target %s.", id, account)
		}
		was := t.State
		events, err := decide(tx, &o.Rollout, &t)
		if err != nil {
			return err
		}
		tx.noteFor(fmt.Sprintf("%s/%s", access.RolloutObject(id), account), events)
		if err := tx.alterTarget(ctx, was, t); err != nil {
			return fmt.Errorf("altering account %s of rollout %d: %w", account, id, err)
		}
		if err := tx.recount(ctx, &o.Rollout); err != nil {
			return err
		}
		return tx.moveOn(ctx, o)
	})
	if err != nil {
		return access.Rollout{}, err
	}
	return o.Rollout, nil
}

// leftOut ends a planned operation o of a target that is left out. An earlier push may have sent the write of an
// operation that was tried and is planned again.
const leftOut = `ended_at = clock_timestamp(), state = CASE WHEN o.intended_at IS NULL THEN 'skipped' ELSE 'failed' END,
	message = CASE WHEN o.intended_at IS NULL THEN '' ELSE '` + access.EffectUnknown + `' END`

func (tx *txn) alterTarget(ctx context.Context, was access.TargetState, t access.Target) error {
	switch {
	case was == t.State:
		return nil
	case t.State == access.TargetWaiting:
		return tx.retryTargets(ctx, t.RolloutID, string(t.Account))
	case t.State == access.TargetSkipped && was == access.TargetWaiting:
		b := &pgx.Batch{}
		b.Queue("UPDATE targets SET state = 'skipped', ended_at = clock_timestamp(), message = $3 WHERE rollout_id = $1 AND account_id = $2", t.RolloutID, string(t.Account), storable(t.Message))
		b.Queue("UPDATE operations o SET "+leftOut+" WHERE o.rollout_id = $1 AND o.account_id = $2 AND o.state = 'planned'",
			t.RolloutID, string(t.Account))
		return tx.batch(ctx, b)
	default:
		return errors.New("a target goes from " + string(was) + " to " + string(t.State) + " by a push only")
	}
}

// follow does to the targets what was decided of the rollout, and counts them anew.
func (tx *txn) follow(ctx context.Context, before access.Rollout, o *opened) error {
	if o.State.LeavesOut() && before.State != o.State {
		if err := tx.skipTargets(ctx, o.Rollout); err != nil {
			return err
		}
	}
	if o.Counts.Failed+o.Counts.Conflict < before.Counts.Failed+before.Counts.Conflict {
		if err := tx.retryTargets(ctx, o.ID, ""); err != nil {
			return err
		}
	}
	return tx.recount(ctx, &o.Rollout)
}

// skipTargets skips waiting targets and started targets that no worker has claimed yet. A target
// that was claimed, even by a worker that died since, must be brought to its end.
//
// A locked target is probably being claimed, or it ends and waits for the rollout. So locked
// targets are left for a second look, which sees their new state.
func (tx *txn) skipTargets(ctx context.Context, r access.Rollout) error {
	neverStarted, unfinished := leftOutText(r.State)
	b := &pgx.Batch{}
	for _, locked := range []string{"SKIP LOCKED", ""} {
		b.Queue(`WITH untouched AS (
				SELECT account_id FROM targets WHERE rollout_id = $1 AND (state = 'waiting' OR lease_state = 'queued') FOR NO KEY UPDATE `+locked+`),
			skipped AS (
				UPDATE targets t SET state = 'skipped', lease_state = NULL, lease_until = NULL, ended_at = clock_timestamp(),
					message = CASE WHEN t.claim > 0 THEN $3 ELSE $2 END, class = '', code = '', cause = '', advice = ''
				FROM untouched u WHERE t.rollout_id = $1 AND t.account_id = u.account_id RETURNING t.account_id)
			UPDATE operations o SET `+leftOut+` FROM skipped
			WHERE o.rollout_id = $1 AND o.account_id = skipped.account_id AND o.state = 'planned'`, r.ID, neverStarted, unfinished)
	}
	return tx.batch(ctx, b)
}

// retryTargets makes failed and conflicting targets wait again, all of them or one. What
// they wrote stays written. The rest becomes planned again, and an earlier intent is remembered.
// They start with the first pass, so that a target that depends on another one waits until that
// one was retried, too.
func (tx *txn) retryTargets(ctx context.Context, rollout int64, account string) error {
	b := &pgx.Batch{}
	b.Queue(`UPDATE operations o SET state = 'planned', ended_at = NULL, message = '',
			live_before = CASE WHEN intended_at IS NULL THEN NULL ELSE live_before END
		FROM targets t WHERE t.rollout_id = $1 AND t.state IN ('failed', 'conflict') AND $2 IN ('', t.account_id)
		AND o.rollout_id = $1 AND o.account_id = t.account_id AND o.state IN ('failed', 'conflict', 'skipped', 'unchanged')`, rollout, account)
	b.Queue(`UPDATE targets SET state = 'waiting', pass = 0, message = '', class = '', code = '', cause = '', advice = '',
			started_at = NULL, ended_at = NULL
		WHERE rollout_id = $1 AND state IN ('failed', 'conflict') AND $2 IN ('', account_id)`, rollout, account)
	return tx.batch(ctx, b)
}

// recount counts the targets of a rollout, and those of its waves that wait for their
// turn.
func (tx *txn) recount(ctx context.Context, r *access.Rollout) error {
	r.Counts, r.Later, r.WaveBad = access.TargetCounts{}, 0, 0
	err := eachRow(ctx, tx, "SELECT wave, state, count(*) FROM targets WHERE rollout_id = $1 GROUP BY wave, state", []any{r.ID}, func(row pgx.Rows) error {
		var wave, n int
		var state access.TargetState
		if err := row.Scan(&wave, &state, &n); err != nil {
			return err
		}
		r.Counts.Add(state, n)
		switch {
		case state == access.TargetWaiting && wave > r.Wave:
			r.Later += n
		case wave == r.Wave && (state == access.TargetFailed || state == access.TargetConflict):
			r.WaveBad += n
		}
		return nil
	})
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE rollout_waves w SET left_over = (SELECT count(*) FROM targets t WHERE t.rollout_id = $1 AND t.wave = w.number AND t.state = 'waiting')
		WHERE w.rollout_id = $1 AND w.number > $2`, r.ID, r.Wave)
	return err
}
