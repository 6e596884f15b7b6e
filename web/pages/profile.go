package pages

import (
	"context"
	"net/http"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/web/view"
)

// ProfileService lets people manage their own account.
type ProfileService interface {
	ChangePassword(ctx context.Context, actor access.Actor, personID int64, n authn.NewPassword) (generation int64, err error)
	// Sessions returns a person's open sessions; here is the token of the session that asks.
	Sessions(ctx context.Context, actor access.Actor, personID int64, here string) ([]access.SignedIn, error)
	EndSession(ctx context.Context, actor access.Actor, id int64) error
	EndSessions(ctx context.Context, actor access.Actor, personID int64, tokens bool) (generation int64, err error)
}

// profilePages are the pages of a person's own account.
type profilePages struct {
	*site
	profiles ProfileService
	tokens   TokenLister
}

func (s *profilePages) routes() {
	s.Get("/profile", authz.ManageOwnAccount, s.showProfile)
	s.Post("/profile/password", authz.ManageOwnAccount, s.changePassword)
	s.Post("/profile/sessions", authz.ManageOwnAccount, s.endSessions)
	s.Post("/profile/sessions/:id/end", authz.ManageOwnAccount, s.endSession)
}

func (s *profilePages) showProfile(c echo.Context, actor access.Actor) error {
	p, err := s.profile(c, actor)
	if err != nil {
		return err
	}
	return s.ok(c, view.Profile(p))
}

func (s *profilePages) profile(c echo.Context, actor access.Actor) (view.ProfileProps, error) {
	ctx := c.Request().Context()
	p := view.ProfileProps{Shell: s.shell(c, actor, "Your account", ""), KeepTokens: c.FormValue("keep_tokens") == "yes", External: s.IsExternal(c), Now: s.now()}
	var err error
	if p.Sessions, err = s.profiles.Sessions(ctx, actor, actor.PersonID, s.SessionToken(c)); err != nil {
		return p, err
	}
	p.Tokens, err = tokensOf(ctx, s.tokens, actor, actor.PersonID, s.now())
	return p, err
}

// changePassword ends every session but this one.
func (s *profilePages) changePassword(c echo.Context, actor access.Actor) error {
	n := authn.NewPassword{Old: c.FormValue("old_password"), New: c.FormValue("password"), KeepTokens: c.FormValue("keep_tokens") == "yes"}
	var err error
	var generation int64
	if c.FormValue("again") != n.New {
		err = access.Invalid("again", "the two new passwords differ")
	} else {
		generation, err = s.profiles.ChangePassword(c.Request().Context(), actor, actor.PersonID, n)
	}
	if err != nil {
		return s.refill(c, err, func(problems view.Problems) (templ.Component, error) {
			p, err := s.profile(c, actor)
			p.Problems = problems
			return view.Profile(p), err
		})
	}
	s.Flash(c, "The password is changed, and you are signed out everywhere else.")
	return s.goOn(c, generation)
}

func (s *profilePages) endSessions(c echo.Context, actor access.Actor) error {
	generation, err := s.profiles.EndSessions(c.Request().Context(), actor, actor.PersonID, false)
	if err != nil {
		return err
	}
	s.Flash(c, "You are signed out everywhere else.")
	return s.goOn(c, generation)
}

func (s *profilePages) endSession(c echo.Context, actor access.Actor) error {
	id, err := idParam(c)
	if err != nil {
		return err
	}
	if err := s.profiles.EndSession(c.Request().Context(), actor, id); err != nil {
		return err
	}
	s.Flash(c, "That session is over.")
	return s.See(c, view.ProfileURL())
}

// goOn keeps this session and shows the page again.
func (s *profilePages) goOn(c echo.Context, generation int64) error {
	if err := s.KeepSession(c, generation); err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, view.ProfileURL())
}
