package policy

import (
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// mappings looks at each mapping, and compares them with each other.
func (l *linter) mappings() {
	all := make([]access.Mapping, len(l.c.mappings))
	for i := range l.c.mappings {
		all[i] = l.c.mappings[i].Mapping
	}
	_, errors := l.c.oneName(all, nil)
	names := map[string]map[access.RoleName]string{}
	for i := range l.c.mappings {
		p := &l.c.mappings[i]
		l.role(p)
		l.mfa(p)
		l.usersOf(p)
		key := strings.ToLower(p.Role.Name)
		if names[key] == nil {
			names[key] = map[access.RoleName]string{}
		}
		names[key][p.Role] = p.ID
	}
	l.ambiguous(names, errors)
}

func (l *linter) mapping(p *resolvedMapping, code string, severity Severity, advice, format string, args ...any) {
	l.issues = append(l.issues, l.c.mappingIssue(p, code, severity, advice, format, args...))
}

// maxSwitchRole is how long path and name of a role may be together for the console's
// Switch Role (docs/aws-facts.md, "Names and paths"). The path counts with both its slashes.
const maxSwitchRole = 64

func (l *linter) role(p *resolvedMapping) {
	if n := len(p.Role.Path) + len(p.Role.Name); p.Role.Path != "/" && n > maxSwitchRole {
		l.mapping(p, CodeRoleNameLong, SeverityWarning, "shorten the role's path or name if people use Switch Role", "path and name of role %s have %d characters together; the console's Switch Role takes at most %d", p.Role, n, maxSwitchRole)
	}
	if p.SourceIdentity == access.NamingUsername {
		l.mapping(p, CodeSourceIdentityConsole, SeverityInfo, "leave source identity open for people who use the console", "the console's Switch Role cannot set a source identity, so role %s can be assumed by command line and API only", p.Role)
	}
	if p.MFAMaxAge > 0 && p.MFAMaxAge.Minutes() < 5 {
		l.mapping(p, CodeMFAAgeShort, SeverityWarning, "allow at least five minutes", "MFA for role %s counts for %s only; people will have to show it for nearly every call", p.Role, access.DurationText(p.MFAMaxAge))
	}
}

// mfa advises to require MFA where production is reached.
func (l *linter) mfa(p *resolvedMapping) {
	if p.RequireMFA {
		return
	}
	var reached []string
	for _, a := range p.sel.accounts {
		if l.c.opts.production(l.c.accounts[a]) {
			reached = append(reached, string(l.c.accounts[a].ID))
		}
	}
	if len(reached) > 0 {
		l.mapping(p, CodeNoMFA, SeverityInfo, "require MFA for it", "role %s can be assumed without MFA in production (%s)", p.Role, iam.Some(reached))
	}
}

func (l *linter) usersOf(p *resolvedMapping) {
	seen := map[access.UserName]bool{}
	bare := map[access.UserName]bool{}
	for _, u := range p.Users {
		if u.Account == "" {
			bare[u] = true
		}
	}
	for _, u := range p.Users {
		if seen[u] {
			l.mapping(p, CodeUserTwice, SeverityInfo, "remove one", "user %s is in the mapping of %s twice", u, p.Role)
		}
		seen[u] = true
		if i, ok := l.c.index[u.Account]; u.Account != "" && ok && bare[access.UserName{Path: u.Path, Name: u.Name}] && p.sel.has(i) {
			l.mapping(p, CodeUserTwice, SeverityInfo, "remove one", "user %s is named with and without its account in the mapping of %s", u, p.Role)
		}
	}
}

// ambiguous finds roles that have the same name for IAM: names are unique in an account
// without regard to case and path (docs/aws-facts.md, "Names and paths"), so at most one of them exists.
// Those that meet in an account are errors, which oneName reports.
func (l *linter) ambiguous(names map[string]map[access.RoleName]string, errors map[access.RoleName]bool) {
	var found []access.RoleName
	for _, roles := range names {
		if len(roles) < 2 {
			continue
		}
		for r := range roles {
			if !errors[r] {
				found = append(found, r)
			}
		}
	}
	slices.SortFunc(found, func(a, b access.RoleName) int { return compareNames(a.Path, a.Name, b.Path, b.Name) })
	for _, r := range found {
		id := names[strings.ToLower(r.Name)][r]
		l.add(CodeRoleAmbiguous, SeverityInfo, "role "+r.String(), l.in.Positions["mapping/"+id], "check path and spelling of the role", "another mapping names a role %q with another path or spelling; an account can have only one of them", r.Name)
	}
}

// documents compiles every account and looks at sizes and at what others wrote.
func (l *linter) documents() {
	var seen, none seen
	for _, id := range l.c.Accounts() {
		docs, err := l.c.Account(id)
		seen.add(l, id, docs, err)
		l.others(id, docs)
	}
	seen.report(l, &none)
}

// others reports statements that are not ours and let people in past the mapping, and
// users who hold more than our policy.
func (l *linter) others(id access.AccountID, docs Documents) {
	inv := l.c.knownOf(id)
	for _, r := range docs.Roles {
		role := access.RoleName{Path: r.Resource.Path, Name: r.Resource.Name}
		if live, ok := inv.trust(role); ok {
			// The document as it would be: enforcement for everyone restricts others too.
			if merged, _, err := iam.Merge(live, r.Statements); err == nil {
				l.bypasses(id, role, merged, keptOut(live))
				l.federatedAccess(id, role, merged)
			}
		}
	}
	for _, d := range docs.Users {
		if more := inv.others(access.UserName{Path: d.Resource.Path, Name: d.Resource.Name}); len(more) > 0 {
			l.add(CodeUserHoldsMore, SeverityWarning, userObject(d.Resource.Name, id), "", "leave the user nothing but sts:AssumeRole, and give the role the rest",
				"user %s in account %s has other permissions (%s): "+
					"no allowlist holds for them, and the console does not evaluate their conditions", d.Resource.Name, id, iam.Some(more))
		}
	}
}
