package transport

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
)

// What is kept in a session and in a request's context.
const (
	// sessionExternal says that an identity provider vouched for the person who is signed in.
	sessionExternal = "external"
	sessionFlash    = "flash" // a sentence for the next page
	actorKey        = "actor"
)

// home is the page that a browser is sent to where no other page is asked for.
const home = "/"

// session loads and saves the session around a handler. An error is answered inside, so
// that the answer carries the session's cookie.
func (s *Server) session(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		sessions := *s.cfg.Sessions
		var failed error
		sessions.ErrorFunc = func(_ http.ResponseWriter, _ *http.Request, err error) {
			failed = access.Wrap(access.KindUnavailable, err, "The console cannot reach its database, so nothing was done. Try again in a moment.")
		}
		sessions.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c.SetRequest(r)
			c.SetResponse(echo.NewResponse(w, c.Echo()))
			if err := next(c); err != nil {
				c.Error(err)
			}
		})).ServeHTTP(c.Response(), c.Request().WithContext(authn.WithSession(c.Request().Context())))
		return failed
	}
}

// Actor returns who is signed in, as they are now.
func (s *Server) Actor(c echo.Context) (access.Actor, error) {
	return s.actorIn(c.Request().Context(), c)
}

// actorIn is actor by the session in a context, which need not be the request's.
func (s *Server) actorIn(ctx context.Context, c echo.Context) (access.Actor, error) {
	id := s.cfg.Sessions.GetInt64(ctx, authn.SessionPerson)
	if id == 0 {
		return access.Actor{}, access.Errorf(access.KindUnauthenticated, "Sign in first.")
	}
	return s.cfg.Identity.Actor(ctx, id, s.cfg.Sessions.GetInt64(ctx, authn.SessionSince), ClientAddr(c), c.Request().UserAgent(), RequestID(c))
}

// tokenActor returns the owner of the request's bearer token.
func (s *Server) tokenActor(c echo.Context) (access.Actor, error) {
	r := c.Request()
	secret := bearer(r)
	if secret == "" {
		return access.Actor{}, access.Errorf(access.KindUnauthenticated, "Send an API token: Authorization: Bearer TOKEN.")
	}
	return s.cfg.Identity.TokenActor(r.Context(), secret, ClientAddr(c), r.UserAgent(), RequestID(c))
}

// OpenSession signs in a person whose credentials have been checked.
func (s *Server) OpenSession(c echo.Context, actor access.Actor) error {
	ctx := c.Request().Context()
	// A new token, so that one planted in the browser before is worth nothing.
	if err := s.cfg.Sessions.RenewToken(ctx); err != nil {
		return access.Wrap(access.KindUnavailable, err, "The session could not be opened. Try again in a moment.")
	}
	s.cfg.Sessions.Put(ctx, authn.SessionPerson, actor.PersonID)
	s.cfg.Sessions.Put(ctx, authn.SessionSince, actor.Generation)
	s.cfg.Sessions.Put(ctx, authn.SessionAddr, actor.Addr.String())
	s.cfg.Sessions.Put(ctx, authn.SessionAgent, actor.UserAgent)
	s.cfg.Sessions.Put(ctx, authn.SessionOpened, s.cfg.Now().Unix())
	s.cfg.Sessions.Remove(ctx, sessionExternal)
	SetActor(c, actor)
	return nil
}

// KeepSession lets this session alone outlive the person's others: under a new token, so
// that a copy of its cookie is worth nothing either.
func (s *Server) KeepSession(c echo.Context, generation int64) error {
	ctx := c.Request().Context()
	if err := s.cfg.Sessions.RenewToken(ctx); err != nil {
		return access.Wrap(access.KindUnavailable, err, "The session could not be kept. Sign in again.")
	}
	s.cfg.Sessions.Put(ctx, authn.SessionSince, generation)
	return nil
}

// CloseSession ends this session.
func (s *Server) CloseSession(c echo.Context) error {
	if err := s.cfg.Sessions.Destroy(c.Request().Context()); err != nil {
		return access.Wrap(access.KindUnavailable, err, "The session could not be ended. Try again in a moment.")
	}
	return nil
}

// SessionToken is the token of this session.
func (s *Server) SessionToken(c echo.Context) string {
	return s.cfg.Sessions.Token(c.Request().Context())
}

// MarkExternal notes that an identity provider vouched for the person who is signed in.
func (s *Server) MarkExternal(c echo.Context) {
	s.cfg.Sessions.Put(c.Request().Context(), sessionExternal, true)
}

// IsExternal reports whether an identity provider vouched for the person who is signed in.
func (s *Server) IsExternal(c echo.Context) bool {
	return s.cfg.Sessions.GetBool(c.Request().Context(), sessionExternal)
}

// SecureCookies reports whether the session's cookie is sent over TLS only.
func (s *Server) SecureCookies() bool { return s.cfg.Sessions.Cookie.Secure }

// SetActor notes who sent the request, for guards and the log record.
func SetActor(c echo.Context, actor access.Actor) { c.Set(actorKey, actor) }

// ActorOf returns who sent the request, as far as that is known by now.
func ActorOf(c echo.Context) access.Actor {
	actor, _ := c.Get(actorKey).(access.Actor)
	return actor
}

// bearer is the API token that a request carries; "" where it carries none.
func bearer(r *http.Request) string {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(secret)
}

// ClientAddr is the caller's address: the connection's, unless a trusted proxy says more.
func ClientAddr(c echo.Context) netip.Addr {
	addr, err := netip.ParseAddr(c.RealIP())
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap()
}

// Flash keeps a sentence for the page that the browser is sent to.
func (s *Server) Flash(c echo.Context, sentence string) {
	s.cfg.Sessions.Put(c.Request().Context(), sessionFlash, sentence)
}

// TakeFlash returns the sentence that the page before has left, once. It only looks into
// the session where there is one: an error page may come before it was loaded.
func (s *Server) TakeFlash(c echo.Context, actor access.Actor) string {
	if actor.PersonID == 0 || actor.Kind != access.ActorPerson {
		return ""
	}
	return s.cfg.Sessions.PopString(c.Request().Context(), sessionFlash)
}

// See sends the browser on after a form was carried out.
func (s *Server) See(c echo.Context, to string) error {
	return c.Redirect(http.StatusSeeOther, to)
}

// OwnPath returns a path of this console to go on to, or the overview: an address that
// leads elsewhere is never followed.
func OwnPath(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.IsAbs() || u.Host != "" || u.Opaque != "" || u.User != nil {
		return home
	}
	if !strings.HasPrefix(raw, "/") || strings.HasPrefix(raw, "//") || strings.ContainsAny(raw, "\\\r\n\t") || strings.Contains(u.Path, "//") {
		return home
	}
	return raw
}
