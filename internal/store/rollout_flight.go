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

// pickUpWithin is how long the job of a target may wait for a worker before another is
// made. One too many does no harm: it finds nothing to do.
const pickUpWithin = 8 * time.Second

// queueWithin is how much longer it may wait while jobs wait for a worker anyway: then it
// is most likely among them.
const queueWithin = 22 * time.Second

// startWaiting starts the first waiting targets, of waves that have begun, and of the earliest pass of which a target waits or
// is in flight. ARRAY() is worked out once; IN may be worked out again for every target of the rollout.
const startWaiting = `
UPDATE targets SET state = 'running', lease_state = 'queued', lease_until = clock_timestamp() + $3::interval
WHERE rollout_id = $1 AND account_id = ANY (ARRAY(SELECT t.account_id FROM targets t WHERE t.rollout_id = $1 AND t.state = 'waiting' AND t.wave <= $4 AND t.pass = (` + earliestPass + `)%s ORDER BY t.position LIMIT $2))
RETURNING account_id`

// earliestPass is the first pass of which a target of rollout $1 waits or is in flight, in the waves up to $4.
const earliestPass = `SELECT min(p) FROM generate_series(0, 2) p
	WHERE EXISTS (SELECT FROM targets e WHERE e.rollout_id = $1 AND e.state IN ('waiting', 'running') AND e.pass = p AND e.wave <= $4)`

// startTargets starts as many targets as max in flight and the limits on failures allow, and makes
// their jobs. The transaction has locked the rollout and flightLock. startTargets updates the counts
// of the rollout, and the caller saves them. again asks the caller to advance the rollout once more, since
// targets were left out.
func (tx *txn) startTargets(ctx context.Context, o *opened) (again bool, err error) {
	r := &o.Rollout
	r.BlockedBy = access.BlockedBy{}
	if r.CanStart(&o.progress) == 0 {
		return false, nil
	}
	if o.newer {
		left, err := tx.leaveToNewer(ctx, r)
		if err != nil || left > 0 {
			return left > 0, err
		}
	}
	n := r.CanStart(&o.progress)
	query := fmt.Sprintf(startWaiting, "")
	if o.others {
		query = fmt.Sprintf(startWaiting, " AND NOT EXISTS (SELECT 1 "+blockers("$5", "$6")+")")
	}
	args := []any{r.ID, n, pickUpWithin, r.Wave}
	if o.others {
		args = append(args, r.SkipsQueue, access.GiveWayAfter)
	}
	accounts, err := collect(ctx, tx, pgx.RowTo[string], query, args...)
	if err != nil {
		return false, fmt.Errorf("starting targets of rollout %d: %w", r.ID, err)
	}
	if len(accounts) == 0 && !o.others && r.Counts.Running == 0 {
		return false, fmt.Errorf("rollout %d counts %d targets to start, and none is there", r.ID, n)
	}
	flights := make([]flight, len(accounts))
	for i, account := range accounts {
		r.Counts.Move(access.TargetWaiting, access.TargetRunning)
		flights[i] = flight{r.ID, account}
	}
	if len(accounts) < n && o.others {
		if err := tx.countBlocked(ctx, r); err != nil {
			return false, err
		}
	}
	return false, tx.insertPushes(ctx, flights)
}

// flight is a target in flight.
type flight struct {
	rollout int64
	account string
}

func (tx *txn) insertPushes(ctx context.Context, flights []flight) error {
	args := make([]river.JobArgs, len(flights))
	for i, f := range flights {
		args[i] = jobs.PushTarget{RolloutID: f.rollout, Account: f.account}
	}
	return tx.insertJobs(ctx, "targets", args)
}

