package aws

import (
	"math"
	"sync"
	"time"
)

// The way a pace follows throttling: down by half at once, up again little by little.
const (
	slowdown      = 0.5
	recoverWithin = 20 * time.Second // from nothing to the most
	floorShare    = 0.1              // of the most; no pace falls below
	leastFloor    = 1.0              // calls a second, where the most is small or not known
	steadyShare   = 0.8              // of the most; a steady rate is below it, or throttling would not slow the pace
	answersWithin = 5 * time.Second  // of an accepted attempt, a pace keeps its steady rate
)

// pace says when the next attempt may go to one place. It allows so many a second, with
// a burst after a rest. When AWS throttles it halves what has gone through lately, then
// grows with time: the rate that AWS bears is nowhere published, so it is found out.
// See docs/aws-facts.md, "IAM request rates".
//
// While AWS still accepts some attempts, a pace does not fall below its steady rate. Others may use
// up the limit of the account, and then a slower pace is throttled as often: it only makes the
// rollout longer. If AWS has accepted none for answersWithin, the pace falls to its floor.
//
//	unslowed ──throttled──▶ slowed ──time──▶ unslowed
//	                          │  ▲
//	                          └──┘ throttled again, by an attempt begun since
//
// Many attempts may be under way when the first is throttled. Those tell nothing new:
// only an attempt that began after the last cut makes another.
type pace struct {
	most   float64 // a second; +Inf for no limit
	burst  float64
	steady float64 // a second; kept while some attempts are accepted

	mu     sync.Mutex
	due    time.Time // when the attempts let through so far would be used up
	slowed bool
	cutAt  time.Time
	low    float64 // the rate right after the cut
	peak   float64 // the highest rate that was cut since the pace was last unslowed
	lately throughput
	pushed time.Time // when a push wanted a turn last

	acceptedAt time.Time // when AWS accepted an attempt last
}

// newPace allows a burst of some seconds' worth, so that a push of a few documents to an
// account that was left alone, or the reading of a small organization, does not wait.
func newPace(perSecond, seconds, steady float64) *pace {
	if perSecond < 0 {
		return &pace{most: math.Inf(1), steady: steady}
	}
	return &pace{most: perSecond, burst: max(1, math.Ceil(seconds*perSecond)), steady: min(steady, steadyShare*perSecond)}
}

// reserve reserves a turn and returns its time. It reserves none if the turn would be after the
// deadline.
func (p *pace) reserve(now, deadline time.Time) (at time.Time, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	perSecond, burst := p.rate(now)
	if math.IsInf(perSecond, 1) {
		p.lately.add(now)
		return now, true
	}
	interval := seconds(1 / perSecond)
	due := later(p.due, now)
	at = later(now, due.Add(-seconds((burst-1)/perSecond)))
	if !deadline.IsZero() && at.After(deadline) {
		return at, false
	}
	p.due = due.Add(interval)
	p.lately.add(at)
	return at, true
}

// rate is the rate at a time, and the burst.
func (p *pace) rate(now time.Time) (perSecond, burst float64) {
	if !p.slowed {
		return p.most, p.burst
	}
	ceiling := p.ceiling()
	grown := p.low + ceiling*float64(now.Sub(p.cutAt))/float64(recoverWithin)
	if grown >= ceiling {
		p.slowed, p.peak = false, 0
		return p.most, p.burst
	}
	return grown, 1
}

// ceiling is where a slowed pace counts as recovered. Without a limit that is well above
// what was cut.
func (p *pace) ceiling() float64 {
	if math.IsInf(p.most, 1) {
		return 2 * p.peak
	}
	return p.most
}

// slowDown slows down after an attempt that began at a time.
func (p *pace) slowDown(began, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.slowed && began.Before(p.cutAt) {
		return
	}
	allowed, _ := p.rate(now)
	from := max(leastFloor, min(allowed, p.lately.perSecond(now)))
	p.peak = max(p.peak, from)
	p.low = max(slowdown*from, leastFloor, floorShare*p.ceiling())
	if !p.slowed { // after a rest the first attempts get as long as those after an accepted one
		p.acceptedAt = later(p.acceptedAt, began)
	}
	if now.Sub(p.acceptedAt) < answersWithin {
		p.peak, p.low = max(p.peak, p.steady), max(p.low, p.steady)
	}
	p.slowed, p.cutAt, p.due = true, now, later(p.due, now)
}

// accept notes that AWS did not throttle an attempt.
func (p *pace) accept(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.acceptedAt = later(p.acceptedAt, now)
}

// now is the rate at a time, and whether throttling has lowered it.
func (p *pace) now(now time.Time) (perSecond float64, slowed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	perSecond, _ = p.rate(now)
	return perSecond, p.slowed
}

// pushCalls is how far apart the calls of one push are at most, in a place that throttles.
const pushCalls = 5 * time.Second

// pushedTo notes that a push wants a turn.
func (p *pace) pushedTo(now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pushed = now
}

// isNeeded reports whether a push is under way that throttling has slowed.
func (p *pace) isNeeded(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rate(now) // it may have recovered since
	return p.slowed && now.Sub(p.pushed) < pushCalls
}

// throughput counts what went through in this second and the one before.
type throughput struct {
	second       int64
	before, here float64
}

func (t *throughput) add(at time.Time) {
	t.turn(at)
	t.here++
}

// perSecond weighs the second before by how much of it lies within the last second.
func (t *throughput) perSecond(now time.Time) float64 {
	t.turn(now)
	return t.here + t.before*(1-float64(now.Nanosecond())/float64(time.Second))
}

func (t *throughput) turn(at time.Time) {
	switch second := at.Unix(); {
	case second <= t.second:
	case second == t.second+1:
		t.second, t.before, t.here = second, t.here, 0
	default:
		t.second, t.before, t.here = second, 0, 0
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }
