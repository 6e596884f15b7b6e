package sim

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// gate holds every call of the engine until the scheduler lets it go. The scheduler is the only
// goroutine that reads and changes the models.
type gate struct {
	mu      sync.Mutex
	pending []*call
	ended   []*worker // workers whose push has returned
	arrived chan struct{}
}

// call is one call of a worker to the store or to the cloud.
type call struct {
	worker  *worker
	ctx     context.Context
	name    string
	about   string
	cloud   bool
	write   bool         // a write to AWS, which may take effect after its caller has given up
	effect  func() error // what the call does to the models
	unknown func() error // the error of a caller that gets no answer
	sent    time.Time
	reply   chan error

	abandoned bool // its caller has given up, and the write is on its way
	decided   bool // whether and when an abandoned write takes effect has been drawn
	due       time.Time
}

// errDead ends a worker that has been killed. Nothing that the worker does afterwards has an effect.
var errDead = errors.New("this worker is dead")

// worker is one run of a job.
type worker struct {
	id     int
	job    job
	claim  access.Claim
	frozen time.Time // its calls wait until then
	points int       // named points that it has passed
	calls  access.CallCount
	cancel context.CancelFunc
	dead   bool // guarded by gate.mu
	err    error
}

func newGate() *gate { return &gate{arrived: make(chan struct{}, 1)} }

func (g *gate) signal() {
	select {
	case g.arrived <- struct{}{}:
	default:
	}
}

// do waits until the scheduler lets the call go, and returns the answer.
func (g *gate) do(c *call) error {
	if err := c.ctx.Err(); err != nil {
		return context.Cause(c.ctx)
	}
	c.reply, c.sent = make(chan error, 1), time.Now()
	g.mu.Lock()
	if c.worker.dead {
		g.mu.Unlock()
		return errDead
	}
	g.pending = append(g.pending, c)
	g.mu.Unlock()
	g.signal()
	select {
	case err := <-c.reply:
		return err
	case <-c.ctx.Done():
		g.abandon(c)
		return context.Cause(c.ctx)
	}
}

// abandon forgets a call whose caller has given up. A write stays on its way.
func (g *gate) abandon(c *call) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.write {
		c.abandoned = true
		return
	}
	g.remove(c)
}

// remove is called with the lock.
func (g *gate) remove(c *call) {
	g.pending = slices.DeleteFunc(g.pending, func(p *call) bool { return p == c })
}

// take returns the calls that wait, in an order that does not depend on their arrival.
func (g *gate) take() []*call {
	g.mu.Lock()
	defer g.mu.Unlock()
	slices.SortStableFunc(g.pending, func(a, b *call) int {
		return cmp.Or(cmp.Compare(a.worker.id, b.worker.id), cmp.Compare(a.name, b.name), a.sent.Compare(b.sent))
	})
	return slices.Clone(g.pending)
}

func (g *gate) waits(c *call) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Contains(g.pending, c)
}

// answer removes a call and answers its caller, if the caller still waits.
func (g *gate) answer(c *call, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.remove(c)
	if !c.abandoned {
		c.reply <- err
	}
}

// kill ends a worker: all its calls return, and no later call has an effect. A write that is on its
// way stays there.
func (g *gate) kill(w *worker) {
	g.mu.Lock()
	defer g.mu.Unlock()
	w.dead = true
	for _, c := range slices.Clone(g.pending) {
		if c.worker != w || c.abandoned {
			continue
		}
		c.reply <- errDead
		if c.write {
			c.abandoned = true
		} else {
			g.remove(c)
		}
	}
}

func (g *gate) isDead(w *worker) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return w.dead
}

// end notes that the push of a worker has returned.
func (g *gate) end(w *worker, err error) {
	g.mu.Lock()
	w.err = err
	g.ended = append(g.ended, w)
	g.mu.Unlock()
	g.signal()
}

// takeEnded returns the workers whose push has returned since the last time.
func (g *gate) takeEnded() []*worker {
	g.mu.Lock()
	defer g.mu.Unlock()
	ended := g.ended
	g.ended = nil
	slices.SortFunc(ended, func(a, b *worker) int { return a.id - b.id })
	return ended
}
