package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// reportedFor is how long a report of a replica counts. Replicas report every few seconds.
const reportedFor = 15 * time.Second

// A silence that goes on while another replica claims the target keeps its begin.
const reportSilence = `
INSERT INTO silent_targets (rollout_id, account_id, asked, replica, cause, since, seen_at)
SELECT s.rollout, s.account, s.asked, $1, s.cause, clock_timestamp() - s.lasts, clock_timestamp()
FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::interval[])
	AS s (rollout, account, asked, cause, lasts)
ORDER BY s.rollout, s.account
ON CONFLICT (rollout_id, account_id) DO UPDATE SET asked = excluded.asked, replica = excluded.replica,
	cause = excluded.cause, seen_at = excluded.seen_at,
	since = CASE WHEN silent_targets.seen_at > clock_timestamp() - $7::interval
		THEN least(silent_targets.since, excluded.since) ELSE excluded.since END`

const removeSilence = `
DELETE FROM silent_targets s USING unnest($2::bigint[], $3::text[]) AS o (rollout, account)
WHERE s.rollout_id = o.rollout AND s.account_id = o.account AND s.replica = $1`

// ReportSilences records the targets whose calls AWS does not answer, as a replica has seen it just now, and removes
// the replica's records of those that are silent no more.
func (s *Store) ReportSilences(
	ctx context.Context, replica string, silent []access.TargetSilence, over []access.TargetRef,
) error {
	var changed, rollouts, ended []int64
	var accounts, asked, causes, endedAccounts []string
	var lasts []time.Duration
	for _, t := range silent {
		rollouts, accounts = append(rollouts, t.Rollout), append(accounts, string(t.Account))
		asked, causes = append(asked, string(t.Asked)), append(causes, storable(t.Cause))
		lasts = append(lasts, max(time.Since(t.Since), 0))
		changed = append(changed, t.Rollout)
	}
	for _, t := range over {
		ended, endedAccounts = append(ended, t.Rollout), append(endedAccounts, string(t.Account))
		changed = append(changed, t.Rollout)
	}
	b := &pgx.Batch{}
	b.Queue(removeSilence, replica, ended, endedAccounts)
	b.Queue("DELETE FROM silent_targets WHERE seen_at < clock_timestamp() - 4 * $1::interval", reportedFor)
	b.Queue(reportSilence, replica, rollouts, accounts, asked, causes, lasts, reportedFor)
	b.Queue("SELECT pg_notify($1, id::text) FROM (SELECT DISTINCT unnest($2::bigint[]) AS id) r",
		rolloutChannel, changed)
	if err := s.pool.SendBatch(ctx, b).Close(); err != nil {
		return translate(fmt.Errorf("recording the targets whose calls AWS does not answer: %w", err))
	}
	return nil
}

// freshSilences are the reports that count, of targets that are still in flight. A query that uses it passes
// reportedFor as its first parameter.
const freshSilences = `silent_targets s JOIN targets t USING (rollout_id, account_id)
	WHERE t.state = 'running' AND s.seen_at > clock_timestamp() - $1::interval`

const unansweredColumns = `count(*), min(s.since), (array_agg(s.asked ORDER BY s.since))[1],
	(array_agg(s.cause ORDER BY s.since))[1], max(s.seen_at)`

func unansweredFields(u *access.Unanswered) []any {
	return []any{
		&u.Targets,
		timeOrZero{&u.Since},
		textOrEmpty{(*string)(&u.Asked)},
		textOrEmpty{&u.Cause},
		timeOrZero{&u.SeenAt},
	}
}

// textOrEmpty scans a nullable text.
type textOrEmpty struct{ s *string }

// Scan reads the value of the database.
func (z textOrEmpty) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		*z.s = ""
	case string:
		*z.s = v
	default:
		return fmt.Errorf("a text is a %T", value)
	}
	return nil
}

// unansweredOf fills in which rollouts have targets whose calls AWS does not answer.
func (s *Store) unansweredOf(ctx context.Context, rollouts ...*access.Rollout) error {
	byID := map[int64]*access.Rollout{}
	var ids []int64
	for _, r := range rollouts {
		if r.Counts.Running > 0 {
			byID[r.ID], ids = r, append(ids, r.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	query := "SELECT s.rollout_id, " + unansweredColumns + " FROM " + freshSilences +
		" AND s.rollout_id = ANY($2) GROUP BY s.rollout_id"
	err := eachRow(ctx, s.pool, query, []any{reportedFor, ids}, func(row pgx.Rows) error {
		var id int64
		var u access.Unanswered
		if err := row.Scan(append([]any{&id}, unansweredFields(&u)...)...); err != nil {
			return err
		}
		byID[id].Unanswered = u
		return nil
	})
	if err != nil {
		return translate(fmt.Errorf("reading which targets AWS does not answer: %w", err))
	}
	return nil
}

// unansweredTargets fills in which targets of a rollout have calls that AWS does not answer.
func (s *Store) unansweredTargets(ctx context.Context, rollout int64, targets []access.Target) error {
	byAccount := map[string]*access.Target{}
	var accounts []string
	for i := range targets {
		if t := &targets[i]; t.State == access.TargetRunning {
			byAccount[string(t.Account)], accounts = t, append(accounts, string(t.Account))
		}
	}
	if len(accounts) == 0 {
		return nil
	}
	query := "SELECT s.account_id, 1, s.since, s.asked, s.cause, s.seen_at FROM " + freshSilences +
		" AND s.rollout_id = $2 AND s.account_id = ANY($3)"
	err := eachRow(ctx, s.pool, query, []any{reportedFor, rollout, accounts}, func(row pgx.Rows) error {
		var account string
		var u access.Unanswered
		if err := row.Scan(append([]any{&account}, unansweredFields(&u)...)...); err != nil {
			return err
		}
		byAccount[account].Unanswered = u
		return nil
	})
	if err != nil {
		return translate(fmt.Errorf("reading which targets of rollout %d AWS does not answer: %w", rollout, err))
	}
	return nil
}

// loadUnanswered sums up the targets of all rollouts whose calls AWS does not answer.
func loadUnanswered(ctx context.Context, q querier) (access.Unanswered, error) {
	var u access.Unanswered
	row := q.QueryRow(ctx, "SELECT "+unansweredColumns+" FROM "+freshSilences, reportedFor)
	err := row.Scan(unansweredFields(&u)...)
	return u, err
}
