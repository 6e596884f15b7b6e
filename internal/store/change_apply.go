package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// ApplyChange makes a change the next revision and starts the rollout of its plan. Where
// decide leaves the change unapplied, that is saved, and there is no rollout.
func (s *Store) ApplyChange(ctx context.Context, id int64, decide func(c *access.Change, head int64) (access.Application, error)) (access.Rollout, error) {
	var r access.Rollout
	var after access.State
	err := s.inTx(ctx, func(tx *txn) error {
		var head int64
		if err := tx.QueryRow(ctx, "SELECT revision FROM head FOR UPDATE").Scan(&head); err != nil {
			return fmt.Errorf("locking the head: %w", err)
		}
		c, err := tx.lockChange(ctx, id)
		if err != nil {
			return err
		}
		known, before := slices.Clone(c.Reviews), c.Snapshot()
		a, err := decide(&c, head)
		if err != nil {
			return err
		}
		if err := tx.checkAlone(ctx, c); err != nil {
			return err
		}
		if len(a.Events) > 0 {
			now := c.Snapshot()
			for i := range a.Events {
				a.Events[i] = a.Events[i].Between(before, now)
			}
		}
		if c.State != access.ChangeApplied {
			tx.note(a.Events...)
			return tx.saveChange(&c, known)
		}
		if err := tx.refuseScheduled(ctx, c); err != nil {
			return err
		}
		if after, err = tx.revise(ctx, c, head); err != nil {
			return err
		}
		r, err = tx.startApplied(ctx, &c, known, a)
		return err
	})
	if err != nil {
		return access.Rollout{}, err
	}
	if r.ID != 0 {
		s.states.put(after)
	}
	return r, nil
}

// checkAlone refuses to let a person apply a change alone while an earlier act alone of the person waits for a review. In
// the mode single administrator no other person exists who could review it.
func (tx *txn) checkAlone(ctx context.Context, c access.Change) error {
	if c.BreakGlass == nil || c.BreakGlass.Single {
		return nil
	}
	unreviewed, err := tx.unreviewedAct(ctx, c.BreakGlass.By.ID, 0)
	if err != nil {
		return err
	}
	return unreviewed.Blocked()
}

// revise writes the revision that the change makes of the head.
func (tx *txn) revise(ctx context.Context, c access.Change, head int64) (access.State, error) {
	if c.Revision != head+1 {
		return access.State{}, fmt.Errorf("change %d was applied as revision %d, and the head is %d", c.ID, c.Revision, head)
	}
	before, err := tx.store.stateOn(ctx, tx, head)
	if err != nil {
		return access.State{}, err
	}
	after, err := before.Apply(c.Edits)
	if err != nil {
		return access.State{}, err
	}
	after.Revision = c.Revision
	return after, tx.writeRevision(ctx, before, after, c.ID, c.AppliedAt)
}

func (tx *txn) startApplied(ctx context.Context, c *access.Change, known []access.Review, a access.Application) (access.Rollout, error) {
	r := a.Rollout
	r.ChangeID, r.Revision = c.ID, c.Revision
	var targets int
	if err := tx.QueryRow(ctx, "SELECT count(*) FROM plan_targets WHERE change_id = $1", c.ID).Scan(&targets); err != nil {
		return r, fmt.Errorf("counting the targets of change %d: %w", c.ID, err)
	}
	r, err := tx.insertRollout(ctx, r, a.Staging, targets)
	if err != nil {
		return r, err
	}
	if err := tx.copyPlan(ctx, c.ID, r.ID, a.Staging); err != nil {
		return r, fmt.Errorf("making the targets of rollout %d: %w", r.ID, err)
	}
	if err := tx.saveDigests(ctx, r.ID, targets, a.Digests); err != nil {
		return r, err
	}
	c.RolloutID = r.ID
	if err := tx.saveChange(c, known); err != nil {
		return r, err
	}
	tx.noteFor(access.RolloutObject(r.ID), a.Events)
	return tx.setOut(ctx, r.ID)
}

