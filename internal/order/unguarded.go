package order

import (
	"slices"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// Unguarded is a role whose trust policy is written after the user-side policies of users. These policies allow the
// role too. Until the trust policy is written, a statement of others would let such a user in without the Denies that
// it brings, such as that of calls without MFA.
type Unguarded struct {
	Account    access.Account
	OursBefore string // our statements, as iam.Ours returns them
	OursAfter  string
	Others     string // the document without our statements
	Unread     bool   // the statements of others are not known
}

// Lets reports whether a user might get in. The trust policy newly admits the user through user-side policies, it
// brings a new Deny, and a statement of others may admit the user.
func (g Unguarded) Lets(u access.UserName) bool {
	before, after := iam.ReadUserSide(g.Account.ID, g.OursBefore), iam.ReadUserSide(g.Account.ID, g.OursAfter)
	if !after.Admits(u.Name) || before.Admits(u.Name) || !DeniesMore(g.OursBefore, g.OursAfter) {
		return false
	}
	return g.Unread || iam.MayAdmit(g.Others, g.Account.ID, u, g.Account.PartitionOrDefault(), "") != iam.AdmitsNot
}

// DeniesMore reports whether our statements of a trust policy contain a Deny that they did not contain before.
func DeniesMore(before, after string) bool {
	had, _ := iam.ParseStatements(before)
	has, _ := iam.ParseStatements(after)
	known := map[string]bool{}
	for _, s := range had {
		known[iam.Statements([]iam.Statement{s})] = true
	}
	return slices.ContainsFunc(has, func(s iam.Statement) bool {
		return s.Effect == iam.EffectDeny && !known[iam.Statements([]iam.Statement{s})]
	})
}
