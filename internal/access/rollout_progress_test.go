package access

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// ride drives a rollout through its waves as the store does, with its own clock.
type ride struct {
	t        *testing.T
	r        *Rollout
	progress WaveProgress
	waves    []Wave
	at       time.Time
	said     []string
	checks   int // made for each wave
}

func board(t *testing.T, s Strategy, waves ...Wave) *ride {
	t.Helper()
	x := &ride{t: t, progress: WaveProgress{Strategy: s}, waves: waves, at: noon}
	x.r = &Rollout{ID: 7, Kind: RolloutPush, State: RolloutRunning, MaxInFlight: 10, Waves: len(waves)}
	for i := range x.waves {
		x.waves[i].Number, x.waves[i].State, x.waves[i].Left = i+1, WaveWaiting, x.waves[i].Targets
		x.r.Counts.Waiting += x.waves[i].Targets
	}
	x.r.Later = x.r.Counts.Waiting
	x.advance()
	return x
}

func (x *ride) advance() {
	for {
		x.said = append(x.said, advanceOn(x.r, &x.progress, x.at)...)
		switch x.r.PendingWork(&x.progress) {
		case PendingNextWave:
			x.progress.Next = x.waves[x.r.Wave]
		case PendingChecks:
			x.r.ChecksLeft = x.checks
		default:
			return
		}
	}
}

// end ends n waiting targets of the wave.
func (x *ride) end(n int, as TargetState) {
	x.t.Helper()
	for range n {
		if x.r.CanStart(&x.progress) == 0 {
			x.t.Fatalf("no target can start: %+v", *x.r)
		}
		x.r.Counts.Move(TargetWaiting, as)
		if as == TargetFailed || as == TargetConflict {
			x.r.WaveBad++
		}
		x.advance()
	}
}

func (x *ride) wait(d time.Duration) { x.at = x.at.Add(d); x.advance() }

func (x *ride) want(state RolloutState, phase Phase, wave int) {
	x.t.Helper()
	if x.r.State != state || x.r.Phase != phase || x.r.Wave != wave {
		x.t.Fatalf("the rollout is %s, phase %q, wave %d; want %s, %q, %d", x.r.State, x.r.Phase, x.r.Wave, state, phase, wave)
	}
}

func TestWavesComeOneAfterTheOther(t *testing.T) {
	x := board(t, Strategy{}, Wave{Targets: 1}, Wave{Targets: 2})
	x.want(RolloutRunning, PhasePushing, 1)
	if got := x.r.CanStart(&x.progress); got != 1 {
		t.Errorf("CanStart %d in a wave of one, want 1", got)
	}
	x.end(1, TargetSucceeded)
	x.want(RolloutRunning, PhasePushing, 2)
	x.end(2, TargetUnchanged)
	x.want(RolloutCompleted, PhasePushing, 2)
	if d := cmp.Diff([]string{"rollout.wave_ended", "rollout.completed"}, x.said); d != "" {
		t.Errorf("what the audit log is told (-want +got):\n%s", d)
	}
}

func TestWaveBakesIsCheckedAndWaitsForApproval(t *testing.T) {
	x := board(t, Strategy{ReadBack: true}, Wave{Name: "Canary", Targets: 1, Bake: time.Hour, RequiresApproval: true}, Wave{Targets: 1, RequiresApproval: true})
	x.checks = 1
	x.end(1, TargetSucceeded)
	x.want(RolloutRunning, PhaseBaking, 1)
	if got := x.r.WakeAt(x.at); !got.Equal(noon.Add(time.Hour)) {
		t.Errorf("it is looked at again at %s, want the end of the baking", got)
	}
	x.wait(59 * time.Minute)
	x.want(RolloutRunning, PhaseBaking, 1)
	x.wait(time.Minute)
	x.want(RolloutRunning, PhaseChecking, 1)
	x.r.ChecksLeft = 0
	x.advance()
	x.want(RolloutRunning, PhaseAwaitingApproval, 1)
	x.wait(30 * 24 * time.Hour)
	x.want(RolloutRunning, PhaseAwaitingApproval, 1)
	if err := x.r.ApproveWave(&x.progress, operatorRef, 2); KindOf(err) != KindConflict {
		t.Errorf("approving another wave: %v, want KindConflict", err)
	}
	if err := x.r.ApproveWave(&x.progress, operatorRef, 1); err != nil {
		t.Fatal(err)
	}
	x.advance()
	x.want(RolloutRunning, PhasePushing, 2)
	x.end(1, TargetSucceeded)
	x.want(RolloutRunning, PhaseChecking, 2)
	x.r.ChecksLeft = 0
	x.advance()
	x.want(RolloutCompleted, PhasePushing, 2) // after the last wave there is nothing to approve
}

