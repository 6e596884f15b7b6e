package policy

import (
	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

func (l *linter) bypasses(id access.AccountID, role access.RoleName, live string) {
	bs, err := iam.Bypasses(live, l.c.trustContext(l.c.accounts[l.c.index[id]], role, nil))
	if err != nil {
		return // compiling the role says so
	}
	for _, b := range bs {
		if b.Restricted || b.Kept {
			continue
		}
		l.add(CodeBypass, SeverityWarning, roleObject(role, id), "", "remove the statement, or set enforcement to everyone",
			"statement %s of others lets %s assume role %s in account %s %s; only mapped users are restricted",
			b.Statement, some(b.Who), role, id, b.How)
	}
}

// roleObject and userObject name what lives in an account.
func roleObject(role access.RoleName, id access.AccountID) string {
	return "role " + role.String() + " in account " + string(id)
}

func userObject(name string, id access.AccountID) string {
	return "user " + name + " in account " + string(id)
}
