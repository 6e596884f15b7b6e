package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"portcullis/internal/access"
	"portcullis/internal/authn"
	"portcullis/web/transport"
)

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

// apiPeopleService keeps people.
type apiPeopleService interface {
	People(ctx context.Context, actor access.Actor) ([]access.Person, error)
	Person(ctx context.Context, actor access.Actor, id int64) (access.Person, error)
	SetPlace(ctx context.Context, actor access.Actor, personID int64, place authn.Place, say authn.Saying) (access.Person, error)
	Invite(ctx context.Context, actor access.Actor, in authn.Invitation) (p access.Person, initial string, err error)
	ResetPassword(ctx context.Context, actor access.Actor, personID int64, keepTokens bool) (initial string, err error)
	EndSessions(ctx context.Context, actor access.Actor, personID int64, tokens bool) (generation int64, err error)
}

// peopleAPI answers about people and keeps them.
type peopleAPI struct {
	*apiBase
	people apiPeopleService
}

// apiPeople lists everybody. It is one page.
func (s *peopleAPI) apiPeople(r apiRequest) (any, error) {
	people, err := s.people.People(r.Request().Context(), r.actor)
	if err != nil {
		return nil, err
	}
	return toAPIPage(access.Page[access.Person]{Items: people, Total: len(people)}, toAPIAccountOf), nil
}

func (s *peopleAPI) apiPerson(r apiRequest) (any, error) {
	p, err := s.personAsked(r)
	if err != nil {
		return nil, err
	}
	r.Response().Header().Set("ETag", personTag(p))
	return toAPIAccountOf(p), nil
}

func (s *peopleAPI) personAsked(r apiRequest) (access.Person, error) {
	id, err := r.id("person")
	if err != nil {
		return access.Person{}, err
	}
	return s.people.Person(r.Request().Context(), r.actor, id)
}

type apiInvitation struct {
	Email    string        `json:"email"`
	Name     string        `json:"name"`
	Roles    []access.Role `json:"roles"`
	Teams    []string      `json:"teams"`
	External bool          `json:"external"`
}

// apiInvite adds somebody.
func (s *peopleAPI) apiInvite(r apiRequest) (apiAnswer, error) {
	in, err := body[apiInvitation](r)
	if err != nil {
		return apiAnswer{}, err
	}
	p, initial, err := s.people.Invite(r.Request().Context(), r.actor, authn.Invitation(in))
	if err != nil {
		return apiAnswer{}, err
	}
	answer := withInitial(p, initial)
	answer.status, answer.location = http.StatusCreated, apiPrefix+"/people/"+strconv.FormatInt(p.ID, 10)
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
func (s *peopleAPI) apiPlace(r apiRequest) (apiAnswer, error) {
	in, err := body[apiStanding](r)
	if err != nil {
		return apiAnswer{}, err
	}
	asRead, err := transport.IfMatch(r)
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
	p, err = s.people.SetPlace(r.Request().Context(), r.actor, p.ID, place, authn.Saying{Confirm: in.Confirm, AsRead: asRead})
	if err != nil {
		return apiAnswer{}, err
	}
	return personAnswer(p), nil
}

type apiReset struct {
	KeepTokens bool `json:"keep_tokens"`
}

// apiResetPassword gives somebody else a first password again.
func (s *peopleAPI) apiResetPassword(r apiRequest) (apiAnswer, error) {
	in, err := bodyIfAny[apiReset](r)
	if err != nil {
		return apiAnswer{}, err
	}
	id, err := r.id("person")
	if err != nil {
		return apiAnswer{}, err
	}
	initial, err := s.people.ResetPassword(r.Request().Context(), r.actor, id, in.KeepTokens)
	if err != nil {
		return apiAnswer{}, err
	}
	p, err := s.people.Person(r.Request().Context(), r.actor, id)
	return withInitial(p, initial), err
}

type apiSigningOut struct {
	Tokens bool `json:"tokens"`
}

// apiSignOut ends all sessions of somebody, and on request their tokens.
func (s *peopleAPI) apiSignOut(r apiRequest) (apiAnswer, error) {
	in, err := bodyIfAny[apiSigningOut](r)
	if err != nil {
		return apiAnswer{}, err
	}
	id, err := r.id("person")
	if err != nil {
		return apiAnswer{}, err
	}
	if _, err := s.people.EndSessions(r.Request().Context(), r.actor, id, in.Tokens); err != nil {
		return apiAnswer{}, err
	}
	p, err := s.people.Person(r.Request().Context(), r.actor, id)
	return personAnswer(p), err
}
