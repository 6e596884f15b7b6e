package access

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// editedMappings are the mappings of a state with edits laid over them. What no edit
// touches is neither copied nor looked at: a state has many more mappings than a change
// has edits.
type editedMappings struct {
	base    []Mapping
	places  map[string]int      // in base, by id; made when first needed
	changed map[string]*Mapping // by id; nil for one that is removed
}

func (m *editedMappings) has(id string) bool {
	if c, touched := m.changed[id]; touched {
		return c != nil
	}
	if m.places == nil {
		m.places = make(map[string]int, len(m.base))
		for i := range m.base {
			m.places[m.base[i].ID] = i
		}
	}
	_, there := m.places[id]
	return there
}

func (m *editedMappings) put(id string, c *Mapping) {
	if m.changed == nil {
		m.changed = map[string]*Mapping{}
	}
	m.changed[id] = c
}

// rename writes another name of an allowlist into the mappings that use it.
func (m *editedMappings) rename(from, to string) {
	renamed := func(was Mapping) {
		if i := slices.Index(was.Allowlists, from); i >= 0 {
			was.Allowlists = slices.Clone(was.Allowlists)
			was.Allowlists[i] = to
			m.put(was.ID, &was)
		}
	}
	for _, c := range m.changed {
		if c != nil {
			renamed(*c)
		}
	}
	for i := range m.base {
		if _, touched := m.changed[m.base[i].ID]; !touched {
			renamed(m.base[i])
		}
	}
}

// list returns the mappings in the order that State promises; the very same list where
// nothing was edited.
func (m *editedMappings) list() []Mapping {
	if len(m.changed) == 0 {
		return m.base
	}
	var fresh []Mapping
	for _, c := range m.changed {
		if c != nil {
			fresh = append(fresh, *c)
		}
	}
	sortMappings(fresh)
	out := make([]Mapping, 0, len(m.base)+len(fresh))
	for i := range m.base {
		if _, touched := m.changed[m.base[i].ID]; touched {
			continue
		}
		for len(fresh) > 0 && compareMappings(&fresh[0], &m.base[i]) < 0 {
			out, fresh = append(out, fresh[0]), fresh[1:]
		}
		out = append(out, m.base[i])
	}
	return append(out, fresh...)
}

func sortMappings(list []Mapping) {
	slices.SortFunc(list, func(a, b Mapping) int { return compareMappings(&a, &b) })
}

func compareMappings(a, b *Mapping) int {
	return cmp.Or(compareRoles(a.Role, b.Role), strings.Compare(a.ID, b.ID))
}

// compareRoles sorts as by String, and writes no strings where the paths are the same.
func compareRoles(a, b RoleName) int {
	if a.Path == b.Path {
		return strings.Compare(a.Name, b.Name)
	}
	return strings.Compare(a.String(), b.String())
}

// DifferingMappings returns what is left of two lists of mappings when those are taken
// out that both have. Of a state and one that was made from it this costs little, since
// they share what no edit touched.
func DifferingMappings(before, after []Mapping) (was, is []Mapping) {
	if sameList(before, after) {
		return nil, nil
	}
	i, j := 0, 0
	for i < len(before) && j < len(after) {
		a, b := &before[i], &after[j]
		switch {
		case identical(a, b):
			i, j = i+1, j+1
		case compareMappings(a, b) < 0:
			was, i = append(was, *a), i+1
		case a.ID == b.ID:
			was, is, i, j = append(was, *a), append(is, *b), i+1, j+1
		default:
			is, j = append(is, *b), j+1
		}
	}
	return append(was, before[i:]...), append(is, after[j:]...)
}

// identical reports whether two mappings are the same in every field, the order of their
// lists included. Two that are not may still say the same.
func identical(a, b *Mapping) bool {
	return a.ID == b.ID && a.Role == b.Role && a.Enforcement == b.Enforcement && a.RequireMFA == b.RequireMFA && a.MFAMaxAge == b.MFAMaxAge &&
		a.SessionName == b.SessionName && a.SourceIdentity == b.SourceIdentity && equalList(a.Users, b.Users) && equalList(a.Allowlists, b.Allowlists) &&
		a.Accounts.All == b.Accounts.All && equalList(a.Accounts.IDs, b.Accounts.IDs) && equalList(a.Accounts.OUs, b.Accounts.OUs) && equalList(a.Accounts.Except, b.Accounts.Except) &&
		maps.Equal(a.Accounts.Tags, b.Accounts.Tags)
}

func equalList[T comparable](a, b []T) bool { return sameList(a, b) || slices.Equal(a, b) }

// sameList reports whether two lists are the same one in memory.
func sameList[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
