package load

import (
	"flag"
	"testing"

	"portcullis.internal/portcullis/test/harness"
)

var reportPath = flag.String("bench-report", "", "measure, and write the table to this file")

func TestMain(m *testing.M) { harness.Main(m) }

// TestBench measures one thing after the other: two at once would measure each other.
func TestBench(t *testing.T) {
	if *reportPath == "" {
		t.Skip("measurements are made by: make bench")
	}
	var r report
	for _, part := range []struct {
		name    string
		measure func(*testing.T, *report)
	}{
		{"Rollouts", measureRollouts},
		{"Throttling", measureThrottling},
		{"Shell", measureShell},
		{"Compile", measureCompile},
		{"Changes", measureChanges},
		{"Pages", measurePages},
		{"Start", measureStart},
	} {
		t.Run(part.name, func(t *testing.T) { part.measure(t, &r) })
		if len(r.sections) > 0 {
			r.write(t, *reportPath) // also where what comes next does not end
		}
	}
	t.Log("\n" + r.String())
}
