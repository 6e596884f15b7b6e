package access

import (
	"strings"
	"time"
)

// ChangePermissions says what a reader of a change may do with it now. A nil error means yes;
// an error says why not.
type ChangePermissions struct {
	Edit           error
	Submit         error
	Review         error
	Apply          error
	Withdraw       error
	Rebase         error
	Clone          error
	Comment        error
	OverrideGuards error
	Alone          error // break the glass
	WithdrawReview error // take one's own approval back
	Revert         error
}

// ChangedSince lists the changes that others have applied between two revisions: after the base of
// an open change, or after the revision that it was last rebased from.
type ChangedSince struct {
	From, To int64
	Applied  []AppliedChange // the oldest first
	More     int             // revisions beyond those
}

// AppliedChange is an applied change of others. Same is set if it touches an object that this change
// touches, too.
type AppliedChange struct {
	Change
	Same bool
}

// NeedStatus is a need of a review rule with the requirements that are still missing.
type NeedStatus struct {
	Need
	Missing []Requirement
}

// NeedStatus pairs each need of the change with its missing requirements.
func (c *Change) NeedStatus() []NeedStatus {
	open := map[string][]Requirement{}
	for _, n := range c.Missing() {
		open[n.Rule] = n.Need
	}
	status := make([]NeedStatus, len(c.Needs))
	for i, n := range c.Needs {
		status[i] = NeedStatus{Need: n, Missing: open[n.Rule]}
	}
	return status
}

// CheckVersion refuses a step on a change that others have edited since the actor read it at a version.
// then says what the actor does after reading it again, for example "submit it".
func (c *Change) CheckVersion(version int64, then string) error {
	if c.Version == version {
		return nil
	}
	return Errorf(KindConflict,
		"Somebody else has edited this change since you opened it. Look at it again, then %s.", then)
}

// errOtherDigest refuses a decision on a change whose digest is not the one that the actor saw.
func errOtherDigest(then string) error {
	return Errorf(KindConflict, "The change is no longer what you were looking at. Read it again, then %s.", then)
}

// Comment is something said about a change. Comments are never altered or removed.
type Comment struct {
	ID     int64
	Author PersonRef
	Body   string
	At     time.Time
}

// NewComment refuses what is empty or too long.
func NewComment(actor Actor, body string, at time.Time) (Comment, error) {
	body = strings.TrimSpace(body)
	switch {
	case actor.Kind == ActorSystem:
		return Comment{}, Errorf(KindForbidden, "Only people comment.")
	case body == "":
		return Comment{}, Invalid("body", "write a comment first")
	case len(body) > MaxReason:
		return Comment{}, Invalid("body", "the comment has %d characters; at most %d are kept", len(body), MaxReason)
	}
	return Comment{Author: actor.Ref(), Body: body, At: at}, nil
}
