package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// opened is a rollout that is locked, with what its way depends on, at a time by the
// database's clock.
type opened struct {
	access.Rollout
	progress access.WaveProgress
	at       time.Time

	others bool // rollouts that are under way beside it
	newer  bool // rollouts that began after it
}

// flightLock is locked by a transaction that starts targets, after the rollout and before anything
// else: two rollouts must not find the same account free at the same moment.
const flightLock = 0x706f7274_666c79 // "port fly"

const waveColumns = `w.rollout_id, w.number, w.name, w.targets, w.left_over, w.max_in_flight, w.max_failures, w.bake, w.requires_approval, w.state, w.begun_at, w.pushed_at, w.ended_at,
	w.approved_by_id, w.approved_by_name, w.approved_by_email`

func waveFields(w *access.Wave) []any {
	return []any{
		&w.RolloutID, &w.Number, &w.Name, &w.Targets, &w.Left, &w.MaxInFlight, &w.MaxFailures, &w.Bake, &w.RequiresApproval, &w.State,
		timeOrZero{&w.BegunAt},
		timeOrZero{&w.PushedAt},
		timeOrZero{&w.EndedAt},
		idOrZero{&w.ApprovedBy.ID},
		&w.ApprovedBy.Name, &w.ApprovedBy.Email,
	}
}

// queueOpen adds the statements that lock a rollout and read it into o.
func queueOpen(b *pgx.Batch, id int64, o *opened) {
	b.Queue(lockedIdleTimeout)
	b.Queue("SELECT "+rolloutColumns+" FROM rollouts WHERE id = $1 FOR NO KEY UPDATE", id).QueryRow(func(row pgx.Row) error {
		var err error
		o.Rollout, err = scanRollout(row)
		return err
	})
	b.Queue("SELECT strategy FROM rollouts WHERE id = $1", id).QueryRow(func(row pgx.Row) error {
		var body []byte
		err := row.Scan(&body)
		if err != nil {
			return err
		}
		return json.Unmarshal(body, &o.progress.Strategy)
	})
	b.Queue("SELECT "+waveColumns+" FROM rollouts r JOIN rollout_waves w ON w.rollout_id = r.id AND w.number = r.wave WHERE r.id = $1", id).QueryRow(func(row pgx.Row) error {
		err := row.Scan(waveFields(&o.progress.Wave)...)
		if errors.Is(err, pgx.ErrNoRows) { // none has begun
			return nil
		}
		return err
	})
	b.Queue("SELECT pg_advisory_xact_lock($1)", int64(flightLock))
	// One that was aborted has ended, and still works on what it has in flight.
	b.Queue(`SELECT clock_timestamp(), EXISTS (SELECT 1 FROM rollouts WHERE ended_at IS NULL AND id <> $1) OR EXISTS (SELECT 1 FROM rollouts WHERE state = 'aborted' AND running > 0 AND id <> $1), EXISTS (SELECT 1 FROM rollouts WHERE id > $1)`, id).QueryRow(func(row pgx.Row) error {
		err := row.Scan(&o.at, &o.others, &o.newer)
		o.at = o.at.UTC()
		return err
	})
}

// open locks a rollout.
func (tx *txn) open(ctx context.Context, id int64) (*opened, error) {
	var o opened
	b := &pgx.Batch{}
	queueOpen(b, id, &o)
	if err := tx.batch(ctx, b); err != nil {
		return nil, missing(err, noRollout, id)
	}
	return &o, nil
}

