package policy

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// ChangeKind says what became of something between two states.
type ChangeKind string

// The kinds of difference.
const (
	Added   ChangeKind = "added"
	Removed ChangeKind = "removed"
	Changed ChangeKind = "changed"
)

// EntryChange is an entry that differs. Before is zero where it was added, After where it
// was removed.
type EntryChange struct {
	Kind          ChangeKind
	AllowlistID   string
	Allowlist     string // its name, after the change where it still is
	Key           string
	Before, After access.Entry
}

// AllowlistChange is an allowlist that came, went, or changed name or description.
type AllowlistChange struct {
	Kind          ChangeKind
	ID            string
	Before, After access.Allowlist // without entries
}

// MappingChange is a mapping that differs. Fields names what changed, as in a scenario.
type MappingChange struct {
	Kind          ChangeKind
	ID            string
	Before, After access.Mapping
	Fields        []string
}

// StateDiff is the difference of two states, object by object.
type StateDiff struct {
	Allowlists []AllowlistChange
	Entries    []EntryChange
	Mappings   []MappingChange
}

// Empty reports whether nothing differs.
func (d StateDiff) Empty() bool {
	return len(d.Allowlists) == 0 && len(d.Entries) == 0 && len(d.Mappings) == 0
}

// DiffStates compares two states by the ids of their objects and the keys of entries.
func DiffStates(before, after access.State) StateDiff {
	var d StateDiff
	was, is := allowlistsByID(before), allowlistsByID(after)
	for _, id := range bothKeys(was, is) {
		d.allowlist(id, was[id], is[id])
	}
	slices.SortStableFunc(d.Entries, func(a, b EntryChange) int { return strings.Compare(a.Allowlist, b.Allowlist) })
	mwas, mis := mappingsByID(before), mappingsByID(after)
	for _, id := range bothKeys(mwas, mis) {
		d.mapping(id, mwas[id], mis[id])
	}
	return d
}

func allowlistsByID(s access.State) map[string]*access.Allowlist {
	m := make(map[string]*access.Allowlist, len(s.Allowlists))
	for i := range s.Allowlists {
		m[s.Allowlists[i].ID] = &s.Allowlists[i]
	}
	return m
}

func mappingsByID(s access.State) map[string]*access.Mapping {
	m := make(map[string]*access.Mapping, len(s.Mappings))
	for i := range s.Mappings {
		m[s.Mappings[i].ID] = &s.Mappings[i]
	}
	return m
}

func bothKeys[V any](a, b map[string]V) []string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

func (d *StateDiff) allowlist(id string, was, is *access.Allowlist) {
	c := AllowlistChange{ID: id}
	var before, after []access.Entry
	if was != nil {
		c.Before, before = *was, was.Entries
		c.Before.Entries = nil
	}
	if is != nil {
		c.After, after = *is, is.Entries
		c.After.Entries = nil
	}
	switch {
	case was == nil:
		c.Kind = Added
	case is == nil:
		c.Kind = Removed
	case was.Name != is.Name || was.Description != is.Description:
		c.Kind = Changed
	}
	if c.Kind != "" {
		d.Allowlists = append(d.Allowlists, c)
	}
	d.entries(id, cmp.Or(c.After.Name, c.Before.Name), before, after)
}

func (d *StateDiff) entries(id, name string, before, after []access.Entry) {
	if before, after = access.DifferingEntries(before, after); len(before)+len(after) == 0 {
		return
	}
	was := make(map[string]access.Entry, len(before))
	for _, e := range before {
		was[e.Key()] = e
	}
	var changes []EntryChange
	for _, e := range after {
		old, ok := was[e.Key()]
		delete(was, e.Key())
		switch {
		case !ok:
			changes = append(changes, EntryChange{Kind: Added, AllowlistID: id, Allowlist: name, Key: e.Key(), After: e})
		case !old.Equal(e):
			changes = append(changes, EntryChange{Kind: Changed, AllowlistID: id, Allowlist: name, Key: e.Key(), Before: old, After: e})
		}
	}
	for key, e := range was {
		changes = append(changes, EntryChange{Kind: Removed, AllowlistID: id, Allowlist: name, Key: key, Before: e})
	}
	slices.SortFunc(changes, func(a, b EntryChange) int { return access.CompareEntries(a.entry(), b.entry()) })
	d.Entries = append(d.Entries, changes...)
}

func (c EntryChange) entry() access.Entry {
	if c.Kind == Removed {
		return c.Before
	}
	return c.After
}

func (d *StateDiff) mapping(id string, was, is *access.Mapping) {
	c := MappingChange{ID: id}
	if was != nil {
		c.Before = was.OrDefault()
	}
	if is != nil {
		c.After = is.OrDefault()
	}
	switch {
	case was == nil:
		c.Kind = Added
	case is == nil:
		c.Kind = Removed
	default:
		if c.Fields = mappingFields(c.Before, c.After); len(c.Fields) == 0 {
			return
		}
		c.Kind = Changed
	}
	d.Mappings = append(d.Mappings, c)
}

// mappingFields names the fields in which two mappings differ.
func mappingFields(a, b access.Mapping) []string {
	var fields []string
	differ := func(name string, is bool) {
		if is {
			fields = append(fields, name)
		}
	}
	differ("role", a.Role != b.Role)
	differ("users", !sameSet(a.Users, b.Users, compareUsers))
	differ("accounts", !a.Accounts.Equal(b.Accounts))
	differ("allowlists", !sameSet(a.Allowlists, b.Allowlists, strings.Compare))
	differ("enforcement", a.Enforcement != b.Enforcement)
	differ("require_mfa", a.RequireMFA != b.RequireMFA)
	differ("mfa_max_age", a.MFAMaxAge != b.MFAMaxAge)
	differ("session_name", a.SessionName != b.SessionName)
	differ("source_identity", a.SourceIdentity != b.SourceIdentity)
	return fields
}

func sameSet[T comparable](a, b []T, compare func(T, T) int) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.SortFunc(a, compare)
	slices.SortFunc(b, compare)
	return slices.Equal(slices.Compact(a), slices.Compact(b))
}
