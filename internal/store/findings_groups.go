package store

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// groupKey is the same for findings that say the same, but for the account.
const groupKey = `md5(f.kind || f.reason || replace(replace(f.sentence, ' (' || a.name || ')', ''), f.account_id, '…'))`

// FindingGroups lists what findings say, each thing once, the one that was found last
// first.
func (s *Store) FindingGroups(ctx context.Context, q access.FindingQuery) (access.Page[access.FindingGroup], error) {
	var none access.Page[access.FindingGroup]
	before, more, err := decodeIDCursor(q.Cursor)
	if err != nil {
		return none, err
	}
	w := findingConditions(q)
	having := ""
	if more {
		having = " HAVING max(f.id) < " + w.arg(before)
	}
	groups, err := collect(ctx, s.pool, func(row pgx.CollectableRow) (access.FindingGroup, error) {
		var g access.FindingGroup
		return g, row.Scan(&g.Group, &g.Newest.ID, &g.Findings, &g.Accounts, &g.FirstSeen, &g.LastSeen)
	}, "SELECT "+groupKey+", max(f.id), count(*), count(DISTINCT f.account_id), min(f.first_seen), max(f.last_seen) FROM findings f JOIN accounts a ON a.id = f.account_id"+
		w.sql()+" GROUP BY 1"+having+" ORDER BY 2 DESC"+w.limit(q.Size()+1), w.args...)
	if err != nil {
		return none, translate(fmt.Errorf("grouping the findings: %w", err))
	}
	page := cut(groups, q.Size(), -1, func(g access.FindingGroup) string { return encodeIDCursor(g.Newest.ID) })
	return page, s.fillNewest(ctx, page.Items)
}

func (s *Store) fillNewest(ctx context.Context, groups []access.FindingGroup) error {
	ids := make([]int64, len(groups))
	for i, g := range groups {
		ids[i] = g.Newest.ID
	}
	found, err := collect(ctx, s.pool, scanFinding, selectFindings+" WHERE f.id = ANY($1)", ids)
	if err != nil {
		return translate(fmt.Errorf("reading the newest findings of groups: %w", err))
	}
	for _, f := range found {
		groups[slices.Index(ids, f.ID)].Newest = f
	}
	return nil
}

// SelectFindings says how many findings match a query, and what they are like.
func (s *Store) SelectFindings(ctx context.Context, q access.FindingQuery) (access.FindingSelection, error) {
	var out access.FindingSelection
	w := findingConditions(q)
	err := s.pool.QueryRow(ctx, "SELECT count(*), coalesce(encode(sha256(convert_to(string_agg(f.id || ':' || f.digest || ',', '' ORDER BY f.id), 'UTF8')), 'hex'), '') FROM findings f JOIN accounts a ON a.id = f.account_id"+w.sql(), w.args...).Scan(&out.Count, &out.Fingerprint)
	if err != nil {
		return out, translate(fmt.Errorf("selecting findings: %w", err))
	}
	if out.Count > access.MaxFindingsTogether {
		out.Fingerprint = ""
	}
	return out, nil
}

// UpdateFindings locks the findings of a choice, in the order of their ids, lets decide
// judge and alter their acknowledgements, and saves these.
func (s *Store) UpdateFindings(ctx context.Context, choice access.FindingChoice, decide func([]access.Finding) ([]access.AuditEvent, error)) (int, error) {
	var found []access.Finding
	err := s.inTx(ctx, func(tx *txn) error {
		w := findingConditions(choice.Query)
		if choice.Digests != nil {
			w = &conditions{}
			w.and("f.id = ANY(?)", slices.Collect(maps.Keys(choice.Digests)))
		}
		var err error
		if found, err = collect(ctx, tx, scanFinding, selectFindings+w.sql()+" ORDER BY f.id"+w.limit(access.MaxFindingsTogether+1)+" FOR UPDATE OF f", w.args...); err != nil {
			return fmt.Errorf("reading the selected findings: %w", err)
		}
		events, err := decide(found)
		if err != nil {
			return err
		}
		tx.note(events...)
		return tx.saveAcks(ctx, found)
	})
	return len(found), translate(err)
}
