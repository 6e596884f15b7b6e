package telemetry

import (
	"context"
	"math"
	"runtime/debug"
	"testing"
)

func TestMemoryLimit(t *testing.T) {
	const mib = 1 << 20
	for live, want := range map[int64]int64{0: 96 * mib, 40 * mib: 96 * mib, 100 * mib: 145 * mib, 500 * mib: 645 * mib} {
		if got := memoryLimit(live); got != want {
			t.Errorf("with %d MiB in use the limit is %d MiB, want %d", live/mib, got/mib, want/mib)
		}
	}
}

// What somebody has set for the process stays.
func TestMemoryIsSavedUnlessALimitIsSet(t *testing.T) {
	before := debug.SetMemoryLimit(math.MaxInt64)
	percent := debug.SetGCPercent(100)
	t.Cleanup(func() { debug.SetMemoryLimit(before); debug.SetGCPercent(percent) })
	for _, tt := range []struct {
		env     string
		touched bool
	}{{"1GiB", false}, {"", true}} {
		t.Setenv("GOMEMLIMIT", tt.env)
		ctx, cancel := context.WithTimeout(t.Context(), 2*lookEvery)
		if err := SaveMemory(ctx); err != nil {
			t.Error(err)
		}
		cancel()
		if touched := debug.SetMemoryLimit(-1) != math.MaxInt64; touched != tt.touched {
			t.Errorf("with GOMEMLIMIT=%q the limit was touched: %v", tt.env, touched)
		}
	}
}
