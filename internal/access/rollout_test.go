package access

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func running(waiting int) *Rollout {
	return &Rollout{State: RolloutRunning, MaxInFlight: 3, MaxFailures: 1, Counts: TargetCounts{Waiting: waiting}}
}

func advance(r *Rollout) []string { return advanceOn(r, &WaveProgress{}, noon) }

// advanceOn returns the actions that the audit log is told.
func advanceOn(r *Rollout, c *WaveProgress, at time.Time) []string {
	var actions []string
	for _, e := range r.Advance(c, at) {
		actions = append(actions, e.Action)
	}
	return actions
}

func TestCanStartNeverExceedsMaxInFlight(t *testing.T) {
	r := running(10)
	r.MaxFailures = AnyFailures
	if got := r.CanStart(&WaveProgress{}); got != 3 {
		t.Errorf("CanStart %d, want max in flight, 3", got)
	}
	r.Counts.Move(TargetWaiting, TargetRunning)
	r.Counts.Move(TargetWaiting, TargetRunning)
	if got := r.CanStart(&WaveProgress{}); got != 1 {
		t.Errorf("CanStart %d with two in flight, want 1", got)
	}
	r.WaveMaxInFlight = 2
	if got := r.CanStart(&WaveProgress{}); got != 0 {
		t.Errorf("CanStart %d with two in flight and a wave limited to two, want 0", got)
	}
	r.WaveMaxInFlight, r.Later = 0, 8
	if got := r.CanStart(&WaveProgress{}); got != 0 {
		t.Errorf("CanStart %d when all that waits is of later waves, want 0", got)
	}
	r.Later, r.State = 0, RolloutPaused
	if got := r.CanStart(&WaveProgress{}); got != 0 {
		t.Errorf("CanStart %d while paused, want 0", got)
	}
}

func TestCanStartCountsTargetsInFlightAsFailures(t *testing.T) {
	for name, c := range map[string]struct {
		most, ofWave int
		counts       TargetCounts
		ignored      int
		want         int
	}{
		"any number":                {want: 20},
		"a limit above max":         {most: 20, want: 20},
		"a limit below max":         {most: 10, want: 11},
		"failures":                  {most: 10, counts: TargetCounts{Failed: 4, Conflict: 2}, want: 5},
		"failures and in flight":    {most: 10, counts: TargetCounts{Failed: 4, Conflict: 2, Running: 3}, want: 2},
		"the last that may fail":    {most: 10, counts: TargetCounts{Failed: 10}, want: 1},
		"in flight after the limit": {most: 10, counts: TargetCounts{Failed: 10, Running: 1}, want: 0},
		"resumed after a halt":      {most: 10, counts: TargetCounts{Failed: 11}, ignored: 11, want: 11},
		"none":                      {most: NoFailures, want: 1},
		"none of the wave":          {ofWave: NoFailures, want: 1},
		"fewer of the wave":         {most: 10, ofWave: 2, counts: TargetCounts{Failed: 1}, want: 2},
	} {
		t.Run(name, func(t *testing.T) {
			c.counts.Waiting = 50
			r := Rollout{State: RolloutRunning, MaxInFlight: 20, MaxFailures: c.most, Counts: c.counts, IgnoredFailures: c.ignored}
			r.WaveBad, r.WaveIgnoredFailures = r.bad(), c.ignored
			if got := r.CanStart(&WaveProgress{Wave: Wave{Number: 1, MaxFailures: c.ofWave}}); got != c.want {
				t.Errorf("CanStart %d, want %d", got, c.want)
			}
		})
	}
}

// Whatever order targets end in, and however, one failure more than may happen halts the rollout
// and none comes after it. As many may happen again after a resume.
func TestLimitsOnFailuresAreExact(t *testing.T) {
	limits := []int{AnyFailures, NoFailures, 1, 2, 7}
	for seed := range uint64(2000) {
		dice := rand.New(rand.NewPCG(seed, 1))
		r := running(5 + dice.IntN(40))
		r.MaxInFlight, r.MaxFailures = 1+dice.IntN(12), limits[dice.IntN(len(limits))]
		r.Wave, r.Waves = 1, 1
		c := &WaveProgress{Wave: Wave{Number: 1, State: WavePushing, MaxFailures: limits[dice.IntN(len(limits))]}}
		failing := dice.Float64()
		for r.State != RolloutCompleted {
			if r.State == RolloutHalted {
				if r.Counts.Running > 0 {
					t.Fatalf("seed %d: it halted with targets in flight, which may fail: %+v", seed, *r)
				}
				if err := r.Resume(); err != nil {
					t.Fatal(err)
				}
			}
			for range r.CanStart(c) {
				r.Counts.Move(TargetWaiting, TargetRunning)
			}
			if r.Counts.Running == 0 {
				t.Fatalf("seed %d: nothing is in flight, and nothing starts: %+v", seed, *r)
			}
			end := TargetSucceeded
			if dice.Float64() < failing {
				end = []TargetState{TargetFailed, TargetConflict}[dice.IntN(2)]
				r.WaveBad++
			}
			r.Counts.Move(TargetRunning, end)
			for _, most := range []int{r.MaxFailures, c.Wave.MaxFailures} {
				if n := r.bad() - r.IgnoredFailures; most != AnyFailures && n > max(most, 0)+1 {
					t.Fatalf("seed %d: %d failures, and %d may happen: %+v", seed, n, most, *r)
				}
			}
			advanceOn(r, c, noon)
		}
	}
}

