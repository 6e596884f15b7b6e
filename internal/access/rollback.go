package access

import (
	"strconv"
	"time"
)

// RollbackFacts decide, together with the rollout, whether one person may roll it back alone.
type RollbackFacts struct {
	Within     time.Duration // the setting roll_back_within
	WrittenBy  int64         // a later rollout that wrote one of its documents; 0 if there is none
	Opens      string        // whom the documents from before would let in again, in a sentence; "" for no one
	Unreviewed *UnreviewedAct
}

// UnreviewedAct is a change that a person put into effect alone, and that no other person has reviewed since.
type UnreviewedAct struct {
	Change    int64 // 0 if the change is made once the rollout has nothing in flight
	Title     string
	Rollout   int64    // that is rolled back, if there is no change yet
	Other     bool     // it is the act of another account, which counts together with the person's
	Reviewers []string // people whose review counts, some of them
}

// Blocked refuses another act alone by the same person.
func (a *UnreviewedAct) Blocked() error {
	if a == nil {
		return nil
	}
	who, are := "You", "are"
	if a.Other {
		who, are = "A person who counts together with you", "is"
	}
	if a.Change == 0 {
		return Errorf(KindConflict, "%s %s rolling back rollout %d alone, and no other person has reviewed that yet. "+
			"Wait until its change is there, and have it reviewed first.", who, are, a.Rollout)
	}
	next := "Have an approver review it first. No other person has the role approver and a review that counts."
	if len(a.Reviewers) > 0 {
		next = "Have it reviewed first, for example by " + joinOr(a.Reviewers) + "."
	}
	return Errorf(KindConflict, "%s put change %d (%s) into effect alone, and no other person has reviewed it yet. %s",
		who, a.Change, a.Title, next)
}

func joinOr(names []string) string {
	text := names[0]
	for i, n := range names[1:] {
		if i == len(names)-2 {
			text += " or " + n
		} else {
			text += ", " + n
		}
	}
	return text
}

// RollBack begins to undo the rollout: waiting targets are skipped, targets in flight end, and a separate rollout puts
// back the documents that this one has replaced. One person starts it alone, so it is limited to a rollout that
// only grants access and that wrote its documents last.
func (r *Rollout) RollBack(by PersonRef, reason string, at time.Time, f RollbackFacts) error {
	if err := r.CanRollBack(at, f.Within); err != nil {
		return err
	}
	switch {
	case f.WrittenBy != 0:
		return Errorf(KindConflict, "Rollout %d has written some of the same documents since. %s",
			f.WrittenBy, r.revertInstead())
	case f.Opens != "":
		return Errorf(KindConflict, "One person cannot let anyone in again: %s %s", f.Opens, r.revertInstead())
	}
	if err := f.Unreviewed.Blocked(); err != nil {
		return err
	}
	r.rollBack(reason)
	r.UndoneBy = by
	return nil
}

// CanRollBack says whether the rollout can be rolled back by one person, as far as the rollout itself tells.
func (r *Rollout) CanRollBack(at time.Time, within time.Duration) error {
	switch {
	case r.Kind == RolloutRollback:
		return Errorf(KindConflict, "A rollback is not rolled back itself. %s", r.revertInstead())
	case r.State == RolloutRollingBack || r.State == RolloutRolledBack || r.State == RolloutScheduled:
		return r.refuse("rolled back")
	case r.Revokes != "":
		return Errorf(KindConflict, "This rollout takes access away, so one person cannot undo it: %s %s "+
			"People who are locked out can get their access back by break-glass.", r.Revokes, r.revertInstead())
	case !r.EndedAt.IsZero() && within == 0:
		return Errorf(KindConflict, "This rollout has ended, and the setting roll_back_within lets one person "+
			"roll back only a rollout that has not. %s", r.revertInstead())
	case !r.EndedAt.IsZero() && at.Sub(r.EndedAt) > within:
		return Errorf(KindConflict, "This rollout ended more than %s ago, which is the most that the setting "+
			"roll_back_within allows. %s", DurationText(within), r.revertInstead())
	}
	return nil
}

// revertInstead says how two people undo what the rollout did.
func (r *Rollout) revertInstead() string {
	if r.ChangeID == 0 {
		return "Make a change that says how it should be."
	}
	return "Revert change " + strconv.FormatInt(r.ChangeID, 10) + " instead: that makes a change, which is reviewed."
}

// rollsBack reports whether the strategy rolls the rollout back when it halts or is not confirmed. It never does if the
// rollout takes access away: an operator who chose the strategy could let people in again by waiting.
func (r *Rollout) rollsBack() bool { return r.Kind != RolloutRollback && r.Revokes == "" }

func (r *Rollout) rollBack(note string) {
	r.State, r.Note, r.EndedAt, r.StoppedSince = RolloutRollingBack, note, time.Time{}, time.Time{}
	r.Phase, r.Until, r.BlockedBy, r.ChecksLeft = PhasePushing, time.Time{}, BlockedBy{}, 0
}

// RolledBack ends the roll back. left counts the accounts that could not be restored.
func (r *Rollout) RolledBack(left int, at time.Time) error {
	if r.State != RolloutRollingBack || r.Counts.Running > 0 {
		return r.refuse("marked as rolled back")
	}
	r.State, r.EndedAt = RolloutRolledBack, at
	if left > 0 {
		r.Note += " " + notRestoredText(left)
	}
	return nil
}

func notRestoredText(n int) string {
	if n == 1 {
		return "One account could not be restored."
	}
	return strconv.Itoa(n) + " accounts could not be restored."
}
