package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

const rolloutColumns = `id, kind, change_id, title, revision, strategy_name, state, pace, max_failures, waiting, running, succeeded, unchanged, failed, conflict, skipped,
	starter_id, starter_name, starter_email, note, created_at, started_at, ended_at,
	wave, waves, phase, until, later, blocked_by_rollout, blocked_by_targets, wave_max_in_flight, wave_bad, ignored_failures, wave_ignored_failures, checks_left, checks_bad,
	confirmer_id, confirmer_name, confirmer_email, confirmed_at, rolls_back, rolled_back_by, stopped_since, skips_queue, undoer_id, undoer_name, undoer_email,
	window_override_wave, window_override_by, window_override_reason, open_unverified, left_behind, revokes`

// scanRollout reads rolloutColumns.
func scanRollout(row pgx.Row) (access.Rollout, error) {
	var r access.Rollout
	c := &r.Counts
	err := row.Scan(&r.ID, &r.Kind, idOrZero{&r.ChangeID}, &r.Title, &r.Revision, &r.Strategy, &r.State, &r.MaxInFlight, &r.MaxFailures,
		&c.Waiting, &c.Running, &c.Succeeded, &c.Unchanged, &c.Failed, &c.Conflict, &c.Skipped,
		&r.StartedBy.ID, &r.StartedBy.Name, &r.StartedBy.Email, &r.Note, &r.CreatedAt, timeOrZero{&r.StartedAt}, timeOrZero{&r.EndedAt},
		&r.Wave, &r.Waves, &r.Phase, timeOrZero{&r.Until}, &r.Later, idOrZero{&r.BlockedBy.Rollout}, &r.BlockedBy.Targets, &r.WaveMaxInFlight, &r.WaveBad, &r.IgnoredFailures, &r.WaveIgnoredFailures, &r.ChecksLeft, &r.ChecksBad,
		idOrZero{&r.ConfirmedBy.ID}, &r.ConfirmedBy.Name, &r.ConfirmedBy.Email, timeOrZero{&r.ConfirmedAt}, idOrZero{&r.RollsBack}, idOrZero{&r.RolledBackBy}, timeOrZero{&r.StoppedSince}, &r.SkipsQueue, idOrZero{&r.UndoneBy.ID}, &r.UndoneBy.Name, &r.UndoneBy.Email,
		&r.WindowOverride.Wave, &r.WindowOverride.By, &r.WindowOverride.Reason, &r.OpenUnverified, &r.LeftBehind, &r.Revokes)
	return r, err
}

func scanRolloutRow(row pgx.CollectableRow) (access.Rollout, error) { return scanRollout(row) }

// Rollout returns one rollout.
func (s *Store) Rollout(ctx context.Context, id int64) (access.Rollout, error) {
	r, err := scanRollout(s.pool.QueryRow(ctx, "SELECT "+rolloutColumns+" FROM rollouts WHERE id = $1", id))
	if err != nil {
		return access.Rollout{}, missing(err, noRollout, id)
	}
	return r, s.unansweredOf(ctx, &r)
}

// Rollouts lists rollouts, the newest first.
func (s *Store) Rollouts(ctx context.Context, q access.RolloutQuery) (access.Page[access.Rollout], error) {
	var none access.Page[access.Rollout]
	before, more, err := decodeIDCursor(q.Cursor)
	if err != nil {
		return none, err
	}
	w := &conditions{}
	if len(q.States) > 0 {
		w.and("state = ANY(?)", texts(q.States))
	}
	if q.ChangeID != 0 {
		w.and("change_id = ?", q.ChangeID)
	}
	if q.Search != "" {
		w.and("(title ILIKE ? OR starter_name ILIKE ?)", containing(q.Search), containing(q.Search))
	}
	total, err := s.count(ctx, "rollouts", w)
	if err != nil {
		return none, err
	}
	if more {
		w.and("id < ?", before)
	}
	found, err := collect(ctx, s.pool, scanRolloutRow, "SELECT "+rolloutColumns+" FROM rollouts"+w.sql()+" ORDER BY id DESC"+w.limit(q.Size()+1), w.args...)
	if err != nil {
		return none, translate(fmt.Errorf("listing the rollouts: %w", err))
	}
	listed := make([]*access.Rollout, len(found))
	for i := range found {
		listed[i] = &found[i]
	}
	if err := s.unansweredOf(ctx, listed...); err != nil {
		return none, err
	}
	return cut(found, q.Size(), total, func(r access.Rollout) string { return encodeIDCursor(r.ID) }), nil
}

const targetColumns = `t.rollout_id, t.account_id, t.account_name, t.ou, t.position, t.wave, t.pass, t.state, t.claim, t.message, t.class, t.code, t.cause, t.advice,
	t.calls, t.attempts, t.throttles, t.writes, t.started_at, t.ended_at`

func scanTarget(row pgx.CollectableRow) (access.Target, error) {
	var t access.Target
	return t, row.Scan(targetFields(&t)...)
}

func targetFields(t *access.Target) []any {
	return []any{
		&t.RolloutID, &t.Account, &t.AccountName, &t.OU, &t.Position, &t.Wave, &t.Pass, &t.State, &t.Claim, &t.Message, &t.Class, &t.Code, &t.Cause, &t.Advice,
		&t.Calls.Calls, &t.Calls.Attempts, &t.Calls.Throttles, &t.Calls.Writes,
		timeOrZero{&t.StartedAt},
		timeOrZero{&t.EndedAt},
	}
}

