package transport

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
	"portcullis.internal/portcullis/internal/authz"
)

// StreamReader is the person or program that reads a stream. A stream outlives its
// request, so the reader is authorised again from time to time: the stream ends for a
// person who has signed out, was disabled or has lost the permission.
type StreamReader struct {
	Actor access.Actor
	Every time.Duration // between two checks
	Leave func()        // must be called when the stream ends

	again func(context.Context) (access.Actor, error) // reads the actor as they are now
	need  authz.Permission
	look  *look
}

// look is when it was last seen whose a credential is. All streams that one session or
// token opened share it, so that a person's windows cost one question and not one each.
type look struct {
	mu      sync.Mutex
	actor   access.Actor
	seen    time.Time
	streams int // that share it; under the lock of looks
}

// looks are those of the streams that are open, by credential.
type looks struct {
	mu   sync.Mutex
	open map[credential]*look
}

// credential is the digest of what a request shows who sends it.
type credential [sha256.Size]byte

// take returns the look of a credential that was just seen to be good, and how it is given
// back.
func (l *looks) take(key credential, actor access.Actor) (*look, func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	shared, known := l.open[key]
	if !known {
		if l.open == nil {
			l.open = map[credential]*look{}
		}
		shared = &look{actor: actor, seen: time.Now()}
		l.open[key] = shared
	}
	shared.streams++
	return shared, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if shared.streams--; shared.streams == 0 {
			delete(l.open, key)
		}
	}
}

// Allowed reports whether the stream goes on. It asks anew now and then, and where the answer
// fails as well: a stream is begun again sooner than it is read by the wrong person.
func (r *StreamReader) Allowed(ctx context.Context) bool {
	r.look.mu.Lock()
	defer r.look.mu.Unlock()
	if time.Since(r.look.seen) >= r.Every {
		actor, err := r.again(ctx)
		if err != nil {
			return false
		}
		r.look.actor, r.look.seen = actor, time.Now()
	}
	now := r.look.actor
	now.Addr, now.UserAgent, now.RequestID = r.Actor.Addr, r.Actor.UserAgent, r.Actor.RequestID
	r.Actor = now
	return authz.Require(now, r.need) == nil
}

// SessionReader returns the reader of a stream that belongs to the request's session.
func (s *Server) SessionReader(c echo.Context, actor access.Actor, need authz.Permission) *StreamReader {
	token := s.cfg.Sessions.Token(c.Request().Context())
	r := &StreamReader{Actor: actor, need: need, Every: s.cfg.StreamLook, again: func(ctx context.Context) (access.Actor, error) {
		ctx, err := s.cfg.Sessions.Load(authn.WithSession(bare{ctx}), token)
		if err != nil {
			return access.Actor{}, err
		}
		return s.actorIn(ctx, c)
	}}
	r.look, r.Leave = s.looks.take(sha256.Sum256([]byte("session "+token)), actor)
	return r
}

// TokenReader returns the reader of a stream that belongs to the request's bearer token.
func (s *Server) TokenReader(c echo.Context, actor access.Actor, need authz.Permission) *StreamReader {
	r := &StreamReader{Actor: actor, need: need, Every: s.cfg.StreamLook, again: func(context.Context) (access.Actor, error) {
		return s.tokenActor(c)
	}}
	r.look, r.Leave = s.looks.take(sha256.Sum256([]byte("token "+bearer(c.Request()))), actor)
	return r
}

// bare is a context without its values: the session that was loaded into it is to be
// loaded anew.
type bare struct{ context.Context }

// Value knows nothing.
func (bare) Value(any) any { return nil }
