package aws

import (
	"math"
	"testing"
	"time"
)

var began = time.Date(2026, 3, 3, 9, 0, 0, 0, time.UTC)

// through lets attempts through a pace one after the other, as quickly as it allows, for a
// span of time, and returns how many went. struck says of each whether AWS throttles it.
func through(p *pace, from time.Time, span time.Duration, struck func(at time.Time) bool) int {
	n := 0
	for now := from; now.Sub(from) < span; {
		at, _ := p.reserve(now, time.Time{})
		if at.Sub(from) >= span {
			return n
		}
		n++
		if struck != nil && struck(at) {
			p.slowDown(at, at.Add(time.Millisecond))
		} else {
			p.accept(at.Add(time.Millisecond))
		}
		now = at.Add(2 * time.Millisecond) // the duration of a fast call
	}
	return n
}

func TestPaceKeepsItsRateAfterABurst(t *testing.T) {
	p := newPace(10, 2, steadyIAM)
	if got := through(p, began, time.Second, nil); got < 28 || got > 30 {
		t.Errorf("%d attempts in the first second, want a burst of 20 and ten more", got)
	}
	if got := through(p, began.Add(time.Second), 10*time.Second, nil); got < 99 || got > 101 {
		t.Errorf("%d attempts in the ten seconds after, want 100", got)
	}
}

func TestPaceWithoutALimit(t *testing.T) {
	p := newPace(-1, 2, steadyIAM)
	if got := through(p, began, time.Second, nil); got != 500 {
		t.Errorf("%d attempts in a second, want all 500", got)
	}
	p.slowDown(began.Add(time.Second), began.Add(time.Second))
	if got, slowed := p.now(began.Add(time.Second)); !slowed || got < 200 || got > 260 {
		t.Errorf("after 500 a second were too many: %v a second (slowed: %v), want half", got, slowed)
	}
	if got, slowed := p.now(began.Add(time.Minute)); slowed || !math.IsInf(got, 1) {
		t.Errorf("a minute later: %v a second (slowed: %v), want no limit", got, slowed)
	}
}

// A place that bears five calls a second gets about that many, without being told.
func TestPaceFindsOutWhatIsBorne(t *testing.T) {
	const borne = 5.0
	p := newPace(20, 2, steadyIAM)
	tokens, last, refused := borne, began, 0
	struck := func(at time.Time) bool {
		tokens = min(borne, tokens+at.Sub(last).Seconds()*borne)
		last = at
		if tokens < 1 {
			refused++
			return true
		}
		tokens--
		return false
	}
	through(p, began, 30*time.Second, struck) // lets the rate settle
	before := refused
	sent := through(p, began.Add(30*time.Second), time.Minute, struck)
	good := sent - (refused - before)
	if good < 180 || good > 306 {
		t.Errorf("%d calls were answered in a minute, want most of 300", good)
	}
	if share := float64(refused-before) / float64(sent); share > 0.42 { // the steady rate is 8
		t.Errorf("%.0f%% of attempts were throttled; without a pace it would be three quarters", 100*share)
	}
}

// Attempts that were under way when the first was throttled say nothing new.
func TestPaceIsCutOnceForManyInFlight(t *testing.T) {
	p := newPace(10, 2, 0)
	for range 8 {
		p.reserve(began, time.Time{})
	}
	for i := range 8 {
		p.slowDown(began, began.Add(time.Duration(i+1)*time.Millisecond))
	}
	if got, _ := p.now(began.Add(10 * time.Millisecond)); got < 3.9 || got > 4.1 {
		t.Errorf("eight throttled at once leave %.2f a second, want half of eight", got)
	}
	at, _ := p.reserve(began.Add(time.Second), time.Time{})
	p.slowDown(at, at.Add(time.Millisecond))
	if got, _ := p.now(at.Add(time.Millisecond)); got > 2.5 {
		t.Errorf("throttled again a second later: still %.2f a second", got)
	}
}

// However much is throttled, some go through, and when it is over the pace is as before.
func TestPaceRecovers(t *testing.T) {
	p := newPace(10, 2, steadyIAM)
	always := func(time.Time) bool { return true }
	if got := through(p, began, time.Minute, always); got < 50 {
		t.Errorf("%d attempts in a minute of throttling, want about one a second at the least", got)
	}
	end := began.Add(time.Minute)
	if got, slowed := p.now(end.Add(recoverWithin)); slowed || got != 10 {
		t.Errorf("%s after the last throttling: %.2f a second (slowed: %v), want 10", recoverWithin, got, slowed)
	}
	if got := through(p, end.Add(time.Minute), time.Second, nil); got < 28 {
		t.Errorf("%d attempts in a second after recovery, want a burst again", got)
	}
}

func TestPaceReservesNoTurnAfterDeadline(t *testing.T) {
	p := newPace(1, 1, steadyIAM)
	p.reserve(began, time.Time{})
	if _, ok := p.reserve(began, began.Add(500*time.Millisecond)); ok {
		t.Error("an attempt was let through whose turn comes after its deadline")
	}
	if at, ok := p.reserve(began, began.Add(2*time.Second)); !ok || at.Sub(began) != time.Second {
		t.Errorf("the next one goes after %s (%v), want a second: the refused one reserved no turn", at.Sub(began), ok)
	}
}

// While some attempts are accepted the pace stays steady: others use up the limit, and a slower pace
// would be throttled as often. If none is accepted any more, it falls to the floor.
func TestPaceStaysSteadyWhileSomeAreAccepted(t *testing.T) {
	p := newPace(10, 2, steadyIAM)
	n := 0
	mostly := func(time.Time) bool { n++; return n%10 < 7 }
	if got := through(p, began, time.Minute, mostly); got < steadyIAM*60 || got > (steadyIAM+1)*60 {
		t.Errorf("%d attempts in a minute with 70 %% throttled, want eight to nine a second", got)
	}
	rested := began.Add(10 * time.Minute)
	if got := through(p, rested, time.Minute, mostly); got < steadyIAM*60 || got > (steadyIAM+2)*60 { // and a burst
		t.Errorf("%d attempts in a minute after a rest, want eight to nine a second", got)
	}
	always := func(time.Time) bool { return true }
	if got := through(p, rested.Add(time.Minute), time.Minute, always); got < 50 || got > 2*60 {
		t.Errorf("%d attempts in the minute after, all throttled, want one or two a second", got)
	}
	slow := newPace(steadyIAM, 2, steadyIAM) // as an operator may set it
	if got := through(slow, began, time.Minute, always); got < 50 || got > 3*60 {
		t.Errorf("%d attempts in a minute of a pace whose most is the steady rate, all throttled", got)
	}
}
