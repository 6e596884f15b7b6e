package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/jobs"
)

// Checks of the health of a wave are created when the wave is pushed and baked. They are worked on
// like targets: as many at the same time as max in flight allows, each leased to the worker that
// has claimed it. The transaction that ends a check starts the next one.

// makeChecks makes the next round of checks of the wave under way: one for each account
// that was written to or found as it should be, and one for each account that a probe
// looks at. What earlier rounds have found stays; what they have not come to goes.
func (tx *txn) makeChecks(ctx context.Context, o *opened) error {
	round, claims := 0, int64(0)
	b := &pgx.Batch{}
	// Claims go on above those of earlier rounds, whose workers may still be about.
	b.Queue("SELECT coalesce(max(round), 0) + 1, coalesce((max(claim) / $3 + 1) * $3, 0) FROM rollout_checks WHERE rollout_id = $1 AND wave = $2", o.ID, o.Wave, access.ClaimsARound).QueryRow(func(row pgx.Row) error {
		return row.Scan(&round, &claims)
	})
	b.Queue("DELETE FROM rollout_checks WHERE rollout_id = $1 AND wave = $2 AND ended_at IS NULL", o.ID, o.Wave)
	if err := tx.batch(ctx, b); err != nil {
		return fmt.Errorf("looking for the checks of wave %d of rollout %d: %w", o.Wave, o.ID, err)
	}
	const next = "(SELECT coalesce(max(seq) + 1, 0) FROM rollout_checks WHERE rollout_id = $1 AND wave = $2)"
	b = &pgx.Batch{}
	if o.progress.Strategy.ReadBack {
		b.Queue(`INSERT INTO rollout_checks (rollout_id, wave, round, seq, kind, account_id, claim)
			SELECT $1, $2, $3::int, `+next+` + row_number() OVER (ORDER BY position) - 1, 'read_back', account_id, $4 FROM targets
			WHERE rollout_id = $1 AND wave = $2 AND state IN ('succeeded', 'unchanged')`, o.ID, o.Wave, round, claims)
	}
	for _, p := range o.progress.Strategy.Probes {
		b.Queue(`INSERT INTO rollout_checks (rollout_id, wave, round, seq, kind, account_id, role_path, role_name, allowed, claim)
			SELECT $1, $2, $3::int, `+next+` + row_number() OVER (ORDER BY t.position) - 1, 'probe', t.account_id, $4, $5, $6, $8
			FROM (SELECT account_id, position FROM targets WHERE rollout_id = $1 AND wave = $2 AND state IN ('succeeded', 'unchanged') ORDER BY position LIMIT $7) t`,
			o.ID, o.Wave, round, p.Role.Path, p.Role.Name, p.Allowed, p.InAccounts(), claims)
	}
	b.Queue("SELECT count(*) FROM rollout_checks WHERE rollout_id = $1 AND wave = $2 AND round = $3", o.ID, o.Wave, round).QueryRow(func(row pgx.Row) error {
		return row.Scan(&o.ChecksLeft)
	})
	if err := tx.batch(ctx, b); err != nil {
		return fmt.Errorf("making the checks of wave %d of rollout %d: %w", o.Wave, o.ID, err)
	}
	o.ChecksBad = 0
	return nil
}

// startChecks starts as many checks as max in flight allows.
func (tx *txn) startChecks(ctx context.Context, o *opened) error {
	if o.State != access.RolloutRunning || o.Phase != access.PhaseChecking {
		return nil
	}
	seqs, err := collect(ctx, tx, pgx.RowTo[int], `UPDATE rollout_checks SET state = 'running', lease_until = clock_timestamp() + $3::interval
		WHERE rollout_id = $1 AND wave = $2 AND seq = ANY (ARRAY(SELECT seq FROM rollout_checks WHERE rollout_id = $1 AND wave = $2 AND state = 'waiting' ORDER BY seq
			LIMIT greatest(0, $4 - (SELECT count(*) FROM rollout_checks WHERE rollout_id = $1 AND wave = $2 AND state = 'running'))))
		RETURNING seq`, o.ID, o.Wave, pickUpWithin, o.Limit())
	if err != nil {
		return fmt.Errorf("starting checks of rollout %d: %w", o.ID, err)
	}
	args := make([]river.JobArgs, len(seqs))
	for i, seq := range seqs {
		args[i] = jobs.CheckWave{RolloutID: o.ID, Wave: o.Wave, Seq: seq}
	}
	return tx.insertJobs(ctx, "checks", args)
}

const checkColumns = "c.rollout_id, c.wave, c.seq, c.round, c.kind, c.account_id, c.role_path, c.role_name, c.allowed, c.state, c.claim, c.message, c.ended_at"

func checkFields(c *access.Check) []any {
	return []any{&c.RolloutID, &c.Wave, &c.Seq, &c.Round, &c.Kind, &c.Account, &c.Role.Path, &c.Role.Name, &c.Allowed, &c.State, &c.Claim, &c.Message, timeOrZero{&c.EndedAt}}
}

func scanCheck(row pgx.CollectableRow) (access.Check, error) {
	var c access.Check
	return c, row.Scan(checkFields(&c)...)
}

// ClaimCheck claims a check. ok is false if the check has ended or no longer belongs to the
// rollout.
func (s *Store) ClaimCheck(ctx context.Context, rollout int64, wave, seq int, lease time.Duration) (check access.Check, ok bool, err error) {
	rows, err := s.pool.Query(ctx, `UPDATE rollout_checks c SET claim = claim + 1, lease_until = clock_timestamp() + $4::interval
		WHERE rollout_id = $1 AND wave = $2 AND seq = $3 AND state = 'running' RETURNING `+checkColumns, rollout, wave, seq, lease)
	if err == nil {
		check, err = pgx.CollectExactlyOneRow(rows, scanCheck)
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return access.Check{}, false, nil
	}
	if err != nil {
		return access.Check{}, false, translate(fmt.Errorf("claiming check %d of wave %d of rollout %d: %w", seq, wave, rollout, err))
	}
	return check, true, nil
}

