package transport

import (
	"math"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"

	"portcullis.internal/portcullis/internal/access"
)

// How many calls of the API may be made in a second, where nothing else is set: by one
// token, and, since an office shares an address, by all tokens from one.
const (
	defaultAPIRate = 100
	addrShare      = 4
)

// pacer limits calls by key: a token's id, or the network of an address. It counts for this process
// alone, as what it protects is this process.
type pacer[K comparable] struct {
	limit rate.Limit
	burst int

	mu      sync.Mutex
	buckets map[K]*rate.Limiter
	swept   time.Time
}

// newPacer makes a pacer for so many calls a second, twice as many of them at once. At 0
// or below there is no limit.
func newPacer[K comparable](perSecond float64) *pacer[K] {
	if perSecond <= 0 {
		return nil
	}
	return &pacer[K]{limit: rate.Limit(perSecond), burst: max(1, int(2*perSecond)), buckets: map[K]*rate.Limiter{}}
}

// take notes a call, or returns how long to wait before the next.
func (p *pacer[K]) take(key K, now time.Time) (wait time.Duration) {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweep(now)
	bucket, ok := p.buckets[key]
	if !ok {
		bucket = rate.NewLimiter(p.limit, p.burst)
		p.buckets[key] = bucket
	}
	r := bucket.ReserveN(now, 1)
	if wait = r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// sweep forgets who has not called for a while: a full bucket is as good as none.
func (p *pacer[K]) sweep(now time.Time) {
	if now.Sub(p.swept) < time.Minute {
		return
	}
	p.swept = now
	for key, bucket := range p.buckets {
		if bucket.TokensAt(now) >= float64(p.burst) {
			delete(p.buckets, key)
		}
	}
}

// pacers are the limits of the API, and of the forms that one person sends: each refused one is on record.
type pacers struct {
	addrs  *pacer[netip.Prefix]
	tokens *pacer[int64]
	people *pacer[int64]
}

func newPacers(perSecond float64) pacers {
	if perSecond == 0 {
		perSecond = defaultAPIRate
	}
	return pacers{
		addrs: newPacer[netip.Prefix](perSecond * addrShare), tokens: newPacer[int64](perSecond),
		people: newPacer[int64](defaultAPIRate),
	}
}

// paceAddr limits the calls from one address, before anything is looked up for them.
func (s *Server) paceAddr(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if wait := s.pace.addrs.take(access.Network(ClientAddr(c)), s.cfg.Now()); wait > 0 {
			return tooMany(c, wait, "Too many calls come from this address.")
		}
		return next(c)
	}
}

// paceToken limits the calls of one token.
func (s *Server) paceToken(h Handler) Handler {
	return func(c echo.Context, actor access.Actor) error {
		if wait := s.pace.tokens.take(actor.TokenID, s.cfg.Now()); wait > 0 {
			return tooMany(c, wait, "This API token is used too often.")
		}
		return h(c, actor)
	}
}

// paceForm limits the forms that one person sends.
func (s *Server) paceForm(c echo.Context, actor access.Actor) error {
	if isRead(c.Request().Method) {
		return nil
	}
	if wait := s.pace.people.take(actor.PersonID, s.cfg.Now()); wait > 0 {
		return tooMany(c, wait, "You send too many forms.")
	}
	return nil
}

func tooMany(c echo.Context, wait time.Duration, what string) error {
	seconds := max(1, int(math.Ceil(wait.Seconds())))
	c.Response().Header().Set("Retry-After", strconv.Itoa(seconds))
	return access.Errorf(access.KindTooMany, "%s Wait for the %d s that Retry-After says, then go on more slowly.", what, seconds)
}
