package store

import (
	"context"
	"errors"
	"fmt"

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

// unreviewedAct finds an act alone of a person that no other person has reviewed yet. Changes that were applied in the
// mode single administrator do not count, because no other person exists then. An act is a change that is flagged, or a
// rollback whose change does not exist yet. except is a rollout that does not count.
func (tx *txn) unreviewedAct(ctx context.Context, person, except int64) (*access.UnreviewedAct, error) {
	var a access.UnreviewedAct
	var editors []byte
	var author int64
	err := tx.QueryRow(ctx, `SELECT id, title, author_id, editors FROM changes
		WHERE break_glass_by = $1 AND break_glass_at IS NOT NULL AND break_glass_reviewed IS NULL
			AND NOT break_glass_single ORDER BY id LIMIT 1`, person).
		Scan(&a.Change, &a.Title, &author, &editors)
	switch {
	case err == nil:
		return &a, tx.loadReviewers(ctx, &a, person, author, editors)
	case !errors.Is(err, pgx.ErrNoRows):
		return nil, fmt.Errorf("looking for acts alone without a review: %w", err)
	}
	err = tx.QueryRow(ctx, `SELECT id FROM rollouts
		WHERE state = 'rolling_back' AND undoer_id = $1 AND rolled_back_by IS NULL AND id <> $2 ORDER BY id LIMIT 1`,
		person, except).Scan(&a.Rollout)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil //nolint:nilnil // the person has no such act
	case err != nil:
		return nil, fmt.Errorf("looking for rollbacks without a change: %w", err)
	}
	return &a, nil
}

// loadReviewers names a few people who may review a change that a person put into effect alone.
func (tx *txn) loadReviewers(ctx context.Context, a *access.UnreviewedAct, person, author int64, editors []byte) error {
	names, err := collect(ctx, tx, pgx.RowTo[string], `SELECT p.name FROM people p
		JOIN person_roles r ON r.person_id = p.id AND r.role = $1
		WHERE NOT p.disabled AND p.id NOT IN ($2, $3)
			AND NOT EXISTS (SELECT 1 FROM jsonb_array_elements($4::jsonb) e WHERE (e ->> 'id')::bigint = p.id)
		ORDER BY p.name, p.id LIMIT 3`, string(access.RoleApprover), person, author, string(editors))
	if err != nil {
		return fmt.Errorf("looking for people who may review change %d: %w", a.Change, err)
	}
	a.Reviewers = names
	return nil
}
