package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// loadRules reads the review rules live at a revision.
func loadRules(ctx context.Context, q querier, revision int64) ([]access.ReviewRule, error) {
	var rules []access.ReviewRule
	err := eachRow(ctx, q, "SELECT r.id, r.body FROM review_rules r WHERE "+liveAt("r")+` ORDER BY r.body ->> 'name' COLLATE "C", r.id`, []any{revision}, func(row pgx.Rows) error {
		var id string
		var r access.ReviewRule
		if err := row.Scan(&id, &r); err != nil {
			return err
		}
		r.ID = id
		rules = append(rules, r)
		return nil
	})
	return rules, err
}

// loadSettings reads the settings live at a revision; the defaults where none were made.
func loadSettings(ctx context.Context, q querier, revision int64) (access.Settings, error) {
	var s access.Settings
	err := eachRow(ctx, q, "SELECT s.body FROM settings s WHERE "+liveAt("s"), []any{revision}, func(row pgx.Rows) error {
		return row.Scan(&s)
	})
	return s, err
}

// Settings are the settings at the head. They are the zero value before any were made.
func (s *Store) Settings(ctx context.Context) (access.Settings, error) {
	var settings access.Settings
	const query = "SELECT body FROM settings WHERE removed_in IS NULL"
	err := s.pool.QueryRow(ctx, query).Scan(&settings)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return settings, translate(fmt.Errorf("reading the settings: %w", err))
	}
	return settings, nil
}

// writeRules gives rules and settings that are gone the revision that removed them, and
// adds what is new or differs.
func (tx *txn) writeRules(ctx context.Context, before, after access.State) error {
	n := after.Revision
	for _, e := range access.EditsBetween(rulesOnly(before), rulesOnly(after)) {
		if e.Op != access.EditAddRule && e.Op != access.EditUpdateSettings {
			tag, err := tx.Exec(ctx, "UPDATE review_rules SET removed_in = $1 WHERE removed_in IS NULL AND id = $2", n, e.ID)
			if err != nil {
				return err
			}
			if err := checkAffected(tag, 1, "removing a review rule"); err != nil {
				return err
			}
		}
		if err := tx.addRule(ctx, e, n); err != nil {
			return err
		}
	}
	return nil
}

// rulesOnly leaves out of a state what is written elsewhere.
func rulesOnly(s access.State) access.State {
	return access.State{Rules: s.Rules, Settings: s.Settings}
}

func (tx *txn) addRule(ctx context.Context, e access.Edit, n int64) error {
	switch e.Op {
	case access.EditAddRule, access.EditUpdateRule:
		body, err := json.Marshal(e.Rule)
		if err != nil {
			return fmt.Errorf("encoding review rule %s: %w", e.ID, err)
		}
		_, err = tx.Exec(ctx, "INSERT INTO review_rules (id, body, added_in) VALUES ($1, $2, $3)", e.ID, string(body), n)
		return err
	case access.EditUpdateSettings:
		body, err := json.Marshal(e.Settings)
		if err != nil {
			return fmt.Errorf("encoding the settings: %w", err)
		}
		if _, err := tx.Exec(ctx, "UPDATE settings SET removed_in = $1 WHERE removed_in IS NULL", n); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "INSERT INTO settings (body, added_in) VALUES ($1, $2)", string(body), n)
		return err
	default:
		return nil
	}
}
