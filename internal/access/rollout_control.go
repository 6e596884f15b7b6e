package access

import (
	"slices"
	"strings"
	"time"
)

// Pause stops the rollout from starting more targets. Targets in flight finish. Phase
// timers keep running.
func (r *Rollout) Pause(at time.Time) error {
	if r.State != RolloutRunning {
		return r.refuse("paused")
	}
	r.State, r.StoppedSince, r.BlockedBy, r.WindowOverride = RolloutPaused, at, BlockedBy{}, WindowOverride{}
	return nil
}

// Resume continues after a pause or a halt. After a halt the failures so far are ignored:
// as many more targets may fail.
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

// OverrideWindow lets a rollout that waits for its maintenance window work outside of it,
// through the wave under way or through all waves that are left.
func (r *Rollout) OverrideWindow(by Actor, reason string, allWaves bool) error {
	if r.State != RolloutRunning || r.Phase != PhaseMaintenanceWindow {
		return Errorf(KindConflict, "This rollout does not wait for its maintenance window.")
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

// Retry makes the failed and conflicting targets wait again.
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

// RetryTarget makes one failed or conflicting target wait again.
func (r *Rollout) RetryTarget(t *Target) error {
	if err := r.retryable(); err != nil {
		return err
	}
	if t.State != TargetFailed && t.State != TargetConflict {
		return Errorf(KindConflict, "Account %s is %s: only an account that failed or conflicted can be retried.", t.Account, t.State)
	}
	blocked := t.State == TargetFailed && t.Class == CloudBlocked
	if blocked { // it was never counted against the limits
		r.IgnoredFailures = max(r.IgnoredFailures-1, 0)
	}
	r.Counts.Move(t.State, TargetWaiting)
	t.State = TargetWaiting
	if t.Wave == r.Wave {
		r.WaveBad = max(r.WaveBad-1, 0)
		if blocked {
			r.WaveIgnoredFailures = max(r.WaveIgnoredFailures-1, 0)
		}
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

// goOn makes a rollout run that had ended or halted and that has targets to start. The
// other failures are ignored then, as by Resume: they would halt the rollout again before
// those targets start.
func (r *Rollout) goOn() {
	if r.State != RolloutCompleted && r.State != RolloutHalted {
		r.IgnoredFailures, r.WaveIgnoredFailures = min(r.IgnoredFailures, r.bad()), min(r.WaveIgnoredFailures, r.WaveBad)
		return
	}
	r.IgnoredFailures, r.WaveIgnoredFailures = r.bad(), r.WaveBad
	r.State, r.Note, r.EndedAt, r.StoppedSince = RolloutRunning, "", time.Time{}, time.Time{}
}

// EffectUnknown is the message of an operation that was tried, and whose account is left out before a push could read
// what became of it.
const EffectUnknown = "It is not known whether an earlier, interrupted write took effect: the account was not read again."

// SkipTarget leaves out a target that no worker has claimed.
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

// ApproveWave lets a rollout continue after a wave. The caller names the wave, so that a
// page that was read earlier does not approve the wave after it.
func (r *Rollout) ApproveWave(c *WaveProgress, by PersonRef, wave int) error {
	switch {
	case r.State != RolloutRunning || r.Phase != PhaseAwaitingApproval:
		return Errorf(KindConflict, "This rollout does not wait for the approval of a wave.")
	case wave != r.Wave:
		return Errorf(KindConflict, "This rollout waits after wave %d now, and not after wave %d. Look at it again.", r.Wave, wave)
	}
	c.Wave.ApprovedBy = by
	r.Phase = PhaseApproved
	return nil
}

// Confirm notes that the rollout is good. An unconfirmed rollout is rolled back at its deadline.
func (r *Rollout) Confirm(c *WaveProgress, by PersonRef, at time.Time) error {
	switch {
	case c.Strategy.Confirm == 0 || r.Kind == RolloutRollback:
		return Errorf(KindConflict, "This rollout needs nobody to confirm it.")
	case !r.ConfirmedAt.IsZero():
		return Errorf(KindConflict, "%s has confirmed this rollout already.", r.ConfirmedBy.Name)
	case r.Phase != PhaseConfirm || r.State != RolloutRunning && !r.stoppedToConfirm():
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

func (r *Rollout) refuse(verb string) error {
	return Errorf(KindConflict, "A rollout that is %s cannot be %s.", r.State, verb)
}

// OpensUnverified reports whether a reviewer has accepted that user policies open the roles of an account without proof
// that the trust policies of these roles are set.
func (r *Rollout) OpensUnverified(id AccountID) bool {
	return slices.Contains(r.Unverified(), id)
}

// Unverified lists the accounts that a reviewer has accepted in this way.
func (r *Rollout) Unverified() []AccountID {
	var ids []AccountID
	for id := range strings.FieldsFuncSeq(r.OpenUnverified, func(c rune) bool { return c == ',' }) {
		ids = append(ids, AccountID(id))
	}
	return ids
}

// acceptUnverified notes that a reviewer accepts the roles of accounts without that proof.
func (r *Rollout) acceptUnverified(ids []AccountID) {
	var text []string
	for _, id := range slices.Compact(slices.Sorted(slices.Values(append(r.Unverified(), ids...)))) {
		text = append(text, string(id))
	}
	r.OpenUnverified = strings.Join(text, ",")
}

// OpenAnyway lets user policies open the roles of accounts although nothing proves that the trust policies of these roles are
// set. Neither the person who started the rollout nor one who counts together with them can decide that.
func (r *Rollout) OpenAnyway(by Actor, groups Groups, ids []AccountID) error {
	switch {
	case r.State == RolloutRollingBack || r.State == RolloutRolledBack || r.State == RolloutAborted:
		return r.refuse("altered")
	case groups.Together(by.PersonID, r.StartedBy.ID):
		return Errorf(KindForbidden, "You, or a person who counts together with you, started this rollout. "+
			"A reviewer of another group must accept roles without proof.")
	case len(ids) == 0:
		return Invalid("accounts", "Name the accounts whose roles may be opened without proof.")
	}
	r.acceptUnverified(ids)
	return nil
}
