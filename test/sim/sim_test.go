package sim

import (
	"cmp"
	"flag"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

var (
	schedules = flag.Int("sim-schedules", 10000, "how many schedules TestSchedules runs")
	firstSeed = flag.Uint64("sim-first", 0, "the seed of the first schedule")
	oneSeed   = flag.Int64("sim-seed", -1, "run this seed alone, and print its trace")
	stopAfter = flag.Int("sim-stop", 5, "how many violations end TestSchedules")
)

// schedulesOfWorld is how many seeds in a row share an organization and a plan.
const schedulesOfWorld = 16

// runSeed carries out one schedule. Its trace and the rule that it broke are in the simulation.
func runSeed(t *testing.T, w *world, seed uint64, tracing bool) (s *simulation) {
	synctest.Test(t, func(*testing.T) {
		s = newSimulation(w, seed, tracing)
		s.run()
	})
	return s
}

func worldOf(seed uint64) *world { return newWorld(seed / schedulesOfWorld) }

// TestSchedules carries out schedules until one breaks a rule.
func TestSchedules(t *testing.T) {
	if *oneSeed >= 0 {
		seed := uint64(*oneSeed)
		s := runSeed(t, worldOf(seed), seed, true)
		t.Log("\n" + strings.Join(s.trace, "\n"))
		report(t, s.violation)
		return
	}
	// A schedule keeps little alive and leaves much garbage, so a rarer collection saves a quarter of the time.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	found, begun := &findings{}, time.Now()
	t.Run("all", func(t *testing.T) {
		for shard := range runtime.GOMAXPROCS(0) {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				runShard(t, uint64(shard), found)
			})
		}
	})
	t.Logf("%d schedules with %d steps in %s, on %d processors", found.ran, found.steps, time.Since(begun), runtime.GOMAXPROCS(0))
	found.report(t)
}

// runShard carries out the schedules of every n-th world.
func runShard(t *testing.T, shard uint64, found *findings) {
	n := uint64(runtime.GOMAXPROCS(0))
	first, last := *firstSeed/schedulesOfWorld, (*firstSeed+uint64(*schedules)-1)/schedulesOfWorld
	for number := first + shard; number <= last && !found.enough(); number += n {
		w := newWorld(number)
		for i := range uint64(schedulesOfWorld) {
			seed := number*schedulesOfWorld + i
			if seed < *firstSeed || seed >= *firstSeed+uint64(*schedules) {
				continue
			}
			found.add(runSeed(t, w, seed, false))
		}
	}
}

// findings gathers the violations of all shards.
type findings struct {
	mu    sync.Mutex
	ran   int
	steps int
	list  []*violation
}

func (f *findings) add(s *simulation) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ran++
	f.steps += s.steps
	if s.violation != nil {
		f.list = append(f.list, s.violation)
	}
}

func (f *findings) enough() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.list) >= *stopAfter
}

func (f *findings) report(t *testing.T) {
	if len(f.list) == 0 {
		return
	}
	kinds := map[string][]uint64{}
	for _, v := range f.list {
		kinds[v.kind] = append(kinds[v.kind], v.seed)
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		slices.Sort(kinds[kind])
		t.Errorf("%s: %d schedules, seeds %v", kind, len(kinds[kind]), kinds[kind][:min(len(kinds[kind]), 8)])
	}
	first := slices.MinFunc(f.list, func(a, b *violation) int { return cmp.Compare(a.seed, b.seed) })
	s := runSeed(t, worldOf(first.seed), first.seed, true)
	t.Log("\n" + strings.Join(s.trace, "\n"))
	report(t, s.violation)
}

func report(t *testing.T, v *violation) {
	t.Helper()
	if v != nil {
		t.Errorf("seed %d: %s\n%s\nTo see it again: go test ./test/sim -run TestSchedules -v -args -sim-seed=%d",
			v.seed, v.kind, v.text, v.seed)
	}
}

// TestSameSeedSameTrace: a seed says all that happens.
func TestSameSeedSameTrace(t *testing.T) {
	seeds := slices.Repeat([]uint64{4613}, 10) // in which a call and a timer come at the same instant
	for n := range uint64(60) {
		seeds = append(seeds, 7*n)
	}
	for _, seed := range seeds {
		first := runSeed(t, worldOf(seed), seed, true)
		again := runSeed(t, worldOf(seed), seed, true)
		if d := gocmp.Diff(first.trace, again.trace); d != "" {
			t.Fatalf("seed %d differs from one time to the next (-first +again):\n%s", seed, d)
		}
	}
}
