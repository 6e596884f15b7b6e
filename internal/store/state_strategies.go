package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// loadStrategies reads the strategies live at a revision, and the id of the default.
func loadStrategies(ctx context.Context, q querier, state *access.State) error {
	var found []access.Strategy
	err := eachRow(
		ctx,
		q,
		"SELECT s.id, s.body FROM strategies s WHERE "+liveAt("s"),
		[]any{state.Revision},
		func(row pgx.Rows) error {
			var id string
			var one access.Strategy
			if err := row.Scan(&id, &one); err != nil {
				return err
			}
			one.ID = id
			found = append(found, one)
			return nil
		},
	)
	if err != nil {
		return err
	}
	access.SortStrategies(found)
	state.Strategies = found
	return eachRow(
		ctx,
		q,
		"SELECT d.strategy_id FROM default_strategy d WHERE "+liveAt("d"),
		[]any{state.Revision},
		func(row pgx.Rows) error {
			return row.Scan(&state.DefaultStrategy)
		},
	)
}

// writeStrategies first ends the rows of strategies that are removed or edited, then adds rows for those that are new
// or edited. So a name is free before another strategy takes it.
func (tx *txn) writeStrategies(ctx context.Context, before, after access.State) error {
	edits := access.EditsBetween(strategiesOnly(before), strategiesOnly(after))
	n := after.Revision
	for _, e := range edits {
		if e.Op != access.EditUpdateStrategy && e.Op != access.EditRemoveStrategy {
			continue
		}
		tag, err := tx.Exec(ctx, "UPDATE strategies SET removed_in = $1 WHERE removed_in IS NULL AND id = $2", n, e.ID)
		if err != nil {
			return err
		}
		if err := checkAffected(tag, 1, "removing a strategy"); err != nil {
			return err
		}
	}
	for _, e := range edits {
		if e.Strategy == nil {
			continue
		}
		body, err := json.Marshal(e.Strategy)
		if err != nil {
			return fmt.Errorf("encoding strategy %s: %w", e.ID, err)
		}
		if _, err := tx.Exec(
			ctx,
			"INSERT INTO strategies (id, body, added_in) VALUES ($1, $2, $3)",
			e.ID,
			string(body),
			n,
		); err != nil {
			return err
		}
	}
	if before.DefaultStrategy == after.DefaultStrategy {
		return nil
	}
	return tx.writeDefaultStrategy(ctx, after)
}

// strategiesOnly is a state with the strategies alone: other functions write the rest.
func strategiesOnly(s access.State) access.State {
	return access.State{Strategies: s.Strategies, DefaultStrategy: s.DefaultStrategy}
}

func (tx *txn) writeDefaultStrategy(ctx context.Context, after access.State) error {
	if _, err := tx.Exec(
		ctx,
		"UPDATE default_strategy SET removed_in = $1 WHERE removed_in IS NULL",
		after.Revision,
	); err != nil {
		return err
	}
	if after.DefaultStrategy == "" {
		return nil
	}
	_, err := tx.Exec(
		ctx,
		"INSERT INTO default_strategy (strategy_id, added_in) VALUES ($1, $2)",
		after.DefaultStrategy,
		after.Revision,
	)
	return err
}

// StrategyHistory lists what became of a strategy, by revision, the newest first. The last Strategy of one that was
// removed is nil.
func (s *Store) StrategyHistory(
	ctx context.Context,
	id string,
	q access.PageQuery,
) (access.Page[access.StrategyRevision], error) {
	var none access.Page[access.StrategyRevision]
	before, more, err := decodeIDCursor(q.Cursor)
	if err != nil {
		return none, err
	}
	w := &conditions{}
	from := "(SELECT added_in AS number, body FROM strategies WHERE id = " + w.arg(id) + `
		UNION ALL SELECT removed_in, NULL FROM strategies gone WHERE id = ` + w.arg(id) + ` AND removed_in IS NOT NULL
			AND NOT EXISTS (SELECT FROM strategies next WHERE next.id = gone.id AND next.added_in = gone.removed_in)) h
		JOIN revisions r ON r.number = h.number JOIN changes c ON c.id = r.change_id`
	total, err := s.count(ctx, from, w)
	if err != nil {
		return none, err
	}
	if total == 0 {
		return none, access.Errorf(access.KindNotFound, "There is no strategy %q.", id)
	}
	if more {
		w.and("h.number < ?", before)
	}
	sql := "SELECT " + revisionColumns + ", h.body FROM " + from + w.sql() + " ORDER BY h.number DESC" + w.limit(
		q.Size()+1,
	)
	found, err := collect(ctx, s.pool, scanStrategyRevision, sql, w.args...)
	if err != nil {
		return none, translate(fmt.Errorf("reading the history of strategy %s: %w", id, err))
	}
	return cut(
		found,
		q.Size(),
		total,
		func(r access.StrategyRevision) string { return encodeIDCursor(r.Revision.Number) },
	), nil
}

func scanStrategyRevision(row pgx.CollectableRow) (access.StrategyRevision, error) {
	var body []byte
	r, err := scanRevisionAnd(row, &body)
	out := access.StrategyRevision{Revision: r}
	if err != nil || body == nil {
		return out, err
	}
	out.Strategy = &access.Strategy{}
	return out, json.Unmarshal(body, out.Strategy)
}

// refuseScheduled refuses a change that removes a strategy which another change is scheduled with.
func (tx *txn) refuseScheduled(ctx context.Context, c access.Change) error {
	found, err := scheduledWith(ctx, tx, c.Edits)
	if err != nil {
		return err
	}
	return access.StillScheduled(found)
}

// ScheduledWith lists the changes that wait for their time and name a strategy that the edits remove.
func (s *Store) ScheduledWith(ctx context.Context, edits []access.Edit) ([]access.ChangeRef, error) {
	found, err := scheduledWith(ctx, s.pool, edits)
	return found, translate(err)
}

func scheduledWith(ctx context.Context, q querier, edits []access.Edit) ([]access.ChangeRef, error) {
	var removed []string
	for _, e := range edits {
		if e.Op == access.EditRemoveStrategy {
			removed = append(removed, e.ID)
		}
	}
	if len(removed) == 0 {
		return nil, nil
	}
	found, err := collect(ctx, q, func(row pgx.CollectableRow) (access.ChangeRef, error) {
		var c access.ChangeRef
		return c, row.Scan(&c.ID, &c.Title)
	}, `SELECT id, title FROM changes WHERE state = 'approved' AND schedule_at IS NOT NULL AND schedule_outcome = ''
		AND schedule_digest = digest AND schedule_strategy = ANY($1) ORDER BY id LIMIT 10`, removed)
	if err != nil {
		return nil, fmt.Errorf("looking for changes that are scheduled with a strategy: %w", err)
	}
	return found, nil
}