var operatorRef = PersonRef{ID: 5, Name: "Opa Operator"}

func TestABadCheckHalts(t *testing.T) {
	x := board(t, Strategy{ReadBack: true}, Wave{Name: "Canary", Targets: 1}, Wave{Targets: 1})
	x.checks = 1
	x.end(1, TargetSucceeded)
	x.r.ChecksLeft, x.r.ChecksBad = 0, 1
	x.r.ChecksLeft = 0
	x.advance()
	x.want(RolloutHalted, PhaseChecking, 1)
	if err := x.r.Resume(); err != nil {
		t.Fatal(err)
	}
	x.advance()
	x.want(RolloutRunning, PhasePushing, 2)
}

func TestWaveHealthIsCheckedAgain(t *testing.T) {
	x := board(t, Strategy{ReadBack: true}, Wave{Name: "Canary", Targets: 1}, Wave{Targets: 1})
	x.checks = 1
	if err := x.r.CheckAgain(); KindOf(err) != KindConflict {
		t.Errorf("checking again what was not checked: %v, want KindConflict", err)
	}
	x.end(1, TargetSucceeded)
	for range 2 {
		x.r.ChecksLeft, x.r.ChecksBad = 0, 1
		x.advance()
		x.want(RolloutHalted, PhaseChecking, 1)
		if err := x.r.CheckAgain(); err != nil {
			t.Fatal(err)
		}
		x.advance()
		x.want(RolloutRunning, PhaseChecking, 1)
		if x.r.ChecksLeft != 1 || x.r.ChecksBad != 0 {
			t.Errorf("%d checks to go and %d bad, want new checks", x.r.ChecksLeft, x.r.ChecksBad)
		}
	}
	x.r.ChecksLeft = 0
	x.advance()
	x.want(RolloutRunning, PhasePushing, 2)
}

func TestTooManyFailuresInAWaveHalt(t *testing.T) {
	x := board(t, Strategy{}, Wave{Name: "Canary", Targets: 3, MaxFailures: NoFailures}, Wave{Targets: 5, MaxFailures: 1})
	x.end(1, TargetFailed)
	x.want(RolloutHalted, PhasePushing, 1)
	if err := x.r.Resume(); err != nil {
		t.Fatal(err)
	}
	x.advance()
	x.end(2, TargetSucceeded)
	x.want(RolloutRunning, PhasePushing, 2)
	x.end(1, TargetFailed)
	x.want(RolloutRunning, PhasePushing, 2)
	x.end(1, TargetConflict)
	x.want(RolloutHalted, PhasePushing, 2)
}

func TestStrategyRollsBackOnHalt(t *testing.T) {
	x := board(t, Strategy{RollBack: true}, Wave{Targets: 1, MaxFailures: NoFailures})
	x.end(1, TargetFailed) // the very last target
	x.want(RolloutRollingBack, PhasePushing, 1)
	if !slices.Contains(x.said, "rollout.halted") || x.r.Note == "" {
		t.Errorf("it said %v and notes %q; want a halt with its reason", x.said, x.r.Note)
	}
}

func TestConfirmOrRevert(t *testing.T) {
	s := Strategy{Confirm: 10 * time.Minute}
	x := board(t, s, Wave{Targets: 1})
	x.end(1, TargetSucceeded)
	x.want(RolloutRunning, PhaseConfirm, 1)
	x.wait(10 * time.Minute)
	x.want(RolloutRollingBack, PhasePushing, 1)

	x = board(t, s, Wave{Targets: 1})
	if err := x.r.Confirm(&x.progress, operatorRef, x.at); KindOf(err) != KindConflict {
		t.Errorf("confirming what is not pushed yet: %v, want KindConflict", err)
	}
	x.end(1, TargetSucceeded)
	if err := x.r.Confirm(&x.progress, operatorRef, x.at); err != nil {
		t.Fatal(err)
	}
	x.wait(time.Hour)
	x.want(RolloutCompleted, PhasePushing, 1)
}

