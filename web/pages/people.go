package pages

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/web/view"
)

// PeopleService keeps people and their sessions.
type PeopleService interface {
	People(ctx context.Context, actor access.Actor) ([]access.Person, error)
	Person(ctx context.Context, actor access.Actor, id int64) (access.Person, error)
	SetPlace(ctx context.Context, actor access.Actor, personID int64, place authn.Place, say authn.PersonChange) (access.Person, error)
	Invite(ctx context.Context, actor access.Actor, in authn.Invitation) (p access.Person, secret string, err error)
	ResetPassword(ctx context.Context, actor access.Actor, personID int64) (secret string, err error)
	Vouch(ctx context.Context, actor access.Actor, personID int64, ifTag string) (access.Person, error)
	MayVouch(ctx context.Context, actor access.Actor, personID int64) error
	// Sessions returns a person's open sessions; here is the token of the session that asks.
	Sessions(ctx context.Context, actor access.Actor, personID int64, here string) ([]access.SignedIn, error)
	EndSessions(ctx context.Context, actor access.Actor, personID int64, tokens bool) (generation int64, err error)
}

// TokenLister lists API tokens.
type TokenLister interface {
	Tokens(ctx context.Context, actor access.Actor) ([]access.Token, error)
}

// peoplePages are the pages of people.
type peoplePages struct {
	*site
	people   PeopleService
	tokens   TokenLister
	external bool // an identity provider signs people in, too
}

func (s *peoplePages) routes() {
	s.Get("/people", authz.ManagePeople, s.showPeople)
	s.Get("/people/:id", authz.ManagePeople, s.showPerson)
	s.Post("/people/:id", authz.ManagePeople, s.savePerson, "roles")
	s.Get("/people/new", authz.ManagePeople, s.newPerson)
	s.Post("/people/new", authz.ManagePeople, s.addPerson, "roles")
	s.Post("/people/:id/password", authz.ManagePeople, s.resetPassword)
	s.Post("/people/:id/vouch", authz.ManagePeople, s.vouch)
	s.Post("/people/:id/signout", authz.ManagePeople, s.signOutPerson)
}

func (s *peoplePages) showPeople(c echo.Context, actor access.Actor) error {
	people, err := s.people.People(c.Request().Context(), actor)
	if err != nil {
		return err
	}
	shell := s.shell(c, actor, "People", "people").With("Who can sign in, and what they may do.", view.PeopleButtons())
	return s.ok(c, view.People(view.PeopleProps{Shell: shell, People: people}))
}

func (s *peoplePages) showPerson(c echo.Context, actor access.Actor) error {
	p, err := s.personForm(c, actor)
	if err != nil {
		return err
	}
	return s.ok(c, view.EditPerson(p))
}

// personForm is the page with the person as they are.
func (s *peoplePages) personForm(c echo.Context, actor access.Actor) (view.PersonProps, error) {
	id, err := idParam(c)
	if err != nil {
		return view.PersonProps{}, err
	}
	return s.personPage(c, actor, id)
}

func (s *peoplePages) personPage(c echo.Context, actor access.Actor, id int64) (view.PersonProps, error) {
	ctx := c.Request().Context()
	person, err := s.people.Person(ctx, actor, id)
	if err != nil {
		return view.PersonProps{}, err
	}
	shell := s.shell(c, actor, person.Name, "people", peopleCrumb()).With(person.Email, nil)
	p := view.PersonProps{Shell: shell, Person: person, Roles: person.Roles, Teams: strings.Join(person.Teams, ", "), Disabled: person.Disabled, Own: actor.PersonID == id, Now: s.now()}
	p.Vouch = s.people.MayVouch(ctx, actor, id)
	if kind := access.KindOf(p.Vouch); p.Vouch != nil && kind != access.KindForbidden && kind != access.KindConflict {
		return p, p.Vouch
	}
	if p.Sessions, err = s.people.Sessions(ctx, actor, id, s.SessionToken(c)); err != nil {
		return p, err
	}
	p.Tokens, err = tokensOf(ctx, s.tokens, actor, id, s.now())
	return p, err
}

// tokensOf returns the tokens of one person that can still be used.
func tokensOf(ctx context.Context, all TokenLister, actor access.Actor, id int64, now time.Time) ([]access.Token, error) {
	tokens, err := all.Tokens(ctx, actor)
	return slices.DeleteFunc(slices.Clone(tokens), func(t access.Token) bool {
		return t.PersonID != id || t.State(now) != access.TokenActive
	}), err
}

