package web

import (
	"net/http"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"portcullis/internal/access"
	"portcullis/internal/authn"
	"portcullis/internal/authz"
	"portcullis/web/view"
)

func (s *Server) profileRoutes() {
	s.get("/profile", authz.KeepAccount, s.showProfile)
	s.post("/profile/password", authz.KeepAccount, s.changePassword)
	s.post("/profile/sessions", authz.KeepAccount, s.endSessions)
	s.post("/profile/sessions/:id/end", authz.KeepAccount, s.endSession)
}

func (s *Server) showProfile(c echo.Context, actor access.Actor) error {
	p, err := s.profile(c, actor)
	if err != nil {
		return err
	}
	return s.ok(c, view.Profile(p))
}

func (s *Server) profile(c echo.Context, actor access.Actor) (view.ProfileProps, error) {
	ctx := c.Request().Context()
	p := view.ProfileProps{Shell: s.shell(c, actor, "Your account", ""), KeepTokens: c.FormValue("keep_tokens") == "yes", External: s.cfg.Sessions.GetBool(ctx, sessionExternal), Now: s.cfg.Now()}
	if actor.PasswordDue {
		return p, nil
	}
	var err error
	if p.Sessions, err = s.cfg.Identity.Sessions(ctx, actor, actor.PersonID, s.cfg.Sessions.Token(ctx)); err != nil {
		return p, err
	}
	p.Tokens, err = s.tokensOf(c, actor, actor.PersonID)
	return p, err
}

// changePassword ends every session but this one.
func (s *Server) changePassword(c echo.Context, actor access.Actor) error {
	n := authn.NewPassword{Old: c.FormValue("old_password"), New: c.FormValue("password"), KeepTokens: c.FormValue("keep_tokens") == "yes"}
	var err error
	var generation int64
	if c.FormValue("again") != n.New {
		err = access.Invalid("again", "the two new passwords differ")
	} else {
		generation, err = s.cfg.Identity.ChangePassword(c.Request().Context(), actor, actor.PersonID, n)
	}
	if err != nil {
		return s.refill(c, err, func(problems view.Problems) (templ.Component, error) {
			p, err := s.profile(c, actor)
			p.Problems = problems
			return view.Profile(p), err
		})
	}
	s.flash(c, "The password is changed, and you are signed out everywhere else.")
	return s.goOn(c, generation)
}

func (s *Server) endSessions(c echo.Context, actor access.Actor) error {
	generation, err := s.cfg.Identity.EndSessions(c.Request().Context(), actor, actor.PersonID, false)
	if err != nil {
		return err
	}
	s.flash(c, "You are signed out everywhere else.")
	return s.goOn(c, generation)
}

func (s *Server) endSession(c echo.Context, actor access.Actor) error {
	id, err := idParam(c)
	if err != nil {
		return err
	}
	if err := s.cfg.Identity.EndSession(c.Request().Context(), actor, id); err != nil {
		return err
	}
	s.flash(c, "That session is over.")
	return s.see(c, view.ProfileURL())
}

// goOn lets this session alone outlive the others: under a new token, so that a copy of
// its cookie is worth nothing either.
func (s *Server) goOn(c echo.Context, generation int64) error {
	ctx := c.Request().Context()
	if err := s.cfg.Sessions.RenewToken(ctx); err != nil {
		return access.Wrap(access.KindUnavailable, err, "The session could not be kept. Sign in again.")
	}
	s.cfg.Sessions.Put(ctx, authn.SessionSince, generation)
	return c.Redirect(http.StatusSeeOther, view.ProfileURL())
}
