package pages

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/web/transport"
	"portcullis.internal/portcullis/web/view"
)

// themeCookie remembers light or dark, so that the server renders the right one at once.
const themeCookie = "portcullis-theme"

// SignInService signs people in by password, and out.
type SignInService interface {
	SignIn(ctx context.Context, email, password string, addr netip.Addr, userAgent, requestID string) (access.Actor, error)
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
	if err := transport.ReadForm(c); err != nil {
		return err
	}
	ctx := c.Request().Context()
	props := s.signInProps(c, c.FormValue("next"))
	props.Email = c.FormValue("email")
	if problems := checkSignIn(props.Email, c.FormValue("password")); problems.Any() {
		props.Problems = problems
		return s.page(c, http.StatusUnprocessableEntity, view.SignIn(props))
	}
	actor, err := s.identity.SignIn(ctx, props.Email, c.FormValue("password"), transport.ClientAddr(c), c.Request().UserAgent(), transport.RequestID(c))
	if err != nil {
		return s.refuseSignIn(c, err, props)
	}
	if err := s.OpenSession(c, actor); err != nil {
		return err
	}
	return s.See(c, transport.OwnPath(props.Next))
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
