package load

import (
	"testing"
	"time"

	"portcullis.internal/portcullis/test/harness"
)

// measureStart starts the demo on an empty data folder, and once more on what it left.
func measureStart(t *testing.T, r *report) {
	s := r.section(t, "Start and rest", "The demo in one process: private Postgres, sandbox organization of 24 accounts, sample data, console.")
	demo := harness.Demo(t)
	s.add("from start to ready, empty data folder", readyIn(demo.Ready), "%s", seconds(demo.Ready))
	demo.API(harness.DemoPerson("viewer")).WaitForInventories(time.Minute)
	s.add("memory of the process, all accounts read, nothing to do", "", "%s", mebibytes(demo.RSS()))
	demo.Stop()
	again := demo.Again()
	s.add("from start to ready, second time", readyIn(again.Ready), "%s", seconds(again.Ready))
}

// readyGoal is how soon after its start the demo answers.
const readyGoal = 5 * time.Second

func readyIn(took time.Duration) string {
	if took <= readyGoal {
		return "≤ 5 s"
	}
	return "≤ 5 s, missed"
}
