package authn

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
)

// SessionConfig sets up the sessions. Zero fields take the default named with them; none
// may be negative.
type SessionConfig struct {
	Store    Store
	Insecure bool             // plain HTTP on loopback: the cookie goes without Secure and __Host-
	Idle     time.Duration    // 1 hour without a request ends a session
	Lifetime time.Duration    // 12 hours end it in any case
	Now      func() time.Time // time.Now
}

func (c SessionConfig) withDefaults() SessionConfig {
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Idle = cmp.Or(c.Idle, time.Hour)
	c.Lifetime = cmp.Or(c.Lifetime, 12*time.Hour)
	return c
}

// The names of the session's cookie. Browsers accept the first only with Secure, for
// the whole host, and set by this host itself.
const (
	cookieName         = "__Host-portcullis"
	cookieNameInsecure = "portcullis"
)

// NewSessions makes the manager of browser sessions over the store. Whoever signs
// somebody in calls its RenewToken, so that a token planted in the browser beforehand
// is worth nothing.
func NewSessions(cfg SessionConfig) *scs.SessionManager {
	cfg = cfg.withDefaults()
	m := scs.New()
	sessions := newSessionStore(cfg.Store, cfg.Now, cfg.Idle)
	// The store sees to the idle timeout: scs would write out every session that is used.
	m.Store, m.Codec = sessions, sessions.codec
	m.Lifetime = cfg.Lifetime
	m.Cookie.Name, m.Cookie.Secure = cookieName, true
	if cfg.Insecure {
		m.Cookie.Name, m.Cookie.Secure = cookieNameInsecure, false
	}
	m.Cookie.HttpOnly = true
	m.Cookie.SameSite = http.SameSiteLaxMode
	m.Cookie.Path = "/"
	m.Cookie.Persist = false
	return m
}

// sweepEvery is how often sessions that have ended are deleted.
const sweepEvery = 10 * time.Minute

// SweepSessions deletes the sessions that have ended, again and again until the context
// ends.
func SweepSessions(ctx context.Context, store Store, log *slog.Logger) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := store.SessionSweep(ctx, time.Now()); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "sweeping ended sessions", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
