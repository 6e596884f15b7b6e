package pages

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/netip"
	"time"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
	"portcullis.internal/portcullis/web/transport"
	"portcullis.internal/portcullis/web/view"
)

// Provider signs people in by the word of an identity provider.
type Provider interface {
	Begin(ctx context.Context) (authn.Challenge, error)
	Finish(ctx context.Context, ch authn.Challenge, code string, addr netip.Addr, userAgent, requestID string) (access.Actor, error)
}

// How long somebody may take at the identity provider, and how long an address to go on
// to is kept meanwhile.
const (
	challengeLife = 10 * time.Minute
	maxNext       = 1000
)

// pending is kept in a cookie of the browser while a person is at the provider, so that
// unfinished sign-ins use no memory here. Only this host can set the cookie.
type pending struct {
	State, Nonce, Verifier, Next string
}

func (s *signInPages) oidcRoutes() {
	s.Visitor(http.MethodGet, "/signin/oidc", s.beginOIDC)
	s.Visitor(http.MethodGet, "/signin/oidc/callback", s.finishOIDC)
}

func (s *signInPages) beginOIDC(c echo.Context) error {
	if s.provider == nil {
		return echo.ErrNotFound
	}
	ch, err := s.provider.Begin(c.Request().Context())
	if err != nil {
		return s.refuseSignIn(c, err, s.signInProps(c, c.QueryParam("next")))
	}
	next := transport.OwnPath(c.QueryParam("next"))
	if len(next) > maxNext {
		next = view.OverviewURL()
	}
	kept, err := json.Marshal(pending{State: ch.State, Nonce: ch.Nonce, Verifier: ch.Verifier, Next: next})
	if err != nil {
		return err
	}
	c.SetCookie(s.pendingCookie(base64.RawURLEncoding.EncodeToString(kept), int(challengeLife.Seconds())))
	return s.See(c, ch.URL)
}

func (s *signInPages) pendingCookie(value string, seconds int) *http.Cookie {
	cookie := http.Cookie{Name: "portcullis-oidc", Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, SameSite: http.SameSiteLaxMode} //nolint:gosec // Secure wherever the session's cookie is, just below
	if s.SecureCookies() {
		cookie.Name, cookie.Secure = "__Host-"+cookie.Name, true
	}
	return &cookie
}

// finishOIDC takes what the provider sent the browser back with. It counts only in the
// browser that was sent there, and once.
func (s *signInPages) finishOIDC(c echo.Context) error {
	if s.provider == nil {
		return echo.ErrNotFound
	}
	kept := s.takePending(c)
	actor, err := s.vouched(c, kept)
	if err != nil {
		return s.refuseSignIn(c, err, s.signInProps(c, kept.Next))
	}
	if err := s.OpenSession(c, actor); err != nil {
		return err
	}
	s.MarkExternal(c)
	return s.See(c, transport.OwnPath(kept.Next))
}

func (s *signInPages) vouched(c echo.Context, kept pending) (access.Actor, error) {
	q := c.QueryParams()
	switch {
	case kept.State == "" || subtle.ConstantTimeCompare([]byte(kept.State), []byte(q.Get("state"))) != 1:
		return access.Actor{}, access.Errorf(access.KindUnauthenticated, "This sign-in was not begun in this browser, or too long ago. Begin again.")
	case q.Get("error") != "" || q.Get("code") == "":
		return access.Actor{}, access.Errorf(access.KindUnauthenticated, "The identity provider did not sign you in. Begin again, or ask whoever runs it.")
	}
	ch := authn.Challenge{State: kept.State, Nonce: kept.Nonce, Verifier: kept.Verifier}
	return s.provider.Finish(c.Request().Context(), ch, q.Get("code"), transport.ClientAddr(c), c.Request().UserAgent(), transport.RequestID(c))
}

// takePending reads the cookie and has the browser forget it. What cannot be read is as
// good as none.
func (s *signInPages) takePending(c echo.Context) pending {
	var kept pending
	cookie, err := c.Cookie(s.pendingCookie("", 0).Name)
	if err != nil {
		return kept
	}
	c.SetCookie(s.pendingCookie("", -1))
	raw, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil || json.Unmarshal(raw, &kept) != nil {
		return pending{}
	}
	return kept
}
