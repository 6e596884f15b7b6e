package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// writeRevision makes the state the next revision: rows that it no longer holds are
// given the revision that removed them, rows that are new or differ are added.
func (tx *txn) writeRevision(ctx context.Context, before, after access.State, change int64, at time.Time) error {
	d := difference(before, after)
	n := after.Revision
	if _, err := tx.Exec(ctx, "INSERT INTO revisions (number, change_id, created_at) VALUES ($1, $2, $3)", n, change, at); err != nil {
		return fmt.Errorf("adding revision %d: %w", n, err)
	}
	steps := []func(context.Context, int64) error{
		func(ctx context.Context, n int64) error { return tx.removeRows(ctx, d, n) },
		func(ctx context.Context, n int64) error { return tx.addAllowlists(ctx, d.addedAllowlists, n) },
		func(ctx context.Context, n int64) error { return tx.addEntries(ctx, d.addedEntries, n) },
		func(ctx context.Context, n int64) error { return tx.addMappings(ctx, d.addedMappings, n) },
		func(ctx context.Context, _ int64) error { return tx.writeRules(ctx, before, after) },
		func(ctx context.Context, _ int64) error { return tx.writeStrategies(ctx, before, after) },
	}
	for _, step := range steps {
		if err := step(ctx, n); err != nil {
			return fmt.Errorf("writing revision %d: %w", n, err)
		}
	}
	if _, err := tx.Exec(ctx, "UPDATE head SET revision = $1", n); err != nil {
		return fmt.Errorf("moving the head to revision %d: %w", n, err)
	}
	return nil
}

func (tx *txn) removeRows(ctx context.Context, d delta, n int64) error {
	lists, prefixes := d.removedPrefixes()
	endLists, endpoints := d.removedEndpoints()
	for _, r := range []struct {
		sql  string
		args []any
		want int
	}{
		{"UPDATE allowlists SET removed_in = $1 WHERE removed_in IS NULL AND id = ANY($2)", []any{n, d.removedAllowlists}, len(d.removedAllowlists)},
		{"UPDATE mappings SET removed_in = $1 WHERE removed_in IS NULL AND id = ANY($2)", []any{n, d.removedMappings}, len(d.removedMappings)},
		{`UPDATE entries e SET removed_in = $1 FROM unnest($2::text[], $3::cidr[]) r (allowlist, prefix)
			WHERE e.removed_in IS NULL AND e.kind = 'cidr' AND e.allowlist_id = r.allowlist AND e.prefix = r.prefix`, []any{n, lists, prefixes}, len(prefixes)},
		{`UPDATE entries e SET removed_in = $1 FROM unnest($2::text[], $3::text[]) r (allowlist, endpoint)
			WHERE e.removed_in IS NULL AND e.kind <> 'cidr' AND e.allowlist_id = r.allowlist AND e.endpoint = r.endpoint`, []any{n, endLists, endpoints}, len(endpoints)},
	} {
		if r.want == 0 {
			continue
		}
		tag, err := tx.Exec(ctx, r.sql, r.args...)
		if err != nil {
			return err
		}
		if err := checkAffected(tag, int64(r.want), "removing rows"); err != nil {
			return err
		}
	}
	return nil
}

func (tx *txn) addAllowlists(ctx context.Context, lists []access.Allowlist, n int64) error {
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"allowlists"}, []string{"id", "name", "description", "added_in"},
		pgx.CopyFromSlice(len(lists), func(i int) ([]any, error) {
			return []any{lists[i].ID, lists[i].Name, lists[i].Description, n}, nil
		}))
	return err
}

func (tx *txn) addEntries(ctx context.Context, entries []listed, n int64) error {
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"entries"}, []string{"allowlist_id", "kind", "prefix", "endpoint", "note", "ticket", "expires", "emergency", "added_in"},
		pgx.CopyFromSlice(len(entries), func(i int) ([]any, error) {
			e := entries[i].entry
			var prefix *netip.Prefix
			var endpoint *string
			if e.Kind == access.EntryCIDR {
				prefix = &e.Prefix
			} else {
				endpoint = &e.Endpoint
			}
			return []any{entries[i].allowlist, string(e.Kind), prefix, endpoint, e.Note, e.Ticket, nullTime(e.Expires), e.Emergency, n}, nil
		}))
	return err
}

func (tx *txn) addMappings(ctx context.Context, added []identified, n int64) error {
	if len(added) == 0 {
		return nil
	}
	rowIDs, err := tx.addMappingRows(ctx, added, n)
	if err != nil {
		return err
	}
	var users, lists [][]any
	for _, m := range added {
		for i, u := range m.Users {
			users = append(users, []any{rowIDs[m.ID], i, string(u.Account), u.Path, u.Name})
		}
		for i, id := range m.allowlistIDs {
			lists = append(lists, []any{rowIDs[m.ID], i, id})
		}
	}
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"mapping_users"}, []string{"mapping_row", "position", "account", "path", "name"}, pgx.CopyFromRows(users)); err != nil {
		return err
	}
	_, err = tx.CopyFrom(ctx, pgx.Identifier{"mapping_allowlists"}, []string{"mapping_row", "position", "allowlist_id"}, pgx.CopyFromRows(lists))
	return err
}

// mappingChunk keeps one statement's arguments within reason.
const mappingChunk = 2000

