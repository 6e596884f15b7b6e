package planning

import (
	"maps"
	"slices"

	"portcullis.internal/portcullis/internal/access"
)

// scope picks the mappings of a state that decide on some roles and users in some
// accounts. It may pick too many, never too few.
type scope struct {
	*Affected
	wideRoles map[access.RoleName]bool
	wideReach map[access.AccountID]bool
}

// widen adds the other roles of the users, and where these are: the roles that a
// user may ask for are in one policy, and the way the roles are written decides which
// user-side policies a user has.
func (s *scope) widen() {
	bare := map[access.RoleName]bool{} // path and name of the users
	for _, of := range s.users {
		for u := range of {
			bare[access.RoleName{Path: u.Path, Name: u.Name}] = true
		}
	}
	at := maps.Clone(s.wideReach)
	for _, state := range s.states() {
		for i := range state.Mappings {
			if m := &state.Mappings[i]; s.sends(m, bare, at) {
				s.wideRoles[m.Role.Rooted()] = true
			}
		}
	}
}

// sends reports whether a mapping sends one of the users to a role. Where it is one of
// another account, that account is needed as well.
func (s *scope) sends(m *access.Mapping, bare map[access.RoleName]bool, at map[access.AccountID]bool) bool {
	sends, reaches := false, mayReach(m, at)
	for _, u := range m.Users {
		u = u.Rooted()
		switch {
		case u.Account == "" && !reaches, !bare[access.RoleName{Path: u.Path, Name: u.Name}]:
		case u.Account == "":
			sends = true
		case s.users[u.Account][u]:
			sends = true
			s.accounts.Each(m.Accounts, func(a access.Account) { s.wideReach[a.ID] = true })
		}
	}
	return sends
}

// mayReach looks at ids only: how many accounts have a tag is not known without looking
// at all of them.
func mayReach(m *access.Mapping, accounts map[access.AccountID]bool) bool {
	if m.Accounts.All || len(m.Accounts.IDs) == 0 {
		return true
	}
	return slices.ContainsFunc(m.Accounts.IDs, func(id access.AccountID) bool { return accounts[id] })
}

// of reduces a state to what decides; lists are ids of allowlists that are kept besides
// those that a mapping needs.
func (s *scope) of(whole access.State, lists map[string]bool) access.State {
	part := access.State{Revision: whole.Revision, Settings: whole.Settings, Rules: whole.Rules}
	used := map[string]bool{}
	if len(s.wideRoles) > 0 {
		for i := range whole.Mappings {
			m := &whole.Mappings[i]
			// Lint looks at edited mappings even if they reach no account.
			if !s.edited.Mappings[m.ID] && (!s.wideRoles[m.Role.Rooted()] || !mayReach(m, s.wideReach)) {
				continue
			}
			part.Mappings = append(part.Mappings, *m)
			for _, name := range m.Allowlists {
				used[name] = true
			}
		}
	}
	for i := range whole.Allowlists {
		if a := &whole.Allowlists[i]; used[a.Name] || lists[a.ID] {
			part.Allowlists = append(part.Allowlists, *a)
		}
	}
	return part
}

// Query asks for all that the mappings name.
func (s *scope) query(c *Affected) access.InventoryQuery {
	accounts, users := maps.Clone(s.wideReach), map[access.UserName]bool{}
	states := []access.State{c.before, c.after}
	if c.live != nil {
		states = append(states, *c.live)
	}
	for _, state := range states {
		for i := range state.Mappings {
			for _, u := range state.Mappings[i].Users {
				if u.Account != "" {
					accounts[u.Account] = true
				}
				u = u.Rooted()
				u.Account = ""
				users[u] = true
			}
		}
	}
	for u := range c.leaving {
		if u.Account != "" {
			accounts[u.Account] = true
		}
		u.Account = ""
		users[u] = true
	}
	roles := maps.Clone(s.wideRoles)
	maps.Copy(roles, c.patterns)
	for _, id := range c.everywhere {
		accounts[id] = true
	}
	return access.InventoryQuery{
		Accounts: slices.Sorted(maps.Keys(accounts)), Roles: slices.Collect(maps.Keys(roles)), Users: slices.Collect(maps.Keys(users)), Policies: len(c.users) > 0,
	}
}
