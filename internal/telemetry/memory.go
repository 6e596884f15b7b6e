package telemetry

import (
	"context"
	"os"
	"runtime/debug"
	gometrics "runtime/metrics"
	"time"
)

// Garbage may pile up to twice what is in use, which spares the processor and is nothing to
// worry about while both are small. In a large organization it would be hundreds of
// megabytes after one plan: so much of it is let lie, by Go's own limit, as is named here.
const (
	atEase      = 96 << 20 // below this nothing is done; the program itself needs some 45 MiB more
	garbageRoom = 20 << 20 // at the least, besides a share of what is in use
	lookEvery   = 100 * time.Millisecond
	garbage     = 200 // percent of what is in use, as GOGC
)

// SaveMemory follows what is in use with the limit, unless GOMEMLIMIT sets one. A GOGC
// that is set stays too.
func SaveMemory(ctx context.Context) error {
	if os.Getenv("GOMEMLIMIT") != "" {
		<-ctx.Done()
		return nil
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	live := []gometrics.Sample{{Name: "/gc/heap/live:bytes"}}
	for set := int64(0); ; {
		gometrics.Read(live)
		if want := memoryLimit(int64(live[0].Value.Uint64())); want > set+set/20 || want < set-set/20 {
			debug.SetMemoryLimit(want)
			set = want
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// memoryLimit is how much memory the process may use while so much of it is live. It includes the
// memory of the runtime.
func memoryLimit(live int64) int64 { return max(atEase, live+live/4+garbageRoom) }
