package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"portcullis/internal/access"
	"portcullis/internal/authn"
	"portcullis/internal/authz"
	"portcullis/web/view"
)

func (s *Server) peopleRoutes() {
	s.get("/people", authz.ManagePeople, s.showPeople)
	s.get("/people/:id", authz.ManagePeople, s.showPerson)
	s.post("/people/:id", authz.ManagePeople, s.savePerson)
	s.get("/people/new", authz.ManagePeople, s.newPerson)
	s.post("/people/new", authz.ManagePeople, s.addPerson)
	s.post("/people/:id/password", authz.ManagePeople, s.resetPassword)
	s.post("/people/:id/signout", authz.ManagePeople, s.signOutPerson)
}

func (s *Server) showPeople(c echo.Context, actor access.Actor) error {
	people, err := s.cfg.Identity.People(c.Request().Context(), actor)
	if err != nil {
		return err
	}
	shell := s.shell(c, actor, "People", "people").With("Who can sign in, and what they may do.", view.PeopleButtons())
	return s.ok(c, view.People(view.PeopleProps{Shell: shell, People: people}))
}

func (s *Server) showPerson(c echo.Context, actor access.Actor) error {
	p, err := s.personForm(c, actor)
	if err != nil {
		return err
	}
	return s.ok(c, view.EditPerson(p))
}

// personForm is the page with the person as they are.
func (s *Server) personForm(c echo.Context, actor access.Actor) (view.PersonProps, error) {
	id, err := idParam(c)
	if err != nil {
		return view.PersonProps{}, err
	}
	return s.personPage(c, actor, id)
}

func (s *Server) personPage(c echo.Context, actor access.Actor, id int64) (view.PersonProps, error) {
	ctx := c.Request().Context()
	person, err := s.cfg.Identity.Person(ctx, actor, id)
	if err != nil {
		return view.PersonProps{}, err
	}
	shell := s.shell(c, actor, person.Name, "people", peopleCrumb()).With(person.Email, nil)
	p := view.PersonProps{Shell: shell, Person: person, Roles: person.Roles, Teams: strings.Join(person.Teams, ", "), Disabled: person.Disabled, Own: actor.PersonID == id, Now: s.cfg.Now()}
	if p.Sessions, err = s.cfg.Identity.Sessions(ctx, actor, id, s.cfg.Sessions.Token(ctx)); err != nil {
		return p, err
	}
	p.Tokens, err = s.tokensOf(c, actor, id)
	return p, err
}

// tokensOf are the tokens of one person that can still be used.
func (s *Server) tokensOf(c echo.Context, actor access.Actor, id int64) ([]access.Token, error) {
	tokens, err := s.cfg.Identity.Tokens(c.Request().Context(), actor)
	return slices.DeleteFunc(slices.Clone(tokens), func(t access.Token) bool {
		return t.PersonID != id || t.State(s.cfg.Now()) != access.TokenActive
	}), err
}

func peopleCrumb() view.Crumb { return view.Crumb{Label: "People", URL: view.PeopleURL()} }

func (s *Server) newPerson(c echo.Context, actor access.Actor) error {
	return s.ok(c, view.NewPerson(s.newPersonForm(c, actor, authn.Invitation{Roles: []access.Role{access.RoleViewer}}, view.Problems{})))
}

func (s *Server) newPersonForm(c echo.Context, actor access.Actor, in authn.Invitation, problems view.Problems) view.NewPersonProps {
	return view.NewPersonProps{
		Shell: s.shell(c, actor, "Add a person", "people", peopleCrumb()), Provider: s.cfg.Provider != nil, Problems: problems,
		Name: in.Name, Email: in.Email, Roles: in.Roles, Teams: c.FormValue("teams"), External: in.External,
	}
}

// addPerson answers with the person's page itself: their first password is kept nowhere.
func (s *Server) addPerson(c echo.Context, actor access.Actor) error {
	in := authn.Invitation{Name: c.FormValue("name"), Email: c.FormValue("email"), Roles: rolesIn(c), Teams: words(c.FormValue("teams")), External: s.cfg.Provider != nil && c.FormValue("signin") == "provider"}
	person, initial, err := s.cfg.Identity.Invite(c.Request().Context(), actor, in)
	if err != nil {
		return s.refill(c, err, func(problems view.Problems) (templ.Component, error) {
			return view.NewPerson(s.newPersonForm(c, actor, in, problems)), nil
		})
	}
	return s.showFirstPassword(c, actor, person.ID, initial, http.StatusCreated)
}

func (s *Server) showFirstPassword(c echo.Context, actor access.Actor, id int64, initial string, status int) error {
	p, err := s.personPage(c, actor, id)
	if err != nil {
		return err
	}
	p.Initial = initial
	return s.page(c, status, view.EditPerson(p))
}

func (s *Server) resetPassword(c echo.Context, actor access.Actor) error {
	id, err := idParam(c)
	if err != nil {
		return err
	}
	initial, err := s.cfg.Identity.ResetPassword(c.Request().Context(), actor, id, c.FormValue("keep_tokens") == "yes")
	if err != nil {
		return err
	}
	return s.showFirstPassword(c, actor, id, initial, http.StatusOK)
}

func (s *Server) signOutPerson(c echo.Context, actor access.Actor) error {
	id, err := idParam(c)
	if err != nil {
		return err
	}
	if _, err := s.cfg.Identity.EndSessions(c.Request().Context(), actor, id, c.FormValue("tokens") == "yes"); err != nil {
		return err
	}
	s.flash(c, "They are signed out everywhere.")
	return s.see(c, view.PersonURL(id))
}

func rolesIn(c echo.Context) []access.Role {
	return convertAll(c.Request().PostForm["roles"], func(r string) access.Role { return access.Role(r) })
}

func (s *Server) savePerson(c echo.Context, actor access.Actor) error {
	id, err := idParam(c)
	if err != nil {
		return err
	}
	place := authn.Place{Roles: rolesIn(c), Teams: words(c.FormValue("teams")), Disabled: c.FormValue("state") == "disabled"}
	saved, err := s.cfg.Identity.SetPlace(c.Request().Context(), actor, id, place, authn.PersonChange{Confirm: c.FormValue("confirm"), IfTag: c.FormValue("as_read")})
	if err != nil {
		return s.refill(c, err, func(problems view.Problems) (templ.Component, error) {
			p, err := s.personForm(c, actor)
			p.Roles, p.Teams, p.Disabled, p.Confirm, p.Problems = place.Roles, c.FormValue("teams"), place.Disabled, c.FormValue("confirm"), problems
			return view.EditPerson(p), err
		})
	}
	s.flash(c, saved.Name+" is saved.")
	return s.see(c, view.PeopleURL())
}

// words reads a list that somebody typed with commas or spaces between.
func words(typed string) []string {
	list := strings.FieldsFunc(typed, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\r' || r == '\t' })
	slices.Sort(list)
	return slices.Compact(list)
}
