package access

import (
	"strconv"
	"time"
)

// Pause stops taking up targets; those in flight end. The times of a phase run on.
func (r *Rollout) Pause(at time.Time) error {
	if r.State != RolloutRunning {
		return r.refuse("paused")
	}
	r.State, r.StoppedSince, r.BlockedBy, r.WindowOverride = RolloutPaused, at, BlockedBy{}, WindowOverride{}
	return nil
}

// Resume goes on after a pause or a halt. After a halt what failed so far is forgiven:
// as many more may fail.
func (r *Rollout) Resume() error {
	switch r.State {
	case RolloutPaused:
	case RolloutHalted:
		r.IgnoredFailures, r.WaveIgnoredFailures = r.bad(), r.WaveBad
		if r.Phase == PhaseChecking {
			r.ChecksBad = 0
		}
	default:
		return r.refuse("resumed")
	}
	r.State, r.Note, r.StoppedSince = RolloutRunning, "", time.Time{}
	return nil
}

// OverrideWindow lets a rollout work outside of its hours for which it waits: through the wave
// under way, or through all that are left.
func (r *Rollout) OverrideWindow(by Actor, reason string, allWaves bool) error {
	if r.State != RolloutRunning || r.Phase != PhaseMaintenanceWindow {
		return Errorf(KindConflict, "This rollout does not wait for its hours.")
	}
	r.WindowOverride = WindowOverride{Wave: r.Wave, By: by.Name, Reason: reason}
	if allWaves {
		r.WindowOverride.Wave = r.Waves
	}
	return nil
}

// CheckAgain looks once more at the health of the wave, after it was found bad.
func (r *Rollout) CheckAgain() error {
	if r.State != RolloutHalted || r.Phase != PhaseChecking || r.ChecksBad == 0 {
		return Errorf(KindConflict, "This rollout did not halt over the health of a wave: there is nothing to look at again.")
	}
	r.State, r.Note, r.StoppedSince = RolloutRunning, "", time.Time{}
	r.ChecksLeft, r.ChecksBad = ChecksToMake, 0
	return nil
}

// Abort ends the rollout: what waits is skipped, what is in flight ends. What was written
// stays.
func (r *Rollout) Abort(reason string, at time.Time) error {
	switch r.State {
	case RolloutScheduled, RolloutRunning, RolloutPaused, RolloutHalted:
	default:
		return r.refuse("aborted")
	}
	r.State, r.Note, r.EndedAt, r.StoppedSince = RolloutAborted, reason, at, time.Time{}
	r.Phase, r.Until, r.BlockedBy = PhasePushing, time.Time{}, BlockedBy{}
	return nil
}

// Retry takes up the failed and conflicting targets once more.
func (r *Rollout) Retry() error {
	if err := r.retryable(); err != nil {
		return err
	}
	if r.bad() == 0 {
		return Errorf(KindConflict, "No target of this rollout has failed.")
	}
	r.Counts.Waiting += r.bad()
	r.Counts.Failed, r.Counts.Conflict, r.WaveBad = 0, 0, 0
	r.goOn()
	return nil
}

// RetryTarget takes up one failed or conflicting target once more.
func (r *Rollout) RetryTarget(t *Target) error {
	if err := r.retryable(); err != nil {
		return err
	}
	if t.State != TargetFailed && t.State != TargetConflict {
		return Errorf(KindConflict, "Account %s is %s: only what failed or conflicted is taken up again.", t.Account, t.State)
	}
	r.Counts.Move(t.State, TargetWaiting)
	t.State = TargetWaiting
	if t.Wave == r.Wave {
		r.WaveBad = max(r.WaveBad-1, 0)
	}
	r.goOn()
	return nil
}

func (r *Rollout) retryable() error {
	switch r.State {
	case RolloutCompleted, RolloutRunning, RolloutPaused, RolloutHalted:
		return nil
	default:
		return r.refuse("retried")
	}
}

// goOn makes a rollout run that had ended or halted, and that has targets to take up. What
// failed beside those is forgiven then, as by Resume: it would halt the rollout again
// before they are taken up.
func (r *Rollout) goOn() {
	if r.State != RolloutCompleted && r.State != RolloutHalted {
		r.IgnoredFailures, r.WaveIgnoredFailures = min(r.IgnoredFailures, r.bad()), min(r.WaveIgnoredFailures, r.WaveBad)
		return
	}
	r.IgnoredFailures, r.WaveIgnoredFailures = r.bad(), r.WaveBad
	r.State, r.Note, r.EndedAt, r.StoppedSince = RolloutRunning, "", time.Time{}, time.Time{}
}

