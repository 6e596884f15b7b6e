package sim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/rollout"
)

// simulation is one schedule: the engine and the models, and every choice that the seed draws.
type simulation struct {
	*rand.Rand
	seed  uint64
	w     *world
	store *modelStore
	cloud *modelCloud
	gate  *gate
	svc   *rollout.Service
	check *checker

	faults     faults
	healed     bool // nothing goes wrong any more
	faultSteps int
	steps      int
	begun      time.Time
	workers    []*worker
	lastWorker int
	resumes    int
	extras     int // what people may still do after the end
	requeueAt  time.Time

	mu        sync.Mutex // guards what follows
	tracing   bool
	trace     []string
	violation *violation
}

// violation is a broken rule.
type violation struct {
	seed uint64
	kind string
	text string
}

// faults are how often, in a thousand, each kind of trouble comes.
type faults struct {
	crash, freeze, lose, refuse, throttle, lag, duplicate int // of calls
	edit, person, account                                 int // of steps
}

// The bounds of a schedule. Beyond them it counts as endless.
const (
	mostSteps = 6000
	mostTime  = 24 * time.Hour
)

func newSimulation(w *world, seed uint64, tracing bool) *simulation {
	s := &simulation{
		Rand: rand.New(rand.NewPCG(seed, 0x5eed)), seed: seed, w: w, tracing: tracing, begun: time.Now(),
		store: newModelStore(w.accounts...), gate: newGate(),
	}
	s.cloud = newModelCloud(w, func() bool { return s.IntN(2) == 0 })
	s.store.inventories = func() *access.Inventories { return w.inventoriesOf(s.cloud.docs, s.cloud.gone) }
	s.check = newChecker(s)
	cfg := s.config()
	cfg.Store = &serviceStore{s.store, s}
	s.svc = rollout.New(cfg)
	s.drawFaults()
	return s
}

// drawFaults chooses which kinds of trouble this schedule has. A schedule with few kinds goes deeper.
func (s *simulation) drawFaults() {
	some := func(most int) int {
		if s.IntN(100) < 55 {
			return 0
		}
		return 1 + s.IntN(most)
	}
	s.faults = faults{
		crash: some(40), freeze: some(40), lose: some(80), refuse: some(80), throttle: some(150), lag: some(400),
		duplicate: some(200), edit: some(40), person: some(50), account: some(15),
	}
	s.faultSteps = 60 + s.IntN(200)
	s.extras = s.IntN(3)
}

// run carries the schedule out, within a bubble of testing/synctest.
func (s *simulation) run() {
	s.begin()
	for !s.broken() && s.step() {
	}
	s.drain()
	s.svc.Close()
}

func (s *simulation) broken() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.violation != nil
}

// begin starts the rollout of the world's plan.
func (s *simulation) begin() {
	accounts := make([]access.Account, 0, s.w.plan.Len())
	for t := range s.w.plan.Accounts() {
		a, _ := s.w.accounts.Find(t.Account)
		accounts = append(accounts, a)
	}
	r := access.Rollout{
		Title: "simulated", MaxInFlight: 1 + s.IntN(3),
		MaxFailures: []int{access.AnyFailures, access.NoFailures, 1, 2}[s.IntN(4)], CreatedAt: time.Now(),
	}
	strategy := s.drawStrategy()
	s.describe(r, strategy)
	s.check.plan(s.w.plan)
	if _, err := s.store.start(r, s.w.plan, access.Stage(strategy, accounts, nil)); err != nil {
		s.violate("the store fails", "starting the rollout: %v", err)
	}
	s.check.counts()
}

func (s *simulation) drawStrategy() access.Strategy {
	var st access.Strategy
	if s.IntN(3) == 0 {
		return st
	}
	for range 1 + s.IntN(2) {
		st.Waves = append(st.Waves, access.WaveRule{
			Count: 1, MaxInFlight: s.IntN(3), MaxFailures: access.Limit{None: s.IntN(4) == 0},
			Bake: time.Duration(s.IntN(3)) * 20 * time.Second, RequiresApproval: s.IntN(4) == 0,
		})
	}
	st.RollBack = s.IntN(6) == 0
	if s.IntN(8) == 0 {
		st.Confirm = 2 * time.Minute
	}
	return st
}

// step lets one thing happen. It returns false at the end of the schedule.
func (s *simulation) step() bool {
	synctest.Wait()
	s.endWorkers()
	s.steps++
	s.heal()
	if s.steps > mostSteps || time.Since(s.begun) > mostTime {
		s.violate("left running", "the schedule does not end: %s", s.state())
		return false
	}
	if !s.healed && s.trouble() {
		return true
	}
	calls := s.ready()
	if j, due := s.dueJob(len(calls)); due {
		s.startWorker(j)
		return true
	}
	switch {
	case len(calls) > 0:
		s.release(calls[s.IntN(len(calls))])
	case s.background():
	case s.waitForNext():
	default:
		return s.settle()
	}
	return true
}

