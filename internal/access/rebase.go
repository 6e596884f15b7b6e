package access

import "time"

// A change can be moved to a newer revision (a rebase) by an editor, and it is moved when it is applied after another
// change was. The reviews of a submitted change stay valid if everything that the reviewers were shown is the same on
// the new revision: edits, documents, order and warnings. Otherwise the reviews are void.

// ChangeOnBase is what a submitted change comes to on a revision.
type ChangeOnBase struct {
	Base      int64
	Edits     []Edit
	Documents string // digest of the plan on the revision
	Warnings  string // digest of the warnings that the review page shows on it
}

// Difference says what of a submitted change its reviewers would see otherwise on another revision; "" if nothing.
// Without a valid review, warnings make no difference: the next reviewer sees those of the new revision.
func (c *Change) Difference(on ChangeOnBase) string {
	digest, err := ChangeDigest(on.Edits, on.Documents)
	switch {
	case err != nil:
		return "its edits cannot be compared"
	case !sameEdits(c.Edits, on.Edits):
		return "its edits differ"
	case on.Documents != c.Documents:
		return "its documents differ, before or after the change"
	case digest != c.Digest:
		return "its digest differs"
	}
	for _, r := range c.Reviews {
		if !r.Void && (r.Warnings == "" || r.Warnings != on.Warnings) {
			return "its warnings or its effect on users differ from those that " + r.Reviewer.Name + " was shown"
		}
	}
	return ""
}

// MoveBase puts a submitted change on another revision and keeps its reviews, each with the revision that its
// reviewer saw. It returns how many it kept, and refuses a change on which anything differs. needs are the reviews that
// the rules of the other revision require: the reviews that are kept count for them.
func (c *Change) MoveBase(on ChangeOnBase, needs []Need, at time.Time) (kept int, err error) {
	if c.State != ChangeInReview && c.State != ChangeApproved {
		return 0, c.refuse("rebased with its reviews")
	}
	if why := c.Difference(on); why != "" {
		return 0, Errorf(KindConflict, "On revision %d the change differs from the reviewed one: %s.", on.Base, why)
	}
	for _, r := range c.Reviews {
		if !r.Void {
			kept++
		}
	}
	c.Base, c.State = on.Base, ChangeInReview
	if c.SetNeeds(needs); len(c.Missing()) == 0 {
		c.State = ChangeApproved
	}
	c.touch(at)
	return kept, nil
}

// Rebase puts the change on another revision, as a draft. Its reviews are void; Voided says how many.
func (c *Change) Rebase(actor Actor, head int64, edits []Edit, at time.Time) error {
	switch c.State {
	case ChangeDraft, ChangeInReview, ChangeApproved, ChangeConflicted:
	default:
		return c.refuse("rebased")
	}
	c.State, c.Base, c.Edits, c.Note = ChangeDraft, head, edits, ""
	c.EmergencyUntil = EmergencyUntil(edits)
	c.noteEditor(actor)
	c.Voided = c.backToDraft(at)
	return nil
}

// SawWarnings notes on the latest review the digest of the warnings that its reviewer was shown.
func (c *Change) SawWarnings(digest string) {
	if n := len(c.Reviews); n > 0 {
		c.Reviews[n-1].Warnings = digest
	}
}
