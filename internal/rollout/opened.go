package rollout

import (
	"context"
	"fmt"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// A user's inline policy opens roles to the user, and the trust policies of these roles restrict
// the user to the allowlist. A push may write many documents, and AWS may throttle each of them, so
// a trust policy may be edited long after this push wrote it and before the user policy is written.

// openedFor is how long a push relies on a trust policy before it writes a user policy that may
// open the role.
const openedFor = time.Minute

// rolesToCheck lists the trust policies that a user policy may open, and that this push has not seen for
// too long. Steps that block the user policy are not among them; see order.go.
func (u *push) rolesToCheck(s *step) []*step {
	if s.op.Kind != access.OpUserPolicy {
		return nil
	}
	account := u.claim.Account
	return those(u.steps, func(t *step) bool {
		return t.op.Kind == access.OpTrustPolicy &&
			(t.state == access.OperationWritten || t.state == access.OperationUnchanged) &&
			time.Since(t.seenAt()) > openedFor &&
			iam.MayAllowAssumeRole(s.document, t.op.Resource.ARN(account.PartitionOrDefault(), account.ID))
	})
}

// seenAt is the last time at which the push knew what the document is: it asked for the document, or
// wrote it.
func (s *step) seenAt() time.Time {
	if s.wroteAt.After(s.readAt) {
		return s.wroteAt
	}
	return s.readAt
}

// checkOpened reads the trust policies once more that a user policy may open. done is true where the
// user policy must not be written now: a trust policy is not as this push left it.
func (u *push) checkOpened(ctx context.Context, s *step) (done bool, err error) {
	roles := u.rolesToCheck(s)
	if len(roles) == 0 {
		return false, nil
	}
	resources := make([]access.Resource, len(roles))
	for i, t := range roles {
		resources[i] = t.op.Resource
	}
	asked := time.Now()
	docs, err := u.cfg.Cloud.Read(ctx, u.scope, resources)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case u.worthWaiting(err):
		return false, &SnoozeError{After: u.cfg.SnoozeFor, Err: err}
	default:
		const unread = "It was not written, since the trust policies that it opens could not be read once more. "
		s.refuse(unread, newRefusal(err))
		return true, nil
	}
	for i, t := range roles {
		u.live[t.op.Resource], t.readAt = docs[i], asked
		switch _, asWritten, asBefore := u.shows(t, docs[i]); {
		case asWritten:
		case asBefore: // AWS may not show the write everywhere yet, and the next claim decides about both
			s.later = fmt.Errorf("it would open %s, whose trust policy is as it was before the rollout", t.op.Resource)
			done = true
		default:
			s.later = nil
			s.refuse("", editedRole(t.op.Resource))
			return true, nil
		}
	}
	return done, nil
}

// editedRole is why a user policy is not written.
func editedRole(role access.Resource) refusal {
	return refusal{
		class:   access.CloudUnknown,
		cause:   "the trust policy of " + role.String() + " was edited while the rollout wrote the account",
		message: "Not written: it would open " + role.String() + ", whose trust policy is no longer as this push left it.",
		advice:  "Compare the trust policy with the plan and retry the target.",
	}
}
