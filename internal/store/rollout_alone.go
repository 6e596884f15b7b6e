package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// RollBack locks a rollout and lets decide roll it back, knowing what decides on whether the person may do so alone. It
// locks the head first: a person acts alone in one transaction at a time.
func (s *Store) RollBack(
	ctx context.Context, id int64, by access.PersonRef,
	decide func(*access.Rollout, *access.WaveProgress, access.RollbackFacts) ([]access.AuditEvent, error),
) (access.Rollout, error) {
	var o *opened
	err := s.inTx(ctx, func(tx *txn) error {
		var head int64
		if err := tx.QueryRow(ctx, "SELECT revision FROM head FOR UPDATE").Scan(&head); err != nil {
			return fmt.Errorf("locking the head: %w", err)
		}
		if err := tx.keepPeople(ctx); err != nil {
			return err
		}
		var err error
		if o, err = tx.open(ctx, id); err != nil {
			return err
		}
		facts, err := tx.rollbackFacts(ctx, id, head, by)
		if err != nil {
			return err
		}
		return tx.progress(ctx, o, func(r *access.Rollout, c *access.WaveProgress) ([]access.AuditEvent, error) {
			return decide(r, c, facts)
		})
	})
	if err != nil {
		return access.Rollout{}, err
	}
	return o.Rollout, nil
}

func (tx *txn) rollbackFacts(ctx context.Context, id, head int64, by access.PersonRef) (access.RollbackFacts, error) {
	var facts access.RollbackFacts
	settings, err := loadSettings(ctx, tx, head)
	if err != nil {
		return facts, fmt.Errorf("reading the settings: %w", err)
	}
	facts.Within = settings.MayRollBackWithin()
	if err := tx.QueryRow(ctx, writtenSince, id).Scan(&facts.WrittenBy); err != nil {
		return facts, fmt.Errorf("looking for later writes of the documents of rollout %d: %w", id, err)
	}
	facts.Unreviewed, err = tx.unreviewedAct(ctx, by.ID, id)
	return facts, err
}

// writtenSince finds the newest later rollout that has written, or may have written, a document of a rollout. Older
// rollouts do not count: they write to no account that a newer one has written to.
const writtenSince = `
SELECT coalesce(max(l.rollout_id), 0)
FROM rollouts r JOIN operations l ON l.rollout_id = r.id AND l.intended_at IS NOT NULL
	JOIN operations o ON o.rollout_id = $1 AND o.account_id = l.account_id AND o.resource_kind = l.resource_kind
		AND o.resource_path = l.resource_path AND o.resource_name = l.resource_name AND o.intended_at IS NOT NULL
WHERE r.id > $1`

// unreviewedAct finds an act alone that no other person has reviewed yet, of a person or an account that counts together
// with theirs. Changes that were applied in the mode single administrator do not count, because no other person exists
// then. An act is a change that is flagged, or a rollback whose change does not exist yet. except is a rollout that does
// not count.
func (tx *txn) unreviewedAct(ctx context.Context, person, except int64) (*access.UnreviewedAct, error) {
	groups, err := loadGroups(tx.orm)
	if err != nil {
		return nil, err
	}
	accounts := append([]int64{person}, groups.With(person)...)
	var a access.UnreviewedAct
	var by int64
	var writers []int64
	err = tx.QueryRow(ctx, `SELECT id, title, break_glass_by,
			ARRAY[author_id, break_glass_by] || ARRAY(SELECT (e ->> 'id')::bigint FROM jsonb_array_elements(editors) e)
		FROM changes
		WHERE break_glass_by = ANY($1) AND break_glass_at IS NOT NULL AND break_glass_reviewed IS NULL
			AND NOT break_glass_single ORDER BY id LIMIT 1`, accounts).
		Scan(&a.Change, &a.Title, &by, &writers)
	switch {
	case err == nil:
		a.Other = by != person
		return &a, tx.loadReviewers(ctx, &a, groups, writers)
	case !errors.Is(err, pgx.ErrNoRows):
		return nil, fmt.Errorf("looking for acts alone without a review: %w", err)
	}
	err = tx.QueryRow(ctx, `SELECT id, undoer_id FROM rollouts
		WHERE state = 'rolling_back' AND undoer_id = ANY($1) AND rolled_back_by IS NULL AND id <> $2 ORDER BY id LIMIT 1`,
		accounts, except).Scan(&a.Rollout, &by)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil //nolint:nilnil // the person has no such act
	case err != nil:
		return nil, fmt.Errorf("looking for rollbacks without a change: %w", err)
	}
	a.Other = by != person
	return &a, nil
}

// loadReviewers names a few people who may review a change that was put into effect alone: approvers of other groups than
// its writers.
func (tx *txn) loadReviewers(ctx context.Context, a *access.UnreviewedAct, groups access.Groups, writers []int64) error {
	var id int64
	var name string
	err := eachRow(ctx, tx, `SELECT p.id, p.name FROM people p
		JOIN person_roles r ON r.person_id = p.id AND r.role = $1
		WHERE NOT p.disabled ORDER BY p.name, p.id`, []any{string(access.RoleApprover)}, func(row pgx.Rows) error {
		if err := row.Scan(&id, &name); err != nil {
			return err
		}
		together := slices.ContainsFunc(writers, func(w int64) bool { return groups.Together(id, w) })
		if !together && len(a.Reviewers) < 3 {
			a.Reviewers = append(a.Reviewers, name)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("looking for people who may review change %d: %w", a.Change, err)
	}
	return nil
}
