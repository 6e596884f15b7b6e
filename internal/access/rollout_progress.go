package access

import (
	"fmt"
	"math"
	"time"
)

// WaveProgress is what a rollout's way through its waves depends on, in addition to the
// rollout. The zero value is that of a rollout whose first wave has not begun, with nothing to wait for.
type WaveProgress struct {
	Strategy Strategy
	Wave     Wave // the one under way; its number is 0 where none is
	Next     Wave // the one after it; its number is 0 where it is not known or not there
}

var rolloutSystem = System("rollout")

// Advance moves a rollout on as far as it goes without a person at a time, and returns the
// events for the audit log. It is called when a target has ended, a phase is over, or a
// person has acted. It stops where the store has to do something first: see PendingWork.
//
//	pushing ─▶ baking ─▶ checking ─▶ awaiting_approval ─▶ the next wave, pushing
//	   │▲                   │                                  │ after the last
//	   ▼│                   ▼                                  ▼
//	maintenance_window   halted                             confirm ─▶ completed
//	                                                           └─▶ rolling_back
//
// What a wave has no need of is left out. Too many failures halt it in any phase.
func (r *Rollout) Advance(c *WaveProgress, at time.Time) []AuditEvent {
	var events []AuditEvent
	for {
		was := r.place(c)
		if e := r.step(c, at); e.Action != "" {
			events = append(events, e)
		}
		if r.place(c) == was {
			return events
		}
	}
}

// PendingWork is what the store has to do before a rollout can advance.
type PendingWork string

// The pending work: to load the wave after the one under way, or to make the checks of the
// wave under way.
const (
	PendingNothing  PendingWork = ""
	PendingNextWave PendingWork = "next"
	PendingChecks   PendingWork = "checks"
)

// PendingWork returns the work that Advance waits for.
func (r *Rollout) PendingWork(c *WaveProgress) PendingWork {
	switch {
	case r.State != RolloutRunning:
		return PendingNothing
	case r.Phase == PhaseChecking && r.ChecksLeft == ChecksToMake:
		return PendingChecks
	case r.Phase == PhaseNext && c.Next.Number == 0:
		return PendingNextWave
	default:
		return PendingNothing
	}
}

// Open counts the waiting targets of the waves that have begun.
func (r *Rollout) Open() int { return max(r.Counts.Waiting-r.Later, 0) }

// Limit is how many targets may be in flight at once now.
func (r *Rollout) Limit() int {
	if r.WaveMaxInFlight > 0 {
		return min(r.MaxInFlight, r.WaveMaxInFlight)
	}
	return r.MaxInFlight
}

// CanStart returns how many more targets may start now. Every target in flight may fail, so that
// it counts against the limits on failures like one that has failed: where L targets may fail, a
// target starts only while fewer than L+1 have failed, conflicted or are in flight. So the limit
// is exact: a rollout never has more than L+1 failures, of which the last one halts it. The
// price is speed: a limit below max in flight also bounds the targets in flight, and a rollout
// in which no target may fail has one target in flight at a time.
func (r *Rollout) CanStart(c *WaveProgress) int {
	if r.State != RolloutRunning || r.Phase != PhasePushing {
		return 0
	}
	n := min(r.Limit(), mayStillFail(r.MaxFailures, r.bad()-r.IgnoredFailures), mayStillFail(c.Wave.MaxFailures, r.WaveBad-r.WaveIgnoredFailures))
	return max(min(n-r.Counts.Running, r.Open()), 0)
}

// mayStillFail is how many targets can fail until the rollout halts, with the one that halts it.
func mayStillFail(most, bad int) int {
	if most == AnyFailures {
		return math.MaxInt
	}
	return max(most, 0) + 1 - bad
}

// CountEnd counts a target that was in flight as ended, or as waiting again where it continues later. A target that was
// blocked by another account is no failure in addition to the failure there: it does not count against the limits.
func (r *Rollout) CountEnd(t Target, end TargetResult) {
	r.Counts.Move(TargetRunning, end.State)
	inWave := t.Wave == r.Wave
	switch {
	case end.State == TargetWaiting && end.Continue.Wave > r.Wave:
		r.Later++
	case end.State != TargetFailed && end.State != TargetConflict:
		return
	case inWave:
		r.WaveBad++
	}
	if end.State == TargetFailed && end.Class == CloudBlocked {
		r.IgnoredFailures++
		if inWave {
			r.WaveIgnoredFailures++
		}
	}
}

// WakeAt is when a rollout has to be looked at again though nothing happens to it; zero
// for never.
func (r *Rollout) WakeAt(at time.Time) time.Time {
	switch {
	case r.State == RolloutRollingBack && r.Counts.Running == 0 && r.RolledBackBy == 0: // the way back can begin
		return at
	case r.State == RolloutRollingBack || r.State == RolloutRunning && r.BlockedBy.Targets > 0:
		return at.Add(time.Second)
	case r.State == RolloutRunning || r.State == RolloutPaused && r.stoppedToConfirm():
		return r.Until
	default:
		return time.Time{}
	}
}

type place struct {
	state RolloutState
	phase Phase
	wave  int
	of    WaveState
}

