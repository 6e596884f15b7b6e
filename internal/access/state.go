package access

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// State is the desired state at a revision: all allowlists and mappings, and how it is
// to be changed. Allowlists are sorted by name, mappings by role, then by ID, review
// rules and strategies by name. DefaultStrategy is the id of a strategy; none is all at once.
type State struct {
	Revision   int64        `json:"revision"`
	Allowlists []Allowlist  `json:"allowlists"`
	Mappings   []Mapping    `json:"mappings"`
	Rules      []ReviewRule `json:"rules,omitempty"`
	Settings   Settings     `json:"settings,omitzero"`

	Strategies      []Strategy `json:"strategies,omitempty"`
	DefaultStrategy string     `json:"default_strategy,omitempty"`
}

// Rule finds a review rule by its id.
func (s State) Rule(id string) (ReviewRule, bool) {
	i := slices.IndexFunc(s.Rules, func(r ReviewRule) bool { return r.ID == id })
	if i < 0 {
		return ReviewRule{}, false
	}
	return s.Rules[i], true
}

// Allowlist finds an allowlist by its id.
func (s State) Allowlist(id string) (Allowlist, bool) {
	i := slices.IndexFunc(s.Allowlists, func(a Allowlist) bool { return a.ID == id })
	if i < 0 {
		return Allowlist{}, false
	}
	return s.Allowlists[i], true
}

// Mapping finds a mapping by its id.
func (s State) Mapping(id string) (Mapping, bool) {
	i := slices.IndexFunc(s.Mappings, func(m Mapping) bool { return m.ID == id })
	if i < 0 {
		return Mapping{}, false
	}
	return s.Mappings[i], true
}

// MappingsUsing returns the mappings that name an allowlist.
func (s State) MappingsUsing(allowlist string) []Mapping {
	var used []Mapping
	for _, m := range s.Mappings {
		if slices.Contains(m.Allowlists, allowlist) {
			used = append(used, m)
		}
	}
	return used
}

// RelevantTo returns the state without the mappings that have no bearing on what is compiled
// for some accounts: kept are those that reach one of them or name users of theirs, and
// those of the same roles as the latter, whose documents depend on each other.
func (s State) RelevantTo(accounts []Account) State {
	roles := map[RoleName]bool{}
	for _, m := range s.Mappings {
		if m.namesUsersOf(accounts) {
			roles[m.Role] = true
		}
	}
	all := s.Mappings
	s.Mappings = nil
	for _, m := range all {
		if roles[m.Role] || slices.ContainsFunc(accounts, m.Accounts.Matches) {
			s.Mappings = append(s.Mappings, m)
		}
	}
	return s
}

func (m Mapping) namesUsersOf(accounts []Account) bool {
	return slices.ContainsFunc(m.Users, func(u UserName) bool {
		return u.Account != "" && slices.ContainsFunc(accounts, func(a Account) bool { return a.ID == u.Account })
	})
}

// Apply returns the state after the edits, in order, or an error that names the first
// edit that does not fit. The receiver is not changed. The result keeps the receiver's
// revision number.
func (s State) Apply(edits []Edit) (State, error) {
	b := newStateBuilder(s)
	for i, e := range edits {
		if err := b.apply(e); err != nil {
			return State{}, atEdit(err, i)
		}
	}
	return b.state()
}

func atEdit(err error, i int) error {
	e := &Error{Kind: KindOf(err), Message: MessageOf(err)}
	for _, f := range FieldsOf(err) {
		e.Fields = append(e.Fields, FieldError{Field: "edits/" + strconv.Itoa(i) + "/" + f.Field, Message: f.Message})
	}
	return e
}

// stateBuilder indexes a state by id, so that many edits cost little each.
type stateBuilder struct {
	revision   int64
	allowlists map[string]*Allowlist
	entries    map[string]*editedEntries // by allowlist id; only of touched allowlists
	mappings   editedMappings
	recheck    bool // a mapping may name an allowlist that is not there
	rules      map[string]ReviewRule
	settings   Settings

	strategies      map[string]Strategy
	defaultStrategy string
}

