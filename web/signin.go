package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"portcullis/internal/access"
	"portcullis/internal/authn"
	"portcullis/internal/authz"
	"portcullis/web/view"
)

// themeCookie remembers light or dark, so that the server renders the right one at once.
const themeCookie = "portcullis-theme"

func (s *Server) signInRoutes() {
	s.visitor(http.MethodGet, "/signin", s.showSignIn)
	s.visitor(http.MethodPost, "/signin", s.signIn)
	s.oidcRoutes()
	s.visitor(http.MethodPost, "/signout", s.signOut)
	s.visitor(http.MethodPost, "/theme", s.setTheme)
	s.echo.RouteNotFound("/*", s.notFound, s.session)
}

func (s *Server) showSignIn(c echo.Context) error {
	if _, err := s.actor(c); err == nil {
		return s.see(c, ownPath(c.QueryParam("next")))
	}
	props := s.signInProps(c, c.QueryParam("next"))
	props.Unsent = c.QueryParam("unsent") != ""
	return s.ok(c, view.SignIn(props))
}

func (s *Server) signInProps(c echo.Context, next string) view.SignInProps {
	return view.SignInProps{Shell: s.shell(c, access.Actor{}, "Sign in", ""), Next: next, Provider: s.cfg.Provider != nil}
}

func (s *Server) signIn(c echo.Context) error {
	if err := readForm(c); err != nil {
		return err
	}
	ctx := c.Request().Context()
	props := s.signInProps(c, c.FormValue("next"))
	props.Email = c.FormValue("email")
	if problems := checkSignIn(props.Email, c.FormValue("password")); problems.Any() {
		props.Problems = problems
		return s.page(c, http.StatusUnprocessableEntity, view.SignIn(props))
	}
	actor, err := s.cfg.Identity.SignIn(ctx, props.Email, c.FormValue("password"), clientAddr(c), c.Request().UserAgent(), requestIDOf(c))
	if err != nil {
		return s.refuseSignIn(c, err, props)
	}
	if err := s.openSession(c, actor); err != nil {
		return err
	}
	return s.see(c, ownPath(props.Next))
}

// openSession lets somebody in whose word has been checked.
func (s *Server) openSession(c echo.Context, actor access.Actor) error {
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
	c.Set(actorKey, actor)
	return nil
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
func (s *Server) refuseSignIn(c echo.Context, err error, props view.SignInProps) error {
	status := statuses[access.KindOf(err)]
	if status == 0 {
		return err
	}
	c.Set(causeKey, err)
	props.Problems = view.NewProblems(err)
	return s.page(c, status, view.SignIn(props))
}

func (s *Server) signOut(c echo.Context) error {
	ctx := c.Request().Context()
	if actor, err := s.actor(c); err == nil {
		c.Set(actorKey, actor)
		if err := s.cfg.Identity.SignOut(ctx, actor); err != nil {
			return err
		}
	}
	if err := s.cfg.Sessions.Destroy(ctx); err != nil {
		return access.Wrap(access.KindUnavailable, err, "The session could not be ended. Try again in a moment.")
	}
	return s.see(c, view.SignInURL())
}

// setTheme remembers how the reader likes the console to look.
func (s *Server) setTheme(c echo.Context) error {
	cookie := http.Cookie{Name: themeCookie, Path: "/", MaxAge: int((365 * 24 * time.Hour).Seconds()), SameSite: http.SameSiteLaxMode, HttpOnly: true, Secure: s.cfg.https()} //nolint:gosec // Secure wherever there is TLS; plain HTTP on loopback has none
	switch theme := c.FormValue("theme"); theme {
	case "light", "dark":
		cookie.Value = theme
	default:
		cookie.MaxAge = -1
	}
	c.SetCookie(&cookie)
	return s.see(c, ownPath(c.FormValue("here")))
}

func themeOf(c echo.Context) string {
	cookie, err := c.Cookie(themeCookie)
	if err != nil || (cookie.Value != "light" && cookie.Value != "dark") {
		return ""
	}
	return cookie.Value
}

// notTaken says which methods an address takes, where it takes any.
func notTaken(c echo.Context, methods []string) error {
	if len(methods) == 0 {
		return echo.ErrNotFound
	}
	slices.Sort(methods)
	c.Response().Header().Set(echo.HeaderAllow, strings.Join(slices.Compact(methods), ", "))
	return echo.ErrMethodNotAllowed
}

// notFound answers addresses that no page has, with the navigation for whoever is signed
// in. The address of a form's target leads back to the form.
func (s *Server) notFound(c echo.Context) error {
	if r := c.Request(); isAPI(r.URL.Path) {
		return notTaken(c, s.methodsAt(r.URL.Path))
	}
	actor, err := s.actor(c)
	if err != nil || !authz.Can(actor, authz.Read) {
		return echo.ErrNotFound
	}
	if r := c.Request(); r.Method == http.MethodGet && s.routed(http.MethodPost, r.URL.Path) {
		return s.see(c, s.pageOf(r.URL.Path))
	}
	c.Set(actorKey, actor)
	return echo.ErrNotFound
}
