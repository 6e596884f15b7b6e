package rollout

import (
	"fmt"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
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
