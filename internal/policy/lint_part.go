package policy

import (
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// Scope is the part of a state that lint looks at where a change is judged. What lies
// outside is the same before and after it.
type Scope struct {
	// Whole is the whole state, for issues that compare an object with others: whether
	// anybody uses an allowlist, whether two roles have one name.
	Whole access.State

	Allowlists map[string]bool // ids of those whose entries or use may differ
	Mappings   map[string]bool // ids of those that differ themselves
	Networks   map[string]bool // ids of those whose networks alone differ

	Roles map[access.RoleName]bool // that mappings which differ name, before or after
	Users map[access.UserName]bool // that mappings which differ name, before or after
}

// PartLint is what lint finds in a part of a state. Documents are looked at as they are
// compiled, so that nothing is compiled for lint alone.
type PartLint struct {
	l       *linter
	missing *missing
	seen    seen
	before  *PartLint

	// What others made in the account that was looked at last, and what of that is said
	// of this state and not of the one before, and the other way round, in all accounts.
	last             access.AccountID
	said             []Issue
	brought, cleared sentences
}

// NewPartLint looks through the objects of the scope. The compiler's state holds all of
// them, and in is what it was made of. before is the lint of the state before, which looks
// at each account first; nil for that one itself.
func NewPartLint(c *Compiler, in Input, s Scope, before *PartLint) *PartLint {
	p := &PartLint{l: &linter{c: c, in: in}, missing: newMissing(), before: before}
	p.allowlists(s)
	names := map[string]map[access.RoleName]string{}
	for i := range c.mappings {
		m := &c.mappings[i]
		switch {
		case s.Mappings[m.ID]:
			p.mapping(m)
		case s.Networks[m.ID]:
			p.l.issues = append(p.l.issues, c.mappingIssues(m)...)
		}
	}
	var errors map[access.RoleName]bool
	if len(s.Roles)+len(s.Users) > 0 {
		var clashes []Issue
		clashes, errors = c.oneName(s.Whole.Mappings, &s)
		p.l.issues = append(p.l.issues, clashes...)
	}
	for r := range s.Roles {
		names[strings.ToLower(r.Name)] = map[access.RoleName]string{}
	}
	if len(names) > 0 {
		sameNames(s.Whole, names)
		p.l.ambiguous(names, errors)
	}
	return p
}

func (p *PartLint) allowlists(s Scope) {
	var lists []access.Allowlist
	used := map[string]bool{}
	for _, a := range p.l.in.State.Allowlists {
		if s.Allowlists[a.ID] {
			lists = append(lists, a)
			used[a.Name] = false
		}
	}
	open := len(lists)
	for i := 0; i < len(s.Whole.Mappings) && open > 0; i++ {
		for _, name := range s.Whole.Mappings[i].Allowlists {
			if is, asked := used[name]; asked && !is {
				used[name] = true
				open--
			}
		}
	}
	for _, a := range lists {
		p.l.allowlist(a, used[a.Name])
	}
}

func (p *PartLint) mapping(m *resolvedMapping) {
	p.l.role(m)
	p.l.mfa(m)
	p.l.usersOf(m)
	p.l.issues = append(p.l.issues, p.l.c.mappingIssues(m)...)
	p.l.issues = append(p.l.issues, p.l.c.closedReach(m)...)
	if m.protected == "" {
		p.l.issues = append(p.l.issues, p.l.c.existence(m, p.missing)...)
	}
}

// sameNames fills in the roles of a state that have one of the names, without regard to
// case.
func sameNames(s access.State, names map[string]map[access.RoleName]string) {
	lengths := map[int]bool{}
	for name := range names {
		lengths[len(name)] = true
	}
	for i := range s.Mappings {
		r := s.Mappings[i].Role
		if !lengths[len(r.Name)] {
			continue
		}
		if same, asked := names[strings.ToLower(r.Name)]; asked {
			same[r.Rooted()] = s.Mappings[i].ID
		}
	}
}

// Look looks at the documents of one account, or at why they cannot be compiled. others
// says whether what others wrote into the trust policies is looked at, too: a change of
// networks alone lets nobody past them.
func (p *PartLint) Look(id access.AccountID, docs Documents, err error, others func(access.RoleName) bool) {
	p.seen.add(p.l, id, docs, err)
	p.last, p.said = id, nil
	docs.Roles = slices.DeleteFunc(slices.Clone(docs.Roles), func(d Compiled) bool {
		return !others(access.RoleName{Path: d.Resource.Path, Name: d.Resource.Name})
	})
	if len(docs.Roles)+len(docs.Users) == 0 {
		return
	}
	found := &linter{c: p.l.c, in: p.l.in}
	found.others(id, docs)
	p.said = found.issues
	p.compare(id, docs)
}

// compare notes what is said of an account after and not before, and what is not said any
// more. All of it is about the account alone, so that nothing else has to be kept of it. What
// is said again in other words is not gone. Issues about statements of others are not gone
// either if the change stops managing the object: lint no longer looks at it.
func (p *PartLint) compare(id access.AccountID, docs Documents) {
	if p.before == nil {
		return
	}
	var was []Issue
	if p.before.last == id {
		was = p.before.said
	}
	fresh := slices.DeleteFunc(slices.Clone(p.said), func(i Issue) bool { return slices.Contains(was, i) })
	again := func(i Issue) bool {
		return slices.ContainsFunc(fresh, func(now Issue) bool { return now.Code == i.Code && now.Object == i.Object })
	}
	for _, i := range fresh {
		p.brought.add(i, id)
	}
	for _, i := range was {
		if i.Severity != SeverityInfo && !slices.Contains(p.said, i) && !again(i) && docs.about(i.Object, id) {
			p.cleared.add(i, id)
		}
	}
}

// about reports whether a role or user of an account is among those of the documents.
func (d Documents) about(object string, id access.AccountID) bool {
	return slices.ContainsFunc(d.Roles, func(c Compiled) bool {
		return roleObject(access.RoleName{Path: c.Resource.Path, Name: c.Resource.Name}, id) == object
	}) || slices.ContainsFunc(d.Users, func(c Compiled) bool { return userObject(c.Resource.Name, id) == object })
}

// Brought are the issues of one part that were not in the other, errors first. What is
// said once of several places is said of those that are new.
func Brought(before, after *PartLint) []Issue {
	unions := before.l.c.roleUnions()
	known := make(map[Issue]bool, len(before.l.issues)+len(unions))
	large := map[string]bool{} // allowlists that were large already: how much they grow is for LargeReach to say
	for _, i := range slices.Concat(before.l.issues, unions) {
		known[i] = true
		if i.Code == CodeAllowlistLarge {
			large[i.Object] = true
		}
	}
	fresh := &linter{c: after.l.c}
	for _, i := range slices.Concat(after.l.issues, after.l.c.roleUnions()) {
		if known[i] && i.Code == CodeUserOutside && i.Severity == SeverityError {
			i.Severity = SeverityWarning // a mapping that the change edits keeps the user
			fresh.issues = append(fresh.issues, i)
		}
		if !known[i] && (i.Code != CodeAllowlistLarge || !large[i.Object]) {
			fresh.issues = append(fresh.issues, i)
		}
	}
	fresh.issues = append(fresh.issues, after.missing.without(before.missing).issues()...)
	fresh.issues = append(fresh.issues, after.brought.issues()...)
	after.seen.report(fresh, &before.seen)
	sortIssues(fresh.issues)
	return slices.Compact(fresh.issues)
}

// Cleared are the warnings and errors of one part that are gone in the other, errors
// first. What is said again in other words is not gone.
func Cleared(before, after *PartLint) []Issue {
	type topic struct{ code, object string }
	again := map[topic]bool{}
	for _, i := range Brought(before, after) {
		again[topic{i.Code, i.Object}] = true
	}
	gone := slices.DeleteFunc(Brought(after, before), func(i Issue) bool {
		return i.Severity == SeverityInfo || again[topic{i.Code, i.Object}]
	})
	gone = append(gone, after.cleared.issues()...)
	sortIssues(gone)
	return gone
}

// without returns what of a list is not in another.
func without(list, other []string) []string {
	if len(other) == 0 {
		return list
	}
	in := make(map[string]bool, len(other))
	for _, o := range other {
		in[o] = true
	}
	var left []string
	for _, s := range list {
		if !in[s] {
			left = append(left, s)
		}
	}
	return left
}

func (m *missing) without(o *missing) *missing {
	left := newMissing()
	for _, u := range m.order {
		for _, where := range without(m.roles[u], o.roles[u]) {
			left.add(u, where, m.at[u])
			left.cross[u] = m.cross[u]
		}
	}
	return left
}
