package access

import (
	"cmp"
	"slices"
	"time"
)

// ProgressSample is how far a rollout was at a time, and what AWS had said until then.
type ProgressSample struct {
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
	ratePeriod   = 2 * time.Minute
	rateShortest = 4 * time.Second
)

// Rate is how many targets end in a second, by the progress samples of the last minutes; 0 where
// that cannot be said.
func Rate(samples []ProgressSample) float64 {
	if len(samples) < 2 {
		return 0
	}
	last := samples[len(samples)-1]
	first := last
	for i := len(samples) - 2; i >= 0; i-- {
		if last.At.Sub(samples[i].At) > ratePeriod && last.At.Sub(first.At) >= rateShortest {
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

// Failure is a failure that some targets of a rollout in one OU have in common.
type Failure struct {
	State   TargetState // failed or conflict
	Class   CloudClass
	Code    string // AWS's own code, if it was AWS that refused
	Cause   string // in words that name no account
	OU      string
	Targets int
	Advice  string
	Example AccountID // one of the accounts
}

// FailureGroup is a failure that targets have in common, with their OUs, the largest first.
type FailureGroup struct {
	State   TargetState
	Class   CloudClass
	Code    string
	Cause   string
	Advice  string
	Targets int
	OUs     []OUCount
	Example AccountID
}

// OUCount is a number of targets directly in an OU.
type OUCount struct {
	OU      string
	Targets int
}

// GroupFailures groups equal failures over all OUs, the largest group first.
func GroupFailures(failures []Failure) []FailureGroup {
	type key struct {
		state       TargetState
		class       CloudClass
		code, cause string
	}
	index := map[key]int{}
	var groups []FailureGroup
	for _, f := range failures {
		k := key{f.State, f.Class, f.Code, f.Cause}
		i, known := index[k]
		if !known {
			i = len(groups)
			index[k] = i
			groups = append(groups, FailureGroup{State: f.State, Class: f.Class, Code: f.Code, Cause: f.Cause, Advice: f.Advice, Example: f.Example})
		}
		groups[i].Targets += f.Targets
		groups[i].OUs = append(groups[i].OUs, OUCount{f.OU, f.Targets})
	}
	slices.SortStableFunc(groups, func(a, b FailureGroup) int { return cmp.Compare(b.Targets, a.Targets) })
	return groups
}