// ready returns the calls that may go on: their workers are not frozen, and a write on its way is due.
func (s *simulation) ready() []*call {
	now := time.Now()
	return slices.DeleteFunc(s.gate.take(), func(c *call) bool {
		if c.abandoned {
			s.decideAbandoned(c)
			return c.due.After(now)
		}
		return c.worker.frozen.After(now)
	})
}

// lateMost is how long a write may be on its way after its worker has given up or died.
const lateMost = 10 * time.Second

// decideAbandoned draws when a write takes effect whose caller has given up.
func (s *simulation) decideAbandoned(c *call) {
	if !c.decided {
		c.decided, c.due = true, time.Now().Add(time.Duration(s.Int64N(int64(lateMost))))
	}
}

// dueJob returns a job to start now. While calls wait, it may be left for later.
func (s *simulation) dueJob(calls int) (job, bool) {
	now := time.Now()
	for i, j := range s.store.jobs {
		if j.due.After(now) || calls > 0 && s.IntN(2) == 0 {
			continue
		}
		s.store.jobs = slices.Delete(s.store.jobs, i, i+1)
		if !s.healed && s.IntN(1000) < s.faults.duplicate {
			s.note("the job of account %s is there twice", short(j.account))
			s.addJob(j, time.Duration(s.Int64N(int64(10*time.Second))))
		}
		return j, true
	}
	return job{}, false
}

func (s *simulation) addJob(j job, after time.Duration) {
	j.due = time.Now().Add(after)
	s.store.jobs = append(s.store.jobs, j)
}

// endJob puts a job back that is to be done again, as River does.
func (s *simulation) endJob(w *worker) {
	later, snoozed := w.err.(*rollout.SnoozeError)
	switch {
	case s.gate.isDead(w): // River rescues its job after an hour, when its lease has long expired
	case snoozed:
		s.addJob(w.job, later.After)
	case w.err != nil:
		s.note("worker %d fails: %v", w.id, w.err)
		s.addJob(w.job, lease)
	default:
		s.note("worker %d ends", w.id)
	}
}

// release lets a call go on after a while, or lets something happen to it.
func (s *simulation) release(c *call) {
	s.pass(s.latency())
	if !s.gate.waits(c) {
		return
	}
	switch {
	case c.abandoned:
		s.arriveLate(c)
	case s.healed || !s.spoil(c):
		s.carryOut(c, c.effect)
	}
	s.check.counts()
}

func (s *simulation) latency() time.Duration {
	d := time.Duration(s.Int64N(int64(40*time.Millisecond)) + 1)
	if s.IntN(40) == 0 && !s.healed {
		d *= 100
	}
	return d
}

// pass lets time pass.
func (s *simulation) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (s *simulation) carryOut(c *call, effect func() error) {
	err := effect()
	s.noteCall(c, answerText(err))
	s.gate.answer(c, err)
}

// spoil draws what goes wrong with a call; false for nothing.
func (s *simulation) spoil(c *call) bool {
	f, draw := s.faults, s.IntN(1000)
	hits := func(rate int) bool {
		hit := draw < rate
		draw -= rate
		return hit
	}
	switch {
	case hits(f.crash):
		s.crash(c)
	case hits(f.freeze):
		d := time.Second + time.Duration(s.Int64N(int64(20*time.Second)))
		s.noteCall(c, "its worker freezes for "+d.String())
		c.worker.frozen = time.Now().Add(d)
	case hits(f.lose):
		err := c.effect()
		s.noteCall(c, answerText(err)+", and the answer is lost")
		s.gate.answer(c, c.unknown())
	case hits(f.refuse):
		s.noteCall(c, "it does not arrive")
		s.gate.answer(c, c.unknown())
	case c.cloud && hits(f.throttle):
		s.throttle(c)
	default:
		return false
	}
	return true
}

// throttle refuses a call. AWS may go on to refuse calls to the account for a while.
func (s *simulation) throttle(c *call) {
	class := pick(s.Rand, []access.CloudClass{access.CloudThrottled, access.CloudThrottled, access.CloudBusy})
	if class == access.CloudThrottled && s.IntN(3) == 0 {
		s.cloud.busy[c.worker.job.account] = time.Now().Add(time.Duration(s.Int64N(int64(time.Minute))))
	}
	s.noteCall(c, string(class))
	s.gate.answer(c, refusal(class, c.worker.job.account))
}