// copyPlan makes targets and operations of the frozen plan, in the order of their waves.
func (tx *txn) copyPlan(ctx context.Context, change, rollout int64, s access.Staging) error {
	accounts, waves := make([]string, 0, len(s.WaveOf)), make([]int32, 0, len(s.WaveOf))
	for account, wave := range s.WaveOf {
		accounts, waves = append(accounts, string(account)), append(waves, int32(wave))
	}
	_, err := tx.Exec(ctx, `INSERT INTO targets (rollout_id, account_id, account_name, ou, position, wave, state)
		SELECT $2, p.account_id, p.account_name, p.ou, row_number() OVER (ORDER BY coalesce(w.wave, $5), p.position) - 1, coalesce(w.wave, $5), 'waiting'
		FROM plan_targets p LEFT JOIN unnest($3::text[], $4::int[]) w (account_id, wave) ON w.account_id = p.account_id COLLATE "C" WHERE p.change_id = $1`,
		change, rollout, accounts, waves, max(len(s.Waves), 1))
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "INSERT INTO operations (rollout_id, account_id, seq, "+plannedList+`)
		SELECT $2, o.account_id, o.seq, `+plannedList+` FROM plan_operations o WHERE change_id = $1 ORDER BY account_id, seq`, change, rollout)
	return err
}

// StartRollout starts a rollout of a plan without a change, at the head. A zero staging is one wave. An
// event without an object is given the rollout's.
func (s *Store) StartRollout(ctx context.Context, r access.Rollout, plan access.Plan, staging access.Staging, events []access.AuditEvent) (access.Rollout, error) {
	err := s.inTx(ctx, func(tx *txn) error {
		var head int64
		if err := tx.QueryRow(ctx, "SELECT revision FROM head FOR SHARE").Scan(&head); err != nil {
			return fmt.Errorf("locking the head: %w", err)
		}
		if r.Revision != 0 && r.Revision != head {
			return access.Errorf(access.KindConflict, "The desired state has moved to revision %d since this was planned for revision %d. Look again, then repeat it.", head, r.Revision)
		}
		r.Revision = head
		docs, err := storeDocumentsOf(ctx, tx, plan)
		if err != nil {
			return err
		}
		r, err = tx.startPlanned(ctx, r, docs, staging, events)
		return err
	})
	if err != nil {
		return access.Rollout{}, err
	}
	return r, nil
}

// startPlanned starts a rollout of a plan that belongs to no change.
func (tx *txn) startPlanned(ctx context.Context, r access.Rollout, docs planDocuments, staging access.Staging, events []access.AuditEvent) (access.Rollout, error) {
	r, err := tx.insertRollout(ctx, r, staging, docs.plan.Len())
	if err != nil {
		return r, err
	}
	if err := tx.insertTargets(ctx, r.ID, docs, staging); err != nil {
		return r, fmt.Errorf("making the targets of rollout %d: %w", r.ID, err)
	}
	digests, _ := docs.plan.Digests()
	if err := tx.saveDigests(ctx, r.ID, docs.plan.Len(), digests); err != nil {
		return r, err
	}
	tx.noteFor(access.RolloutObject(r.ID), events)
	return tx.setOut(ctx, r.ID)
}

func (tx *txn) insertTargets(ctx context.Context, rollout int64, docs planDocuments, s access.Staging) error {
	accounts := slices.Collect(docs.plan.Accounts())
	waveOf := func(i int) int { return cmp.Or(s.WaveOf[accounts[i].Account], max(len(s.Waves), 1)) }
	order := upTo(len(accounts))
	slices.SortStableFunc(order, func(a, b int) int { return waveOf(a) - waveOf(b) })
	targets := make([][]any, len(order))
	for position, i := range order {
		t := accounts[i]
		targets[position] = []any{rollout, string(t.Account), t.AccountName, t.OU, position, waveOf(i), string(access.TargetWaiting)}
	}
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"targets"}, []string{"rollout_id", "account_id", "account_name", "ou", "position", "wave", "state"}, pgx.CopyFromRows(targets)); err != nil {
		return err
	}
	head := func(t access.PlannedTarget, seq int) []any { return []any{rollout, string(t.Account), seq} }
	return docs.copyOperations(ctx, tx, "operations", []string{"rollout_id", "account_id", "seq"}, order, head)
}

// noteBetween keeps events with what became of the change that they are about.
func (tx *txn) noteBetween(before access.ChangeSnapshot, c access.Change, events []access.AuditEvent) {
	if len(events) == 0 {
		return
	}
	after := c.Snapshot()
	for _, e := range events {
		tx.note(e.Between(before, after))
	}
}

// noteFor keeps events, those without an object for the object that was just made.
func (tx *txn) noteFor(object string, events []access.AuditEvent) {
	for _, e := range events {
		if e.Object == "" {
			e.Object = object
		}
		tx.note(e)
	}
}