func TestMaintenanceWindowDelaysTargets(t *testing.T) {
	s := Strategy{MaintenanceWindow: MaintenanceWindow{From: "22:00", To: "04:00"}} // noon is outside
	x := board(t, s, Wave{Targets: 2})
	x.want(RolloutRunning, PhaseMaintenanceWindow, 1)
	if x.r.CanStart(&x.progress) != 0 {
		t.Error("a target can start outside of the maintenance window")
	}
	x.wait(10 * time.Hour)
	x.want(RolloutRunning, PhasePushing, 1)
	if got, want := x.r.WakeAt(x.at), noon.Add(16*time.Hour); !got.Equal(want) {
		t.Errorf("it is looked at again at %s, want the end of the window, %s", got, want)
	}
	x.wait(6 * time.Hour)
	x.want(RolloutRunning, PhaseMaintenanceWindow, 1)
}

func TestWindowInUnknownZone(t *testing.T) {
	s := Strategy{MaintenanceWindow: MaintenanceWindow{From: "22:00", To: "04:00", Zone: "Middle/Earth"}}
	x := board(t, s, Wave{Targets: 2})
	x.want(RolloutRunning, PhaseMaintenanceWindow, 1)
	x.wait(2 * time.Hour)
	count := len(slices.DeleteFunc(slices.Clone(x.said), func(s string) bool { return s != "rollout.window_unknown" }))
	if !strings.Contains(x.r.Note, "Middle/Earth") || count != 1 {
		t.Errorf("it notes %q and said %v, want the zone, and rollout.window_unknown once", x.r.Note, x.said)
	}
	if err := x.r.OverrideWindow(Actor{Name: "Opa"}, "the zone is gone", false); err != nil {
		t.Fatal(err)
	}
	x.advance()
	x.want(RolloutRunning, PhasePushing, 1)
	if x.r.Note != "" {
		t.Errorf("it still notes %q after the override", x.r.Note)
	}
}

