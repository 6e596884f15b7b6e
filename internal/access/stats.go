package access

import "time"

// Figures is what a monitor wants to know of the whole console, whichever replica it asks.
type Figures struct {
	Rollouts map[RolloutState]int // that have not ended
	Targets  TargetCounts         // of those
	Ended    []RolloutEnd         // since the time asked for, oldest first
	Jobs     []JobCount           // that have not ended
	Findings FindingCounts        // that are open
}

// RolloutEnd is how a rollout ended, and how long it took from its start.
type RolloutEnd struct {
	State RolloutState
	At    time.Time
	Took  time.Duration
}

// JobCount is how many background jobs of a queue are in a state.
type JobCount struct {
	Queue string
	State string
	Count int
}
