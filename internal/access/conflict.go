package access

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// ConflictChoice is what a person decides about a document that others have edited during
// the rollout.
type ConflictChoice string

// The choices. Overwrite puts the planned document in the place of the edited one. Adopt
// and skip leave it: adopt because the edit was right and the desired state has to
// follow, skip because it is left to another day.
const (
	ConflictOverwrite ConflictChoice = "overwrite"
	ConflictAdopt     ConflictChoice = "adopt"
	ConflictSkip      ConflictChoice = "skip"
)

// ConflictChoices lists the choices in the order in which pages show them.
func ConflictChoices() []ConflictChoice {
	return []ConflictChoice{ConflictOverwrite, ConflictAdopt, ConflictSkip}
}

// Known reports whether this is one of the choices.
func (c ConflictChoice) Known() bool {
	return c == ConflictOverwrite || c == ConflictAdopt || c == ConflictSkip
}

// Resolution is a decision about a conflict. It holds for the live document that was
// seen, and for no other: where that has changed again, it is a conflict again.
type Resolution struct {
	Choice ConflictChoice // "" where nothing was decided
	Seen   string         // the whole live document; "" where there was none
	By     PersonRef
	At     time.Time
}

// ResolveConflict asks for a choice about one operation. Seen is the digest of the live
// document that the choice was made on.
type ResolveConflict struct {
	OperationID int64
	Choice      ConflictChoice
	Seen        string
}

// DocumentDigest names a document by its content: the SHA-256 in hex, "" for none.
func DocumentDigest(document string) string {
	if document == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(document))
	return hex.EncodeToString(sum[:])
}

// Resolve decides about conflicting operations of a target. It refuses unless every
// choice is about an operation that is in conflict, and about the document that was
// found then. It returns the operations that were decided about.
func (t Target) Resolve(operations []Operation, choices []ResolveConflict, by Actor, at time.Time) ([]Operation, error) {
	if t.State != TargetConflict && t.State != TargetFailed {
		return nil, Errorf(KindConflict, "Account %s is %s: there is no conflict to decide about.", t.Account, t.State)
	}
	if len(choices) == 0 {
		return nil, Invalid("operations", "Choose what to do about at least one document.")
	}
	open := map[int64]Operation{}
	for _, o := range operations {
		if o.State == OperationConflict {
			open[o.ID] = o
		}
	}
	decided := make([]Operation, 0, len(choices))
	for _, c := range choices {
		o, found := open[c.OperationID]
		switch {
		case !c.Choice.Known():
			return nil, Invalid("operations", "%q is no choice: overwrite, adopt or skip.", string(c.Choice))
		case !found:
			return nil, Errorf(KindConflict, "Operation %d of account %s is not in conflict, or was decided about twice.", c.OperationID, t.Account)
		case c.Seen != DocumentDigest(o.Found):
			return nil, Errorf(KindStale, "The live document of %s is another one than you decided about. Look at it again.", o.Resource)
		}
		delete(open, c.OperationID)
		o.Resolution = Resolution{Choice: c.Choice, Seen: o.Found, By: by.Ref(), At: at}
		decided = append(decided, o)
	}
	return decided, nil
}

// DecideConflicts alters a rollout and one of its targets, and says which of the target's
// operations were decided about.
type DecideConflicts func(*Rollout, *Target, []Operation) (decided []Operation, events []AuditEvent, err error)
