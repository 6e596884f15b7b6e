package web

import (
	"net/http"
	"time"

	"portcullis/internal/access"
	"portcullis/internal/authn"
	"portcullis/internal/authz"
	"portcullis/web/view"
)

func (s *Server) apiPeopleRoutes() {
	at := apiPrefix + view.PeopleURL()
	s.api(http.MethodGet, at, authz.ManagePeople, asJSON(s.apiPeople))
	s.api(http.MethodPost, at, authz.ManagePeople, s.asAction(s.apiInvite))
	s.api(http.MethodGet, at+"/:id", authz.ManagePeople, asJSON(s.apiPerson))
	s.api(http.MethodPatch, at+"/:id", authz.ManagePeople, s.asAction(s.apiPlace))
	s.api(http.MethodPost, at+"/:id/password", authz.ManagePeople, s.asAction(s.apiResetPassword))
	s.api(http.MethodPost, at+"/:id/signout", authz.ManagePeople, s.asAction(s.apiSignOut))
}

// apiAccountOf is a person with what they may do. Initial is their first password, in the
// one answer that tells it.
type apiAccountOf struct {
	ID           int64         `json:"id"`
	Email        string        `json:"email"`
	Name         string        `json:"name"`
	Roles        []access.Role `json:"roles"`
	Teams        []string      `json:"teams"`
	Disabled     bool          `json:"disabled"`
	CreatedAt    time.Time     `json:"created_at"`
	InitialUntil *time.Time    `json:"first_password_until"`
	Initial      string        `json:"first_password,omitempty"`
}

func toAPIAccountOf(p access.Person) apiAccountOf {
	out := apiAccountOf{
		ID: p.ID, Email: p.Email, Name: p.Name, Roles: append([]access.Role{}, p.Roles...), Teams: append([]string{}, p.Teams...),
		Disabled: p.Disabled, CreatedAt: p.CreatedAt.UTC(),
	}
	if !p.InitialUntil.IsZero() {
		until := p.InitialUntil.UTC()
		out.InitialUntil = &until
	}
	return out
}

func personTag(p access.Person) string { return `"` + p.Tag() + `"` }

func personAnswer(p access.Person) apiAnswer {
	return apiAnswer{etag: personTag(p), body: toAPIAccountOf(p)}
}

// withInitial is an answer that also tells a first password, the first time.
func withInitial(p access.Person, initial string) apiAnswer {
	answer, told := personAnswer(p), toAPIAccountOf(p)
	if told.Initial = initial; initial != "" {
		answer.once = told
	}
	return answer
}

// apiPeople lists everybody. It is one page.
func (s *Server) apiPeople(r apiRequest) (any, error) {
	people, err := s.cfg.Identity.People(r.Request().Context(), r.actor)
	if err != nil {
		return nil, err
	}
	return toAPIPage(access.Page[access.Person]{Items: people, Total: len(people)}, toAPIAccountOf), nil
}

func (s *Server) apiPerson(r apiRequest) (any, error) {
	p, err := s.personAsked(r)
	if err != nil {
		return nil, err
	}
	r.Response().Header().Set("ETag", personTag(p))
	return toAPIAccountOf(p), nil
}

func (s *Server) personAsked(r apiRequest) (access.Person, error) {
	id, err := r.id("person")
	if err != nil {
		return access.Person{}, err
	}
	return s.cfg.Identity.Person(r.Request().Context(), r.actor, id)
}

type apiInvitation struct {
	Email    string        `json:"email"`
	Name     string        `json:"name"`
	Roles    []access.Role `json:"roles"`
	Teams    []string      `json:"teams"`
	External bool          `json:"external"`
}

// apiInvite adds somebody.
func (s *Server) apiInvite(r apiRequest) (apiAnswer, error) {
	in, err := body[apiInvitation](r)
	if err != nil {
		return apiAnswer{}, err
	}
	p, initial, err := s.cfg.Identity.Invite(r.Request().Context(), r.actor, authn.Invitation(in))
	if err != nil {
		return apiAnswer{}, err
	}
	answer := withInitial(p, initial)
	answer.status, answer.location = http.StatusCreated, apiPrefix+view.PersonURL(p.ID)
	return answer, nil
}

// apiStanding is what is to be different of a person; what is not said stays.
type apiStanding struct {
	Roles    *[]access.Role `json:"roles"`
	Teams    *[]string      `json:"teams"`
	Disabled *bool          `json:"disabled"`
	Confirm  string         `json:"confirm"`
}

// apiPlace says what somebody is from now on. It builds on the person as they were read,
// here or, with If-Match, by the caller.
func (s *Server) apiPlace(r apiRequest) (apiAnswer, error) {
	in, err := body[apiStanding](r)
	if err != nil {
		return apiAnswer{}, err
	}
	asRead, err := ifMatch(r)
	if err != nil {
		return apiAnswer{}, err
	}
	p, err := s.personAsked(r)
	if err != nil {
		return apiAnswer{}, err
	}
	place := authn.Place{Roles: p.Roles, Teams: p.Teams, Disabled: p.Disabled}
	if in.Roles != nil {
		place.Roles = *in.Roles
	}
	if in.Teams != nil {
		place.Teams = *in.Teams
	}
	if in.Disabled != nil {
		place.Disabled = *in.Disabled
	}
	if asRead == "" {
		asRead = p.Tag()
	}
	p, err = s.cfg.Identity.SetPlace(r.Request().Context(), r.actor, p.ID, place, authn.PersonChange{Confirm: in.Confirm, IfTag: asRead})
	if err != nil {
		return apiAnswer{}, err
	}
	return personAnswer(p), nil
}

type apiReset struct {
	KeepTokens bool `json:"keep_tokens"`
}

// apiResetPassword gives somebody else a first password again.
func (s *Server) apiResetPassword(r apiRequest) (apiAnswer, error) {
	in, err := bodyIfAny[apiReset](r)
	if err != nil {
		return apiAnswer{}, err
	}
	id, err := r.id("person")
	if err != nil {
		return apiAnswer{}, err
	}
	initial, err := s.cfg.Identity.ResetPassword(r.Request().Context(), r.actor, id, in.KeepTokens)
	if err != nil {
		return apiAnswer{}, err
	}
	p, err := s.cfg.Identity.Person(r.Request().Context(), r.actor, id)
	return withInitial(p, initial), err
}

type apiSigningOut struct {
	Tokens bool `json:"tokens"`
}

// apiSignOut ends all sessions of somebody, and on request their tokens.
func (s *Server) apiSignOut(r apiRequest) (apiAnswer, error) {
	in, err := bodyIfAny[apiSigningOut](r)
	if err != nil {
		return apiAnswer{}, err
	}
	id, err := r.id("person")
	if err != nil {
		return apiAnswer{}, err
	}
	if _, err := s.cfg.Identity.EndSessions(r.Request().Context(), r.actor, id, in.Tokens); err != nil {
		return apiAnswer{}, err
	}
	p, err := s.cfg.Identity.Person(r.Request().Context(), r.actor, id)
	return personAnswer(p), err
}
