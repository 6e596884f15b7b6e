package access

import (
	"slices"
	"time"
)

// Undo returns the edits that undo, in the state as it is now, the step from one state to
// another. It refuses where the same objects have been edited since: to undo the step
// would undo those edits too.
func (s State) Undo(before, after State) ([]Edit, error) {
	since := map[string]bool{}
	for _, e := range EditsBetween(after, s) {
		since[e.whole()] = true
	}
	edits := EditsBetween(after, before)
	if i := slices.IndexFunc(edits, func(e Edit) bool { return since[e.whole()] }); i >= 0 {
		return nil, Errorf(KindConflict, "Revision %d or one after it has edited the same %s since. Make a change that says what should be.", after.Revision+1, edits[i].noun())
	}
	if _, err := s.Apply(edits); err != nil {
		return nil, Wrap(KindConflict, err, "What has been edited since rests on it: %s Make a change that says what should be.", MessageOf(err))
	}
	return edits, nil
}

// whole names the object that an edit touches, an entry's being its allowlist.
func (e Edit) whole() string {
	if e.Op == EditDefaultStrategy {
		return e.Object()
	}
	return e.noun() + "/" + e.ID
}

func (e Edit) noun() string {
	switch e.Op {
	case EditAddMapping, EditUpdateMapping, EditRemoveMapping:
		return "mapping"
	case EditAddRule, EditUpdateRule, EditRemoveRule:
		return "review rule"
	case EditUpdateSettings:
		return "settings"
	case EditAddStrategy, EditUpdateStrategy, EditRemoveStrategy:
		return "strategy"
	case EditDefaultStrategy:
		return defaultStrategyObject
	default:
		return "allowlist"
	}
}

// Undoer is who asked for the rollout to be rolled back: the system where its strategy did.
func (r Rollout) Undoer() PersonRef {
	if r.UndoneBy.Name == "" {
		return rolloutSystem.Ref()
	}
	return r.UndoneBy
}

// NewRollbackChange returns the change that undoes a rollout's change.
func NewRollbackChange(r Rollout, edits []Edit, head int64, documents string, at time.Time) (Change, error) {
	digest, err := ChangeDigest(edits, documents)
	if err != nil {
		return Change{}, err
	}
	return Change{
		Title: shorten("Roll back: "+r.Title, MaxTitle), Reason: r.Note, State: ChangeApproved, Author: r.Undoer(), Base: head, Edits: edits, Version: 1,
		Digest: digest, Documents: documents, CreatedAt: at, UpdatedAt: at, SubmittedAt: at,
	}, nil
}

// ApplyRollback makes the change part of the desired state. One that a person has asked
// for stays flagged until somebody else has looked at it; one that a strategy asked for
// was decided when the rollout began.
func (c *Change) ApplyRollback(revision int64, at time.Time) {
	if c.Author.ID != 0 {
		c.BreakGlass = &BreakGlass{By: c.Author, Reason: c.Reason, At: at}
	}
	c.State, c.Revision, c.AppliedAt = ChangeApplied, revision, at
}

func shorten(s string, most int) string {
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return s
}