// crash kills a worker before its call arrives, after it took effect, or with the write on its way.
func (s *simulation) crash(c *call) {
	switch s.IntN(3) {
	case 0:
		s.noteCall(c, answerText(c.effect())+", and its worker dies")
		s.gate.answer(c, errDead)
	case 1:
		s.noteCall(c, "it does not arrive: its worker dies")
		s.gate.answer(c, errDead)
	default:
		s.noteCall(c, "its worker dies meanwhile")
	}
	s.gate.kill(c.worker)
}

// arriveLate ends a write whose caller has given up: it takes effect or not.
func (s *simulation) arriveLate(c *call) {
	if s.healed || s.IntN(2) == 0 {
		s.noteCall(c, "it never arrives")
	} else {
		s.noteCall(c, answerText(c.effect())+", long after it was sent")
	}
	s.gate.answer(c, nil)
}

// background does the work that the replicas do at intervals.
func (s *simulation) background() bool {
	now := time.Now()
	for _, r := range s.store.rollouts {
		for _, t := range r.targets {
			if t.State == access.TargetRunning && t.until.Before(now) && !s.requeueAt.After(now) {
				n, _ := s.store.RequeueExpired(context.Background(), lease, 30*time.Second)
				s.note("%d targets are requeued", n)
				s.requeueAt = now.Add(time.Second)
				return true
			}
		}
	}
	for _, r := range s.store.rollouts {
		if s.wantsMove(r, now) {
			s.moveRollouts()
			return true
		}
	}
	return false
}

// wantsMove reports whether the background work has something to do for a rollout.
func (s *simulation) wantsMove(r *modelRollout, now time.Time) bool {
	due := !r.wakeAt.IsZero() && !r.wakeAt.After(now)
	if back := r.RolledBackBy; r.State == access.RolloutRollingBack {
		return due && r.Counts.Running == 0 && (back == 0 || s.store.rollouts[back-1].Ended())
	}
	return due
}

// waitForNext lets time pass until a call arrives or something is due; false if nothing is.
func (s *simulation) waitForNext() bool {
	next, found := s.nextTime()
	if !found {
		return false
	}
	timer := time.NewTimer(max(time.Until(next), 0) + time.Millisecond)
	defer timer.Stop()
	select {
	case <-s.gate.arrived:
	case <-timer.C:
	}
	synctest.Wait()
	select { // a call and the timer may come at the same instant, and the choice between them is not the seed's
	case <-s.gate.arrived:
	default:
	}
	return true
}

func (s *simulation) nextTime() (next time.Time, found bool) {
	note := func(t time.Time) {
		if !t.IsZero() && (!found || t.Before(next)) {
			next, found = t, true
		}
	}
	for _, j := range s.store.jobs {
		note(j.due)
	}
	for _, c := range s.gate.take() {
		note(later(c.due, c.worker.frozen))
	}
	for _, r := range s.store.rollouts {
		if !r.wakeAt.IsZero() && (r.wakeAt.After(time.Now()) || s.wantsMove(r, time.Now())) {
			note(r.wakeAt)
		}
		for _, t := range r.targets {
			if t.State == access.TargetRunning {
				note(later(t.until, s.requeueAt))
			}
		}
	}
	if len(s.workers) > 0 {
		note(time.Now().Add(time.Minute))
	}
	return next, found
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// heal ends the trouble once enough has happened.
func (s *simulation) heal() {
	if s.healed || s.steps < s.faultSteps {
		return
	}
	s.healed = true
	s.note("nothing goes wrong from here on")
	for _, a := range s.w.accounts {
		if s.cloud.dead[a.ID] == access.CloudUnreachable || s.IntN(2) == 0 {
			delete(s.cloud.dead, a.ID)
		}
	}
	for _, w := range s.workers {
		w.frozen = time.Time{}
	}
}

// drain ends all workers after a violation, or with the schedule.
func (s *simulation) drain() {
	s.healed = true
	for len(s.workers) > 0 {
		for _, w := range s.workers {
			s.gate.kill(w)
			w.cancel()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		s.endWorkers()
	}
}

func (s *simulation) state() string {
	var b strings.Builder
	for _, r := range s.store.rollouts {
		fmt.Fprintf(&b, "rollout %d is %s, wave %d of %d, phase %q;", r.ID, r.State, r.Wave, r.Waves, r.Phase)
		for _, t := range r.targets {
			fmt.Fprintf(&b, " %s %s", short(t.Account), t.State)
		}
		b.WriteString(". ")
	}
	return b.String()
}
