package order

import (
	"fmt"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// WayIn says how a user who was removed from a role could assume it without our Deny.
type WayIn struct {
	User       access.UserName
	Deleted    bool          // the account of the user was read, and the user is not there
	RoleUnread bool          // the statements of others are not known
	UserUnread bool          // the other permissions of the user are not known
	Admission  iam.Admission // by the trust policy without the Deny
	Statements []string      // of others that admit the user
	Others     []string      // inline policies, attached policies and groups of the user that are not ours
	Covered    bool          // the policy of the user covers the role as it was read
	Covers     bool          // the policy of the user covers the role as it is planned
}

// WayIn finds how a user could assume the role of an operation whose document after has no Deny for the user. The
// policy of the user stays as it was read.
func (r Reading) WayIn(account access.AccountID, op access.PlannedOperation, u access.UserName) WayIn {
	home, _ := r.Accounts.Find(account)
	partition := home.PartitionOrDefault()
	user, exists := r.Inventories.User(u.Account, u.Path, u.Name)
	w := WayIn{User: u, RoleUnread: !op.BeforeKnown, UserUnread: !r.Inventories.Has(u.Account), Admission: iam.AdmitsByAccount}
	w.Deleted = !w.UserUnread && !exists
	if op.BeforeKnown {
		w.Admission = r.admission(account, op, u, user.ID)
		w.Statements = iam.AdmittingStatements(op.After, account, u, partition, user.ID)
	}
	w.Others = otherPermissions(user)
	w.Covered = iam.MayAllowAssumeRole(user.Document, op.Resource.ARN(partition, account))
	w.Covers = w.Covered
	return w
}

// Stays says why the last document that a push writes must contain the Deny; "" where it need not.
func (w WayIn) Stays(role access.Resource) string {
	say := func(why string) string {
		return fmt.Sprintf("The Deny for %s stays in the trust policy of %s: %s.", w.User, role, why)
	}
	switch {
	case w.Deleted, w.Admission == iam.AdmitsNot:
		return ""
	case w.Admission == iam.AdmitsByName:
		return say("a statement of others admits this user by name or as everyone")
	case w.RoleUnread:
		return say("the account was not read, and a statement of others may admit this user")
	case w.UserUnread:
		return say("the account of this user was not read, and the user may have other permissions to assume the role")
	case len(w.Others) > 0:
		return say("a statement of others admits the account of this user, and other permissions of the user may allow " +
			"the role (" + iam.Some(w.Others) + ")")
	case w.Covers:
		return say("a statement of others admits the account of this user, and the policy of the user still covers the role")
	default:
		return ""
	}
}

// Waits reports whether the Deny must stay until the policy of the user no longer covers the role.
func (w WayIn) Waits(role access.Resource) bool {
	return !w.Deleted && w.Stays(role) == "" && w.Admission != iam.AdmitsNot && w.Covered
}

// Open reports whether the user may get in without the Deny.
func (w WayIn) Open(role access.Resource) bool { return w.Stays(role) != "" || w.Waits(role) }
