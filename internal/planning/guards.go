package planning

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/cidr"
	"portcullis.internal/portcullis/internal/policy"
)

// guard looks for what would lock people out. It is pure. The settings of the state
// before say what becomes of what it finds.
type guard struct {
	before, after access.State
	ous           *access.OUs
	people        []access.Person
	groups        access.Groups
	now           time.Time
	found         []access.Guard
}

// LockOuts returns what a change would lock out, for all readers alike.
func LockOuts(before, after access.State, ous *access.OUs, people []access.Person, groups access.Groups, now time.Time) []access.Guard {
	g := &guard{before: before, after: after, ous: ous, people: people, groups: groups, now: now}
	g.noAddress()
	g.noAddressLater()
	g.breakGlassMappings()
	g.breakGlassAllowlists()
	g.nobodyReviews()
	g.nobodyApplies()
	return g.found
}

func (g *guard) add(code access.GuardCode, object string, people, addresses []string, format string, args ...any) {
	g.found = append(g.found, access.Guard{
		Code: code, Object: object, Message: fmt.Sprintf(format, args...), People: people, Addresses: addresses, Mode: g.before.Settings.Mode(code),
	})
}

// noAddress finds mapped users who would be left without any address.
func (g *guard) noAddress() {
	wasOpen, isOpen := g.open(g.before), g.open(g.after)
	var was map[string]access.Mapping               // by id; made when first needed, as is
	var others map[access.RoleName][]access.Mapping // with an address, by role
	for i := range g.after.Mappings {
		m := g.after.Mappings[i]
		if admits(m, isOpen) {
			continue
		}
		if others == nil {
			was, others = byID(g.before.Mappings), openByRole(g.after, isOpen)
		}
		old := was[m.ID]
		var people []string
		for _, u := range m.Users {
			before := slices.Contains(old.Users, u) && !admits(old, wasOpen) // nothing to lose
			if !before && !slices.ContainsFunc(others[m.Role], func(o access.Mapping) bool { return covers(o, m, u) }) {
				people = append(people, u.String())
			}
		}
		if len(people) > 0 {
			g.add(access.GuardNoAddress, m.Role.String(), people, g.keys(g.before, old.Allowlists),
				"%s would be left without any address for role %s in %s: no entry of %s counts.", names(people), m.Role, m.Accounts, names(m.Allowlists))
		}
	}
}

func byID(mappings []access.Mapping) map[string]access.Mapping {
	all := make(map[string]access.Mapping, len(mappings))
	for i := range mappings {
		all[mappings[i].ID] = mappings[i]
	}
	return all
}

// open says which allowlists have an entry that counts now.
func (g *guard) open(s access.State) map[string]bool {
	open := make(map[string]bool, len(s.Allowlists))
	for _, a := range s.Allowlists {
		open[a.Name] = slices.ContainsFunc(a.Entries, func(e access.Entry) bool { return !e.ExpiredAt(g.now) })
	}
	return open
}

func admits(m access.Mapping, open map[string]bool) bool {
	return slices.ContainsFunc(m.Allowlists, func(name string) bool { return open[name] })
}

func openByRole(s access.State, open map[string]bool) map[access.RoleName][]access.Mapping {
	byRole := map[access.RoleName][]access.Mapping{}
	for _, m := range s.Mappings {
		if admits(m, open) {
			byRole[m.Role] = append(byRole[m.Role], m)
		}
	}
	return byRole
}

// covers reports whether a mapping admits a user wherever another one reaches.
func covers(o, m access.Mapping, u access.UserName) bool {
	everywhere := o.Accounts.All && len(o.Accounts.Except) == 0
	return slices.Contains(o.Users, u) && (everywhere || o.Accounts.Equal(m.Accounts))
}

// breakGlassMappings finds what would be lost of mappings that the settings protect.
func (g *guard) breakGlassMappings() {
	for _, id := range g.before.Settings.BreakGlassMappings {
		was, there := g.before.Mapping(id)
		if !there {
			continue
		}
		is, stays := g.after.Mapping(id)
		lost := lostUsers(was, is)
		switch role := was.Role.String(); {
		case !stays:
			g.add(access.GuardBreakGlass, role, lost, g.keys(g.before, was.Allowlists), "The break-glass mapping of %s for %s would disappear.", role, names(lost))
		case len(lost) > 0:
			g.add(access.GuardBreakGlass, role, lost, nil, "%s would lose the break-glass mapping of %s.", names(lost), role)
		case was.Role != is.Role || !was.Accounts.Equal(is.Accounts):
			g.add(access.GuardBreakGlass, role, userNames(was), nil, "The break-glass mapping of %s in %s would become one of %s in %s.", role, g.ous.Describe(was.Accounts), is.Role, g.ous.Describe(is.Accounts))
		case g.dropsAllowlist(was, is):
			g.add(access.GuardBreakGlass, role, userNames(was), nil, "The break-glass mapping of %s would no longer use %s.", role, names(was.Allowlists))
		}
	}
}

func lostUsers(was, is access.Mapping) []string {
	var lost []string
	for _, u := range was.Users {
		if !slices.Contains(is.Users, u) {
			lost = append(lost, u.String())
		}
	}
	return lost
}

func userNames(m access.Mapping) []string { return lostUsers(m, access.Mapping{}) }

// dropsAllowlist compares by id: a new name is no loss.
func (g *guard) dropsAllowlist(was, is access.Mapping) bool {
	left := listIDs(g.after, is.Allowlists)
	for id := range listIDs(g.before, was.Allowlists) {
		if !left[id] {
			return true
		}
	}
	return false
}

