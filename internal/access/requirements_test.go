package access

import "testing"

// TestDependencyVisited: two targets that depend on each other continue at the same time, so a target in flight that
// has been through its first pass counts.
func TestDependencyVisited(t *testing.T) {
	for name, c := range map[string]struct {
		target        TargetState
		pass          Pass
		operation     OperationState
		visited, good bool
	}{
		"not started":                  {TargetWaiting, PassFirst, OperationPlanned, false, false},
		"in the first pass":            {TargetRunning, PassFirst, OperationWritten, false, false},
		"continues later":              {TargetWaiting, PassGrants, OperationWritten, true, true},
		"continues now":                {TargetRunning, PassGrants, OperationWritten, true, true},
		"continues later, in conflict": {TargetWaiting, PassFinal, OperationConflict, true, false},
		"is written once more":         {TargetRunning, PassFinal, OperationIntended, false, false},
		"has ended":                    {TargetFailed, PassFirst, OperationWritten, true, true},
		"has failed":                   {TargetFailed, PassFirst, OperationFailed, true, false},
	} {
		d := DependencyState{Target: c.target, Place: Place{Wave: 1, Pass: c.pass}, Operation: c.operation}
		if d.Visited() != c.visited || d.Good() != c.good {
			t.Errorf("%s: visited %v, good %v; want %v, %v", name, d.Visited(), d.Good(), c.visited, c.good)
		}
	}
}