// timeOrZero scans a nullable time.
type timeOrZero struct{ t *time.Time }

// Scan reads the value of the database.
func (z timeOrZero) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		*z.t = time.Time{}
	case time.Time:
		*z.t = v.UTC()
	default:
		return fmt.Errorf("a time is a %T", value)
	}
	return nil
}

// idOrZero scans a nullable reference.
type idOrZero struct{ id *int64 }

// Scan reads the value of the database.
func (z idOrZero) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		*z.id = 0
	case int64:
		*z.id = v
	default:
		return fmt.Errorf("a reference is a %T", value)
	}
	return nil
}

// Targets lists the targets of a rollout in their order.
func (s *Store) Targets(ctx context.Context, rollout int64, q access.TargetQuery) (access.Page[access.Target], error) {
	var none access.Page[access.Target]
	after, more, err := decodeIDCursor(q.Cursor)
	if err != nil {
		return none, err
	}
	if _, err := s.Rollout(ctx, rollout); err != nil {
		return none, err
	}
	w := &conditions{}
	w.and("t.rollout_id = ?", rollout)
	if len(q.States) > 0 {
		w.and("t.state = ANY(?)", texts(q.States))
	}
	if q.Wave > 0 {
		w.and("t.wave = ?", q.Wave)
	}
	if q.Class != "" {
		w.and("t.class = ?", string(q.Class))
	}
	if q.Cause != "" {
		w.and("t.cause = ?", q.Cause)
	}
	if q.Search != "" {
		p := containing(q.Search)
		w.and("(t.account_name ILIKE ? OR t.account_id LIKE ? OR t.ou ILIKE ? OR t.message ILIKE ?)", p, p, p, p)
	}
	total, err := s.count(ctx, "targets t", w)
	if err != nil {
		return none, err
	}
	if more {
		w.and("t.position > ?", after)
	}
	found, err := collect(ctx, s.pool, scanTarget, "SELECT "+targetColumns+" FROM targets t"+w.sql()+" ORDER BY t.position"+w.limit(q.Size()+1), w.args...)
	if err != nil {
		return none, translate(fmt.Errorf("listing the targets of rollout %d: %w", rollout, err))
	}
	if err := s.unansweredTargets(ctx, rollout, found); err != nil {
		return none, err
	}
	return cut(found, q.Size(), total, func(t access.Target) string { return encodeCursor(strconv.Itoa(t.Position)) }), nil
}

func texts[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// Target returns one target of a rollout.
func (s *Store) Target(ctx context.Context, rollout int64, account access.AccountID) (access.Target, error) {
	var t access.Target
	err := s.pool.QueryRow(ctx, "SELECT "+targetColumns+" FROM targets t WHERE t.rollout_id = $1 AND t.account_id = $2", rollout, string(account)).Scan(targetFields(&t)...)
	if err != nil {
		return access.Target{}, missing(err, "Rollout %d has no target %s.", rollout, account)
	}
	one := []access.Target{t}
	err = s.unansweredTargets(ctx, rollout, one)
	return one[0], err
}

// operationQuery reads the operations of a target with their documents. Each document is
// a query of its own: as joins, all of them would be weighed against each other anew with
// each claim, which costs more than to read them.
var operationQuery = `
SELECT o.id, o.rollout_id, o.account_id, o.seq, o.kind, o.resource_kind, o.resource_path, o.resource_name, o.before_known, o.size, o.size_limit, o.note,
       o.state, o.message, o.intended_at, o.ended_at,
       ` + bodies("before_doc", "after_doc", "ours_before", "ours_after", "requires", "live_before", "written", "replaces", "found_doc") + `,
       coalesce(o.resolution, ''), ` + bodies("resolved_doc") + `, coalesce(o.resolver_id, 0), coalesce(o.resolver_name, ''), o.resolved_at
FROM operations o
WHERE o.rollout_id = $1 AND o.account_id = $2 ORDER BY o.seq`

// bodies are the documents that columns of operations name; "" for none.
func bodies(columns ...string) string {
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = "coalesce((SELECT d.body FROM documents d WHERE d.sha256 = o." + c + "), '')"
	}
	return strings.Join(parts, ", ")
}

func scanOperation(row pgx.CollectableRow) (access.Operation, error) {
	var o access.Operation
	return o, row.Scan(&o.ID, &o.RolloutID, &o.Account, &o.Seq, &o.Kind, &o.Resource.Kind, &o.Resource.Path, &o.Resource.Name, &o.BeforeKnown, &o.Size, &o.Limit, &o.Note,
		&o.State, &o.Message, timeOrZero{&o.IntendedAt}, timeOrZero{&o.EndedAt},
		&o.Before, &o.After, &o.OursBefore, &o.OursAfter, &o.Requires, &o.LiveBefore, &o.Written, &o.Replaces, &o.Found,
		&o.Resolution.Choice, &o.Resolution.Seen, &o.Resolution.By.ID, &o.Resolution.By.Name, timeOrZero{&o.Resolution.At})
}

// Operations returns a target's operations in the order of writing, with all documents.
func (s *Store) Operations(ctx context.Context, rollout int64, account access.AccountID) ([]access.Operation, error) {
	if _, err := s.Target(ctx, rollout, account); err != nil {
		return nil, err
	}
	found, err := collect(ctx, s.pool, scanOperation, operationQuery, rollout, string(account))
	if err != nil {
		return nil, translate(fmt.Errorf("reading the operations of rollout %d in account %s: %w", rollout, account, err))
	}
	return found, nil
}