func (r *Rollout) place(c *WaveProgress) place { return place{r.State, r.Phase, r.Wave, c.Wave.State} }

func (r *Rollout) step(c *WaveProgress, at time.Time) AuditEvent {
	live := r.State == RolloutRunning || r.State == RolloutPaused || r.State == RolloutHalted
	switch idle := r.Open() == 0 && r.Counts.Running == 0; {
	case !live:
		return AuditEvent{}
	case r.State == RolloutRunning && r.failure(c) != "" && (!idle || r.more(c) || c.Strategy.RollBack && r.rollsBack()):
		return r.halt(c, r.failure(c), at)
	case !idle:
		return r.keepWindow(c, at)
	case r.State == RolloutRunning:
		return r.advance(c, at)
	case r.stoppedToConfirm():
		return r.afterConfirm(at)
	case !r.more(c): // paused or halted, with nothing left that could be resumed
		return r.complete(at)
	default:
		return AuditEvent{}
	}
}

// bad counts the targets that failed or conflicted.
func (r *Rollout) bad() int { return r.Counts.Failed + r.Counts.Conflict }

// failure says why so many targets have failed that the rollout has to halt; "" when it
// need not.
func (r *Rollout) failure(c *WaveProgress) string {
	switch {
	case exceeds(r.MaxFailures, r.bad()-r.IgnoredFailures):
		return fmt.Sprintf("%s failed or conflicted, and %s", inAccounts(r.bad()), atMost(r.MaxFailures, r.IgnoredFailures))
	case exceeds(c.Wave.MaxFailures, r.WaveBad-r.WaveIgnoredFailures):
		return fmt.Sprintf("%s of the wave %q failed or conflicted, and %s", inAccounts(r.WaveBad), c.Wave.Name, atMost(c.Wave.MaxFailures, r.WaveIgnoredFailures))
	default:
		return ""
	}
}

func inAccounts(n int) string {
	if n == 1 {
		return "1 account"
	}
	return fmt.Sprintf("%d accounts", n)
}

func atMost(most, ignored int) string {
	if n := max(most, 0) + ignored; n > 0 {
		return fmt.Sprintf("at most %d may.", n)
	}
	return "none may."
}

// more reports whether anything is to come but the end.
func (r *Rollout) more(c *WaveProgress) bool {
	switch {
	case r.Wave < r.Waves || r.Later > 0 || r.Phase != PhasePushing:
		return true
	default:
		return c.Wave.Bake > 0 || c.Strategy.checks() || r.toConfirm(c)
	}
}

func (r *Rollout) toConfirm(c *WaveProgress) bool {
	return c.Strategy.Confirm > 0 && r.ConfirmedAt.IsZero() && r.Kind != RolloutRollback
}

func (r *Rollout) halt(c *WaveProgress, why string, at time.Time) AuditEvent {
	r.State, r.Note, r.StoppedSince, r.WindowOverride = RolloutHalted, "Halted: "+why, at, WindowOverride{}
	detail := map[string]any{"why": why, "wave": r.Wave, "counts": r.Counts}
	switch {
	case !c.Strategy.RollBack || r.Kind == RolloutRollback:
	case r.rollsBack():
		r.rollBack("Halted and rolled back by its strategy: " + why)
		detail["rolls_back"] = true
	default:
		r.Note += " Its strategy does not roll it back, because it takes access away: " + r.Revokes
		detail["revokes"] = r.Revokes
	}
	return r.event("rollout.halted", at, detail)
}

// OverridesWindow reports whether the rollout may work outside of the maintenance window.
func (r *Rollout) OverridesWindow() bool { return r.Wave <= r.WindowOverride.Wave }

func (r *Rollout) keepWindow(c *WaveProgress, at time.Time) AuditEvent {
	open, changes := c.Strategy.MaintenanceWindow.NextChange(at)
	r.Phase, r.Until = PhasePushing, changes
	switch {
	case r.OverridesWindow():
		r.Until = time.Time{}
	case !open:
		r.Phase = PhaseMaintenanceWindow
	}
	if c.Wave.Number > 0 {
		c.Wave.State = WavePushing
	}
	return r.noteWindow(c.Strategy.MaintenanceWindow.Problem(), at)
}

// noteWindow keeps a note on a running rollout while its maintenance window is not known, and records when that begins.
func (r *Rollout) noteWindow(problem string, at time.Time) AuditEvent {
	if r.OverridesWindow() {
		problem = ""
	}
	if r.State != RolloutRunning || r.Note == problem {
		return AuditEvent{}
	}
	r.Note = problem
	if problem == "" {
		return AuditEvent{}
	}
	return r.event("rollout.window_unknown", at, map[string]any{"why": problem})
}

// advance goes on to the next phase of a wave whose targets have all ended.
func (r *Rollout) advance(c *WaveProgress, at time.Time) AuditEvent {
	if r.Counts.Total() == 0 {
		return r.complete(at)
	}
	switch r.Phase {
	case PhasePushing, PhaseMaintenanceWindow:
		return r.afterPush(c, at)
	case PhaseBaking:
		if !at.Before(r.Until) {
			return r.check(c, at)
		}
	case PhaseChecking:
		return r.afterChecks(c, at)
	case PhaseApproved:
		return r.endWave(c, at)
	case PhaseNext:
		if c.Next.Number > 0 {
			r.begin(c, at)
		}
	case PhaseConfirm:
		return r.afterConfirm(at)
	}
	return AuditEvent{}
}

