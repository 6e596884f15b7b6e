package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// written finds what a rollout has written, or may have: where an intent has no outcome,
// only a look at the live document tells. It goes by targets, some at a time.
const written = `SELECT o.account_id, t.account_name, t.ou, o.seq, o.kind, o.resource_kind, o.resource_path, o.resource_name, o.size_limit, o.state, o.live_before, o.written
	FROM operations o JOIN targets t ON t.rollout_id = o.rollout_id AND t.account_id = o.account_id
	WHERE o.rollout_id = $1 AND o.intended_at IS NOT NULL AND t.position >= $2 AND t.position < $3 ORDER BY t.position, o.seq`

const writtenDocuments = `SELECT o.live_before, o.written FROM operations o JOIN targets t ON t.rollout_id = o.rollout_id AND t.account_id = o.account_id
	WHERE o.rollout_id = $1 AND o.intended_at IS NOT NULL AND t.position >= $2 AND t.position < $3`

// Written hands on what a rollout has written, in the order of its targets, with the
// documents before and after.
func (s *Store) Written(ctx context.Context, rollout int64, take func(access.WrittenTarget) error) error {
	return eachTarget(ctx, s, rollout, s.writtenAt, take)
}

// eachTarget hands on what read finds in the targets of a rollout, planChunk positions at a time.
func eachTarget[T any](
	ctx context.Context, s *Store, rollout int64,
	read func(ctx context.Context, rollout int64, from int) ([]T, error), take func(T) error,
) error {
	var end int
	const last = "SELECT coalesce(max(position) + 1, 0) FROM targets WHERE rollout_id = $1"
	if err := s.pool.QueryRow(ctx, last, rollout).Scan(&end); err != nil {
		return translate(fmt.Errorf("counting the targets of rollout %d: %w", rollout, err))
	}
	for from := 0; from < end; from += planChunk {
		some, err := read(ctx, rollout, from)
		if err != nil {
			return translate(fmt.Errorf("reading the documents of rollout %d: %w", rollout, err))
		}
		for _, t := range some {
			if err := take(t); err != nil {
				return err
			}
		}
	}
	return nil
}

// writtenAt reads what was written in the planChunk targets from a position on.
func (s *Store) writtenAt(ctx context.Context, rollout int64, from int) ([]access.WrittenTarget, error) {
	docs, err := loadDocumentsOf(ctx, s.pool, writtenDocuments, rollout, from, from+planChunk)
	if err != nil {
		return nil, err
	}
	var found []access.WrittenTarget
	err = eachRow(ctx, s.pool, written, []any{rollout, from, from + planChunk}, func(row pgx.Rows) error {
		var t access.WrittenTarget
		o := access.Operation{RolloutID: rollout}
		var before, after []byte
		if err := row.Scan(&t.Account, &t.AccountName, &t.OU, &o.Seq, &o.Kind, &o.Resource.Kind, &o.Resource.Path, &o.Resource.Name, &o.Limit, &o.State, &before, &after); err != nil {
			return err
		}
		o.Account, o.LiveBefore, o.Written = t.Account, docs[string(before)], docs[string(after)]
		if n := len(found); n == 0 || found[n-1].Account != t.Account {
			found = append(found, t)
		}
		last := &found[len(found)-1]
		last.Operations = append(last.Operations, o)
		return nil
	})
	return found, err
}

// BeginRollback starts the rollout that rolls another one back, with a plan made of the documents
// that the other one has written. A separate change also reverts the desired state. If that is not
// possible because the same objects were edited since, the desired state stays, and the note says
// so. The change of a person is there in any case: it is flagged until another person has reviewed it. BeginRollback does
// nothing if the rollout does not wait for it.
func (s *Store) BeginRollback(ctx context.Context, id int64, plan access.Plan) (access.Rollout, error) {
	var undone access.Rollout
	var after access.State
	err := s.inTx(ctx, func(tx *txn) error {
		var head int64
		if err := tx.QueryRow(ctx, "SELECT revision FROM head FOR UPDATE").Scan(&head); err != nil {
			return fmt.Errorf("locking the head: %w", err)
		}
		// Before the rollout is locked, and with it its targets in flight: another transaction may
		// be storing one of the documents.
		docs, err := storeDocumentsOf(ctx, tx, plan)
		if err != nil {
			return err
		}
		o, err := tx.open(ctx, id)
		if err != nil {
			return err
		}
		if o.State != access.RolloutRollingBack || o.Counts.Running > 0 || o.RolledBackBy != 0 {
			undone = o.Rollout
			return nil
		}
		if after, err = tx.beginRollback(ctx, o, docs, head); err != nil {
			return err
		}
		undone = o.Rollout
		return tx.moveOn(ctx, o)
	})
	if err != nil {
		return access.Rollout{}, err
	}
	if after.Revision != 0 {
		s.states.put(after)
	}
	return undone, nil
}