// insertJobs makes the jobs of some targets or checks. Few are made sooner by an INSERT,
// which is one round trip, than by a COPY.
func (tx *txn) insertJobs(ctx context.Context, of string, args []river.JobArgs) error {
	if len(args) == 0 {
		return nil
	}
	params := make([]river.InsertManyParams, len(args))
	for i, a := range args {
		params[i] = river.InsertManyParams{Args: a, InsertOpts: &river.InsertOpts{Queue: jobs.QueueRollout}}
	}
	const few = 200
	var err error
	if len(params) <= few {
		_, err = tx.store.queue.InsertManyTx(ctx, tx.Tx, params)
	} else {
		_, err = tx.store.queue.InsertManyFastTx(ctx, tx.Tx, params)
	}
	if err != nil {
		return fmt.Errorf("making jobs for %d %s: %w", len(args), of, err)
	}
	return nil
}

// requeueAtOnce bounds one transaction of RequeueExpired, which makes new jobs.
const requeueAtOnce = 500

// RequeueExpired makes a job for each target in flight whose lease has expired, or whose job no
// worker has claimed in time, and returns how many. The claim number rises, so that a worker that
// was only frozen writes nothing more. snooze is the longest snooze of a target.
func (s *Store) RequeueExpired(ctx context.Context, lease, snooze time.Duration) (int, error) {
	if err := s.capLeases(ctx, lease, snooze); err != nil {
		return 0, err
	}
	total := 0
	for {
		n, err := s.requeueSome(ctx, lease)
		total += n
		if err != nil || n < requeueAtOnce {
			return total, err
		}
	}
}

// capLeases shortens the leases that end later than any lease can that the database gives out now.
// The database's clock was set back since it gave them out, and without a cap they would last
// longer by as much. A capped lease does not end at once: its worker may be alive and counts its
// lease by its own clock, which no one has set back. That lease ends within a full lease from
// now, unless the worker renews it before.
func (s *Store) capLeases(ctx context.Context, lease, snooze time.Duration) error {
	_, err := s.pool.Exec(ctx, `UPDATE targets t SET lease_until = clock_timestamp() + far.most
		FROM (SELECT rollout_id, account_id, CASE lease_state WHEN 'leased' THEN greatest($1, $2::interval) ELSE greatest($1, $3::interval) END AS most
			FROM targets WHERE state = 'running' AND lease_until > clock_timestamp() + CASE lease_state WHEN 'leased' THEN greatest($1, $2::interval) ELSE greatest($1, $3::interval) END
			FOR UPDATE SKIP LOCKED) far
		WHERE t.rollout_id = far.rollout_id AND t.account_id = far.account_id`, lease, snooze, pickUpWithin)
	if err != nil {
		return translate(fmt.Errorf("capping the leases of targets: %w", err))
	}
	return nil
}

func (s *Store) requeueSome(ctx context.Context, lease time.Duration) (int, error) {
	var requeued []flight
	err := s.inTx(ctx, func(tx *txn) error {
		var err error
		requeued, err = collect(ctx, tx, func(row pgx.CollectableRow) (flight, error) {
			var f flight
			return f, row.Scan(&f.rollout, &f.account)
		}, `UPDATE targets t SET
				claim = CASE lease_state WHEN 'leased' THEN claim + 1 ELSE claim END,
				lease_state = CASE lease_state WHEN 'queued' THEN 'queued' ELSE 'requeued' END,
				lease_until = clock_timestamp() + greatest($1::interval, $3::interval)
			FROM (SELECT rollout_id, account_id FROM targets WHERE state = 'running' AND lease_until < clock_timestamp()
				AND (lease_state = 'leased' OR lease_until < clock_timestamp() - $4::interval OR NOT EXISTS (
					SELECT FROM river_job WHERE state = 'available' AND queue = $5 AND scheduled_at < clock_timestamp() - interval '1 second'))
				ORDER BY lease_until LIMIT $2 FOR UPDATE SKIP LOCKED) late
			WHERE t.rollout_id = late.rollout_id AND t.account_id = late.account_id
			RETURNING t.rollout_id, t.account_id`, lease, requeueAtOnce, pickUpWithin, queueWithin, jobs.QueueRollout)
		if err != nil {
			return fmt.Errorf("looking for targets that nobody sees to: %w", err)
		}
		return tx.insertPushes(ctx, requeued)
	})
	if err != nil {
		return 0, err
	}
	return len(requeued), nil
}
