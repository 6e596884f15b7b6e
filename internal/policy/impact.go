package policy

import (
	"math/big"
	"net/netip"
	"slices"

	"portcullis.internal/portcullis/internal/access"
)

// Impact is what a change means to people: who can come from which addresses that they
// could not come from before, and the other way round.
type Impact struct {
	Entries    []EntryChange
	Mappings   []MappingChange
	Gained     []Reach
	Lost       []Reach
	Conditions []ConditionChange

	// How far the change reaches: distinct role names, users and accounts among the
	// rows above. A user who is named without an account counts once.
	Roles, People, Accounts int
}

// Reach is addresses that one user gains or loses on one role, the same in all of these
// accounts. A User without account is the user of that name in each of the accounts.
type Reach struct {
	User      access.UserName
	Role      access.RoleName
	Accounts  []access.AccountID // sorted
	Prefixes  []netip.Prefix     // a cover
	Endpoints []string
	Count     *big.Int // of the addresses

	// Before and After are the covers of all addresses of the user on the role.
	Before, After []netip.Prefix

	Entire bool // the user could not assume the role at all before (or cannot any more)
}

// ConditionChange is a condition that changes for one user on one role. User is zero
// if it is about all callers who are not mapped.
type ConditionChange struct {
	User     access.UserName
	Role     access.RoleName
	Accounts []access.AccountID
	Text     string // "MFA becomes required"
	Stricter bool
}

// Diff returns the impact of a change of state. Accounts, inventory and options of after
// apply to both states, so that the result is about the change alone. Accounts that no rollout
// may touch are left out. Its cost grows with the roles that are touched, not with all
// mappings times all accounts.
func Diff(before, after Input) (Impact, error) {
	before.Accounts, before.Inventory, before.Options = after.Accounts, after.Inventory, after.Options
	was, err := NewCompiler(before)
	if err != nil {
		return Impact{}, err
	}
	is, err := newCompiler(after, was.selectors)
	if err != nil {
		return Impact{}, err
	}
	return diffOf(was, is, before, after), nil
}

// Impact returns the impact of a step from the state of this compiler to that of another
// one, which WithState has made.
func (c *Compiler) Impact(before, after access.State, to *Compiler) Impact {
	return diffOf(c, to, Input{State: before, Now: c.now}, Input{State: after, Now: to.now})
}

func diffOf(was, is *Compiler, before, after Input) Impact {
	states := DiffStates(before.State, after.State)
	d := newDiffer(was, is)
	for _, role := range touchedRoles(states, before, after, was, is) {
		d.role(role)
	}
	impact := d.impact()
	impact.Entries, impact.Mappings = states.Entries, states.Mappings
	return impact
}

// touchedRoles are the roles of mappings that differ, or whose allowlists do.
func touchedRoles(d StateDiff, before, after Input, was, is *Compiler) []access.RoleName {
	lists := map[string]bool{}
	for _, e := range d.Entries {
		lists[e.Allowlist] = true
	}
	for _, a := range d.Allowlists {
		lists[a.Before.Name], lists[a.After.Name] = true, true
	}
	if !before.Now.Equal(after.Now) {
		for _, a := range after.State.Allowlists {
			if slices.ContainsFunc(a.Entries, func(e access.Entry) bool { return e.ExpiredAt(before.Now) != e.ExpiredAt(after.Now) }) {
				lists[a.Name] = true
			}
		}
	}
	changed := map[string]bool{}
	for _, m := range d.Mappings {
		changed[m.ID] = true
	}
	seen := map[access.RoleName]bool{}
	var roles []access.RoleName
	for _, c := range []*Compiler{was, is} {
		for i := range c.mappings {
			p := &c.mappings[i]
			if !seen[p.Role] && p.protected == "" && (changed[p.ID] || anyOf(p.lists, lists)) {
				seen[p.Role] = true
				roles = append(roles, p.Role)
			}
		}
	}
	return roles
}

func anyOf(names []string, set map[string]bool) bool {
	for _, n := range names {
		if set[n] {
			return true
		}
	}
	return false
}
