package planning

import (
	"slices"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// An expired entry is never compiled, yet it stays in AWS until its removal has been rolled
// out. So a change that touches an expired entry is also planned against the documents
// that were written last. Otherwise the removal of the entry would look as if it changed nothing.

// WithExpired returns the state as it was written while the entries that the edits touch
// had not expired; nil where none of them has.
func WithExpired(base access.State, edits []access.Edit, now time.Time) *access.State {
	touched := TouchedBy(edits).names(base)
	for _, m := range mappingsOf(base, edits) {
		for _, name := range m.Allowlists {
			touched[name] = true
		}
	}
	live, found := base, false
	for i, a := range base.Allowlists {
		if !touched[a.Name] || !slices.ContainsFunc(a.Entries, func(e access.Entry) bool { return e.ExpiredAt(now) }) {
			continue
		}
		if !found {
			live.Allowlists, found = slices.Clone(base.Allowlists), true
		}
		live.Allowlists[i].Entries = withoutExpiry(a.Entries, now)
	}
	if !found {
		return nil
	}
	return &live
}

func mappingsOf(base access.State, edits []access.Edit) []access.Mapping {
	ids := TouchedBy(edits).Mappings
	var found []access.Mapping
	for _, m := range base.Mappings {
		if ids[m.ID] {
			found = append(found, m)
		}
	}
	return found
}

func withoutExpiry(entries []access.Entry, now time.Time) []access.Entry {
	live := slices.Clone(entries)
	for i := range live {
		if live[i].ExpiredAt(now) {
			live[i].Expires, live[i].Emergency = time.Time{}, false
		}
	}
	return live
}

// pairs matches the documents of an account before and after. Those that differ only
// from what was written last are among them.
func (p Planner) pairs(c CompiledAccount) []pair {
	found := pairs(c.Before, c.After, p.Before == nil)
	if p.live == nil {
		return found
	}
	stale := pairs(c.live, c.After, false)
	for _, f := range found {
		if !slices.ContainsFunc(stale, func(s pair) bool { return s.resource == f.resource }) {
			stale = append(stale, f)
		}
	}
	slices.SortStableFunc(stale, func(a, b pair) int { return rank(a) - rank(b) })
	return stale
}

// rank keeps roles before users, as the order of writing demands.
func rank(p pair) int {
	if p.resource.Kind == access.ResourceRole {
		return 0
	}
	return 1
}
