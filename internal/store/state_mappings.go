package store

import (
	"context"
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// Mappings lists the mappings at the head by role.
func (s *Store) Mappings(ctx context.Context, q access.MappingQuery) (access.Page[access.Mapping], error) {
	n, err := s.Head(ctx)
	if err != nil {
		return access.Page[access.Mapping]{}, err
	}
	return s.MappingsAt(ctx, n, q)
}

// MappingsAt is Mappings at a revision.
func (s *Store) MappingsAt(ctx context.Context, revision int64, q access.MappingQuery) (access.Page[access.Mapping], error) {
	var none access.Page[access.Mapping]
	after, err := decodeCursor(q.Cursor, 2)
	if err != nil {
		return none, err
	}
	c, err := s.catalogAt(ctx, revision)
	if err != nil {
		return none, err
	}
	found, total, err := c.find(q)
	if err != nil {
		return none, err
	}
	first := 0
	if after != nil {
		first = c.mappingAfter(after[0], after[1])
	}
	var rows []access.Mapping
	for i := range found.from(first) {
		if rows = append(rows, c.state.Mappings[i]); len(rows) > q.Size() {
			break
		}
	}
	return cut(rows, q.Size(), total, func(m access.Mapping) string { return encodeCursor(m.Role.String(), m.ID) }), nil
}

// mappingAfter is the position of the first mapping after a cursor.
func (c *catalog) mappingAfter(role, id string) int {
	i, found := slices.BinarySearchFunc(c.state.Mappings, struct{}{}, func(m access.Mapping, _ struct{}) int {
		if n := strings.Compare(m.Role.String(), role); n != 0 {
			return n
		}
		return strings.Compare(m.ID, id)
	})
	if found {
		i++
	}
	return i
}

// find returns the mappings that a query asks for, and how many there are.
func (c *catalog) find(q access.MappingQuery) (bitset, int, error) {
	n := len(c.state.Mappings)
	found := everything(n)
	narrow := func(lists ...postings) {
		some := newBitset(n)
		for _, at := range lists {
			some.add(at)
		}
		found.keep(some)
	}
	if q.Allowlist != "" {
		narrow(c.byList[q.Allowlist])
	}
	if q.Role != "" {
		narrow(c.byRole[strings.TrimPrefix(strings.TrimSpace(q.Role), "/")])
	}
	if q.User != "" {
		u, err := access.ParseUserName(q.User)
		if err != nil {
			return nil, 0, err
		}
		narrow(c.byUser[u])
	}
	if q.Search != "" {
		narrow(c.findNames(fold(strings.TrimSpace(q.Search)))...)
	}
	return found, found.count(), nil
}

// findNames finds the mappings whose role, or one of whose users or allowlists, contains a
// folded text.
func (c *catalog) findNames(text string) []postings {
	var lists []postings
	for _, n := range c.names {
		if strings.Contains(n.text, text) {
			lists = append(lists, n.at)
		}
	}
	return lists
}

// Mapping returns one mapping at the head.
func (s *Store) Mapping(ctx context.Context, id string) (access.Mapping, error) {
	c, err := s.headCatalog(ctx)
	if err != nil {
		return access.Mapping{}, err
	}
	i, ok := c.mappingAt[id]
	if !ok {
		return access.Mapping{}, access.Errorf(access.KindNotFound, "There is no mapping %q.", id)
	}
	return c.state.Mappings[i], nil
}
