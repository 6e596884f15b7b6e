package policy

import (
	"slices"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// usersWithoutAccess finds users of mappings of which none reaches a role. They seem to have
// access and have none. The rule runs on the whole state only, since it needs all mappings
// of a user.
func (l *linter) usersWithoutAccess() {
	somewhere := map[access.UserName]bool{}
	first := map[access.UserName]*resolvedMapping{}
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
			"correct the accounts or the role of the mapping, or remove the user from it", "user %s is mapped, and no mapping of theirs reaches a role: they can assume nothing", u)
	}
}

// federatedAccess reports statements of others that let people in through an identity
// provider. Federated sign-in uses sts:AssumeRoleWithSAML or sts:AssumeRoleWithWebIdentity,
// which our Deny on sts:AssumeRole does not cover (docs/aws-facts.md, "Other principals in a trust policy").
func (l *linter) federatedAccess(id access.AccountID, role access.RoleName, merged string) {
	ways, everyone, err := iam.FederatedAccess(merged, l.c.trustContext(l.c.accounts[l.c.index[id]], role, nil))
	if err != nil {
		return // compiling the role says so
	}
	severity := SeverityInfo
	if everyone {
		severity = SeverityWarning // the mapping is for everyone, and the Deny does not cover them
	}
	for _, w := range byHow(ways) {
		l.add(CodeFederatedAccess, severity, roleObject(role, id), "", "remove the statement, or put a condition on aws:SourceIp into it",
			"statements of others let people of %s assume role %s in account %s with SAML or OIDC, %s; "+
				"allowlists hold for sts:AssumeRole only",
			iam.Some(w.Who), role, id, w.How)
	}
}

// byHow puts together who comes in under the same conditions, whichever statement lets them in.
func byHow(ways []iam.Bypass) []iam.Bypass {
	var all []iam.Bypass
	for _, w := range ways {
		i := slices.IndexFunc(all, func(o iam.Bypass) bool { return o.How == w.How })
		if i < 0 {
			i, all = len(all), append(all, iam.Bypass{How: w.How})
		}
		all[i].Who = sortedSet(slices.Concat(all[i].Who, w.Who))
	}
	return all
}