// RenewCheck extends the lease of a check. It returns ErrClaimLost if the check has ended or another
// worker has claimed it since.
func (s *Store) RenewCheck(ctx context.Context, c access.Check, lease time.Duration) error {
	tag, err := s.pool.Exec(ctx, `UPDATE rollout_checks SET lease_until = clock_timestamp() + $5::interval
		WHERE rollout_id = $1 AND wave = $2 AND seq = $3 AND claim = $4 AND state = 'running'`, c.RolloutID, c.Wave, c.Seq, c.Claim, lease)
	if err != nil {
		return translate(fmt.Errorf("renewing the claim on check %d of wave %d of rollout %d: %w", c.Seq, c.Wave, c.RolloutID, err))
	}
	if tag.RowsAffected() == 0 {
		return access.ErrClaimLost
	}
	return nil
}

// FinishCheck ends a check, starts the next one, and advances the rollout after the last one. It
// returns ErrClaimLost if another worker has claimed the check since.
func (s *Store) FinishCheck(ctx context.Context, c access.Check, good bool, message string) error {
	err := s.inTx(ctx, func(tx *txn) error {
		o, err := tx.open(ctx, c.RolloutID)
		if err != nil {
			return err
		}
		state := access.CheckBad
		if good {
			state = access.CheckGood
		}
		tag, err := tx.Exec(ctx, `UPDATE rollout_checks SET state = $5, message = $6, lease_until = NULL, ended_at = clock_timestamp()
			WHERE rollout_id = $1 AND wave = $2 AND seq = $3 AND claim = $4 AND state = 'running'`, c.RolloutID, c.Wave, c.Seq, c.Claim, string(state), storable(message))
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return access.ErrClaimLost
		}
		if o.Wave == c.Wave && o.Phase == access.PhaseChecking {
			o.ChecksLeft--
			if !good {
				o.ChecksBad++
			}
		}
		return tx.moveOn(ctx, o)
	})
	if err != nil {
		return translate(fmt.Errorf("ending check %d of wave %d of rollout %d: %w", c.Seq, c.Wave, c.RolloutID, err))
	}
	return nil
}

// Checks returns the checks of a round of a wave that matter most: those that are bad,
// then those that are not through, then the others, up to a number. The round 0 is the
// last one.
func (s *Store) Checks(ctx context.Context, rollout int64, wave, round, limit int) (access.Page[access.Check], error) {
	var page access.Page[access.Check]
	var err error
	page.Items, err = collect(ctx, s.pool, func(row pgx.CollectableRow) (access.Check, error) {
		var c access.Check
		return c, row.Scan(append(checkFields(&c), &page.Total)...)
	}, "SELECT "+checkColumns+`, count(*) OVER () FROM rollout_checks c
		WHERE rollout_id = $1 AND wave = $2 AND round = CASE WHEN $3 > 0 THEN $3 ELSE (SELECT max(round) FROM rollout_checks WHERE rollout_id = $1 AND wave = $2) END
		ORDER BY array_position(ARRAY['bad', 'running', 'waiting', 'good'], state), kind = 'read_back', seq LIMIT $4`, rollout, wave, round, limit)
	if err != nil {
		return page, translate(fmt.Errorf("reading the checks of wave %d of rollout %d: %w", wave, rollout, err))
	}
	return page, nil
}

// RequeueExpiredChecks makes a job for each check whose lease has expired. most is the longest that
// a check is leased for. Leases that end later are capped, as capLeases does it for targets.
func (s *Store) RequeueExpiredChecks(ctx context.Context, most time.Duration) (int, error) {
	var requeued []river.JobArgs
	err := s.inTx(ctx, func(tx *txn) error {
		_, err := tx.Exec(ctx, `UPDATE rollout_checks c SET lease_until = clock_timestamp() + greatest($1, $2::interval)
			FROM (SELECT rollout_id, wave, seq FROM rollout_checks WHERE state = 'running' AND lease_until > clock_timestamp() + greatest($1, $2::interval)
				FOR UPDATE SKIP LOCKED) far
			WHERE c.rollout_id = far.rollout_id AND c.wave = far.wave AND c.seq = far.seq`, most, pickUpWithin)
		if err != nil {
			return fmt.Errorf("capping the leases of checks: %w", err)
		}
		requeued, err = collect(ctx, tx, func(row pgx.CollectableRow) (river.JobArgs, error) {
			var c jobs.CheckWave
			err := row.Scan(&c.RolloutID, &c.Wave, &c.Seq)
			return c, err
		}, `UPDATE rollout_checks c SET claim = claim + 1, lease_until = clock_timestamp() + $1::interval
			FROM (SELECT rollout_id, wave, seq FROM rollout_checks WHERE state = 'running' AND lease_until < clock_timestamp() ORDER BY lease_until LIMIT $2 FOR UPDATE SKIP LOCKED) late
			WHERE c.rollout_id = late.rollout_id AND c.wave = late.wave AND c.seq = late.seq RETURNING c.rollout_id, c.wave, c.seq`, pickUpWithin, requeueAtOnce)
		if err != nil {
			return fmt.Errorf("looking for checks that nobody sees to: %w", err)
		}
		return tx.insertJobs(ctx, "checks", requeued)
	})
	return len(requeued), err
}
