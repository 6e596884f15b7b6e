package access

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Undo returns the edits that undo, in the state as it is now, the step from one state to another, for a rollback of
// whole documents. It refuses where the same objects, an entry's being its allowlist, have been edited since: to undo
// the step would undo those edits too.
func (s State) Undo(before, after State) ([]Edit, error) { return s.undo(before, after, Edit.whole) }

// Revert returns the edits that undo the step, for a change that is planned and reviewed like any other. It refuses
// only where the same entry or object has been edited since.
func (s State) Revert(before, after State) ([]Edit, error) { return s.undo(before, after, Edit.Object) }

func (s State) undo(before, after State, object func(Edit) string) ([]Edit, error) {
	since, whole := map[string]bool{}, map[string]bool{}
	for _, e := range EditsBetween(after, s) {
		since[object(e)], whole[e.whole()] = true, true
	}
	edits := EditsBetween(after, before)
	var names []string
	for _, e := range edits {
		removed := (e.Op == EditRemoveAllowlist || e.Op == EditAddAllowlist) && whole[e.whole()]
		if name := e.nameIn(s, after, before); (removed || since[object(e)]) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		return nil, Errorf(KindConflict, "Revision %d or one after it has edited the same objects since: %s. "+
			"Make a change that says how they should be.", after.Revision+1, someNames(names))
	}
	if _, err := s.Apply(edits); err != nil {
		return nil, Wrap(KindConflict, err, "Later edits depend on it: %s Make a change that says how it should be.",
			MessageOf(err))
	}
	return edits, nil
}

// someNames lists the first few names and counts the others.
func someNames(names []string) string {
	const few = 5
	if more := len(names) - few; more > 0 {
		return strings.Join(names[:few], ", ") + " and " + strconv.Itoa(more) + " more"
	}
	return strings.Join(names, ", ")
}

// nameIn names the object that an edit touches, by its name in the first of some states that has it.
func (e Edit) nameIn(states ...State) string {
	name := e.ID
	for _, s := range states {
		list, isList := s.Allowlist(e.ID)
		mapping, isMapping := s.Mapping(e.ID)
		rule, isRule := s.Rule(e.ID)
		switch {
		case isList:
			name = list.Name
		case isMapping:
			name = "of role " + mapping.Role.String() + " (" + e.ID + ")"
		case isRule:
			name = rule.Name
		default:
			continue
		}
		break
	}
	switch e.Op {
	case EditAddEntry, EditUpdateEntry:
		return "entry " + e.Entry.Key() + " of allowlist " + name
	case EditRemoveEntry:
		return "entry " + e.Key + " of allowlist " + name
	case EditUpdateSettings:
		return "settings"
	default:
		return e.noun() + " " + name
	}
}

// Grants reports whether an edit is about who can assume roles, and not about how changes are made.
func (e Edit) Grants() bool { return e.noun() == "allowlist" || e.noun() == "mapping" }

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
		Reverts: r.ChangeID,
		Title:   CutTitle("Roll back: " + r.Title), Reason: r.Note, State: ChangeApproved, Author: r.Undoer(),
		Base: head, Edits: edits, Version: 1,
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

// CutTitle shortens a title to the bytes that are kept of one.
func CutTitle(title string) string {
	if len(title) <= MaxTitle {
		return title
	}
	const dots = "…"
	title = title[:MaxTitle-len(dots)]
	for !utf8.ValidString(title) {
		title = title[:len(title)-1]
	}
	return title + dots
}
