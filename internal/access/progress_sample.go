package access

import "time"

// Sample is how far a rollout was at a time, and what AWS had said until then.
type Sample struct {
	At        time.Time
	Running   int
	Ended     int
	Failed    int // conflicts included
	Calls     int64
	Attempts  int64
	Throttles int64
}

// The estimate looks at what ended within so long, and says nothing of less.
const (
	rateWindow   = 2 * time.Minute
	rateShortest = 4 * time.Second
)

// Rate is how many targets end in a second, by the samples of the last minutes; 0 where
// that cannot be said.
func Rate(samples []Sample) float64 {
	if len(samples) < 2 {
		return 0
	}
	last := samples[len(samples)-1]
	first := last
	for i := len(samples) - 2; i >= 0; i-- {
		if last.At.Sub(samples[i].At) > rateWindow && last.At.Sub(first.At) >= rateShortest {
			break
		}
		first = samples[i]
	}
	took := last.At.Sub(first.At)
	if took < rateShortest || last.Ended <= first.Ended {
		return 0
	}
	return float64(last.Ended-first.Ended) / took.Seconds()
}

// Remaining estimates how long the wave under way still pushes at a rate; false where
// that cannot be said, since it does not push, or nothing has ended lately.
func (r Rollout) Remaining(rate float64) (time.Duration, bool) {
	left := r.Open() + r.Counts.Running
	if rate <= 0 || left == 0 || r.State != RolloutRunning || r.Phase != PhasePushing {
		return 0, false
	}
	return time.Duration(float64(left) / rate * float64(time.Second)), true
}