func (r *Rollout) afterPush(c *WaveProgress, at time.Time) AuditEvent {
	if r.Wave == 0 && r.Waves > 0 {
		r.enter(c, PhaseNext, WaveWaiting)
		return AuditEvent{}
	}
	c.Wave.PushedAt = at
	if c.Wave.Bake > 0 {
		r.enter(c, PhaseBaking, WaveBaking)
		r.Until = at.Add(c.Wave.Bake)
		return AuditEvent{}
	}
	return r.check(c, at)
}

func (r *Rollout) enter(c *WaveProgress, p Phase, s WaveState) {
	r.Phase, r.Until = p, time.Time{}
	c.Wave.State = s
}

func (r *Rollout) check(c *WaveProgress, at time.Time) AuditEvent {
	if !c.Strategy.checks() || r.Kind == RolloutRollback {
		return r.healthy(c, at)
	}
	r.enter(c, PhaseChecking, WaveChecking)
	r.ChecksLeft, r.ChecksBad = ChecksToMake, 0
	return AuditEvent{}
}

func (r *Rollout) afterChecks(c *WaveProgress, at time.Time) AuditEvent {
	switch {
	case r.ChecksLeft != 0:
		return AuditEvent{}
	case r.ChecksBad > 0:
		return r.halt(c, fmt.Sprintf("%d checks of the health of the wave %q have failed.", r.ChecksBad, c.Wave.Name), at)
	default:
		return r.healthy(c, at)
	}
}

// healthy waits for a wave approval where the wave requires one. After the last wave there
// is nothing left to approve.
func (r *Rollout) healthy(c *WaveProgress, at time.Time) AuditEvent {
	if c.Wave.RequiresApproval && r.Wave < r.Waves {
		r.enter(c, PhaseAwaitingApproval, WaveAwaitingApproval)
		return AuditEvent{}
	}
	return r.endWave(c, at)
}

func (r *Rollout) endWave(c *WaveProgress, at time.Time) AuditEvent {
	c.Wave.State, c.Wave.EndedAt = WaveDone, at
	switch {
	case r.Wave < r.Waves:
		r.Phase, r.Until = PhaseNext, time.Time{}
	case r.toConfirm(c):
		r.Phase, r.Until = PhaseConfirm, at.Add(c.Strategy.Confirm)
	default:
		return r.complete(at)
	}
	return r.event("rollout.wave_ended", at, map[string]any{"wave": c.Wave.Number, "name": c.Wave.Name, "targets": c.Wave.Targets, "failed": r.WaveBad})
}

func (r *Rollout) begin(c *WaveProgress, at time.Time) {
	c.Wave, c.Next = c.Next, Wave{}
	c.Wave.State, c.Wave.BegunAt = WavePushing, at
	r.Wave, r.WaveMaxInFlight, r.WaveBad, r.WaveIgnoredFailures = c.Wave.Number, c.Wave.MaxInFlight, 0, 0
	r.Later = max(r.Later-c.Wave.Left, 0)
	r.Phase, r.Until = PhasePushing, time.Time{}
}

// stoppedToConfirm reports whether a rollout is paused or halted that only waits to be confirmed. Its timer keeps
// running: a pause must not prevent the rollback.
func (r *Rollout) stoppedToConfirm() bool {
	return (r.State == RolloutPaused || r.State == RolloutHalted) && r.Phase == PhaseConfirm
}

func (r *Rollout) afterConfirm(at time.Time) AuditEvent {
	switch {
	case !r.ConfirmedAt.IsZero():
		return r.complete(at)
	case at.Before(r.Until) || r.State == RolloutHalted:
		return AuditEvent{}
	}
	detail := map[string]any{"deadline": r.Until, "rolls_back": r.rollsBack()}
	if r.rollsBack() {
		r.rollBack("Nobody confirmed the rollout in time.")
		return r.event("rollout.unconfirmed", at, detail)
	}
	r.State, r.StoppedSince = RolloutHalted, at
	r.Note = "The rollout was not confirmed in time. It is not rolled back, because it takes access away: " + r.Revokes +
		" Confirm it, or revert the change."
	detail["revokes"] = r.Revokes
	return r.event("rollout.unconfirmed", at, detail)
}

func (r *Rollout) complete(at time.Time) AuditEvent {
	r.State, r.Phase, r.Until, r.Note, r.EndedAt, r.StoppedSince = RolloutCompleted, PhasePushing, time.Time{}, "", at, time.Time{}
	r.BlockedBy = BlockedBy{}
	return r.event("rollout.completed", at, map[string]any{"counts": r.Counts, "revision": r.Revision})
}

func (r *Rollout) event(action string, at time.Time, detail map[string]any) AuditEvent {
	return NewAuditEvent(rolloutSystem, at, action, RolloutObject(r.ID), detail)
}
