package access

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// EditOp says what an edit does.
type EditOp string

// The edits. Each touches one allowlist, entry, mapping, review rule or strategy, the default strategy or the settings.
const (
	EditAddAllowlist    EditOp = "allowlist.add"    // Allowlist, with its entries
	EditUpdateAllowlist EditOp = "allowlist.update" // Allowlist: name and description; entries are left alone
	EditRemoveAllowlist EditOp = "allowlist.remove" // ID
	EditAddEntry        EditOp = "entry.add"        // ID of the allowlist, Entry
	EditUpdateEntry     EditOp = "entry.update"     // ID, Entry (found by its key)
	EditRemoveEntry     EditOp = "entry.remove"     // ID, Key
	EditAddMapping      EditOp = "mapping.add"      // Mapping
	EditUpdateMapping   EditOp = "mapping.update"   // Mapping, found by its ID
	EditRemoveMapping   EditOp = "mapping.remove"   // ID
	EditAddRule         EditOp = "rule.add"         // Rule
	EditUpdateRule      EditOp = "rule.update"      // Rule, found by its ID
	EditRemoveRule      EditOp = "rule.remove"      // ID
	EditUpdateSettings  EditOp = "settings.update"  // Settings; ID is SettingsID
	EditAddStrategy     EditOp = "strategy.add"     // Strategy
	EditUpdateStrategy  EditOp = "strategy.update"  // Strategy, found by its ID
	EditRemoveStrategy  EditOp = "strategy.remove"  // ID
	EditDefaultStrategy EditOp = "strategy.default" // ID of the strategy that is the default from then on
)

// EditOps lists all edits.
func EditOps() []EditOp {
	return []EditOp{
		EditAddAllowlist, EditUpdateAllowlist, EditRemoveAllowlist, EditAddEntry, EditUpdateEntry, EditRemoveEntry,
		EditAddMapping, EditUpdateMapping, EditRemoveMapping, EditAddRule, EditUpdateRule, EditRemoveRule,
		EditUpdateSettings, EditAddStrategy, EditUpdateStrategy, EditRemoveStrategy, EditDefaultStrategy,
	}
}

// editNames names all edits in a sentence.
func editNames() string {
	names := make([]string, len(EditOps()))
	for i, op := range EditOps() {
		names[i] = string(op)
	}
	return strings.Join(names, ", ")
}

// Edit is one step from a desired state to the next. Which fields are set depends on
// Op; ID is the id of what is touched.
type Edit struct {
	Op        EditOp      `json:"op"`
	ID        string      `json:"id"`
	Key       string      `json:"key,omitempty"`
	Entry     *Entry      `json:"entry,omitempty"`
	Allowlist *Allowlist  `json:"allowlist,omitempty"`
	Mapping   *Mapping    `json:"mapping,omitempty"`
	Rule      *ReviewRule `json:"rule,omitempty"`
	Settings  *Settings   `json:"settings,omitempty"`
	Strategy  *Strategy   `json:"strategy,omitempty"`
}

// SettingsID stands in the ID of an edit of the settings, of which there are one.
const SettingsID = "settings"

// defaultStrategyObject is the object of all edits that choose the default strategy.
const defaultStrategyObject = "default strategy"

// Object names what the edit touches, for conflict checks: two edits with the same
// object, one of which was applied after the other was composed, conflict.
func (e Edit) Object() string {
	switch e.Op {
	case EditAddEntry, EditUpdateEntry:
		return "entry/" + e.ID + "/" + e.Entry.Key()
	case EditRemoveEntry:
		return "entry/" + e.ID + "/" + e.Key
	case EditAddAllowlist, EditUpdateAllowlist, EditRemoveAllowlist:
		return "allowlist/" + e.ID
	case EditAddRule, EditUpdateRule, EditRemoveRule:
		return "rule/" + e.ID
	case EditUpdateSettings:
		return SettingsID
	case EditAddStrategy, EditUpdateStrategy, EditRemoveStrategy:
		return "strategy/" + e.ID
	case EditDefaultStrategy:
		return defaultStrategyObject
	default:
		return "mapping/" + e.ID
	}
}

