package policy

import (
	"slices"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/order"
)

// bypasses looks at a trust policy as it would be. kept are the users whom the live one keeps out.
func (l *linter) bypasses(id access.AccountID, role access.RoleName, merged string, kept []access.UserName) {
	bs, err := iam.Bypasses(merged, l.c.trustContext(l.c.accounts[l.c.index[id]], role, nil))
	if err != nil {
		return // compiling the role says so
	}
	for _, b := range bs {
		b.Who = slices.DeleteFunc(b.Who, func(who string) bool {
			u, isUser := access.ParseUserARN(who)
			return isUser && slices.Contains(kept, u)
		})
		if b.Restricted || b.Kept || len(b.Who) == 0 {
			continue
		}
		l.add(CodeBypass, SeverityWarning, roleObject(role, id), "", "remove the statement, or set enforcement to everyone",
			"statement %s of others lets %s assume role %s in account %s %s; only mapped users are restricted",
			b.Statement, iam.Some(b.Who), role, id, b.How)
	}
}

// keptOut are the users who were removed from a role, and whom our Deny keeps out. It stays as long as another statement
// names them.
func keptOut(live string) []access.UserName {
	ours, err := iam.Ours(live)
	if err != nil {
		return nil
	}
	kept, err := order.KeptOut(ours)
	if err != nil {
		return nil
	}
	return kept.Users
}

// roleObject and userObject name what lives in an account.
func roleObject(role access.RoleName, id access.AccountID) string {
	return "role " + role.String() + " in account " + string(id)
}

func userObject(name string, id access.AccountID) string {
	return "user " + name + " in account " + string(id)
}