func newStateBuilder(s State) *stateBuilder {
	b := &stateBuilder{
		revision:   s.Revision,
		allowlists: make(map[string]*Allowlist, len(s.Allowlists)),
		entries:    map[string]*editedEntries{},
		mappings:   editedMappings{base: s.Mappings},
		rules:      byID(s.Rules, ruleID),
		settings:   s.Settings,

		strategies: byID(s.Strategies, strategyID), defaultStrategy: s.DefaultStrategy,
	}
	for _, a := range s.Allowlists {
		b.allowlists[a.ID] = &a
	}
	return b
}

func (b *stateBuilder) apply(e Edit) error {
	if e.ID == "" && slices.Contains(EditOps(), e.Op) {
		return Invalid("id", "the edit %s names no object", e.Op)
	}
	switch e.Op {
	case EditAddAllowlist:
		return b.addAllowlist(e)
	case EditUpdateAllowlist:
		return b.updateAllowlist(e)
	case EditRemoveAllowlist:
		return b.removeAllowlist(e)
	case EditAddEntry, EditUpdateEntry, EditRemoveEntry:
		return b.applyEntry(e)
	case EditAddMapping, EditUpdateMapping:
		return b.putMapping(e)
	case EditRemoveMapping:
		if !b.mappings.has(e.ID) {
			return gone("mapping", e.ID)
		}
		b.mappings.put(e.ID, nil)
		return nil
	case EditAddRule, EditUpdateRule, EditRemoveRule:
		return b.applyRule(e)
	case EditUpdateSettings:
		return b.putSettings(e)
	case EditAddStrategy, EditUpdateStrategy, EditRemoveStrategy:
		return b.applyStrategy(e)
	case EditDefaultStrategy:
		return b.chooseDefault(e)
	default:
		return Invalid("op", "%q is not an edit; the edits are %s", string(e.Op), editNames())
	}
}

func gone(what, id string) error {
	return Errorf(KindConflict, "the %s %s is no longer there; somebody removed it", what, id)
}

func (b *stateBuilder) addAllowlist(e Edit) error {
	if e.Allowlist == nil {
		return Invalid("allowlist", "the edit has no allowlist")
	}
	if _, ok := b.allowlists[e.ID]; ok {
		return Errorf(KindConflict, "the allowlist %s exists already", e.ID)
	}
	if err := b.checkName(e.ID, e.Allowlist.Name); err != nil {
		return err
	}
	a := *e.Allowlist
	a.ID, a.Entries = e.ID, nil
	b.allowlists[e.ID] = &a
	b.entries[e.ID] = newEditedEntries(nil)
	for _, entry := range e.Allowlist.Entries {
		if err := b.applyEntry(Edit{Op: EditAddEntry, ID: e.ID, Entry: &entry}); err != nil {
			return err
		}
	}
	return nil
}

func (b *stateBuilder) updateAllowlist(e Edit) error {
	a, ok := b.allowlists[e.ID]
	if !ok {
		return gone("allowlist", e.ID)
	}
	if e.Allowlist == nil {
		return Invalid("allowlist", "the edit has no allowlist")
	}
	if err := b.checkName(e.ID, e.Allowlist.Name); err != nil {
		return err
	}
	if a.Name != e.Allowlist.Name {
		b.mappings.rename(a.Name, e.Allowlist.Name)
		b.recheck = true
	}
	renamed := *a
	renamed.Name, renamed.Description = e.Allowlist.Name, e.Allowlist.Description
	b.allowlists[e.ID] = &renamed
	return nil
}

func (b *stateBuilder) checkName(id, name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	for _, other := range b.allowlists {
		if other.Name == name && other.ID != id {
			return Invalid("name", "an allowlist named %q exists already; choose another name", name)
		}
	}
	return nil
}

func (b *stateBuilder) removeAllowlist(e Edit) error {
	if _, ok := b.allowlists[e.ID]; !ok {
		return gone("allowlist", e.ID)
	}
	delete(b.allowlists, e.ID)
	delete(b.entries, e.ID)
	b.recheck = true
	return nil
}

func (b *stateBuilder) applyEntry(e Edit) error {
	entries, err := b.entriesOf(e.ID)
	if err != nil {
		return err
	}
	if e.Op == EditRemoveEntry {
		if !entries.has(e.Key) {
			return Errorf(KindConflict, "%s is no longer in the allowlist; somebody removed it", e.Key)
		}
		entries.put(e.Key, nil)
		return nil
	}
	if e.Entry == nil {
		return Invalid("entry", "the edit has no entry")
	}
	key := e.Entry.Key()
	if _, err := ParseEntry(key); err != nil {
		return err
	}
	if err := e.Entry.Check(); err != nil {
		return err
	}
	there := entries.has(key)
	switch {
	case e.Op == EditAddEntry && there:
		return Errorf(KindConflict, "%s is in the allowlist already", key)
	case e.Op == EditUpdateEntry && !there:
		return Errorf(KindConflict, "%s is no longer in the allowlist; somebody removed it", key)
	}
	entry := *e.Entry
	entries.put(key, &entry)
	return nil
}