// EmergencyUntil is when the last of the emergency entries ends that edits add or alter; zero if there is none.
func EmergencyUntil(edits []Edit) time.Time {
	var until time.Time
	note := func(e Entry) {
		if e.Emergency && e.Expires.After(until) {
			until = e.Expires
		}
	}
	for _, e := range edits {
		if e.Entry != nil {
			note(*e.Entry)
		}
		if e.Op == EditAddAllowlist && e.Allowlist != nil {
			for _, entry := range e.Allowlist.Entries {
				note(entry)
			}
		}
	}
	return until
}

// EditsBetween returns the smallest list of edits that makes after of before, objects
// being matched by id and entries by key. Applying it to before gives after; it is
// empty when both are the same. The order is that in which the edits can be applied:
// allowlists appear before, and go after, the mappings that name them.
func EditsBetween(before, after State) []Edit {
	d := differ{before: byID(before.Allowlists, allowlistID), after: byID(after.Allowlists, allowlistID), renamed: map[string]string{}}
	var added, entries, removed []Edit
	for _, a := range after.Allowlists {
		old, there := d.before[a.ID]
		if !there {
			added = append(added, Edit{Op: EditAddAllowlist, ID: a.ID, Allowlist: &a})
			continue
		}
		if old.Name != a.Name || old.Description != a.Description {
			d.renamed[old.Name] = a.Name
			added = append(added, Edit{Op: EditUpdateAllowlist, ID: a.ID, Allowlist: &Allowlist{ID: a.ID, Name: a.Name, Description: a.Description}})
		}
		entries = append(entries, entryEdits(a.ID, old.Entries, a.Entries)...)
	}
	for _, a := range before.Allowlists {
		if _, stays := d.after[a.ID]; !stays {
			removed = append(removed, Edit{Op: EditRemoveAllowlist, ID: a.ID})
		}
	}
	return slices.Concat(
		added,
		entries,
		d.mappingEdits(before.Mappings, after.Mappings),
		removed,
		ruleEdits(before.Rules, after.Rules),
		settingsEdits(before.Settings, after.Settings),
		strategyEdits(before, after),
	)
}

func ruleEdits(before, after []ReviewRule) []Edit {
	return family[ReviewRule]{
		key: ruleID, same: ReviewRule.Equal, add: EditAddRule, update: EditUpdateRule, remove: EditRemoveRule,
		edit: func(op EditOp, id string, is *ReviewRule) Edit { return Edit{Op: op, ID: id, Rule: is} },
	}.edits(before, after)
}

func settingsEdits(before, after Settings) []Edit {
	if before.Equal(after) {
		return nil
	}
	return []Edit{{Op: EditUpdateSettings, ID: SettingsID, Settings: &after}}
}

// Equal reports whether two rules say the same.
func (r ReviewRule) Equal(o ReviewRule) bool {
	same := func(a, b Requirement) bool {
		return a.Count == b.Count && sameSet(a.Teams, b.Teams) && sameSet(a.Roles, b.Roles)
	}
	return r.Name == o.Name && slices.EqualFunc(r.Need, o.Need, same) &&
		sameSet(r.Scope.Allowlists, o.Scope.Allowlists) && sameSet(r.Scope.Mappings, o.Scope.Mappings) &&
		sameSet(r.Scope.OUs, o.Scope.OUs) && sameSet(r.Scope.Dangers, o.Scope.Dangers) && maps.Equal(r.Scope.Tags, o.Scope.Tags)
}

type differ struct {
	before, after map[string]Allowlist
	renamed       map[string]string // old name to new
}

func allowlistID(a Allowlist) string { return a.ID }
func mappingID(m Mapping) string     { return m.ID }
func ruleID(r ReviewRule) string     { return r.ID }

func byID[T any](items []T, id func(T) string) map[string]T {
	m := make(map[string]T, len(items))
	for _, item := range items {
		m[id(item)] = item
	}
	return m
}

