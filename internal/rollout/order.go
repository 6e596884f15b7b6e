package rollout

import (
	"fmt"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/order"
)

// A plan lists its operations in an order that lets nobody in who should not be. That
// order means something only while each step succeeds: where one does not, those that
// rest on it must not be done either. What rests on what can be read off the documents:
//
//	user-side policy ◀── a trust policy that newly admits its user on the users' side
//	part of the user-side policies of a user ◀── the parts after it, whose roles it receives
//	trust policy that no longer admits a user ◀── removing the role from their user-side policy
//
// The arrow points at what comes first. What a user policy opens is a matter of requires.go. A document that cannot be read for sure counts as depending
// on the failed step, because not writing is the safe side. So a user-side policy waits unless it surely still denies the role.

// holdBack skips what rests on a step that cannot be done by this push.
func holdBack(steps []step, account access.Account) {
	for i := range steps {
		if s := &steps[i]; s.write {
			if why := blockedBy(steps, s, account, (*step).bad); why != "" {
				s.end(access.OperationSkipped, why)
				s.blocked = true
			}
		}
	}
}

// refuseUnguarded refuses user-side policies that come before a trust policy, where a statement of others has been added
// since the plan that would let the user in without what the trust policy newly denies.
func (u *push) refuseUnguarded() {
	writes := those(u.steps, func(s *step) bool { return s.write && userSideUser(s.op) != "" })
	if len(writes) == 0 {
		return // as in most accounts: nothing is read again
	}
	for i := range u.steps {
		t := &u.steps[i]
		live := u.live[t.op.Resource].Document
		if t.op.Kind != access.OpTrustPolicy || live == "" {
			continue
		}
		ours, errOurs := iam.Ours(live)
		others, _, errOthers := iam.Merge(live, nil)
		g := order.Unguarded{
			Account: u.claim.Account, OursBefore: ours, OursAfter: t.op.OursAfter, Others: others,
			Unread: errOurs != nil || errOthers != nil,
		}
		for _, s := range writes {
			if user := u.userSideOwner(s); s.write && g.Lets(user) {
				s.refuseAsUnguarded(user, t.op.Resource)
			}
		}
	}
}

// userSideOwner is the user whose user-side policies a step changes.
func (u *push) userSideOwner(s *step) access.UserName {
	name := userSideUser(s.op)
	path, _ := u.pathOf(u.claim.Account.ID, name)
	return access.UserName{Account: u.claim.Account.ID, Path: path, Name: name}
}

func (s *step) refuseAsUnguarded(user access.UserName, role access.Resource) {
	s.refuse("", refusal{
		class: access.CloudBlocked,
		cause: fmt.Sprintf("a statement of others in the trust policy of %s would let users in before its conditions are written", role),
		message: fmt.Sprintf("The %s was not written: a statement of others in the trust policy of %s may admit %s, "+
			"and it would do so before the other conditions of the mapping are written.", s.op.Resource, role, user),
		advice: fmt.Sprintf("Remove that statement from the trust policy of %s, or shorten the allowlist so that its networks fit there. "+
			"Then retry the target.", role),
	})
}

// bad reports that a step has not had its effect. A step that was skipped because there
// is no such user blocks nothing.
func (s *step) bad() bool {
	return s.state == access.OperationFailed || s.state == access.OperationConflict || s.blocked
}

// hasFailed reports that a step could not be done.
func (s *step) hasFailed() bool { return s.state == access.OperationFailed }

// isPostponed reports that a step is left to a later claim.
func (s *step) isPostponed() bool { return s.later != nil }

// blockedBy says why another step blocks this one, or "".
func blockedBy(steps []step, s *step, account access.Account, inTheWay func(*step) bool) string {
	for i := range steps {
		t := &steps[i]
		if t == s || !inTheWay(t) {
			continue
		}
		arn := t.op.Resource.ARN(account.PartitionOrDefault(), account.ID)
		switch {
		case s.op.Kind == access.OpTrustPolicy && opensBeforeUserSide(account.ID, s.op, t.op):
			return fmt.Sprintf("Not written: it would open the role to %s, whose user-side policy (%s) could not be set.", userSideUser(t.op), t.op.Resource)
		case userSideUser(s.op) != "" && userSideUser(s.op) == userSideUser(t.op) && t.op.Seq < s.op.Seq:
			return fmt.Sprintf("Not written: %s, which comes before it in the user-side policies of %s, could not be set.", t.op.Resource, userSideUser(s.op))
		case userSideUser(s.op) != "" && t.op.Kind == access.OpTrustPolicy && lowersBeforeTrust(account.ID, s.op, t.op, arn):
			return fmt.Sprintf("Not written: it would remove the restriction of %s, while %s still admits this user.", userSideUser(s.op), t.op.Resource)
		}
	}
	return ""
}

// userSideUser is the name of the user whose user-side policies an operation changes; "" for any
// other operation.
func userSideUser(op access.Operation) string {
	switch op.Kind {
	case access.OpUserSidePolicy, access.OpDeleteUserSidePolicy:
		user, _, _ := access.UserSideOwner(op.Resource)
		return user
	case access.OpAttachments:
		return op.Resource.Name
	default:
		return ""
	}
}

// opensBeforeUserSide reports whether a trust policy newly admits the user of a user-side policy.
func opensBeforeUserSide(id access.AccountID, trust, userSide access.Operation) bool {
	user := userSideUser(userSide)
	before, after := iam.ReadUserSide(id, trust.OursBefore), iam.ReadUserSide(id, trust.OursAfter)
	return user != "" && after.Admits(user) && !before.Admits(user)
}

// lowersBeforeTrust reports whether an operation removes a role from the user-side policy of a
// user, while the new trust policy of the role stops admitting this user. The Deny keeps the user
// out, so a user-side policy that only may allow the role does not count.
func lowersBeforeTrust(id access.AccountID, userSide, trust access.Operation, role string) bool {
	user := userSideUser(userSide)
	before, after := iam.ReadUserSide(id, trust.OursBefore), iam.ReadUserSide(id, trust.OursAfter)
	if !before.Admits(user) || after.Admits(user) {
		return false
	}
	return userSide.Kind != access.OpUserSidePolicy || !iam.DeniesAssumeRole(userSide.After, role)
}
