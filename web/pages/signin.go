package pages

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
	"portcullis.internal/portcullis/web/transport"
	"portcullis.internal/portcullis/web/view"
)

// themeCookie remembers light or dark, so that the server renders the right one at once.
const themeCookie = "portcullis-theme"

// SignInService signs people in by password, and out.
type SignInService interface {
	SignInBrowser(ctx context.Context, in authn.BrowserSignIn) (actor access.Actor, browser string, err error)
	SignOut(ctx context.Context, actor access.Actor) error
}

// signInPages are the pages for people who are not signed in, and the way out.
type signInPages struct {
	*site
	identity SignInService
	chooser  PasswordChooser
	provider Provider // nil without one
}

func (s *signInPages) routes() {
	s.Visitor(http.MethodGet, "/signin", s.showSignIn)
	s.Visitor(http.MethodPost, "/signin", s.signIn)
	s.oidcRoutes()
	s.choosePasswordRoutes()
	s.Visitor(http.MethodPost, "/signout", s.signOut)
	s.Visitor(http.MethodPost, "/theme", s.setTheme)
}

func (s *signInPages) showSignIn(c echo.Context) error {
	if _, err := s.Actor(c); err == nil {
		return s.See(c, transport.OwnPath(c.QueryParam("next")))
	}
	props := s.signInProps(c, c.QueryParam("next"))
	props.Unsent = c.QueryParam("unsent") != ""
	return s.ok(c, view.SignIn(props))
}

func (s *signInPages) signInProps(c echo.Context, next string) view.SignInProps {
	return view.SignInProps{Shell: s.shell(c, access.Actor{}, "Sign in", ""), Next: next, Provider: s.provider != nil}
}

func (s *signInPages) signIn(c echo.Context) error {
	props := s.signInProps(c, c.FormValue("next"))
	props.Email = c.FormValue("email")
	if problems := checkSignIn(props.Email, c.FormValue("password")); problems.Any() {
		props.Problems = problems
		return s.page(c, http.StatusUnprocessableEntity, view.SignIn(props))
	}
	actor, browser, err := s.identity.SignInBrowser(c.Request().Context(), authn.BrowserSignIn{
		Email: props.Email, Password: c.FormValue("password"), Browser: s.knownBrowser(c),
		Addr: transport.ClientAddr(c), UserAgent: c.Request().UserAgent(), RequestID: transport.RequestID(c),
	})
	if err != nil {
		return s.refuseSignIn(c, err, props)
	}
	if err := s.OpenSession(c, actor); err != nil {
		return err
	}
	if browser != "" {
		c.SetCookie(s.browserCookie(browser))
	}
	return s.See(c, transport.OwnPath(props.Next))
}

// browserCookie keeps the proof that a person has signed in with this browser. It opens nothing.
func (s *signInPages) browserCookie(value string) *http.Cookie {
	cookie := http.Cookie{ //nolint:gosec // Secure wherever the session's cookie is, just below
		Name: "portcullis-browser", Value: value, Path: "/", MaxAge: int(authn.BrowserLife.Seconds()), HttpOnly: true,
		SameSite: http.SameSiteStrictMode,
	}
	if s.SecureCookies() {
		cookie.Name, cookie.Secure = "__Host-"+cookie.Name, true
	}
	return &cookie
}

// knownBrowser is the proof that the browser has kept; "" if there is none.
func (s *signInPages) knownBrowser(c echo.Context) string {
	cookie, err := c.Cookie(s.browserCookie("").Name)
	if err != nil {
		return ""
	}
	return cookie.Value
}

func checkSignIn(email, password string) view.Problems {
	var fields []access.FieldError
	if strings.TrimSpace(email) == "" {
		fields = append(fields, access.FieldError{Field: "email", Message: "Give your e-mail address."})
	}
	if password == "" {
		fields = append(fields, access.FieldError{Field: "password", Message: "Give your password."})
	}
	return view.NewProblems(access.InvalidFields(fields))
}

// refuseSignIn shows the form again; the password is never sent back.
func (s *signInPages) refuseSignIn(c echo.Context, err error, props view.SignInProps) error {
	status := transport.KindStatus(access.KindOf(err))
	if status == 0 {
		return err
	}
	transport.NoteCause(c, err)
	if status == http.StatusServiceUnavailable {
		transport.RetryLater(c)
	}
	props.Problems = view.NewProblems(err)
	return s.page(c, status, view.SignIn(props))
}

// signOutClears has the browser forget pages and data of the console, so that the next person at it
// cannot go back to them. The session's cookie is deleted by name: "cookies" would also delete those of
// all other sites below the same registered domain, and the one that keeps strangers from locking this
// browser out.
const signOutClears = `"cache", "storage"`

func (s *signInPages) signOut(c echo.Context) error {
	ctx := c.Request().Context()
	if actor, err := s.Actor(c); err == nil {
		transport.SetActor(c, actor)
		if err := s.identity.SignOut(ctx, actor); err != nil {
			return err
		}
	}
	if err := s.CloseSession(c); err != nil {
		return err
	}
	c.Response().Header().Set("Clear-Site-Data", signOutClears)
	return s.See(c, view.SignInURL())
}

// setTheme remembers how the reader likes the console to look.
func (s *signInPages) setTheme(c echo.Context) error {
	cookie := http.Cookie{Name: themeCookie, Path: "/", MaxAge: int((365 * 24 * time.Hour).Seconds()), SameSite: http.SameSiteLaxMode, HttpOnly: true, Secure: s.HTTPS()} //nolint:gosec // Secure wherever there is TLS; plain HTTP on loopback has none
	switch theme := c.FormValue("theme"); theme {
	case "light", "dark":
		cookie.Value = theme
	default:
		cookie.MaxAge = -1
	}
	c.SetCookie(&cookie)
	return s.See(c, transport.OwnPath(c.FormValue("here")))
}

func themeOf(c echo.Context) string {
	cookie, err := c.Cookie(themeCookie)
	if err != nil || (cookie.Value != "light" && cookie.Value != "dark") {
		return ""
	}
	return cookie.Value
}