func TestWindowOverrideLastsForTheWaveUntilThePause(t *testing.T) {
	s := Strategy{MaintenanceWindow: MaintenanceWindow{From: "22:00", To: "04:00"}} // noon is outside
	for name, c := range map[string]struct {
		all  bool
		then Phase // of the second wave
	}{
		"for the wave":  {false, PhaseMaintenanceWindow},
		"for all waves": {true, PhasePushing},
	} {
		t.Run(name, func(t *testing.T) {
			x := board(t, s, Wave{Targets: 2}, Wave{Targets: 2})
			if err := x.r.OverrideWindow(Actor{Name: "Opa"}, "an office has moved", c.all); err != nil {
				t.Fatal(err)
			}
			x.advance()
			x.want(RolloutRunning, PhasePushing, 1)
			x.end(1, TargetSucceeded)
			x.wait(17 * time.Hour) // past the end of the window
			x.want(RolloutRunning, PhasePushing, 1)
			x.end(1, TargetSucceeded)
			x.want(RolloutRunning, c.then, 2)
		})
	}
	x := board(t, s, Wave{Targets: 2})
	if err := x.r.OverrideWindow(Actor{Name: "Opa"}, "why", true); err != nil {
		t.Fatal(err)
	}
	x.advance()
	for _, err := range []error{x.r.Pause(x.at), x.r.Resume()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	x.advance()
	x.want(RolloutRunning, PhaseMaintenanceWindow, 1)
	x.wait(10 * time.Hour)
	if err := x.r.OverrideWindow(Actor{Name: "Opa"}, "why", true); KindOf(err) != KindConflict {
		t.Errorf("overriding the window while it is open: %v, want KindConflict", err)
	}
}

func TestPausedRolloutStaysPausedWhileWorkIsLeft(t *testing.T) {
	x := board(t, Strategy{}, Wave{Targets: 1, Bake: time.Minute}, Wave{Targets: 1})
	x.end(1, TargetSucceeded)
	if err := x.r.Pause(x.at); err != nil {
		t.Fatal(err)
	}
	x.wait(time.Hour)
	x.want(RolloutPaused, PhaseBaking, 1)
	if err := x.r.Resume(); err != nil {
		t.Fatal(err)
	}
	x.advance()
	x.want(RolloutRunning, PhasePushing, 2)
}

func TestRollBackIsRefused(t *testing.T) {
	for name, r := range map[string]Rollout{
		"a rollback":                    {Kind: RolloutRollback, State: RolloutCompleted, EndedAt: noon},
		"one that is rolled back":       {State: RolloutRolledBack, EndedAt: noon},
		"one that ended long ago":       {State: RolloutCompleted, EndedAt: noon.Add(-time.Hour - time.Second)},
		"one that is being rolled back": {State: RolloutRollingBack},
	} {
		if err := r.RollBack(operatorRef, "why", noon, RollbackFacts{Within: time.Hour}); KindOf(err) != KindConflict {
			t.Errorf("%s: %v, want KindConflict", name, err)
		}
	}
	r := Rollout{State: RolloutCompleted, EndedAt: noon.Add(-time.Hour)}
	err := r.RollBack(operatorRef, "why", noon, RollbackFacts{Within: time.Hour})
	if err != nil || r.State != RolloutRollingBack || !r.EndedAt.IsZero() {
		t.Errorf("a rollout that has just ended: %v, %+v; want it to be rolled back", err, r)
	}
	r.Counts.Running = 1
	if err := r.RolledBack(0, noon); KindOf(err) != KindConflict {
		t.Errorf("it is marked as rolled back while a target is in flight: %v", err)
	}
}

func TestSetMaxInFlight(t *testing.T) {
	r := running(10)
	r.WaveMaxInFlight, r.Counts.Running = 1, 3
	if err := r.SetMaxInFlight(2); err != nil || r.Limit() != 2 || r.CanStart(&WaveProgress{}) != 0 {
		t.Errorf("%v, limit %d, CanStart %d; want 2 at once, and none to start while 3 are in flight", err, r.Limit(), r.CanStart(&WaveProgress{}))
	}
	for _, n := range []int{0, -1, MostInFlight + 1} {
		if err := r.SetMaxInFlight(n); KindOf(err) != KindInvalid {
			t.Errorf("SetMaxInFlight(%d): %v, want KindInvalid", n, err)
		}
	}
}

func TestRollbackWaitsForInFlightTargets(t *testing.T) {
	r := &Rollout{State: RolloutRollingBack, Counts: TargetCounts{Running: 1}}
	if got := r.WakeAt(noon); !got.After(noon) {
		t.Errorf("with an account in flight it is looked at again at %s, want later than now", got)
	}
	r.Counts.Running = 0
	if got := r.WakeAt(noon); !got.Equal(noon) {
		t.Errorf("with nothing in flight it is looked at again at %s, want at once", got)
	}
	r.RolledBackBy = 8
	if got := r.WakeAt(noon); !got.After(noon) {
		t.Errorf("while the rollback is under way it is looked at again at %s, want later than now", got)
	}
}

// A pause does not prevent the rollback of an unconfirmed rollout: a person who is locked
// out by the rollout can do nothing else about it.
func TestPausedRolloutIsRolledBackUnlessConfirmed(t *testing.T) {
	ready := func() (*Rollout, *WaveProgress) {
		c := &WaveProgress{Strategy: Strategy{Confirm: 10 * time.Minute}, Wave: Wave{Number: 1}}
		r := &Rollout{State: RolloutRunning, MaxInFlight: 3, Wave: 1, Waves: 1, Counts: TargetCounts{Succeeded: 3}}
		advanceOn(r, c, noon)
		if r.Phase != PhaseConfirm {
			t.Fatalf("phase %q, want it to be confirmed", r.Phase)
		}
		if err := r.Pause(noon); err != nil {
			t.Fatal(err)
		}
		advanceOn(r, c, noon)
		return r, c
	}
	r, c := ready()
	if at := r.WakeAt(noon); !at.Equal(noon.Add(10 * time.Minute)) {
		t.Errorf("it is looked at again at %s, want at the deadline", at)
	}
	if advanceOn(r, c, noon.Add(9*time.Minute)); r.State != RolloutPaused {
		t.Errorf("%s before the deadline, want paused", r.State)
	}
	if advanceOn(r, c, noon.Add(10*time.Minute)); r.State != RolloutRollingBack {
		t.Errorf("%s after the deadline, want it rolled back", r.State)
	}
	r, c = ready()
	if err := r.Confirm(c, PersonRef{ID: 3, Name: "Opa"}, noon.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if advanceOn(r, c, noon.Add(time.Hour)); r.State != RolloutCompleted {
		t.Errorf("%s after it was confirmed, want completed", r.State)
	}
}
