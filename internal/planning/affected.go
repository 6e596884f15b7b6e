package planning

import (
	"maps"
	"slices"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// Affected is the part of the desired state and of the organization that decides what a change
// writes: mappings and allowlists, accounts, roles and users. A state holds many times more than a
// change touches, and the cost of a change must follow from what it touches.
//
//	edits ─▶ allowlists whose networks differ ─▶ mappings that use them ─┐
//	     └─▶ mappings ───────────────────────────────────────────────────┼─▶ roles, accounts
//	                └─▶ users whose roles differ ◀─ user-side policies ──┘
//	roles, users ─▶ every mapping that decides on one of them in one of the accounts
type Affected struct {
	now         time.Time
	edits       []access.Edit
	base, next  access.State    // whole
	written     *access.State   // whole; what was written last where it is not base
	accounts    access.Accounts // of the organization, that a rollout may touch
	edited      touchedObjects  // what the edits name
	uses        map[string]bool // ids of mappings that use an allowlist whose networks differ
	editedRoles map[access.RoleName]bool

	roles map[access.RoleName]bool                      // whose trust policies may differ
	reach map[access.AccountID]bool                     // in these accounts
	users map[access.AccountID]map[access.UserName]bool // whose own policies may differ

	lists         map[string]bool          // ids of allowlists that differ, or are added to a mapping or removed from one
	before, after access.State             // what of the states decides
	patterns      map[access.RoleName]bool // roles that user policies name in any account
	everywhere    []access.AccountID       // where these are looked for
	leaving       map[access.UserName]bool // users whom trust policies stop admitting, and whom no mapping names
	live          *access.State            // the same of what was written last
	Query         access.InventoryQuery
}

// NewAffected finds the part for the edits that lead from a base to the next state. written is the state
// that AWS has where that is not base; nil otherwise.
func NewAffected(accounts access.Accounts, base, next access.State, written *access.State, edits []access.Edit, now time.Time) *Affected {
	c := &Affected{
		now: now, edits: edits, base: base, next: next, written: written, accounts: accounts, edited: TouchedBy(edits), uses: map[string]bool{},
		editedRoles: map[access.RoleName]bool{}, roles: map[access.RoleName]bool{}, reach: map[access.AccountID]bool{}, users: map[access.AccountID]map[access.UserName]bool{},
	}
	c.lists = maps.Clone(c.edited.allowlists)
	c.find()
	c.reduce()
	return c
}

// AffectedIn is what decides on the documents of some accounts in a state that no edit changes.
func AffectedIn(w PlanInput, state access.State, ids []access.AccountID) *Affected {
	c := NewAffected(w.Accounts, state, state, nil, nil, w.Now)
	for _, id := range ids {
		a, known := w.Accounts.Find(id)
		if !known {
			continue
		}
		c.reach[id] = true
		for i := range state.Mappings {
			m := &state.Mappings[i]
			here := m.Accounts.Matches(a)
			if here {
				c.roles[m.Role.Rooted()] = true
			}
			for _, u := range m.Users {
				if u.Account == id || u.Account == "" && here {
					c.addUser(u.Rooted().In(id))
				}
			}
		}
	}
	c.reduce()
	return c
}

// states are the whole states that the change has to do with.
func (c *Affected) states() []access.State {
	if c.written == nil {
		return []access.State{c.base, c.next}
	}
	return []access.State{c.base, c.next, *c.written}
}

// find finds the roles and accounts whose documents may differ.
func (c *Affected) find() {
	moved := c.movedAllowlists()
	was, is := map[string]access.Mapping{}, map[string]access.Mapping{}
	for n, s := range c.states() {
		names := namesOf(s, moved)
		if len(names) == 0 && len(c.edited.Mappings) == 0 {
			continue
		}
		for i := range s.Mappings {
			m := &s.Mappings[i]
			switch {
			case c.edited.Mappings[m.ID]:
				c.editedRoles[m.Role.Rooted()] = true
				addIDs(s, m.Allowlists, c.lists)
				if n == 0 {
					was[m.ID] = *m
				} else {
					is[m.ID] = *m
				}
			case containsAny(m.Allowlists, names):
				c.uses[m.ID] = true
			default:
				continue
			}
			c.roles[m.Role.Rooted()] = true
			c.accounts.Each(m.Accounts, func(a access.Account) { c.reach[a.ID] = true })
		}
	}
	for id := range c.edited.Mappings {
		if before, after := was[id], is[id]; otherTargets(before, after) {
			c.addUsers(before)
			c.addUsers(after)
		}
	}
}

// movedAllowlists are the ids of the edited allowlists of which other networks count before than
// after: a note or a name moves nobody.
func (c *Affected) movedAllowlists() map[string]bool {
	moved := map[string]bool{}
	states := c.states()
	for id := range c.edited.allowlists {
		var first access.Allowlist
		for n, s := range states {
			a, _ := s.Allowlist(id)
			if n == 0 {
				first = a
			} else if !sameNetworks(first, a, c.now) {
				moved[id] = true
			}
		}
	}
	return moved
}

func sameNetworks(a, b access.Allowlist, now time.Time) bool {
	a.Entries, b.Entries = access.DifferingEntries(a.Entries, b.Entries)
	x, y := a.Active(now), b.Active(now)
	return slices.EqualFunc(x, y, func(e, f access.Entry) bool {
		return e.Kind == f.Kind && e.Prefix == f.Prefix && e.Endpoint == f.Endpoint
	})
}

func namesOf(s access.State, ids map[string]bool) map[string]bool {
	if len(ids) == 0 {
		return nil
	}
	names := map[string]bool{}
	for i := range s.Allowlists {
		if ids[s.Allowlists[i].ID] {
			names[s.Allowlists[i].Name] = true
		}
	}
	return names
}

func containsAny(list []string, names map[string]bool) bool {
	if len(names) == 0 {
		return false
	}
	for _, n := range list {
		if names[n] {
			return true
		}
	}
	return false
}

// otherTargets reports whether a mapping sends users to other roles than before. A
// mapping that is not there has no role.
func otherTargets(was, is access.Mapping) bool {
	was, is = was.OrDefault(), is.OrDefault()
	return was.Role != is.Role || was.SourceIdentity != is.SourceIdentity || !was.Accounts.Equal(is.Accounts) || !slices.Equal(was.Users, is.Users)
}

// addUsers has the own policies of a mapping's users looked at.
func (c *Affected) addUsers(m access.Mapping) {
	any := false
	c.accounts.Each(m.Accounts, func(a access.Account) {
		any = true
		for _, u := range m.Users {
			c.addUser(u.Rooted().In(a.ID))
		}
	})
	for _, u := range m.Users {
		if any && u.Account != "" {
			c.addUser(u.Rooted())
		}
	}
}

// AddUser adds a user whose own policies are compiled. fresh is false if they were there before.
func (c *Affected) addUser(u access.UserName) (fresh bool) {
	of := c.users[u.Account]
	if of == nil {
		of = map[access.UserName]bool{}
		c.users[u.Account] = of
	}
	fresh, of[u] = !of[u], true
	return fresh
}

// WithUsers adds users who turn out to assume one of the roles through user-side policies,
// which depend on all roles of their user. It reports whether any of the users is new.
func (c *Affected) WithUsers(users []access.UserName) bool {
	fresh := false
	for _, u := range users {
		fresh = c.addUser(u) || fresh
	}
	if fresh {
		c.reduce()
	}
	return fresh
}

// WithPatterns adds roles that user policies name in any account. They have to be known in the whole
// organization. It reports whether any of them is new.
func (c *Affected) WithPatterns(roles []access.RoleName, organization access.Accounts) bool {
	fresh := false
	for _, r := range roles {
		fresh = fresh || !c.patterns[r]
		if c.patterns == nil {
			c.patterns, c.everywhere = map[access.RoleName]bool{}, organization.IDs()
		}
		c.patterns[r] = true
	}
	if fresh {
		c.reduce()
	}
	return fresh
}

// WithLeaving adds users whom trust policies stop admitting (order.Leaving). No mapping has to name such a user: others
// edited the trust policy, or it keeps the Deny for a user who was removed before. It reports whether any of them is new.
func (c *Affected) WithLeaving(users []access.UserName) bool {
	if len(users) == 0 {
		return false
	}
	asked := make(map[access.UserName]bool, len(c.Query.Users))
	for _, u := range c.Query.Users {
		asked[u] = true
	}
	fresh := false
	for _, u := range users {
		bare := u.Rooted()
		bare.Account = ""
		_, read := slices.BinarySearch(c.Query.Accounts, u.Account)
		if asked[bare] && (u.Account == "" || read) {
			continue
		}
		if c.leaving == nil {
			c.leaving = map[access.UserName]bool{}
		}
		fresh, c.leaving[u.Rooted()] = true, true
	}
	if fresh {
		c.reduce()
	}
	return fresh
}

// Reduce picks what of the states decides on the roles and users, and what has to be
// known of the accounts.
func (c *Affected) reduce() {
	scope := scope{Affected: c, wideRoles: maps.Clone(c.roles), wideReach: maps.Clone(c.reach)}
	for id := range c.users {
		scope.wideReach[id] = true
	}
	if len(c.users) > 0 {
		scope.widen()
	}
	c.before, c.after = scope.of(c.base, c.lists), scope.of(c.next, c.lists)
	if c.written != nil {
		live := scope.of(*c.written, c.lists)
		c.live = &live
	}
	c.Query = scope.query(c)
}

func addIDs(s access.State, names []string, ids map[string]bool) {
	for _, name := range names {
		if i, found := slices.BinarySearchFunc(s.Allowlists, name, func(a access.Allowlist, n string) int { return strings.Compare(a.Name, n) }); found {
			ids[s.Allowlists[i].ID] = true
		}
	}
}

// Targets are the accounts that may be written to, sorted.
func (c *Affected) targets() []access.AccountID {
	ids := maps.Clone(c.reach)
	for id := range c.users {
		ids[id] = true
	}
	return slices.Sorted(maps.Keys(ids))
}

// editedUsers are the users whom edited mappings name, before or after.
func (c *Affected) editedUsers() map[access.UserName]bool {
	users := map[access.UserName]bool{}
	for _, s := range []access.State{c.base, c.next} {
		for i := range s.Mappings {
			if !c.edited.Mappings[s.Mappings[i].ID] {
				continue
			}
			for _, u := range s.Mappings[i].Users {
				users[u.Rooted()] = true
			}
		}
	}
	return users
}
