package policy

import (
	"fmt"
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// Issues returns what is to be said about the mappings as a whole: accounts, roles and
// users that do not exist, mappings that reach nothing or admit nobody. Issues of
// one account's documents are in Documents.Issues too.
func (c *Compiler) Issues() []Issue {
	var is []Issue
	users := newMissing()
	for i := range c.mappings {
		p := &c.mappings[i]
		is = append(is, c.mappingIssues(p)...)
		if p.protected == "" {
			is = append(is, c.existence(p, users)...)
		}
	}
	is = append(is, users.issues()...)
	mappings := make([]access.Mapping, len(c.mappings))
	for i := range c.mappings {
		mappings[i] = c.mappings[i].Mapping
	}
	clashes, _ := c.oneName(mappings, nil)
	return append(is, clashes...)
}

func (c *Compiler) mappingIssue(p *resolvedMapping, code string, severity Severity, advice, format string, args ...any) Issue {
	return Issue{
		Code: code, Severity: severity, Object: "mapping " + c.ous.Title(p.Mapping), Position: c.positions["mapping/"+p.ID],
		Message: fmt.Sprintf(format, args...), Advice: advice,
	}
}

func (c *Compiler) mappingIssues(p *resolvedMapping) []Issue {
	var is []Issue
	if p.protected != "" {
		is = append(is, c.mappingIssue(p, CodeProtectedRole, SeverityError, "remove the mapping", "role %s must not be changed: %s; nothing is written for it", p.Role, p.protected))
	}
	switch {
	case len(p.sel.accounts) > 0:
		is = append(is, c.ouIssues(p)...)
	case !c.namesClosed(p):
		is = append(is, c.mappingIssue(p, CodeReachesNothing, SeverityWarning, "correct the choice of accounts, or remove the mapping",
			"the mapping of %s reaches no account (%s)", p.Role, c.ous.DescribeWithIDs(p.Accounts)))
	}
	for _, id := range p.Accounts.IDs {
		a, known := c.organizationAccount(id)
		if !known {
			is = append(is, c.mappingIssue(p, CodeAccountUnknown, SeverityError, "correct the id, or add the account (synchronise the organization)", "account %s does not exist in the organization", id))
			continue
		}
		if ok, why := a.Targetable(); !ok {
			is = append(is, c.untargetable(p, a, why))
		}
	}
	for _, x := range p.Accounts.Except {
		id := access.AccountID(x)
		if _, known := c.organizationAccount(id); id.Valid() && !known {
			is = append(is, c.mappingIssue(p, CodeAccountUnknown, SeverityWarning,
				"correct the id, or remove the exclusion", "account %s, which the mapping leaves out, does not exist in the organization", id))
		}
	}
	c.mu.Lock()
	nets := c.networksOf(p.lists)
	c.mu.Unlock()
	is = append(is, c.mappingUnion(p, nets)...)
	if nets.Closed() {
		is = append(is, c.mappingIssue(p, CodeClosed, SeverityWarning, "confirm that nobody shall get in, or add an entry", "all allowlists of %s are empty or expired (%s): its users are denied from everywhere", p.Role, strings.Join(p.Allowlists, ", ")))
	}
	for _, u := range p.Users {
		if len(u.Name) < 2 && (p.SessionName == access.NamingUsername || p.SourceIdentity == access.NamingUsername) {
			is = append(is, c.mappingIssue(p, CodeShortUserName, SeverityWarning, "rename the user, or leave session name and source identity open", "user %s can never assume %s: a session name and a source identity have at least two characters", u, p.Role))
		}
	}
	return is
}

// organizationAccount finds an account of the organization, whether or not a rollout may touch it.
func (c *Compiler) organizationAccount(id access.AccountID) (access.Account, bool) {
	if i, ok := c.index[id]; ok {
		return c.accounts[i], true
	}
	return c.closed.Find(id)
}

func (c *Compiler) untargetable(p *resolvedMapping, a access.Account, why string) Issue {
	if a.Management {
		return c.mappingIssue(p, CodeUntargetable, SeverityError, "remove the account from the mapping",
			"account %s (%s) is never written to: %s", a.ID, a.Name, why)
	}
	return c.mappingIssue(p, CodeUntargetable, SeverityWarning,
		"remove the account from the mapping, or wait until it is active",
		"nothing is written to account %s (%s) by this mapping now: %s; "+
			"once it is active, the documents for it need another review", a.ID, a.Name, why)
}

// namesClosed reports whether the mapping names an account that exists and that no rollout may touch.
func (c *Compiler) namesClosed(p *resolvedMapping) bool {
	return slices.ContainsFunc(p.Accounts.IDs, func(id access.AccountID) bool {
		_, closed := c.closed.Find(id)
		return closed
	})
}

// closedReach says which accounts a selector other than by ids would reach if they were active.
func (c *Compiler) closedReach(p *resolvedMapping) []Issue {
	if len(p.Accounts.IDs) > 0 && !p.Accounts.All {
		return nil // each of them is named
	}
	var ids []string
	c.closed.Each(p.Accounts, func(a access.Account) {
		if !a.Management {
			ids = append(ids, string(a.ID))
		}
	})
	if len(ids) == 0 {
		return nil
	}
	return []Issue{c.mappingIssue(p, CodeUntargetable, SeverityInfo, "",
		"nothing is written by this mapping to accounts that are not active: %s", iam.Some(ids))}
}

// missing collects users that do not exist, each once with its accounts.
type missing struct {
	order []access.UserName
	roles map[access.UserName][]string
	cross map[access.UserName]bool // in another partition
	at    map[access.UserName]string
}

func newMissing() *missing {
	return &missing{roles: map[access.UserName][]string{}, cross: map[access.UserName]bool{}, at: map[access.UserName]string{}}
}

func (m *missing) add(u access.UserName, where, position string) {
	if _, ok := m.roles[u]; !ok {
		m.order = append(m.order, u)
		m.at[u] = position
	}
	m.roles[u] = append(m.roles[u], where)
}

func (m *missing) issues() []Issue {
	var is []Issue
	slices.SortFunc(m.order, compareUsers)
	for _, u := range m.order {
		where := sortedSet(m.roles[u])
		i := Issue{
			Code: CodeUserUnknown, Severity: SeverityWarning, Object: "user " + u.String(), Position: m.at[u],
			Message: fmt.Sprintf("user %s does not exist; it is left out of %s", u, iam.Some(where)),
			Advice:  "create the user, correct its path and name, or remove it from the mapping",
		}
		if m.cross[u] {
			i.Code, i.Severity = CodePartition, SeverityError
			i.Message = fmt.Sprintf("user %s is in another partition than the account of %s, and trust never crosses partitions", u, iam.Some(where))
			i.Advice = "map a user of the same partition, or leave those accounts out of the mapping"
		}
		is = append(is, i)
	}
	return is
}

// existence checks a mapping's role and users against the inventory and the partitions.
func (c *Compiler) existence(p *resolvedMapping, users *missing) []Issue {
	var without []string
	for _, account := range p.sel.accounts {
		id := c.accounts[account].ID
		if !c.knownOf(id).hasRole(p.Role) {
			without = append(without, string(id))
			continue
		}
		for _, u := range p.Users {
			u = u.In(id)
			switch {
			case !c.samePartition(u.Account, account):
				users.add(u, "role "+p.Role.String()+" in "+string(id), c.positions["mapping/"+p.ID])
				users.cross[u] = true
			case !c.knownOf(u.Account).hasUser(u):
				users.add(u, "role "+p.Role.String()+" in "+string(id), c.positions["mapping/"+p.ID])
			}
		}
	}
	var is []Issue
	if len(without) > 0 {
		is = append(is, c.mappingIssue(p, CodeRoleUnknown, SeverityWarning, "create the role there, or leave these accounts out of the mapping",
			"role %s does not exist in %d of the %d accounts that its mapping reaches: %s", p.Role, len(without), len(p.sel.accounts), iam.Some(without)))
	}
	return append(is, c.usersElsewhere(p)...)
}

// Severity says what an issue means for a change.
type Severity string

// An error stops a change from being submitted (unless settings allow it), a warning
// asks for a second look, an info is good to know.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
	SeverityInfo    Severity = "info"
)

// Issue is something to say about the desired state. Code is stable, so that settings,
// tests and people can refer to it; docs of the codes are in lint.go.
type Issue struct {
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	Object   string   `json:"object"`             // "allowlist office", "mapping Bob for all accounts"
	Position string   `json:"position,omitempty"` // file:line, when it comes from a scenario
	Message  string   `json:"message"`
	Advice   string   `json:"advice,omitempty"`
}