// SkipTarget leaves out a target that no worker has taken up.
func (r *Rollout) SkipTarget(t *Target) error {
	switch r.State {
	case RolloutScheduled, RolloutRunning, RolloutPaused, RolloutHalted:
	default:
		return r.refuse("altered")
	}
	if t.State != TargetWaiting {
		return Errorf(KindConflict, "Account %s is %s: only an account that waits can be skipped.", t.Account, t.State)
	}
	r.Counts.Move(t.State, TargetSkipped)
	t.State = TargetSkipped
	return nil
}

// SetMaxInFlight changes how many targets may be in flight at once, for the wave under way
// too. Where more are in flight already, they end.
func (r *Rollout) SetMaxInFlight(n int) error {
	switch {
	case n < 1 || n > MostInFlight:
		return Invalid("max_in_flight", maxInFlightRange, MostInFlight)
	case !r.EndedAt.IsZero() || r.State == RolloutRollingBack:
		return r.refuse("altered")
	}
	r.MaxInFlight = n
	if r.WaveMaxInFlight > 0 {
		r.WaveMaxInFlight = n
	}
	return nil
}

// ApproveWave lets a rollout go on after a wave, which is named so that a page that was read
// before does not open the gate after it.
func (r *Rollout) ApproveWave(c *WaveProgress, by PersonRef, wave int) error {
	switch {
	case r.State != RolloutRunning || r.Phase != PhaseAwaitingApproval:
		return Errorf(KindConflict, "This rollout does not wait for anybody to let it go on.")
	case wave != r.Wave:
		return Errorf(KindConflict, "This rollout waits after wave %d now, and not after wave %d. Look at it again.", r.Wave, wave)
	}
	c.Wave.ApprovedBy = by
	r.Phase = PhaseApproved
	return nil
}

// Confirm says that what was rolled out is good, so that it is not rolled back by itself.
func (r *Rollout) Confirm(c *WaveProgress, by PersonRef, at time.Time) error {
	switch {
	case c.Strategy.Confirm == 0 || r.Kind == RolloutRollback:
		return Errorf(KindConflict, "This rollout needs nobody to confirm it.")
	case !r.ConfirmedAt.IsZero():
		return Errorf(KindConflict, "%s has confirmed this rollout already.", r.ConfirmedBy.Name)
	case (r.State != RolloutRunning || r.Phase != PhaseConfirm) && !r.pausedToConfirm():
		return Errorf(KindConflict, "A rollout is confirmed once all of it is pushed. This one is %s.", r.State)
	}
	r.ConfirmedBy, r.ConfirmedAt = by, at
	return nil
}

// SkipQueue lets the rollout go ahead of older ones: the accounts that those still wait to
// work on are skipped there.
func (r *Rollout) SkipQueue() error {
	switch {
	case r.State != RolloutRunning || r.BlockedBy.Targets == 0:
		return Errorf(KindConflict, "This rollout does not wait for another.")
	case r.Kind == RolloutRollback:
		return r.refuse("put ahead of others")
	}
	r.SkipsQueue = true
	return nil
}

// RollBack begins to undo the rollout: what waits is skipped, what is in flight ends, and
// a rollout of its own puts back what this one has replaced.
func (r *Rollout) RollBack(by PersonRef, reason string, at time.Time) error {
	switch {
	case r.Kind == RolloutRollback:
		return Errorf(KindConflict, "A rollback is not rolled back itself. Make a change that says what should be.")
	case r.State == RolloutRollingBack || r.State == RolloutRolledBack || r.State == RolloutScheduled:
		return r.refuse("rolled back")
	case !r.EndedAt.IsZero() && at.Sub(r.EndedAt) > RollBackWithin:
		return Errorf(KindConflict, "This rollout ended more than %d hours ago. Make a change that restores what was before: it is reviewed, and what has happened since is in it.", int(RollBackWithin.Hours()))
	}
	r.rollBack(reason)
	r.UndoneBy = by
	return nil
}

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

func (r *Rollout) refuse(verb string) error {
	return Errorf(KindConflict, "A rollout that is %s cannot be %s.", r.State, verb)
}
