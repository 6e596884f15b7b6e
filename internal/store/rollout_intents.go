package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// intend notes what is about to be written. What was live before the first attempt is
// what a roll back needs, and it stays: an operation that is intended or written already
// keeps it; one that is planned again after a retry keeps it where what is live now is
// our own earlier write.
const intend = `
UPDATE operations o SET
    live_before = CASE
        WHEN state IN ('intended', 'written') THEN live_before
        WHEN intended_at IS NOT NULL AND i.live IS NOT DISTINCT FROM o.written THEN live_before
        ELSE i.live END,
    intended_at = CASE WHEN state IN ('intended', 'written') THEN intended_at ELSE clock_timestamp() END,
    written = i.document, replaces = i.live, state = 'intended', ended_at = NULL, message = ''
FROM unnest($3::bigint[], $4::bytea[], $5::bytea[]) AS i (id, live, document)
WHERE o.id = i.id AND rollout_id = $1 AND account_id = $2 AND state IN ('planned', 'intended', 'written', 'unchanged')`

// RecordIntents commits what is about to be written, with its audit events. Without this commit
// nothing is written to AWS. It returns ErrNotRunning if these would be the first intents of a
// target whose rollout is paused, halted or aborted.
func (s *Store) RecordIntents(ctx context.Context, c access.Claim, intents []access.Intent, events []access.AuditEvent) error {
	w := &work{claim: c, docs: documentSet{}, events: events, writes: true}
	var ids []int64
	var live, written [][]byte
	for _, i := range intents {
		ids = append(ids, i.OperationID)
		live, written = append(live, w.docs.add(i.LiveBefore)), append(written, w.docs.add(i.Document))
	}
	met := int64(0)
	w.queue = func(b *pgx.Batch) error {
		b.Queue(intend, c.Target.RolloutID, string(c.Target.Account), ids, live, written).Exec(count(&met))
		return nil
	}
	w.check = func() error {
		if met != int64(len(ids)) {
			return fmt.Errorf("%d of %d operations are there and open", met, len(ids))
		}
		return nil
	}
	if err := s.commit(ctx, w); err != nil {
		return translate(fmt.Errorf("recording what is to be written in account %s: %w", c.Target.Account, err))
	}
	return nil
}

// conclude gives operations their one outcome. What was live is kept for an operation
// that was never to be written; of the others it is known from the intent. A conflict keeps
// what it was found at. A later claim may find that a document was edited, or its role deleted, after
// an earlier claim recorded it as written: then the operation ends as a conflict or a failure after
// all.
const conclude = `
UPDATE operations o SET
    live_before = CASE WHEN o.state = 'planned' AND intended_at IS NULL THEN g.live ELSE live_before END,
    found_doc = CASE WHEN g.state = 'conflict' THEN g.live ELSE found_doc END,
    state = g.state, message = g.message, ended_at = clock_timestamp()
FROM unnest($3::bigint[], $4::text[], $5::text[], $6::bytea[]) AS g (id, state, message, live)
WHERE o.id = g.id AND rollout_id = $1 AND account_id = $2
    AND (o.state IN ('planned', 'intended') OR o.state = 'written' AND g.state IN ('conflict', 'failed'))`

// concludeAll returns of each operation whether it was concluded, and its state before.
const concludeAll = `
WITH concluded AS (` + conclude + ` RETURNING o.id)
SELECT o.id, c.id IS NOT NULL, o.state FROM operations o LEFT JOIN concluded c ON c.id = o.id
WHERE o.id = ANY($3) AND o.rollout_id = $1 AND o.account_id = $2`

// outcomeRows are the parameters of conclude.
func outcomeRows(c access.Claim, outcomes ...access.Outcome) []any {
	ids, states, messages, live := make([]int64, len(outcomes)), make([]string, len(outcomes)), make([]string, len(outcomes)), make([][]byte, len(outcomes))
	for i, o := range outcomes {
		ids[i], states[i], messages[i], live[i] = o.OperationID, string(o.State), storable(o.Message), docKey(o.LiveBefore)
	}
	return []any{c.Target.RolloutID, string(c.Target.Account), ids, states, messages, live}
}

// queueOutcomes adds the outcomes of operations, and fails the batch where one of them has
// another already. What was live is stored before.
func queueOutcomes(b *pgx.Batch, c access.Claim, outcomes []access.Outcome) {
	if len(outcomes) == 0 {
		return
	}
	b.Queue(concludeAll, outcomeRows(c, outcomes...)...).Query(func(rows pgx.Rows) error {
		type standing struct {
			concluded bool
			was       access.OperationState
		}
		found := map[int64]standing{}
		for rows.Next() {
			var id int64
			var one standing
			if err := rows.Scan(&id, &one.concluded, &one.was); err != nil {
				return err
			}
			found[id] = one
		}
		if err := rows.Err(); err != nil {
			return err
		}
		for _, o := range outcomes {
			one, there := found[o.OperationID]
			if !there {
				return fmt.Errorf("there is no operation %d in account %s of rollout %d", o.OperationID, c.Target.Account, c.Target.RolloutID)
			}
			if err := endedOnce(o, one.concluded, one.was); err != nil {
				return err
			}
		}
		return nil
	})
}

// recordOutcome does in one statement what would else be a transaction of four: it is sent
// between two writes to AWS.
const recordOutcome = `
WITH claimed AS (UPDATE targets SET lease_until = clock_timestamp() + $7::interval WHERE rollout_id = $1 AND account_id = $2 AND claim = $8 AND lease_state = 'leased' RETURNING 1),
concluded AS (` + conclude + ` AND EXISTS (SELECT FROM claimed) RETURNING 1)
SELECT EXISTS (SELECT FROM claimed), EXISTS (SELECT FROM concluded), state FROM operations WHERE id = ANY($3) AND rollout_id = $1 AND account_id = $2`

// RecordOutcome commits the outcome of one operation and renews the claim. If the claim is lost, it
// does neither.
func (s *Store) RecordOutcome(ctx context.Context, c access.Claim, o access.Outcome, lease time.Duration) error {
	b := &pgx.Batch{}
	if o.LiveBefore != "" {
		b.Queue(insertDocuments, [][]byte{docKey(o.LiveBefore)}, []string{storable(o.LiveBefore)})
	}
	var claimed, concluded bool
	var was access.OperationState
	b.Queue(recordOutcome, append(outcomeRows(c, o), lease, c.Number)...).QueryRow(func(row pgx.Row) error {
		return row.Scan(&claimed, &concluded, &was)
	})
	if err := s.pool.SendBatch(ctx, b).Close(); err != nil {
		return translate(fmt.Errorf("recording the outcome of operation %d: %w", o.OperationID, err))
	}
	if !claimed {
		return access.ErrClaimLost
	}
	return endedOnce(o, concluded, was)
}

// endedOnce refuses an outcome of an operation that had another already.
func endedOnce(o access.Outcome, concluded bool, was access.OperationState) error {
	if !concluded && was != o.State {
		return access.Errorf(access.KindConflict, "operation %d has ended as %s already, and cannot end as %s", o.OperationID, was, o.State)
	}
	return nil
}