// moveOn advances a rollout as far as it goes without a person: it starts the targets and checks
// that may start, saves the rollout, and notifies the listeners.
func (tx *txn) moveOn(ctx context.Context, o *opened) error {
	was := o.progress.Wave
	for {
		if err := tx.advance(ctx, o, &was); err != nil {
			return err
		}
		again, err := tx.startTargets(ctx, o)
		if err != nil {
			return err
		}
		if !again {
			break
		}
	}
	if err := tx.startChecks(ctx, o); err != nil {
		return err
	}
	b := &pgx.Batch{}
	if o.progress.Wave != was {
		queueWave(b, o.progress.Wave)
	}
	queueRollout(b, o.Rollout, o.at)
	if tx.last && len(tx.events) > 0 {
		tx.queueAuditEnd(b)
	}
	if err := tx.batch(ctx, b); err != nil {
		return fmt.Errorf("saving rollout %d: %w", o.ID, err)
	}
	return nil
}

// advance moves the rollout on, and does the work that is pending between two steps.
func (tx *txn) advance(ctx context.Context, o *opened, was *access.Wave) error {
	for {
		state := o.State
		tx.note(o.Advance(&o.progress, o.at)...)
		if state != o.State && o.State.LeavesOut() {
			if err := tx.leaveOut(ctx, o); err != nil {
				return err
			}
		}
		switch o.PendingWork(&o.progress) {
		case access.PendingNextWave:
			if err := tx.nextWave(ctx, o); err != nil {
				return err
			}
			*was = o.progress.Wave
		case access.PendingChecks:
			if err := tx.makeChecks(ctx, o); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

// leaveOut skips the waiting targets of a rollout that starts no more targets.
func (tx *txn) leaveOut(ctx context.Context, o *opened) error {
	if err := tx.skipTargets(ctx, o.Rollout); err != nil {
		return fmt.Errorf("skipping what waits of rollout %d: %w", o.ID, err)
	}
	return tx.recount(ctx, &o.Rollout)
}

// leftOutText says why a waiting target is skipped, of an account that was never started and of one that was to continue.
func leftOutText(s access.RolloutState) (neverStarted, unfinished string) {
	if s == access.RolloutRollingBack {
		return "The rollout was rolled back before this account was started.",
			"The rollout was rolled back before this account was finished. The documents written here are put back."
	}
	return "The rollout was aborted before this account was started.",
		"The rollout was aborted before this account was finished. The documents written here stay."
}

// nextWave saves the wave that has ended and reads the one after it.
func (tx *txn) nextWave(ctx context.Context, o *opened) error {
	b := &pgx.Batch{}
	if o.progress.Wave.Number > 0 {
		queueWave(b, o.progress.Wave)
	}
	b.Queue("SELECT "+waveColumns+" FROM rollout_waves w WHERE w.rollout_id = $1 AND w.number = $2", o.ID, o.Wave+1).QueryRow(func(row pgx.Row) error {
		return row.Scan(waveFields(&o.progress.Next)...)
	})
	if err := tx.batch(ctx, b); err != nil {
		return fmt.Errorf("going on to wave %d of rollout %d: %w", o.Wave+1, o.ID, err)
	}
	return nil
}

// queueWave saves what moves of a wave.
func queueWave(b *pgx.Batch, w access.Wave) {
	b.Queue(`UPDATE rollout_waves SET left_over = $3, state = $4, begun_at = $5, pushed_at = $6, ended_at = $7, approved_by_id = $8, approved_by_name = $9, approved_by_email = $10 WHERE rollout_id = $1 AND number = $2`,
		w.RolloutID, w.Number, w.Left, string(w.State), nullTime(w.BegunAt), nullTime(w.PushedAt), nullTime(w.EndedAt), nullID(w.ApprovedBy.ID), w.ApprovedBy.Name, w.ApprovedBy.Email)
}

// saveRollout leaves out what never changes. The database itself enforces max_in_flight; if a
// person lowers it below the number of targets in flight, the column follows as these end.
const saveRollout = `
UPDATE rollouts SET state = $2, max_in_flight = $3, pace = $4, max_failures = $5, waiting = $6, running = $7, succeeded = $8, unchanged = $9,
    failed = $10, conflict = $11, skipped = $12, note = $13, started_at = $14, ended_at = $15,
    wave = $16, phase = $17, until = $18, wake_at = $19, later = $20, blocked_by_rollout = $21, blocked_by_targets = $22, wave_max_in_flight = $23, wave_bad = $24, ignored_failures = $25, wave_ignored_failures = $26,
    checks_left = $27, checks_bad = $28, confirmer_id = $29, confirmer_name = $30, confirmer_email = $31, confirmed_at = $32, rolled_back_by = $33, stopped_since = $34, skips_queue = $35, undoer_id = $36, undoer_name = $37, undoer_email = $38,
    window_override_wave = $39, window_override_by = $40, window_override_reason = $41, open_unverified = $42
WHERE id = $1`

// queueRollout saves the rollout and tells whoever listens, at the commit.
func queueRollout(b *pgx.Batch, r access.Rollout, at time.Time) {
	c := r.Counts
	b.Queue(saveRollout, r.ID, string(r.State), max(r.MaxInFlight, c.Running), r.MaxInFlight, r.MaxFailures, c.Waiting, c.Running, c.Succeeded, c.Unchanged, c.Failed, c.Conflict, c.Skipped,
		r.Note, nullTime(r.StartedAt), nullTime(r.EndedAt),
		r.Wave, string(r.Phase), nullTime(r.Until), nullTime(r.WakeAt(at)), r.Later, nullID(r.BlockedBy.Rollout), r.BlockedBy.Targets, r.WaveMaxInFlight, r.WaveBad, r.IgnoredFailures, r.WaveIgnoredFailures,
		max(r.ChecksLeft, 0), r.ChecksBad, confirmer(r), r.ConfirmedBy.Name, r.ConfirmedBy.Email, nullTime(r.ConfirmedAt), nullID(r.RolledBackBy), nullTime(r.StoppedSince), r.SkipsQueue, nullID(r.UndoneBy.ID), r.UndoneBy.Name, r.UndoneBy.Email,
		r.WindowOverride.Wave, r.WindowOverride.By, r.WindowOverride.Reason, r.OpenUnverified)
	b.Queue("SELECT pg_notify($1, $2)", rolloutChannel, strconv.FormatInt(r.ID, 10))
}

// confirmer is null until a person or the system has confirmed the rollout; the system has the id
// 0.
func confirmer(r access.Rollout) any {
	if r.ConfirmedAt.IsZero() {
		return nil
	}
	return r.ConfirmedBy.ID
}

// MoveRollouts looks again at the rollouts whose time has come, and returns those. Any
// number of replicas may do so at once: each rollout is moved by one.
func (s *Store) MoveRollouts(ctx context.Context) ([]int64, error) {
	due, err := collect(ctx, s.pool, pgx.RowTo[int64], "SELECT id FROM rollouts WHERE wake_at <= clock_timestamp() ORDER BY wake_at LIMIT 100")
	if err != nil {
		return nil, translate(fmt.Errorf("looking for rollouts whose time has come: %w", err))
	}
	var failed []error
	for _, id := range due {
		if err := s.moveRollout(ctx, id); err != nil {
			failed = append(failed, translate(fmt.Errorf("moving rollout %d on: %w", id, err)))
		}
	}
	return due, errors.Join(failed...)
}

func (s *Store) moveRollout(ctx context.Context, id int64) error {
	return s.inTx(ctx, func(tx *txn) error {
		var due bool
		b := &pgx.Batch{}
		b.Queue(lockedIdleTimeout)
		b.Queue("SELECT true FROM rollouts WHERE id = $1 AND wake_at <= clock_timestamp() FOR NO KEY UPDATE SKIP LOCKED", id).QueryRow(func(row pgx.Row) error {
			err := row.Scan(&due)
			if errors.Is(err, pgx.ErrNoRows) { // another replica is at it, or was
				return nil
			}
			return err
		})
		if err := tx.batch(ctx, b); err != nil || !due {
			return err
		}
		o, err := tx.open(ctx, id)
		if err != nil {
			return err
		}
		return tx.moveOn(ctx, o)
	})
}
