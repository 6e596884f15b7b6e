package store

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"portcullis.internal/portcullis/internal/access"
)

// Allowlists lists the allowlists at the head by name.
func (s *Store) Allowlists(ctx context.Context, q access.PageQuery) (access.Page[access.AllowlistRow], error) {
	var none access.Page[access.AllowlistRow]
	after, err := decodeCursor(q.Cursor, 1)
	if err != nil {
		return none, err
	}
	c, err := s.headCatalog(ctx)
	if err != nil {
		return none, err
	}
	found := c.rows
	if search := fold(strings.TrimSpace(q.Search)); search != "" {
		found = slices.DeleteFunc(slices.Clone(found), func(r access.AllowlistRow) bool {
			return !strings.Contains(fold(r.Name), search) && !strings.Contains(fold(r.Description), search)
		})
	}
	total := len(found)
	if after != nil {
		first, same := slices.BinarySearchFunc(found, after[0], func(r access.AllowlistRow, name string) int { return strings.Compare(r.Name, name) })
		if same {
			first++
		}
		found = found[first:]
	}
	found = slices.Clone(found[:min(len(found), q.Size()+1)])
	return cut(found, q.Size(), total, func(r access.AllowlistRow) string { return encodeCursor(r.Name) }), nil
}

// Allowlist returns one allowlist at the head.
func (s *Store) Allowlist(ctx context.Context, id string) (access.AllowlistRow, error) {
	c, err := s.headCatalog(ctx)
	if err != nil {
		return access.AllowlistRow{}, err
	}
	_, row, err := c.list(id)
	return row, err
}

// AllowlistAt returns one allowlist at a revision, with a page of its entries in the order
// of access.SortEntries. A search that is an address finds the entries that contain it.
func (s *Store) AllowlistAt(ctx context.Context, revision int64, id string, q access.PageQuery) (access.AllowlistRow, access.Page[access.Entry], error) {
	var none access.Page[access.Entry]
	c, err := s.catalogAt(ctx, revision)
	if err != nil {
		return access.AllowlistRow{}, none, err
	}
	list, row, err := c.list(id)
	if err != nil {
		return access.AllowlistRow{}, none, err
	}
	entries, err := c.entries(list, q)
	return row, entries, err
}

func (c *catalog) entries(list access.Allowlist, q access.PageQuery) (access.Page[access.Entry], error) {
	var none access.Page[access.Entry]
	after, err := decodeCursor(q.Cursor, 1)
	if err != nil {
		return none, err
	}
	found, total := c.matching(list, q.Search)
	first := 0
	if after != nil {
		if first, err = entriesAfter(list.Entries, after[0]); err != nil {
			return none, err
		}
	}
	var rows []access.Entry
	for i := range found.from(first) {
		if rows = append(rows, list.Entries[i]); len(rows) > q.Size() {
			break
		}
	}
	return cut(rows, q.Size(), total, func(e access.Entry) string { return encodeCursor(e.Key()) }), nil
}

// entriesAfter is the position of the first entry after a cursor.
func entriesAfter(entries []access.Entry, key string) (int, error) {
	e, err := access.ParseEntry(key)
	if err != nil {
		return 0, errCursor()
	}
	i, found := slices.BinarySearchFunc(entries, e, access.CompareEntries)
	if found {
		i++
	}
	return i, nil
}

// matching finds the entries of a list that a search asks for, and how many there are.
func (c *catalog) matching(list access.Allowlist, search string) (bitset, int) {
	if search == "" {
		return everything(len(list.Entries)), len(list.Entries)
	}
	found := newBitset(len(list.Entries))
	if addr, err := netip.ParseAddr(strings.TrimSpace(search)); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		for i, e := range list.Entries {
			if e.Kind == access.EntryCIDR && e.Prefix.Contains(addr) {
				found.set(int32(i))
			}
		}
	} else {
		for i := range c.texts.of(list).containing(search) {
			found.set(int32(i))
		}
	}
	return found, found.count()
}

// entryTexts keeps what the searches of lists go through, list by list, from the first
// search on.
type entryTexts struct {
	mu   sync.Mutex
	kept map[string]*haystack
}

func (t *entryTexts) of(a access.Allowlist) *haystack {
	t.mu.Lock()
	defer t.mu.Unlock()
	if h := t.kept[a.ID]; h != nil {
		return h
	}
	if t.kept == nil {
		t.kept = map[string]*haystack{}
	}
	h := newHaystack(len(a.Entries), func(i int) []string {
		e := a.Entries[i]
		return []string{e.Key(), e.Note, e.Ticket}
	})
	t.kept[a.ID] = h
	return h
}

// Containing finds the entries, of all allowlists at the head, that contain an address,
// the narrowest first.
func (s *Store) Containing(ctx context.Context, addr string) ([]access.Containing, error) {
	a, err := netip.ParseAddr(strings.TrimSpace(addr))
	if err != nil || a.Zone() != "" {
		return nil, access.Invalid("address", "%q is not an address; one looks like 203.0.113.7 or 2001:db8::7", addr)
	}
	found, err := collect(ctx, s.pool, func(row pgx.CollectableRow) (access.Containing, error) {
		var c access.Containing
		var err error
		c.Entry, err = scanEntry(row, &c.AllowlistID, &c.Allowlist)
		return c, err
	}, "SELECT a.id, a.name, "+entryColumns+` FROM entries e JOIN allowlists a ON a.id = e.allowlist_id AND a.removed_in IS NULL
		WHERE e.removed_in IS NULL AND e.prefix >>= $1::inet ORDER BY masklen(e.prefix) DESC, a.name`, a.Unmap().String())
	if err != nil {
		return nil, translate(fmt.Errorf("looking for entries that contain %s: %w", a, err))
	}
	return found, nil
}

// count counts the rows of a list, before its cursor narrows it.
func (s *Store) count(ctx context.Context, from string, w *conditions) (int, error) {
	var n int
	if err := s.pool.QueryRow(ctx, "SELECT count(*) FROM "+from+w.sql(), w.args...).Scan(&n); err != nil {
		return 0, translate(fmt.Errorf("counting %s: %w", from, err))
	}
	return n, nil
}

func collect[T any](ctx context.Context, q querier, scan pgx.RowToFunc[T], query string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}
