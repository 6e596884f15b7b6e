package web

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"portcullis/internal/access"
	"portcullis/internal/authn"
	"portcullis/web/view"
)

// What is kept in a session and in a request's context.
const (
	// sessionExternal says that an identity provider vouched for whoever is signed in.
	sessionExternal = "external"
	sessionFlash    = "flash" // a sentence for the next page
	actorKey        = "actor"
)

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

// actor returns who is signed in, as they are now.
func (s *Server) actor(c echo.Context) (access.Actor, error) {
	return s.actorIn(c.Request().Context(), c)
}

// actorIn is actor by the session in a context, which need not be the request's.
func (s *Server) actorIn(ctx context.Context, c echo.Context) (access.Actor, error) {
	id := s.cfg.Sessions.GetInt64(ctx, authn.SessionPerson)
	if id == 0 {
		return access.Actor{}, access.Errorf(access.KindUnauthenticated, "Sign in first.")
	}
	return s.cfg.Identity.Actor(ctx, id, s.cfg.Sessions.GetInt64(ctx, authn.SessionSince), clientAddr(c), c.Request().UserAgent(), requestIDOf(c))
}

// tokenActor returns the owner of the request's bearer token.
func (s *Server) tokenActor(c echo.Context) (access.Actor, error) {
	r := c.Request()
	secret := bearer(r)
	if secret == "" {
		return access.Actor{}, access.Errorf(access.KindUnauthenticated, "Send an API token: Authorization: Bearer TOKEN.")
	}
	return s.cfg.Identity.TokenActor(r.Context(), secret, clientAddr(c), r.UserAgent(), requestIDOf(c))
}

// bearer is the API token that a request carries; "" where it carries none.
func bearer(r *http.Request) string {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(secret)
}

// clientAddr is the caller's address: the connection's, unless a trusted proxy says more.
func clientAddr(c echo.Context) netip.Addr {
	addr, err := netip.ParseAddr(c.RealIP())
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap()
}

// flash keeps a sentence for the page that the browser is sent to.
func (s *Server) flash(c echo.Context, sentence string) {
	s.cfg.Sessions.Put(c.Request().Context(), sessionFlash, sentence)
}

// see sends the browser on after a form was carried out.
func (s *Server) see(c echo.Context, to string) error {
	return c.Redirect(http.StatusSeeOther, to)
}

// ownPath returns a path of this console to go on to, or the overview: an address that
// leads elsewhere is never followed.
func ownPath(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.IsAbs() || u.Host != "" || u.Opaque != "" || u.User != nil {
		return view.OverviewURL()
	}
	if !strings.HasPrefix(raw, "/") || strings.HasPrefix(raw, "//") || strings.ContainsAny(raw, "\\\r\n\t") || strings.Contains(u.Path, "//") {
		return view.OverviewURL()
	}
	return raw
}
