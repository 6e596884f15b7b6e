package policy

import (
	"slices"
	"strings"

	"portcullis/internal/access"
)

// Scope is the part of a state that lint looks at where a change is judged. What lies
// outside is the same before and after it.
type Scope struct {
	// Whole is the whole state, for what is said of an object beside others: whether
	// anybody uses an allowlist, whether two roles have one name.
	Whole access.State

	Allowlists map[string]bool // ids of those whose entries or use may differ
	Mappings   map[string]bool // ids of those that differ themselves
	Networks   map[string]bool // ids of those whose networks alone differ

	Roles map[access.RoleName]bool // that mappings which differ name, before or after
}

// PartLint is what lint finds in a part of a state. Documents are looked at as they are
// compiled, so that nothing is compiled for lint alone.
type PartLint struct {
	l       *linter
	missing *missing
	seen    seen
	before  *PartLint
	others  map[string]bool // objects of which what others made was said
	written map[string]bool // such objects of before that this state's documents are about, too
}

// NewPartLint looks through the objects of the scope. The compiler's state holds all of
// them, and in is what it was made of. before is the lint of the state before, which looks
// at each account first; nil for that one itself.
func NewPartLint(c *Compiler, in Input, s Scope, before *PartLint) *PartLint {
	p := &PartLint{l: &linter{c: c, in: in}, missing: newMissing(), before: before, others: map[string]bool{}, written: map[string]bool{}}
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
	for r := range s.Roles {
		names[strings.ToLower(r.Name)] = map[access.RoleName]string{}
	}
	if len(names) > 0 {
		sameNames(s.Whole, names)
		p.l.ambiguous(names)
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

func (p *PartLint) mapping(m *plan) {
	p.l.role(m)
	p.l.mfa(m)
	p.l.usersOf(m)
	p.l.issues = append(p.l.issues, p.l.c.mappingIssues(m)...)
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
	docs.Roles = slices.DeleteFunc(slices.Clone(docs.Roles), func(d Compiled) bool {
		return !others(access.RoleName{Path: d.Resource.Path, Name: d.Resource.Name})
	})
	if len(docs.Roles)+len(docs.Users) == 0 {
		return
	}
	known := len(p.l.issues)
	p.l.others(id, docs)
	for _, i := range p.l.issues[known:] {
		p.others[i.Object] = true
	}
	p.noteWritten(id, docs)
}

// noteWritten notes which documents are about something that others made before. In a
// large organization that is few of them.
func (p *PartLint) noteWritten(id access.AccountID, docs Documents) {
	if p.before == nil || len(p.before.others) == 0 {
		return
	}
	note := func(object string) {
		if p.before.others[object] {
			p.written[object] = true
		}
	}
	for _, d := range docs.Roles {
		note(roleObject(access.RoleName{Path: d.Resource.Path, Name: d.Resource.Name}, id))
	}
	for _, d := range docs.Users {
		note(userObject(d.Resource.Name, id))
	}
}

// Brought are the issues of one part that were not in the other, errors first. What is
// said once of several places is said of those that are new.
func Brought(before, after *PartLint) []Issue {
	known := make(map[Issue]bool, len(before.l.issues))
	for _, i := range before.l.issues {
		known[i] = true
	}
	fresh := &linter{c: after.l.c}
	for _, i := range after.l.issues {
		if !known[i] {
			fresh.issues = append(fresh.issues, i)
		}
	}
	fresh.issues = append(fresh.issues, after.missing.without(before.missing).issues()...)
	after.seen.report(fresh, &before.seen)
	sortIssues(fresh.issues)
	return slices.Compact(fresh.issues)
}

// Cleared are the warnings and errors of one part that are gone in the other, errors
// first. What is said again in other words is not gone; neither is what others have made
// in AWS, where the change takes its hands off: nobody looks at it any more.
func Cleared(before, after *PartLint) []Issue {
	type topic struct{ code, object string }
	again := map[topic]bool{}
	for _, i := range Brought(before, after) {
		again[topic{i.Code, i.Object}] = true
	}
	return slices.DeleteFunc(Brought(after, before), func(i Issue) bool {
		ofOthers := i.Code == CodeBypass || i.Code == CodeUserHoldsMore || i.Code == CodeFederatedDoor
		return i.Severity == SeverityInfo || again[topic{i.Code, i.Object}] || ofOthers && !after.written[i.Object]
	})
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