func entryEdits(id string, before, after []Entry) []Edit {
	before, after = DifferingEntries(before, after)
	return family[Entry]{
		key: Entry.Key, same: Entry.Equal, add: EditAddEntry, update: EditUpdateEntry, remove: EditRemoveEntry,
		edit: func(op EditOp, key string, is *Entry) Edit { return Edit{Op: op, ID: id, Key: key, Entry: is} },
	}.edits(before, after)
}

func (d differ) mappingEdits(before, after []Mapping) []Edit {
	before, after = DifferingMappings(before, after)
	return family[Mapping]{
		key: mappingID, same: func(was, is Mapping) bool { return d.afterRenames(was).Equal(is) },
		add: EditAddMapping, update: EditUpdateMapping, remove: EditRemoveMapping,
		edit: func(op EditOp, id string, is *Mapping) Edit { return Edit{Op: op, ID: id, Mapping: is} },
	}.edits(before, after)
}

// family says how objects of one kind are told apart, compared and edited.
type family[T any] struct {
	key                 func(T) string
	same                func(was, is T) bool
	add, update, remove EditOp
	edit                func(op EditOp, key string, is *T) Edit
}

// edits make one list of another, what is gone first.
func (f family[T]) edits(before, after []T) []Edit {
	old, now := byID(before, f.key), byID(after, f.key)
	var edits []Edit
	for _, was := range before {
		if _, stays := now[f.key(was)]; !stays {
			edits = append(edits, f.edit(f.remove, f.key(was), nil))
		}
	}
	for _, is := range after {
		switch was, there := old[f.key(is)]; {
		case !there:
			edits = append(edits, f.edit(f.add, f.key(is), &is))
		case !f.same(was, is):
			edits = append(edits, f.edit(f.update, f.key(is), &is))
		}
	}
	return edits
}

// afterRenames returns the mapping with renamed allowlists under their new names: a
// rename alone is no edit of the mappings.
func (d differ) afterRenames(m Mapping) Mapping {
	if len(d.renamed) == 0 {
		return m
	}
	m.Allowlists = slices.Clone(m.Allowlists)
	for i, name := range m.Allowlists {
		if to, ok := d.renamed[name]; ok {
			m.Allowlists[i] = to
		}
	}
	return m
}

// Equal reports whether two mappings say the same, the order of users, accounts and
// allowlists being of no meaning.
func (m Mapping) Equal(o Mapping) bool {
	m, o = m.OrDefault(), o.OrDefault()
	return m.Role == o.Role && m.Enforcement == o.Enforcement && m.RequireMFA == o.RequireMFA && m.MFAMaxAge == o.MFAMaxAge &&
		m.SessionName == o.SessionName && m.SourceIdentity == o.SourceIdentity &&
		sameSet(m.Users, o.Users) && sameSet(m.Allowlists, o.Allowlists) && m.Accounts.Equal(o.Accounts)
}

// SelectorKey is a selector as a key of a map.
type SelectorKey string

// Key returns the key of a selector. Two selectors with the same key are equal; two that list
// the same in another order have different keys.
func (s Selector) Key() SelectorKey {
	b, err := json.Marshal(s) // maps are written with sorted keys
	if err != nil {
		return SelectorKey(s.String()) // not reached: a selector is strings and a bool
	}
	return SelectorKey(b)
}

// Equal reports whether two selectors say the same.
func (s Selector) Equal(o Selector) bool {
	return s.All == o.All && sameSet(s.IDs, o.IDs) && sameSet(s.OUs, o.OUs) && sameSet(s.Except, o.Except) && maps.Equal(s.Tags, o.Tags)
}

func sameSet[T comparable](a, b []T) bool {
	if slices.Equal(a, b) {
		return true
	}
	in := func(list []T) map[T]bool {
		set := make(map[T]bool, len(list))
		for _, v := range list {
			set[v] = true
		}
		return set
	}
	return maps.Equal(in(a), in(b))
}
