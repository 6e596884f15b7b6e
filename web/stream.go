package web

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"portcullis/internal/access"
	"portcullis/internal/authn"
	"portcullis/internal/authz"
)

const (
	// streamLook is how long a stream goes on before it asks again who reads it.
	streamLook = 5 * time.Second
	// streamLife ends a stream, so that whoever forgot one open asks again.
	streamLife = 10 * time.Minute
	// streamBeat keeps proxies from closing a stream on which nothing happens.
	streamBeat = 20 * time.Second
)

// reader is who reads a stream. A stream outlives the question who asks for it: whoever
// has signed out meanwhile, was shut out, or holds another role now, reads no further.
type reader struct {
	actor access.Actor
	again func(context.Context) (access.Actor, error) // who it is now
	need  authz.Permission
	every time.Duration
	seen  time.Time
}

// may reports whether the stream goes on. It asks anew now and then, and where the answer
// fails as well: a stream is begun again sooner than it is read by the wrong person.
func (r *reader) may(ctx context.Context) bool {
	if time.Since(r.seen) < r.every {
		return true
	}
	actor, err := r.again(ctx)
	if err != nil || authz.Require(actor, r.need) != nil {
		return false
	}
	r.actor, r.seen = actor, time.Now()
	return true
}

// sessionReader is whoever is signed in, as long as they are.
func (s *Server) sessionReader(c echo.Context, actor access.Actor, need authz.Permission) *reader {
	token := s.cfg.Sessions.Token(c.Request().Context())
	return &reader{actor: actor, need: need, every: s.cfg.StreamLook, seen: time.Now(), again: func(ctx context.Context) (access.Actor, error) {
		ctx, err := s.cfg.Sessions.Load(authn.WithSession(bare{ctx}), token)
		if err != nil {
			return access.Actor{}, err
		}
		return s.actorIn(ctx, c)
	}}
}

// tokenReader is the owner of the request's bearer token, as long as it is good.
func (s *Server) tokenReader(c echo.Context, actor access.Actor, need authz.Permission) *reader {
	return &reader{actor: actor, need: need, every: s.cfg.StreamLook, seen: time.Now(), again: func(context.Context) (access.Actor, error) {
		return s.tokenActor(c)
	}}
}

// bare is a context without its values: the session that was loaded into it is to be
// loaded anew.
type bare struct{ context.Context }

// Value knows nothing.
func (bare) Value(any) any { return nil }

// eventWriter writes server-sent events.
type eventWriter struct {
	http *echo.Response
	ctl  *http.ResponseController
}

func newEventWriter(c echo.Context) (eventWriter, error) {
	w := eventWriter{http: c.Response(), ctl: http.NewResponseController(c.Response())}
	h := w.http.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	// The server's write timeout is meant for pages; a stream stays open.
	if err := w.ctl.SetWriteDeadline(time.Time{}); err != nil {
		return w, fmt.Errorf("opening a stream: %w", err)
	}
	w.http.WriteHeader(http.StatusOK)
	return w, w.ctl.Flush()
}

// send renders a component into one event. Each line of it gets its own data field, as
// the format wants it.
func (w eventWriter) send(ctx context.Context, event string, component templ.Component) error {
	var b bytes.Buffer
	if err := component.Render(ctx, &b); err != nil {
		return err
	}
	return w.write(event, b.String())
}

func (w eventWriter) write(event, data string) error {
	var b strings.Builder
	b.WriteString("event: " + event + "\n")
	for line := range strings.SplitSeq(data, "\n") {
		b.WriteString("data: " + strings.TrimRight(line, "\r") + "\n")
	}
	b.WriteString("\n")
	if _, err := w.http.Write([]byte(b.String())); err != nil {
		return err
	}
	return w.ctl.Flush()
}

// beat sends a comment, which browsers pass over.
func (w eventWriter) beat() error {
	if _, err := w.http.Write([]byte(": here\n\n")); err != nil {
		return err
	}
	return w.ctl.Flush()
}
