package policy

import (
	"fmt"
	"slices"

	"portcullis.internal/portcullis/internal/access"
)

// usersElsewhere reports users whose policies cannot be written, since no rollout may touch their accounts: these are
// outside the organization, or not active, or not known.
func (c *Compiler) usersElsewhere(p *resolvedMapping) []Issue {
	var is []Issue
	for _, u := range p.Users {
		if _, ok := c.index[u.Account]; u.Account == "" || ok {
			continue
		}
		a, known := c.closed.Find(u.Account)
		outside := !known || a.State == access.AccountLeft
		switch {
		case !outside || !c.opts.RefuseOutside:
			is = append(is, c.mappingIssue(p, CodeAccountUnknown, SeverityWarning,
				"correct the id, or synchronise the organization",
				"account %s of user %s is not known; the user's own policy is shown but can only be written once it is",
				u.Account, u))
		case slices.Contains(c.opts.OutsideAccounts, u.Account):
			is = append(is, c.mappingIssue(p, CodeUserOutside, SeverityInfo,
				"have an administrator of that account write the user's policy",
				"account %s of user %s is outside the organization, and the settings list it; "+
					"the console writes nothing there", u.Account, u))
		default:
			is = append(is, c.outsideUser(p, u, known))
		}
	}
	return is
}

// outsideUser is an error. Its object is the user, and it names the role without the choice of accounts: so it is the
// same before and after an edit of a mapping that keeps the user, and the edit does not bring it.
func (c *Compiler) outsideUser(p *resolvedMapping, u access.UserName, left bool) Issue {
	why := "is not in the organization"
	if left {
		why = "has left the organization"
	}
	return Issue{
		Code: CodeUserOutside, Severity: SeverityError,
		Object: "user " + u.String(), Position: c.positions["mapping/"+p.ID],
		Message: fmt.Sprintf("account %s of user %s, who is mapped to role %s, %s", u.Account, u, p.Role, why),
		Advice: "remove the user from the mapping, " +
			"or first add the account to the setting outside_accounts with another change",
	}
}
