package policy

import (
	"slices"

	"portcullis/internal/access"
	"portcullis/internal/iam"
)

// usersWithoutAccess finds users who stand in mappings of which none reaches a role: it looks as if
// they had access, and they have none. It is said of the whole state only, since it takes
// all mappings of a user to know.
func (l *linter) usersWithoutAccess() {
	somewhere := map[access.UserName]bool{}
	first := map[access.UserName]*plan{}
	var order []access.UserName
	for i := range l.c.mappings {
		p := &l.c.mappings[i]
		reaches := slices.ContainsFunc(p.sel.accounts, func(a int) bool { return l.c.reaches(*p, a) })
		for _, u := range p.Users {
			if first[u] == nil {
				first[u] = p
				order = append(order, u)
			}
			somewhere[u] = somewhere[u] || reaches
		}
	}
	order = slices.DeleteFunc(order, func(u access.UserName) bool { return somewhere[u] })
	slices.SortFunc(order, compareUsers)
	for _, u := range order {
		l.add(CodeUserWithoutAccess, SeverityWarning, "user "+u.String(), l.in.Positions["mapping/"+first[u].ID],
			"correct the accounts or the role of the mapping, or take the user out of it", "user %s is mapped, and no mapping of theirs reaches a role: they can assume nothing", u)
	}
}

// federatedAccess reports statements of others that let people in through an identity provider.
// They come by another action than sts:AssumeRole, at which no gate of ours stands
// (docs/aws-facts.md, "Other principals in a trust policy").
func (l *linter) federatedAccess(id access.AccountID, role access.RoleName, merged string) {
	who, everyone, err := iam.FederatedProviders(merged)
	if err != nil {
		return // compiling the role says so
	}
	severity := SeverityInfo
	if everyone {
		severity = SeverityWarning // it is meant for everyone, and does not hold for them
	}
	if len(who) > 0 {
		l.add(CodeFederatedDoor, severity, roleObject(role, id), "", "remove the statement, or put a condition on aws:SourceIp into it",
			"statements of others let people of %s assume role %s in account %s with SAML or OIDC, from anywhere; allowlists hold for sts:AssumeRole only", some(who), role, id)
	}
}