func TestAdvance(t *testing.T) {
	r := running(2)
	r.Counts = TargetCounts{Waiting: 1, Failed: 1}
	if advance(r); r.State != RolloutRunning {
		t.Errorf("%s with as many failures as may happen, want running", r.State)
	}
	r.Counts = TargetCounts{Waiting: 1, Failed: 1, Conflict: 1}
	if said := advance(r); r.State != RolloutHalted || r.Note == "" || !slices.Equal(said, []string{"rollout.halted"}) {
		t.Errorf("%s (%q, %v) with one failure too many, want halted with a reason", r.State, r.Note, said)
	}
	if err := r.Resume(); err != nil || r.CanStart(&WaveProgress{}) != 1 {
		t.Errorf("after resuming, CanStart %d (%v), want 1", r.CanStart(&WaveProgress{}), err)
	}
	if advance(r); r.State != RolloutRunning {
		t.Errorf("%s after resuming, want the failures so far to be ignored", r.State)
	}
	r.Counts = TargetCounts{Succeeded: 1, Failed: 2}
	if advance(r); r.State != RolloutCompleted || r.EndedAt.IsZero() {
		t.Errorf("%s when nothing is left, want completed with its time", r.State)
	}
}

func TestACompletedRolloutDoesNotSayThatItHalted(t *testing.T) {
	r := running(0)
	r.State, r.Note = RolloutHalted, "Halted: 2 targets failed"
	r.Counts = TargetCounts{Succeeded: 1, Failed: 2}
	if said := advance(r); r.State != RolloutCompleted || r.Note != "" || !slices.Equal(said, []string{"rollout.completed"}) {
		t.Errorf("%s with %q, %v; want completed, without the old note", r.State, r.Note, said)
	}
}

func TestFailureLimits(t *testing.T) {
	r := running(0)
	r.MaxFailures, r.Counts = NoFailures, TargetCounts{Waiting: 1, Failed: 1}
	if advance(r); r.State != RolloutHalted {
		t.Errorf("%s after the first failure, want halted", r.State)
	}
	r = running(0)
	r.MaxFailures, r.Counts = AnyFailures, TargetCounts{Waiting: 1, Failed: 100}
	if advance(r); r.State != RolloutRunning {
		t.Errorf("%s without a limit, want running", r.State)
	}
}

func TestAbortEndsARollout(t *testing.T) {
	r := running(5)
	if err := r.Abort("wrong list", noon); err != nil || r.CanStart(&WaveProgress{}) != 0 {
		t.Fatalf("abort: %v, CanStart %d", err, r.CanStart(&WaveProgress{}))
	}
	for name, step := range map[string]func() error{"pause": func() error { return r.Pause(noon) }, "resume": r.Resume, "retry": r.Retry} {
		if err := step(); KindOf(err) != KindConflict {
			t.Errorf("%s of an aborted rollout: %v, want KindConflict", name, err)
		}
	}
}

func TestRetryMakesTargetsWaitAgain(t *testing.T) {
	r := &Rollout{State: RolloutCompleted, MaxInFlight: 3, Counts: TargetCounts{Succeeded: 5, Failed: 2, Conflict: 1}}
	if err := r.Retry(); err != nil {
		t.Fatal(err)
	}
	if r.State != RolloutRunning || r.Counts.Waiting != 3 || r.Counts.Failed+r.Counts.Conflict != 0 || r.Counts.Total() != 8 {
		t.Errorf("after the retry: %s %+v", r.State, r.Counts)
	}
}

// A person who retries one of several failed targets has seen the others. The others do
// not halt the rollout before that target starts.
func TestRetryOfOneTargetIgnoresOtherFailures(t *testing.T) {
	for name, r := range map[string]*Rollout{
		"completed": {State: RolloutCompleted, MaxInFlight: 3, MaxFailures: 1, Wave: 1, Waves: 1, Counts: TargetCounts{Succeeded: 5, Failed: 3, Conflict: 1}},
		"halted":    {State: RolloutHalted, MaxInFlight: 3, MaxFailures: 1, Wave: 1, Waves: 1, Counts: TargetCounts{Succeeded: 5, Failed: 3, Conflict: 1}},
		"resumed":   {State: RolloutRunning, MaxInFlight: 3, MaxFailures: 1, Wave: 1, Waves: 1, IgnoredFailures: 4, Counts: TargetCounts{Succeeded: 5, Running: 1, Failed: 3, Conflict: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			target := &Target{Account: "111122223333", State: TargetConflict, Wave: 1}
			c := &WaveProgress{Wave: Wave{Number: 1, Name: "One", MaxFailures: 1}}
			r.WaveBad, r.WaveIgnoredFailures = 4, r.IgnoredFailures
			if err := r.RetryTarget(target); err != nil {
				t.Fatal(err)
			}
			r.WaveBad = 3 // as the store counts it again
			if said := advanceOn(r, c, noon); r.State != RolloutRunning || r.CanStart(c) != 1 {
				t.Errorf("%s, %d to start (%v), want it to run and the target to start", r.State, r.CanStart(c), said)
			}
			r.Counts.Move(TargetWaiting, TargetFailed)
			r.Counts.Running, r.Counts.Waiting, r.WaveBad = 0, 1, 4
			if advanceOn(r, c, noon); r.State != RolloutRunning {
				t.Errorf("%s after it has failed again, want it to go on: one more may fail", r.State)
			}
			r.Counts.Failed, r.WaveBad = r.Counts.Failed+1, 5
			if advanceOn(r, c, noon); r.State != RolloutHalted {
				t.Errorf("%s after two more have failed, want it halted", r.State)
			}
		})
	}
}
