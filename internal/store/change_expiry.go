package store

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"portcullis.internal/portcullis/internal/access"
)

// putTime and takeTime carry over what a change has to do with time.
func (r *changeRow) putTime(c access.Change) {
	r.SetBy = []int64{}
	if e := c.Expiry; e != nil {
		r.ExpiresAt, r.SetBy = e.At, orEmpty(e.SetBy)
	}
	if s := c.Schedule; s != nil {
		r.ScheduleAt, r.ScheduleUntil, r.ScheduleDigest, r.ScheduleOutcome = s.At, s.Until, s.Digest, s.Outcome
		r.ScheduleBy, r.ScheduleName, r.ScheduleEmail, r.ScheduleStrategy = s.By.ID, s.By.Name, s.By.Email, s.Strategy
	}
}

func (r *changeRow) takeTime(c *access.Change) {
	if !r.ExpiresAt.IsZero() {
		c.Expiry = &access.Expiry{At: r.ExpiresAt, SetBy: r.SetBy}
	}
	if !r.ScheduleAt.IsZero() {
		c.Schedule = &access.Schedule{
			At: r.ScheduleAt, Until: r.ScheduleUntil, Digest: r.ScheduleDigest, Outcome: r.ScheduleOutcome, Strategy: r.ScheduleStrategy,
			By: access.PersonRef{ID: r.ScheduleBy, Name: r.ScheduleName, Email: r.ScheduleEmail},
		}
	}
}

// expiringEntries finds the change that first gave an entry the expiry that it has: a
// later change that altered its note only did not set it.
const expiringEntries = `
SELECT e.allowlist_id, a.name, coalesce(c.id, 0), coalesce(c.title, ''), coalesce(c.author_id, 0), coalesce(c.author_name, ''), coalesce(c.author_email, ''),
       coalesce(x.id, 0), ` + entryColumns + `
FROM entries e
JOIN allowlists a ON a.id = e.allowlist_id AND a.removed_in IS NULL
CROSS JOIN LATERAL (
    SELECT min(o.added_in) revision FROM entries o
    WHERE o.allowlist_id = e.allowlist_id AND o.prefix IS NOT DISTINCT FROM e.prefix AND o.endpoint IS NOT DISTINCT FROM e.endpoint AND o.expires = e.expires
      AND o.added_in > coalesce((
        SELECT max(p.added_in) FROM entries p
        WHERE p.allowlist_id = e.allowlist_id AND p.prefix IS NOT DISTINCT FROM e.prefix AND p.endpoint IS NOT DISTINCT FROM e.endpoint
          AND p.expires IS DISTINCT FROM e.expires), 0)) s
LEFT JOIN revisions r ON r.number = s.revision
LEFT JOIN changes c ON c.id = r.change_id
LEFT JOIN changes x ON x.state = 'expiring' AND x.expires_at = e.expires
WHERE e.removed_in IS NULL AND e.expires IS NOT NULL AND e.expires <= $1
ORDER BY e.expires, e.allowlist_id, ` + entryOrder

// Expiring lists the entries at the head that expire until a time, or have expired, the
// soonest first; all of them where limit is 0.
func (s *Store) Expiring(ctx context.Context, until time.Time, limit int) ([]access.Expiring, error) {
	query, args := expiringEntries, []any{until}
	if limit > 0 {
		query, args = query+" LIMIT $2", append(args, limit)
	}
	found, err := collect(ctx, s.pool, func(row pgx.CollectableRow) (access.Expiring, error) {
		var x access.Expiring
		var err error
		by := &x.SetBy
		x.Entry, err = scanEntry(row, &x.AllowlistID, &x.Allowlist, &by.ID, &by.Title, &by.Author.ID, &by.Author.Name, &by.Author.Email, &x.ChangeID)
		return x, err
	}, query, args...)
	if err != nil {
		return nil, translate(fmt.Errorf("looking for entries that expire: %w", err))
	}
	return found, nil
}

// Expiries are the changes that the console has composed and that wait for their time,
// the soonest first.
func (s *Store) Expiries(ctx context.Context) ([]access.Change, error) {
	return changesWhere(s.read(ctx).Where("state = ?", access.ChangeExpiring).Order("expires_at"))
}

// Scheduled are the changes with a schedule that has neither been kept nor reported,
// whose time has come.
func (s *Store) Scheduled(ctx context.Context, until time.Time) ([]access.Change, error) {
	return changesWhere(s.read(ctx).Where("schedule_at <= ? AND schedule_outcome = '' AND state <> 'applied'", until).Order("schedule_at, id"))
}

// Missed are the changes whose schedule was not kept and that are still to be applied.
func (s *Store) Missed(ctx context.Context, limit int) ([]access.Change, error) {
	return changesWhere(s.read(ctx).Where("schedule_outcome <> '' AND state NOT IN ('applied', 'rejected', 'withdrawn')").Order("schedule_at DESC").Limit(limit))
}

// changesWhere reads changes without their reviews, which nobody who asks needs.
func changesWhere(list *gorm.DB) ([]access.Change, error) {
	var rows []changeRow
	if err := list.Find(&rows).Error; err != nil {
		return nil, translate(fmt.Errorf("looking for changes by time: %w", err))
	}
	found := make([]access.Change, len(rows))
	for i, r := range rows {
		found[i] = r.change(nil)
	}
	return found, nil
}
