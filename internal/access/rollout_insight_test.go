package access

import (
	"testing"
	"time"
)

func samplesOf(step time.Duration, ended ...int) []ProgressSample {
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	samples := make([]ProgressSample, len(ended))
	for i, n := range ended {
		samples[i] = ProgressSample{At: at.Add(time.Duration(i) * step), Ended: n}
	}
	return samples
}

func TestRate(t *testing.T) {
	for name, c := range map[string]struct {
		samples []ProgressSample
		want    float64
	}{
		"none":                   {nil, 0},
		"one":                    {samplesOf(time.Second, 3), 0},
		"too short to tell":      {samplesOf(time.Second, 0, 10), 0},
		"steady":                 {samplesOf(2*time.Second, 0, 10, 20, 30), 5},
		"nothing ends":           {samplesOf(10*time.Second, 40, 40, 40), 0},
		"only the last minutes":  {samplesOf(time.Minute, 0, 6000, 6060, 6120), 1},
		"samples that are apart": {samplesOf(10*time.Minute, 0, 600, 1200), 1},
	} {
		if got := Rate(c.samples); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

func TestRemaining(t *testing.T) {
	running := Rollout{State: RolloutRunning, Counts: TargetCounts{Waiting: 110, Running: 10, Succeeded: 5}, Later: 100}
	if got, ok := running.Remaining(2); !ok || got != 10*time.Second {
		t.Errorf("got %s, %v; want 10 s for the wave under way alone", got, ok)
	}
	if _, ok := running.Remaining(0); ok {
		t.Error("an estimate without a rate")
	}
	for _, r := range []Rollout{
		{State: RolloutPaused, Counts: running.Counts}, {State: RolloutRunning, Phase: PhaseBaking, Counts: running.Counts}, {State: RolloutRunning},
	} {
		if got, ok := r.Remaining(2); ok {
			t.Errorf("%s %s: got %s, want no estimate", r.State, r.Phase, got)
		}
	}
}
