package linear

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"portcullis.internal/portcullis/test/harness"
)

var (
	runFor = flag.Duration("linear-for", 5*time.Second, "how long the clients work")
	seed   = flag.Uint64("linear-seed", 0, "the choices of the clients; 0 for another one each time")
	out    = flag.String("linear-out", "", "where a picture of a violation is written")
)

const (
	clients = 20
	slots   = 10

	checkFor = 2 * time.Minute // how long porcupine may look for an order
	moreTime = time.Minute     // how long the clients may go on until every kind of call was answered
)

func TestMain(m *testing.M) { harness.Main(m) }

// TestLinearizable has twenty clients work on three consoles that are killed, and looks for an order of
// all their calls.
func TestLinearizable(t *testing.T) {
	f := newFleet(t)
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	kills := f.run()
	n := f.history.counts()
	t.Logf("seed %d: %d calls in %s, %d kills: %v", *seed, len(f.history.ops), f.elapsed(), kills, n)
	changes, head := f.history.partition()
	f.check("the head", headModel(f.first), head)
	for id, ops := range changes {
		f.check(fmt.Sprint("change ", id), changeModel, ops)
	}
	t.Logf("checked after %s", f.elapsed())
}

// elapsed is the time since the consoles were ready.
func (f *fleet) elapsed() time.Duration { return time.Since(f.history.start).Round(time.Millisecond) }

// run has the clients work, and returns how often a console was killed.
func (f *fleet) run() (kills int) {
	stop := make(chan struct{})
	shared := make([]atomic.Int64, slots)
	worker := func(n int) *worker {
		return &worker{
			fleet: f, number: n, dice: rand.New(rand.NewPCG(*seed, uint64(n))), slots: shared,
			seen: map[int64]int64{},
		}
	}
	var working sync.WaitGroup
	for n := range clients {
		working.Go(func() { worker(n).work(stop) })
	}
	w := &watcher{worker: worker(clients), known: map[int64]bool{}, due: map[int64]time.Time{}}
	working.Go(func() { w.watch(stop) })
	ctx, cancel := context.WithTimeout(f.t.Context(), *runFor)
	defer cancel()
	kills = f.keepKilling(ctx, rand.New(rand.NewPCG(*seed, clients+1)))
	harness.EventuallyGently(f.t, moreTime, "every kind of call is answered", func() (bool, string) {
		f.keepTime()
		n := f.history.counts()
		missing := slices.DeleteFunc(slices.Clone(wanted), func(op string) bool { return n[op] > 0 })
		return len(missing) == 0, strings.Join(missing, ", ")
	})
	close(stop)
	working.Wait()
	harness.EventuallyGently(f.t, moreTime, "all entries that expire are removed", func() (bool, string) {
		f.keepTime()
		return w.settled(), fmt.Sprint(w.waiting())
	})
	f.readAll(w.worker)
	return kills
}

// wanted are the calls without which the test would show nothing: each kind, and refusals of old versions.
var wanted = []string{
	opPropose, opRead, opEdit, opSubmit, opApprove, opReject, opRebase, opApply, opWithdraw, opHead, opCompose,
	opExpire, "412",
}

// readAll reads every change and the head in the end, when nothing else happens.
func (f *fleet) readAll(w *worker) {
	f.t.Helper()
	changes, _ := f.history.partition()
	for id := range changes {
		w.must(call{op: opRead, change: id}, nil)
	}
	w.must(call{op: opHead}, nil)
}

// check fails the test if the calls have no order that the model explains.
func (f *fleet) check(what string, m porcupine.NondeterministicModel, ops []porcupine.Operation) {
	f.t.Helper()
	model := m.ToModel()
	found, info := porcupine.CheckOperationsVerbose(model, ops, checkFor)
	if found == porcupine.Ok {
		return
	}
	slices.SortFunc(ops, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	var lines []string
	for _, op := range ops {
		to := "never"
		if op.Return != never {
			to = time.Duration(op.Return).Round(time.Microsecond).String()
		}
		lines = append(lines, fmt.Sprintf("%s to %s: %s", time.Duration(op.Call).Round(time.Microsecond), to,
			describe(op.Input, op.Output)))
	}
	f.t.Errorf("%s: %s: no order of these calls is that of one console:\n%s", what, found, strings.Join(lines, "\n"))
	if *out == "" {
		return
	}
	file, err := os.Create(*out)
	if err != nil {
		f.t.Fatal(err)
	}
	defer file.Close()
	if err := porcupine.Visualize(model, info, file); err != nil {
		f.t.Error(err)
	}
}