func peopleCrumb() view.Crumb { return view.Crumb{Label: "People", URL: view.PeopleURL()} }

func (s *peoplePages) newPerson(c echo.Context, actor access.Actor) error {
	return s.ok(c, view.NewPerson(s.newPersonForm(c, actor, authn.Invitation{Roles: []access.Role{access.RoleViewer}}, view.Problems{})))
}

func (s *peoplePages) newPersonForm(c echo.Context, actor access.Actor, in authn.Invitation, problems view.Problems) view.NewPersonProps {
	return view.NewPersonProps{
		Shell: s.shell(c, actor, "Add a person", "people", peopleCrumb()), Provider: s.external, Problems: problems,
		Name: in.Name, Email: in.Email, Roles: in.Roles, Teams: c.FormValue("teams"), External: in.External,
	}
}

// addPerson answers with the person's page itself: the secret of their link is kept nowhere.
func (s *peoplePages) addPerson(c echo.Context, actor access.Actor) error {
	in := authn.Invitation{Name: c.FormValue("name"), Email: c.FormValue("email"), Roles: rolesIn(c), Teams: words(c.FormValue("teams")), External: s.external && c.FormValue("signin") == "provider"}
	person, secret, err := s.people.Invite(c.Request().Context(), actor, in)
	if err != nil {
		return s.refill(c, err, func(problems view.Problems) (templ.Component, error) {
			return view.NewPerson(s.newPersonForm(c, actor, in, problems)), nil
		})
	}
	return s.showLink(c, actor, person.ID, secret, http.StatusCreated)
}

func (s *peoplePages) showLink(c echo.Context, actor access.Actor, id int64, secret string, status int) error {
	p, err := s.personPage(c, actor, id)
	if err != nil {
		return err
	}
	if secret != "" {
		p.Link = s.Absolute(c, view.ChoosePasswordURL()) + "#" + secret
	}
	return s.page(c, status, view.EditPerson(p))
}

func (s *peoplePages) resetPassword(c echo.Context, actor access.Actor) error {
	id, err := idParam(c)
	if err != nil {
		return err
	}
	secret, err := s.people.ResetPassword(c.Request().Context(), actor, id)
	if err != nil {
		return err
	}
	return s.showLink(c, actor, id, secret, http.StatusOK)
}

func (s *peoplePages) vouch(c echo.Context, actor access.Actor) error {
	id, err := idParam(c)
	if err != nil {
		return err
	}
	vouched, err := s.people.Vouch(c.Request().Context(), actor, id, c.FormValue("as_read"))
	if err != nil {
		return err
	}
	s.Flash(c, "You have vouched for "+vouched.Name+".")
	return s.See(c, view.PersonURL(id))
}

func (s *peoplePages) signOutPerson(c echo.Context, actor access.Actor) error {
	id, err := idParam(c)
	if err != nil {
		return err
	}
	if _, err := s.people.EndSessions(c.Request().Context(), actor, id, c.FormValue("tokens") == "yes"); err != nil {
		return err
	}
	s.Flash(c, "They are signed out everywhere.")
	return s.See(c, view.PersonURL(id))
}

func rolesIn(c echo.Context) []access.Role {
	return convertAll(c.Request().PostForm["roles"], func(r string) access.Role { return access.Role(r) })
}

func (s *peoplePages) savePerson(c echo.Context, actor access.Actor) error {
	id, err := idParam(c)
	if err != nil {
		return err
	}
	place := authn.Place{Roles: rolesIn(c), Teams: words(c.FormValue("teams")), Disabled: c.FormValue("state") == "disabled"}
	saved, err := s.people.SetPlace(c.Request().Context(), actor, id, place, authn.PersonChange{Confirm: c.FormValue("confirm"), IfTag: c.FormValue("as_read")})
	if err != nil {
		return s.refill(c, err, func(problems view.Problems) (templ.Component, error) {
			p, err := s.personForm(c, actor)
			p.Roles, p.Teams, p.Disabled, p.Confirm, p.Problems = place.Roles, c.FormValue("teams"), place.Disabled, c.FormValue("confirm"), problems
			return view.EditPerson(p), err
		})
	}
	s.Flash(c, saved.Name+" is saved.")
	return s.See(c, view.PeopleURL())
}

// words reads a list that somebody typed with commas or spaces between.
func words(typed string) []string {
	list := strings.FieldsFunc(typed, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\r' || r == '\t' })
	slices.Sort(list)
	return slices.Compact(list)
}
