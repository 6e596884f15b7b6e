package view

import (
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// pausing says what a rollout waits for, or is at. A moment stands after the text, where
// there is one, and a rollout that is named.
type pausing struct {
	text    string
	until   time.Time
	rollout int64
}

// waitsFor says in a sentence what a rollout waits for; its text is "" where it waits
// for nothing but its own pushes.
func waitsFor(r access.Rollout) pausing {
	switch r.State {
	case access.RolloutScheduled:
		return pausing{text: "It has not begun yet."}
	case access.RolloutPaused:
		return pausing{text: "Paused: no more accounts are started until an operator resumes it. Since", until: r.StoppedSince}
	case access.RolloutHalted:
		return pausing{text: "Halted: no more accounts are started until an operator resumes or aborts it. Since", until: r.StoppedSince}
	case access.RolloutRollingBack, access.RolloutRolledBack:
		if r.RolledBackBy != 0 {
			return pausing{text: "What it wrote is put back by", rollout: r.RolledBackBy}
		}
		return pausing{text: "What it wrote is to be put back; accounts in flight are finished first."}
	case access.RolloutRunning:
		return phaseWaitsFor(r)
	default:
		return pausing{}
	}
}

func phaseWaitsFor(r access.Rollout) pausing {
	wave := "wave " + Number(r.Wave)
	switch r.Phase {
	case access.PhaseMaintenanceWindow:
		if r.Note != "" { // the note names the problem
			return pausing{text: "The maintenance window is not known. It is checked again", until: r.Until}
		}
		return pausing{text: "Outside the maintenance window. It continues", until: r.Until}
	case access.PhaseBaking:
		return pausing{text: "All of " + wave + " is pushed. It is watched until", until: r.Until}
	case access.PhaseChecking:
		return pausing{text: "All of " + wave + " is pushed. Its health is looked at" + checksLeft(r.ChecksLeft) + "."}
	case access.PhaseAwaitingApproval:
		return pausing{text: label(wave) + " is done. The next wave starts when an operator approves " + wave + "."}
	case access.PhaseConfirm:
		return pausing{text: "All is pushed. It is rolled back unless somebody confirms it before", until: r.Until}
	}
	if r.BlockedBy.Targets > 0 {
		return pausing{text: Count(r.BlockedBy.Targets, "account is", "accounts are") + " blocked by an older rollout:", rollout: r.BlockedBy.Rollout}
	}
	return pausing{}
}

// windowOverride says who let a rollout work outside its maintenance window, and why; ""
// if the rollout keeps the window.
func windowOverride(r access.Rollout) string {
	if r.State != access.RolloutRunning || r.Phase != access.PhasePushing || !r.OverridesWindow() {
		return ""
	}
	through := "wave " + Number(r.WindowOverride.Wave) + " is done"
	if r.WindowOverride.Wave >= r.Waves {
		through = "it is done"
	}
	return "Works outside the maintenance window until " + through + ", paused or halted. " + r.WindowOverride.By + ": " + r.WindowOverride.Reason
}

func checksLeft(n int) string {
	if n <= 0 {
		return ""
	}
	return ", " + Count(n, "check") + " to go"
}

// estimate says how long the wave under way still takes at the rate of the last minutes,
// and what comes after it; "" where that cannot be said.
func estimate(p RolloutPage) string {
	r := p.Rollout
	left, ok := r.Remaining(access.Rate(p.ProgressSamples))
	if !ok {
		return ""
	}
	s := "About " + roughly(left) + " left at the pace of the last minutes"
	if r.Waves > 1 {
		s = "About " + roughly(left) + " for the rest of this wave at the pace of the last minutes"
	}
	return s + afterWave(p) + "."
}

// afterWave names what has to pass before the rollout is done, so that nobody takes the
// wave's end for the rollout's.
func afterWave(p RolloutPage) string {
	var then []string
	for _, w := range p.Waves {
		if w.Number != p.Rollout.Wave {
			continue
		}
		if w.Bake > 0 {
			then = append(then, span(w.Bake)+" of watching")
		}
		if w.RequiresApproval && w.Number < p.Rollout.Waves {
			then = append(then, "the approval of an operator")
		}
	}
	if more := p.Rollout.Waves - p.Rollout.Wave; more > 0 && p.Rollout.Wave > 0 {
		then = append(then, Count(more, "more wave", "more waves"))
	}
	if len(then) == 0 {
		return ""
	}
	return ", then " + strings.Join(then, ", then ")
}

// span is a duration that somebody has set: "10 min", "2 h", "1 h 30 min".
func span(d time.Duration) string {
	s := d.Round(time.Second).String()
	for _, unit := range []struct{ short, long string }{{"h", " h "}, {"m", " min "}, {"s", " s "}} {
		s = strings.Replace(s, unit.short, unit.long, 1)
	}
	var parts []string
	words := strings.Fields(s)
	for i := 0; i+1 < len(words); i += 2 {
		if words[i] != "0" {
			parts = append(parts, words[i]+" "+words[i+1])
		}
	}
	if len(parts) == 0 {
		return "0 s"
	}
	return strings.Join(parts, " ")
}

// roughly is a duration as nobody would measure it.
func roughly(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return "10 s"
	case d < 90*time.Second:
		return Number(int(d.Round(10*time.Second).Seconds())) + " s"
	case d < 90*time.Minute:
		return Number(int(d.Round(time.Minute).Minutes())) + " min"
	default:
		return Duration(d.Round(10 * time.Minute))
	}
}
