package rollout

import "portcullis.internal/portcullis/internal/access"

// The rows of operations are read at each claim, possibly hours after the plan was approved. Triggers and the rights of
// the console's role keep them as they were. checkApproved proves it: the digest of the operations must be the one that
// was stored when the rollout was made.

// checkApproved reports whether the claimed operations are those that were approved. Otherwise it refuses the target as
// a whole: nothing is read or written.
func (u *push) checkApproved() bool {
	if u.claim.Digest != "" && u.claim.Digest == u.claim.OperationsDigest() {
		return true
	}
	u.refuse(refusal{
		class: access.CloudPlanChanged, cause: "the planned operations were altered in the database",
		message: "Nothing was written: the planned operations of this account are not those that were approved. " +
			"Their rows in the database were altered after the rollout was made.",
		advice: advice(access.CloudPlanChanged),
	})
	for i := range u.steps {
		if s := &u.steps[i]; s.op.State == access.OperationIntended {
			s.message = access.EffectUnknown
		}
	}
	return false
}

// planEvents tell with which digest the operations were approved, and which one they have now.
func (u *push) planEvents() []access.AuditEvent {
	if u.refusal == nil || u.refusal.class != access.CloudPlanChanged {
		return nil
	}
	return []access.AuditEvent{u.event("target.plan_changed", map[string]any{
		"approved": u.claim.Digest, "found": u.claim.OperationsDigest(), "operations": len(u.claim.Operations), "claim": u.claim.Number,
	})}
}
