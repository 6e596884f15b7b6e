package access

import (
	"strings"
	"testing"
	"time"
)

func TestRollBackAlone(t *testing.T) {
	hour := RollbackFacts{Within: time.Hour}
	with := func(alter func(*RollbackFacts)) RollbackFacts {
		f := hour
		alter(&f)
		return f
	}
	ended := func(ago time.Duration) Rollout {
		return Rollout{ID: 7, ChangeID: 12, State: RolloutCompleted, EndedAt: noon.Add(-ago)}
	}
	tests := map[string]struct {
		rollout Rollout
		facts   RollbackFacts
		want    string // part of the refusal; "" if it is allowed
	}{
		"while it runs":      {Rollout{State: RolloutRunning}, RollbackFacts{}, ""},
		"while it is halted": {Rollout{State: RolloutHalted}, RollbackFacts{}, ""},
		"while it is paused": {Rollout{State: RolloutPaused}, RollbackFacts{}, ""},
		"while it waits":     {Rollout{State: RolloutRunning, Phase: PhaseConfirm}, RollbackFacts{}, ""},
		"within an hour":     {ended(time.Hour), hour, ""},
		"after an hour":      {ended(time.Hour + time.Second), hour, "more than 1h ago"},
		"at once, but never": {ended(0), RollbackFacts{}, "Revert change 12"},
		"written since":      {ended(0), with(func(f *RollbackFacts) { f.WrittenBy = 9 }), "Rollout 9 has written"},
		"it would open": {
			ended(0), with(func(f *RollbackFacts) { f.Opens = "alice could." }), "alice could. Revert change 12",
		},
		"it revokes": {
			Rollout{ChangeID: 12, State: RolloutRunning, Revokes: "Alice loses Bob."},
			hour,
			"Alice loses Bob. Revert change 12",
		},
		"it revokes, without change": {Rollout{State: RolloutRunning, Revokes: "Alice loses Bob."}, hour, "Make a change"},
		"an act alone is unreviewed": {ended(0), with(func(f *RollbackFacts) {
			f.Unreviewed = &UnreviewedAct{Change: 4, Title: "Open", Reviewers: []string{"Ann", "Ben", "Cy"}}
		}), "change 4 (Open)"},
		"a rollback without a change": {ended(0), with(func(f *RollbackFacts) { f.Unreviewed = &UnreviewedAct{Rollout: 5} }), "rollout 5"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := tt.rollout
			err := r.RollBack(operatorRef, "why", noon, tt.facts)
			if tt.want == "" {
				if err != nil || r.State != RolloutRollingBack || r.UndoneBy != operatorRef {
					t.Errorf("RollBack: %v, %s, want it to be rolled back", err, r.State)
				}
				return
			}
			if KindOf(err) != KindConflict || !strings.Contains(MessageOf(err), tt.want) || r.State != tt.rollout.State {
				t.Errorf("RollBack: %v, %s; want a refusal with %q", err, r.State, tt.want)
			}
		})
	}
}

func TestBlockedNamesReviewers(t *testing.T) {
	for want, a := range map[string]UnreviewedAct{
		"for example by Ann.":                                   {Change: 4, Reviewers: []string{"Ann"}},
		"for example by Ann or Ben.":                            {Change: 4, Reviewers: []string{"Ann", "Ben"}},
		"for example by Ann, Ben or Cy.":                        {Change: 4, Reviewers: []string{"Ann", "Ben", "Cy"}},
		"No other person has the role appro":                    {Change: 4},
		"A person who counts together with you put change 4":    {Change: 4, Other: true},
		"A person who counts together with you is rolling back": {Rollout: 5, Other: true},
	} {
		if got := MessageOf(a.Blocked()); !strings.Contains(got, want) {
			t.Errorf("the refusal is %q, want it to contain %q", got, want)
		}
	}
	if err := (*UnreviewedAct)(nil).Blocked(); err != nil {
		t.Errorf("without such an act: %v", err)
	}
}

func TestStrategyDoesNotRollBackARevocation(t *testing.T) {
	unconfirmed := func(revokes string, pause bool) *Rollout {
		c := &WaveProgress{Strategy: Strategy{Confirm: 10 * time.Minute}, Wave: Wave{Number: 1}}
		r := &Rollout{State: RolloutRunning, MaxInFlight: 3, Wave: 1, Waves: 1, Counts: TargetCounts{Succeeded: 3}, Revokes: revokes}
		advanceOn(r, c, noon)
		if pause {
			if err := r.Pause(noon); err != nil {
				t.Fatal(err)
			}
		}
		advanceOn(r, c, noon.Add(11*time.Minute))
		return r
	}
	for _, pause := range []bool{false, true} {
		if r := unconfirmed("", pause); r.State != RolloutRollingBack {
			t.Errorf("unconfirmed (paused %v), it is %s, want rolling back", pause, r.State)
		}
		r := unconfirmed("Alice loses Bob.", pause)
		if r.State != RolloutHalted || r.Phase != PhaseConfirm || !strings.Contains(r.Note, "Alice loses Bob.") {
			t.Errorf("unconfirmed (paused %v), it is %s at %q with %q, want it halted", pause, r.State, r.Phase, r.Note)
		}
		c := &WaveProgress{Strategy: Strategy{Confirm: 10 * time.Minute}, Wave: Wave{Number: 1}}
		if err := r.Confirm(c, operatorRef, noon.Add(time.Hour)); err != nil {
			t.Errorf("confirming it later: %v", err)
		}
		if advanceOn(r, c, noon.Add(time.Hour)); r.State != RolloutCompleted {
			t.Errorf("once it is confirmed, it is %s, want completed", r.State)
		}
	}
	failed := func(revokes string) *Rollout {
		c := &WaveProgress{Strategy: Strategy{RollBack: true}, Wave: Wave{Number: 1}}
		r := &Rollout{
			State: RolloutRunning, MaxInFlight: 3, MaxFailures: NoFailures, Wave: 1, Waves: 1,
			Counts: TargetCounts{Succeeded: 2, Failed: 1, Waiting: 1}, WaveBad: 1, Revokes: revokes,
		}
		advanceOn(r, c, noon)
		return r
	}
	if r := failed(""); r.State != RolloutRollingBack {
		t.Errorf("after a failure it is %s, want rolling back", r.State)
	}
	if r := failed("Alice loses Bob."); r.State != RolloutHalted || !strings.Contains(r.Note, "Alice loses Bob.") {
		t.Errorf("after a failure it is %s with %q, want it halted", r.State, r.Note)
	}
}

func TestRollBackWithinSetting(t *testing.T) {
	zero, long := time.Duration(0), MaxRollBackWithin+1
	if got := (Settings{}).MayRollBackWithin(); got != time.Hour {
		t.Errorf("the default is %s, want 1h", got)
	}
	if got := (Settings{RollBackWithin: &zero}).OrDefault().MayRollBackWithin(); got != 0 {
		t.Errorf("0 becomes %s", got)
	}
	if (Settings{RollBackWithin: &zero}).Equal(Settings{}) {
		t.Error("0 is taken for the default")
	}
	if err := (Settings{RollBackWithin: &long}).Check(); KindOf(err) != KindInvalid {
		t.Errorf("more than a day: %v, want KindInvalid", err)
	}
}