func (b *stateBuilder) entriesOf(id string) (*editedEntries, error) {
	a, ok := b.allowlists[id]
	if !ok {
		return nil, gone("allowlist", id)
	}
	if entries, ok := b.entries[id]; ok {
		return entries, nil
	}
	entries := newEditedEntries(a.Entries)
	b.entries[id] = entries
	return entries, nil
}

func (b *stateBuilder) putMapping(e Edit) error {
	if e.Mapping == nil {
		return Invalid("mapping", "the edit has no mapping")
	}
	if err := e.Mapping.Check(); err != nil {
		return err
	}
	there := b.mappings.has(e.ID)
	switch {
	case e.Op == EditAddMapping && there:
		return Errorf(KindConflict, "the mapping %s exists already", e.ID)
	case e.Op == EditUpdateMapping && !there:
		return gone("mapping", e.ID)
	}
	m := e.Mapping.OrDefault()
	m.ID = e.ID
	b.mappings.put(e.ID, &m)
	b.recheck = true
	return nil
}

func (b *stateBuilder) applyRule(e Edit) error {
	_, there := b.rules[e.ID]
	switch {
	case e.Op != EditAddRule && !there:
		return gone("review rule", e.ID)
	case e.Op == EditRemoveRule:
		delete(b.rules, e.ID)
		return nil
	case e.Op == EditAddRule && there:
		return Errorf(KindConflict, "the review rule %s exists already", e.ID)
	case e.Rule == nil:
		return Invalid("rule", "the edit has no review rule")
	}
	if err := e.Rule.Check(); err != nil {
		return err
	}
	r := *e.Rule
	r.ID, r.Name = e.ID, strings.TrimSpace(r.Name)
	b.rules[e.ID] = r
	return nil
}

func (b *stateBuilder) putSettings(e Edit) error {
	if e.Settings == nil || e.ID != SettingsID {
		return Invalid("settings", "the edit has no settings, or its id is not %q", SettingsID)
	}
	if err := e.Settings.Check(); err != nil {
		return err
	}
	b.settings = *e.Settings
	return nil
}

// state assembles the result and refuses mappings that name an allowlist that is gone.
func (b *stateBuilder) state() (State, error) {
	s := State{
		Revision: b.revision, Rules: slices.Collect(maps.Values(b.rules)), Settings: b.settings,
		Strategies: slices.Collect(maps.Values(b.strategies)), DefaultStrategy: b.defaultStrategy,
	}
	names := make(map[string]bool, len(b.allowlists))
	for id, a := range b.allowlists {
		names[a.Name] = true
		list := *a
		if touched, ok := b.entries[id]; ok {
			list.Entries = touched.list()
		}
		s.Allowlists = append(s.Allowlists, list)
	}
	s.Mappings = b.mappings.list()
	if b.recheck {
		if err := checkAllowlistNames(s.Mappings, names); err != nil {
			return State{}, err
		}
	}
	s.sortObjects()
	if err := s.checkStrategies(); err != nil {
		return State{}, err
	}
	return s, nil
}

// checkAllowlistNames refuses mappings that name an allowlist that does not exist.
func checkAllowlistNames(mappings []Mapping, exist map[string]bool) error {
	for i := range mappings {
		for _, name := range mappings[i].Allowlists {
			if !exist[name] {
				return Invalid("allowlists", "the mapping of %s needs the allowlist %q, which does not exist; remove it from the mapping first", mappings[i].Role, name)
			}
		}
	}
	return nil
}

// Sort puts allowlists, their entries and mappings in the order that State promises.
func (s *State) Sort() {
	sortMappings(s.Mappings)
	s.sortObjects()
}

// sortObjects sorts all but the mappings.
func (s *State) sortObjects() {
	slices.SortFunc(s.Allowlists, func(a, b Allowlist) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(s.Rules, func(a, b ReviewRule) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	SortStrategies(s.Strategies)
}
