package policy

import (
	"fmt"
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// path and name of a role, or of a user without the account.
type pathName struct{ path, name string }

func (n pathName) String() string { return strings.TrimPrefix(n.path, "/") + n.name }

func (n pathName) folded() string { return strings.ToLower(n.name) }

func roleSpelling(r access.RoleName) pathName {
	r = r.Rooted()
	return pathName{r.Path, r.Name}
}

func userSpelling(u access.UserName) pathName {
	u = u.Rooted()
	return pathName{u.Path, u.Name}
}

// oneName finds roles, and users, that are mapped in one account in several spellings of one name. IAM takes them for
// the same: names are unique in an account without regard to case and path (docs/aws-facts.md, "Names and paths").
// At most one of the spellings exists, and a write under another may reach a role that is not meant. If scope is not
// nil, only the names of its roles and users count.
func (c *Compiler) oneName(mappings []access.Mapping, scope *Scope) (issues []Issue, roles map[access.RoleName]bool) {
	roles = map[access.RoleName]bool{}
	selectors := newSelector(c.accounts, c.index) // that of the compiler is shared
	ofRoles, ofUsers := newSpellings(), newSpellings()
	if scope != nil {
		for r := range scope.Roles {
			ofRoles.ask(roleSpelling(r))
		}
		for u := range scope.Users {
			ofUsers.ask(userSpelling(u))
		}
	}
	for i := range mappings {
		ofRoles.see(roleSpelling(mappings[i].Role), scope == nil)
		for _, u := range mappings[i].Users {
			ofUsers.see(userSpelling(u), scope == nil)
		}
	}
	for i := range mappings {
		m := &mappings[i]
		if role := roleSpelling(m.Role); ofRoles.several(role) && c.opts.protectionReason(m.Role.Rooted()) == "" {
			ofRoles.add(m, role, c.idsOf(selectors.resolve(m.Accounts)))
		}
		for _, u := range m.Users {
			switch user := userSpelling(u); {
			case !ofUsers.several(user):
			case u.Account != "":
				ofUsers.add(m, user, []access.AccountID{u.Account})
			default:
				ofUsers.add(m, user, c.idsOf(selectors.resolve(m.Accounts)))
			}
		}
	}
	for _, clash := range ofRoles.clashes() {
		roles[access.RoleName{Path: clash.a.path, Name: clash.a.name}] = true
		roles[access.RoleName{Path: clash.b.path, Name: clash.b.name}] = true
		issues = append(issues, c.clashIssue(CodeRoleSameName, "role", clash))
	}
	for _, clash := range ofUsers.clashes() {
		issues = append(issues, c.clashIssue(CodeUserSameName, "user", clash))
	}
	return issues, roles
}

func (c *Compiler) idsOf(s *selection) []access.AccountID {
	ids := make([]access.AccountID, len(s.accounts))
	for i, at := range s.accounts {
		ids[i] = c.accounts[at].ID
	}
	return ids
}

func (c *Compiler) clashIssue(code, kind string, clash clash) Issue {
	mappings := fmt.Sprintf("the mappings of %s and of %s name", c.ous.Title(*clash.first), c.ous.Title(*clash.second))
	if clash.first == clash.second {
		mappings = fmt.Sprintf("the mapping of %s names", c.ous.Title(*clash.first))
	}
	return Issue{
		Code: code, Severity: SeverityError, Object: kind + " " + clash.a.String(), Position: c.positions["mapping/"+clash.second.ID],
		Message: fmt.Sprintf("%s both %s and %s as %ss of account %s; an account can have only one of the two, because IAM ignores case and path when it compares names",
			mappings, clash.a, clash.b, kind, iam.Some(clash.accounts)),
		Advice: "write path and name of the " + kind + " as AWS shows them, the same in each mapping, or remove one of the two",
	}
}

// spellings collects the spellings of names.
type spellings struct {
	of map[string]map[pathName]bool                      // by the name in lower case
	at map[pathName]map[access.AccountID]*access.Mapping // the first mapping that names it in an account
}

func newSpellings() spellings {
	return spellings{of: map[string]map[pathName]bool{}, at: map[pathName]map[access.AccountID]*access.Mapping{}}
}

// ask asks for the spellings of a name.
func (s spellings) ask(n pathName) {
	if key := n.folded(); s.of[key] == nil {
		s.of[key] = map[pathName]bool{}
	}
}

// see notes a spelling, if its name is asked for or if all are.
func (s spellings) see(n pathName, all bool) {
	if all {
		s.ask(n)
	}
	if seen := s.of[n.folded()]; seen != nil {
		seen[n] = true
	}
}

func (s spellings) several(n pathName) bool { return len(s.of[n.folded()]) > 1 }

func (s spellings) add(m *access.Mapping, name pathName, accounts []access.AccountID) {
	if s.at[name] == nil {
		s.at[name] = map[access.AccountID]*access.Mapping{}
	}
	for _, id := range accounts {
		if s.at[name][id] == nil {
			s.at[name][id] = m
		}
	}
}

// clash is two spellings of one name that are mapped in the same accounts, with a mapping of each.
type clash struct {
	a, b          pathName
	first, second *access.Mapping
	accounts      []string
}

// clashes returns the clashes, sorted by the spellings.
func (s spellings) clashes() []clash {
	var all []clash
	for _, seen := range s.of {
		names := make([]pathName, 0, len(seen))
		for name := range seen {
			names = append(names, name)
		}
		slices.SortFunc(names, func(a, b pathName) int { return compareNames(a.path, a.name, b.path, b.name) })
		for i, a := range names {
			for _, b := range names[i+1:] {
				if one, ok := s.clash(a, b); ok {
					all = append(all, one)
				}
			}
		}
	}
	slices.SortFunc(all, func(x, y clash) int {
		if n := compareNames(x.a.path, x.a.name, y.a.path, y.a.name); n != 0 {
			return n
		}
		return compareNames(x.b.path, x.b.name, y.b.path, y.b.name)
	})
	return all
}

func (s spellings) clash(a, b pathName) (clash, bool) {
	one := clash{a: a, b: b}
	for id := range s.at[a] {
		if s.at[b][id] != nil {
			one.accounts = append(one.accounts, string(id))
		}
	}
	if len(one.accounts) == 0 {
		return one, false
	}
	slices.Sort(one.accounts)
	id := access.AccountID(one.accounts[0])
	one.first, one.second = s.at[a][id], s.at[b][id]
	return one, true
}
