package access

import (
	"strings"
	"time"
)

// BreakGlass is how a change was applied by one person alone. The change stays flagged
// until a person of another group has reviewed it afterwards.
type BreakGlass struct {
	Single   bool // in the mode single administrator
	By       PersonRef
	Reason   string
	At       time.Time
	Reviewed time.Time // zero while the change is flagged
}

// Flagged reports whether the change was applied alone and nobody has looked at it since.
func (c *Change) Flagged() bool {
	return c.State == ChangeApplied && c.BreakGlass != nil && c.BreakGlass.Reviewed.IsZero()
}

// ApplyAlone makes a submitted change part of the desired state without the reviews it
// needs. Whether the settings allow it is for the service to say.
func (c *Change) ApplyAlone(actor Actor, digest, reason string, revision int64, at time.Time) error {
	reason = strings.TrimSpace(reason)
	switch {
	case actor.Kind == ActorSystem:
		return Errorf(KindForbidden, "Only people break the glass.")
	case c.State != ChangeInReview && c.State != ChangeApproved:
		return c.refuse("applied")
	case digest != c.Digest:
		return errOtherDigest("apply it")
	case reason == "":
		return Invalid("alone_reason", "say why this cannot wait for a review; it goes into the audit log")
	case len(reason) > MaxReason:
		return Invalid("alone_reason", "the reason has %d characters; at most %d are kept", len(reason), MaxReason)
	}
	c.BreakGlass = &BreakGlass{By: actor.Ref(), Reason: reason, At: at}
	c.NoteWriter(actor.PersonID)
	c.State, c.Revision, c.AppliedAt = ChangeApplied, revision, at
	c.touch(at)
	return nil
}

// singleReason is the reason on record of a change that was applied in the mode single administrator.
const singleReason = "Applied in the mode single administrator: the console has no person of a second group."

// ApplySingle makes a submitted change part of the desired state in the mode single administrator, without the reviews
// it needs. The service checks that the mode has effect.
func (c *Change) ApplySingle(actor Actor, digest string, revision int64, at time.Time) error {
	if err := c.ApplyAlone(actor, digest, singleReason, revision, at); err != nil {
		return err
	}
	c.BreakGlass.Single = true
	return nil
}