func listIDs(s access.State, names []string) map[string]bool {
	ids := map[string]bool{}
	for _, a := range s.Allowlists {
		if slices.Contains(names, a.Name) {
			ids[a.ID] = true
		}
	}
	return ids
}

// breakGlassAllowlists finds the ranges that would be lost of protected allowlists.
func (g *guard) breakGlassAllowlists() {
	for _, id := range g.before.Settings.BreakGlassAllowlists {
		was, there := g.before.Allowlist(id)
		if !there {
			continue
		}
		is, _ := g.after.Allowlist(id)
		lost, how := lostRanges(was.Active(g.now), is.Active(g.now)), "The break-glass allowlist %s would lose %s."
		if len(lost) == 0 {
			lost, how = lostLater(was, is), "The break-glass allowlist %s would lose %s in time, by an expiry."
		}
		if len(lost) > 0 {
			var people []string
			for _, m := range g.before.MappingsUsing(was.Name) {
				people = append(people, userNames(m)...)
			}
			g.add(access.GuardBreakGlass, was.Name, unique(people), lost, how, was.Name, names(lost))
		}
	}
}

func lostRanges(was, is []access.Entry) []string {
	before, endpoints := ranges(was)
	after, left := ranges(is)
	var lost []string
	for _, p := range cidr.Subtract(before, after) {
		lost = append(lost, p.String())
	}
	for _, e := range endpoints {
		if !slices.Contains(left, e) {
			lost = append(lost, e)
		}
	}
	return lost
}

func ranges(entries []access.Entry) (prefixes []netip.Prefix, endpoints []string) {
	for _, e := range entries {
		if e.Kind == access.EntryCIDR {
			prefixes = append(prefixes, e.Prefix)
		} else {
			endpoints = append(endpoints, e.Endpoint)
		}
	}
	return prefixes, endpoints
}

// nobodyReviews finds new or altered rules that the present people can never meet.
func (g *guard) nobodyReviews() {
	for _, r := range g.after.Rules {
		if was, there := g.before.Rule(r.ID); there && was.Equal(r) {
			continue
		}
		if missing := g.unmet(r); missing != "" {
			g.add(access.GuardNobodyApplies, r.Name, g.reviewers(), nil,
				"No change under the rule %s could be approved any more: it would always lack %s.", r.Name, missing)
		}
	}
}

// unmet says what a rule would lack even if all people reviewed; "" where nothing.
func (g *guard) unmet(r access.ReviewRule) string {
	lacks := access.Need{Need: r.Need}.Unmet(g.people, g.groups)
	if len(lacks) == 0 {
		return ""
	}
	words := make([]string, len(lacks))
	for i, l := range lacks {
		words[i] = l.String()
	}
	return names(words)
}

func (g *guard) reviewers() []string {
	var who []string
	for _, p := range g.people {
		if p.Standing().MayReview() {
			who = append(who, p.Name)
		}
	}
	return who
}

// nobodyApplies finds settings that take away the last way to apply a change.
func (g *guard) nobodyApplies() {
	if !g.appliable(g.after) && g.appliable(g.before) {
		g.add(access.GuardNobodyApplies, access.SettingsID, nil, nil, "Nobody could apply changes any more: there is no operator, and break-glass would not be allowed.")
	}
}

func (g *guard) appliable(s access.State) bool {
	return slices.ContainsFunc(g.people, func(p access.Person) bool {
		return !p.Disabled && (slices.Contains(p.Roles, access.RoleOperator) || s.Settings.BreakGlassAllowed && slices.Contains(p.Roles, access.RoleBreakGlass))
	})
}

// IDs are the entries of allowlists that count now, the first of many.
func (g *guard) keys(s access.State, lists []string) []string {
	const shown = 20
	var keys []string
	for _, a := range s.Allowlists {
		if !slices.Contains(lists, a.Name) {
			continue
		}
		for _, e := range a.Active(g.now) {
			if len(keys) == shown {
				return append(keys, "…")
			}
			keys = append(keys, e.Key())
		}
	}
	return keys
}

// OwnLockOuts finds roles that the actor is mapped to, and would lose from the address
// that they are at now. The part of an e-mail address before the @ counts as the
// name of the IAM user.
func OwnLockOuts(actor access.Actor, impact policy.Impact, settings access.Settings) []access.Guard {
	me, _, _ := strings.Cut(actor.Email, "@")
	at := actor.Addr.Unmap().WithZone("")
	if me == "" || !at.IsValid() {
		return nil
	}
	var found []access.Guard
	for _, r := range impact.Lost {
		role := r.Role.String()
		lost := strings.EqualFold(r.User.Name, me) && slices.ContainsFunc(r.Prefixes, func(p netip.Prefix) bool { return p.Contains(at) })
		if lost && !slices.ContainsFunc(found, func(g access.Guard) bool { return g.Object == role }) {
			found = append(found, access.Guard{
				Code: access.GuardOwnAddress, Object: role, People: []string{r.User.String()}, Addresses: []string{at.String()}, Mode: settings.Mode(access.GuardOwnAddress),
				Message: fmt.Sprintf("You are at %s, and IAM user %s, who may be you, would no longer get role %s from there.", at, r.User, role),
			})
		}
	}
	return found
}

func unique(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// names lists a few names and counts the rest.
func names(list []string) string {
	const few = 4
	switch n := len(list); {
	case n == 0:
		return "nobody"
	case n == 1:
		return list[0]
	case n <= few:
		return strings.Join(list[:n-1], ", ") + " and " + list[n-1]
	default:
		return fmt.Sprintf("%s and %d more", strings.Join(list[:few], ", "), n-few)
	}
}
