package planning

import (
	"slices"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// An expiry removes its entry at its time without another question: who approved the
// expiry approved the removal. So what it will lock out is asked when it is set.

// noAddressLater finds mapped users who have an address for as long as nobody changes
// anything, and would be left without any once entries have expired.
func (g *guard) noAddressLater() {
	wasLasting, isLasting, isOpen := lastingAllowlists(g.before), lastingAllowlists(g.after), g.open(g.after)
	var had, keep map[access.RoleName][]access.Mapping // by role, what lasts; made when first needed
	for _, m := range g.after.Mappings {
		if admits(m, isLasting) || !admits(m, isOpen) {
			continue
		}
		if had == nil {
			had, keep = openByRole(g.before, wasLasting), openByRole(g.after, isLasting)
		}
		var people []string
		for _, u := range m.Users {
			covered := func(o access.Mapping) bool { return covers(o, m, u) || o.ID == m.ID && slices.Contains(o.Users, u) }
			if slices.ContainsFunc(had[m.Role], covered) && !slices.ContainsFunc(keep[m.Role], covered) {
				people = append(people, u.String())
			}
		}
		if len(people) > 0 {
			g.add(access.GuardNoAddress, m.Role.String(), people, g.keys(g.after, m.Allowlists),
				"%s would be left without any address for role %s in %s from %s on, when the last entry of %s has expired.",
				names(people), m.Role, m.Accounts, g.closes(m).UTC().Format("2006-01-02 15:04 MST"), names(m.Allowlists))
		}
	}
}

// lastingAllowlists says which allowlists have an entry that never expires.
func lastingAllowlists(s access.State) map[string]bool {
	found := make(map[string]bool, len(s.Allowlists))
	for _, a := range s.Allowlists {
		found[a.Name] = slices.ContainsFunc(a.Entries, lasts)
	}
	return found
}

func lasts(e access.Entry) bool { return e.Expires.IsZero() }

// closes is when the last entry of a mapping's allowlists expires.
func (g *guard) closes(m access.Mapping) time.Time {
	var last time.Time
	for _, a := range g.after.Allowlists {
		if !slices.Contains(m.Allowlists, a.Name) {
			continue
		}
		for _, e := range a.Entries {
			if e.Expires.After(last) {
				last = e.Expires
			}
		}
	}
	return last
}

// lostLater are the ranges of a protected allowlist that are there to stay, and would be
// until something expires.
func lostLater(was, is access.Allowlist) []string {
	return lostRanges(lastingOf(was), lastingOf(is))
}

func lastingOf(a access.Allowlist) []access.Entry {
	var entries []access.Entry
	for _, e := range a.Entries {
		if lasts(e) {
			entries = append(entries, e)
		}
	}
	return entries
}