func (tx *txn) beginRollback(ctx context.Context, o *opened, docs planDocuments, head int64) (access.State, error) {
	r := access.Rollout{
		Kind: access.RolloutRollback, RollsBack: o.ID, Title: "Roll back: " + o.Title, Revision: head, State: access.RolloutRunning,
		MaxInFlight: o.MaxInFlight, StartedBy: o.Undoer(), CreatedAt: o.at, StartedAt: o.at,
	}
	edits, why, err := tx.undoing(ctx, o.Rollout, head)
	if err != nil {
		return access.State{}, err
	}
	detail := map[string]any{"rolls_back": o.ID, "accounts": docs.plan.Len()}
	var after access.State
	if len(edits) > 0 || o.Undoer().ID != 0 { // the change of a person carries the flag, even without an edit
		if r, after, err = tx.startUndoing(ctx, r, o, edits, docs, head); err != nil {
			return after, err
		}
		detail["revision"], detail["change"] = r.Revision, r.ChangeID
	} else if r, err = tx.startPlanned(ctx, r, docs, access.Staging{}, nil); err != nil {
		return after, err
	}
	if why != "" {
		o.Note += " The desired state stays as in revision " + fmt.Sprint(head) + ": " + why
		detail["desired_state_stays"] = why
	}
	o.RolledBackBy = r.ID
	detail["rollout"] = r.ID
	tx.note(access.NewAuditEvent(access.System("rollout"), o.at, "rollout.rollback_begun", access.RolloutObject(o.ID), detail))
	return after, nil
}

// undoing returns the edits that revert the rollout's change of the desired state, or why there are
// none.
func (tx *txn) undoing(ctx context.Context, r access.Rollout, head int64) (edits []access.Edit, why string, err error) {
	if r.ChangeID == 0 {
		return nil, "this rollout has not changed it.", nil
	}
	states := make([]access.State, 3)
	for i, n := range []int64{r.Revision - 1, r.Revision, head} {
		if states[i], err = tx.store.stateOn(ctx, tx, n); err != nil {
			return nil, "", err
		}
	}
	edits, err = states[2].Undo(states[0], states[1])
	if access.KindOf(err) == access.KindConflict {
		return nil, access.MessageOf(err), nil
	}
	if err == nil && len(edits) == 0 {
		why = "it is the former one already."
	}
	return edits, why, err
}

// startUndoing creates the change that reverts the other change, its revision and its rollout.
func (tx *txn) startUndoing(ctx context.Context, r access.Rollout, o *opened, edits []access.Edit, docs planDocuments, head int64) (access.Rollout, access.State, error) {
	var after access.State
	c, err := access.NewRollbackChange(o.Rollout, edits, head, docs.plan.Documents, o.at)
	if err != nil {
		return r, after, err
	}
	row := changeRowOf(c)
	if err := tx.orm.Create(&row).Error; err != nil {
		return r, after, fmt.Errorf("creating the change that reverts rollout %d: %w", o.ID, err)
	}
	c.ID = row.ID
	if err := tx.savePlan(ctx, c.ID, docs); err != nil {
		return r, after, err
	}
	before := c.Snapshot()
	c.ApplyRollback(head+1, o.at)
	if after, err = tx.revise(ctx, c, head); err != nil {
		return r, after, err
	}
	event := access.NewAuditEvent(access.System("rollout"), o.at, "change.roll_back", access.ChangeObject(c.ID), map[string]any{"rolls_back": o.ID, "change": o.ChangeID, "revision": c.Revision, "edits": c.Edits})
	tx.note(event.Between(before, c.Snapshot()))
	digests, _ := docs.plan.Digests()
	r, err = tx.startApplied(ctx, &c, nil, access.Application{Rollout: r, Digests: digests})
	return r, after, err
}