func (tx *txn) addMappingRows(ctx context.Context, added []identified, n int64) (map[string]int64, error) {
	rowIDs := make(map[string]int64, len(added))
	for chunk := range slices.Chunk(added, mappingChunk) {
		b := &pgx.Batch{}
		for _, m := range chunk {
			selector, err := json.Marshal(m.Accounts)
			if err != nil {
				return nil, fmt.Errorf("encoding the accounts of mapping %s: %w", m.ID, err)
			}
			b.Queue(`INSERT INTO mappings (id, role_path, role_name, selector, enforcement, require_mfa, mfa_max_age, session_name, source_identity, added_in)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING row_id`,
				m.ID, m.Role.Path, m.Role.Name, string(selector), m.Enforcement, m.RequireMFA, int64(m.MFAMaxAge), m.SessionName, m.SourceIdentity, n,
			).QueryRow(func(row pgx.Row) error {
				var id int64
				err := row.Scan(&id)
				rowIDs[m.ID] = id
				return err
			})
		}
		if err := tx.batch(ctx, b); err != nil {
			return nil, err
		}
	}
	return rowIDs, nil
}

// delta is what differs between two states, in rows. A row that changed is among the
// removed and the added.
type delta struct {
	removedAllowlists []string
	addedAllowlists   []access.Allowlist
	removedEntries    []listed
	addedEntries      []listed
	removedMappings   []string
	addedMappings     []identified
}

// listed is an entry with its allowlist.
type listed struct {
	allowlist string
	entry     access.Entry
}

// identified is a mapping with its allowlists as ids.
type identified struct {
	access.Mapping
	allowlistIDs []string
}

func (d delta) removedPrefixes() (lists []string, prefixes []netip.Prefix) {
	for _, r := range d.removedEntries {
		if r.entry.Kind == access.EntryCIDR {
			lists, prefixes = append(lists, r.allowlist), append(prefixes, r.entry.Prefix)
		}
	}
	return lists, prefixes
}

func (d delta) removedEndpoints() (lists, endpoints []string) {
	for _, r := range d.removedEntries {
		if r.entry.Kind != access.EntryCIDR {
			lists, endpoints = append(lists, r.allowlist), append(endpoints, r.entry.Endpoint)
		}
	}
	return lists, endpoints
}

func difference(before, after access.State) delta {
	var d delta
	was := make(map[string]access.Allowlist, len(before.Allowlists))
	for _, a := range before.Allowlists {
		was[a.ID] = a
	}
	for _, a := range after.Allowlists {
		old, there := was[a.ID]
		delete(was, a.ID)
		if there && (old.Name != a.Name || old.Description != a.Description) {
			d.removedAllowlists = append(d.removedAllowlists, a.ID)
		}
		if !there || old.Name != a.Name || old.Description != a.Description {
			d.addedAllowlists = append(d.addedAllowlists, a)
		}
		d.compareEntries(a.ID, old.Entries, a.Entries)
	}
	for id, a := range was {
		d.removedAllowlists = append(d.removedAllowlists, id)
		d.compareEntries(id, a.Entries, nil)
	}
	d.compareMappings(before, after)
	return d
}

func (d *delta) compareEntries(allowlist string, before, after []access.Entry) {
	before, after = access.DifferingEntries(before, after)
	was := make(map[string]access.Entry, len(before))
	for _, e := range before {
		was[e.Key()] = e
	}
	for _, e := range after {
		old, there := was[e.Key()]
		delete(was, e.Key())
		if there && old.Equal(e) {
			continue
		}
		if there {
			d.removedEntries = append(d.removedEntries, listed{allowlist, old})
		}
		d.addedEntries = append(d.addedEntries, listed{allowlist, e})
	}
	for _, e := range was {
		d.removedEntries = append(d.removedEntries, listed{allowlist, e})
	}
}

func (d *delta) compareMappings(before, after access.State) {
	oldIDs, newIDs := allowlistIDs(before), allowlistIDs(after)
	theirs, ours := before.Mappings, after.Mappings
	if sameNames(oldIDs, newIDs) {
		theirs, ours = access.DifferingMappings(theirs, ours)
	}
	was := make(map[string]access.Mapping, len(theirs))
	for _, m := range theirs {
		was[m.ID] = m
	}
	for _, m := range ours {
		old, there := was[m.ID]
		delete(was, m.ID)
		now := identified{m, lookUp(newIDs, m.Allowlists)}
		if there && sameRow(identified{old, lookUp(oldIDs, old.Allowlists)}, now) {
			continue
		}
		if there {
			d.removedMappings = append(d.removedMappings, m.ID)
		}
		d.addedMappings = append(d.addedMappings, now)
	}
	for id := range was {
		d.removedMappings = append(d.removedMappings, id)
	}
}

// sameNames reports whether every name that both know is of the same allowlist: then a
// mapping that is not edited needs no new row.
func sameNames(was, is map[string]string) bool {
	for name, id := range is {
		if old, there := was[name]; there && old != id {
			return false
		}
	}
	return true
}

func allowlistIDs(s access.State) map[string]string {
	ids := make(map[string]string, len(s.Allowlists))
	for _, a := range s.Allowlists {
		ids[a.Name] = a.ID
	}
	return ids
}

func lookUp(ids map[string]string, names []string) []string {
	found := make([]string, len(names))
	for i, name := range names {
		found[i] = ids[name]
	}
	return found
}

// sameRow compares exactly, the order of users included: what is stored is what was
// approved.
func sameRow(a, b identified) bool {
	return a.Role == b.Role && a.Enforcement == b.Enforcement && a.RequireMFA == b.RequireMFA && a.MFAMaxAge == b.MFAMaxAge &&
		a.SessionName == b.SessionName && a.SourceIdentity == b.SourceIdentity &&
		slices.Equal(a.Users, b.Users) && slices.Equal(a.allowlistIDs, b.allowlistIDs) && sameSelector(a.Accounts, b.Accounts)
}

func sameSelector(a, b access.Selector) bool {
	return a.All == b.All && slices.Equal(a.IDs, b.IDs) && slices.Equal(a.OUs, b.OUs) && slices.Equal(a.Except, b.Except) && maps.Equal(a.Tags, b.Tags)
}
