package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
	"portcullis.internal/portcullis/web/transport"
)

// accountOfJSON is a person with what they may do. Initial is their first password, in the
// one answer that tells it.
type accountOfJSON struct {
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

func toAccountOfJSON(p access.Person) accountOfJSON {
	out := accountOfJSON{
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

func personAnswer(p access.Person) result {
	return result{etag: personTag(p), body: toAccountOfJSON(p)}
}

// withInitial is an answer that also tells a first password, the first time.
func withInitial(p access.Person, initial string) result {
	answer, told := personAnswer(p), toAccountOfJSON(p)
	if told.Initial = initial; initial != "" {
		answer.once = told
	}
	return answer
}

// PeopleService keeps people.
type PeopleService interface {
	People(ctx context.Context, actor access.Actor) ([]access.Person, error)
	Person(ctx context.Context, actor access.Actor, id int64) (access.Person, error)
	SetPlace(ctx context.Context, actor access.Actor, personID int64, place authn.Place, say authn.PersonChange) (access.Person, error)
	Invite(ctx context.Context, actor access.Actor, in authn.Invitation) (p access.Person, initial string, err error)
	ResetPassword(ctx context.Context, actor access.Actor, personID int64, keepTokens bool) (initial string, err error)
	EndSessions(ctx context.Context, actor access.Actor, personID int64, tokens bool) (generation int64, err error)
}

// peopleAPI answers about people and keeps them.
type peopleAPI struct {
	people PeopleService
}

// list lists everybody. It is one page.
func (s *peopleAPI) list(r request) (any, error) {
	people, err := s.people.People(r.Request().Context(), r.actor)
	if err != nil {
		return nil, err
	}
	return toPageJSON(access.Page[access.Person]{Items: people, Total: len(people)}, toAccountOfJSON), nil
}

func (s *peopleAPI) one(r request) (any, error) {
	p, err := s.asked(r)
	if err != nil {
		return nil, err
	}
	r.Response().Header().Set("ETag", personTag(p))
	return toAccountOfJSON(p), nil
}

func (s *peopleAPI) asked(r request) (access.Person, error) {
	id, err := r.id("person")
	if err != nil {
		return access.Person{}, err
	}
	return s.people.Person(r.Request().Context(), r.actor, id)
}

type invitationJSON struct {
	Email    string        `json:"email"`
	Name     string        `json:"name"`
	Roles    []access.Role `json:"roles"`
	Teams    []string      `json:"teams"`
	External bool          `json:"external"`
}

// invite adds somebody.
func (s *peopleAPI) invite(r request) (result, error) {
	in, err := body[invitationJSON](r)
	if err != nil {
		return result{}, err
	}
	p, initial, err := s.people.Invite(r.Request().Context(), r.actor, authn.Invitation(in))
	if err != nil {
		return result{}, err
	}
	answer := withInitial(p, initial)
	answer.status, answer.location = http.StatusCreated, apiPrefix+"/people/"+strconv.FormatInt(p.ID, 10)
	return answer, nil
}

// standingJSON is what is to be different of a person; what is not said stays.
type standingJSON struct {
	Roles    *[]access.Role `json:"roles"`
	Teams    *[]string      `json:"teams"`
	Disabled *bool          `json:"disabled"`
	Confirm  string         `json:"confirm"`
}

// place says what somebody is from now on. It builds on the person as they were read,
// here or, with If-Match, by the caller.
func (s *peopleAPI) place(r request) (result, error) {
	in, err := body[standingJSON](r)
	if err != nil {
		return result{}, err
	}
	ifVersion, err := transport.IfMatch(r)
	if err != nil {
		return result{}, err
	}
	p, err := s.asked(r)
	if err != nil {
		return result{}, err
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
	if ifVersion == "" {
		ifVersion = p.Tag()
	}
	p, err = s.people.SetPlace(r.Request().Context(), r.actor, p.ID, place, authn.PersonChange{Confirm: in.Confirm, IfTag: ifVersion})
	if err != nil {
		return result{}, err
	}
	return personAnswer(p), nil
}

type resetJSON struct {
	KeepTokens bool `json:"keep_tokens"`
}

// resetPassword gives somebody else a first password again.
func (s *peopleAPI) resetPassword(r request) (result, error) {
	in, err := bodyIfAny[resetJSON](r)
	if err != nil {
		return result{}, err
	}
	id, err := r.id("person")
	if err != nil {
		return result{}, err
	}
	initial, err := s.people.ResetPassword(r.Request().Context(), r.actor, id, in.KeepTokens)
	if err != nil {
		return result{}, err
	}
	p, err := s.people.Person(r.Request().Context(), r.actor, id)
	return withInitial(p, initial), err
}

type signingOutJSON struct {
	Tokens bool `json:"tokens"`
}

// signOut ends all sessions of somebody, and on request their tokens.
func (s *peopleAPI) signOut(r request) (result, error) {
	in, err := bodyIfAny[signingOutJSON](r)
	if err != nil {
		return result{}, err
	}
	id, err := r.id("person")
	if err != nil {
		return result{}, err
	}
	if _, err := s.people.EndSessions(r.Request().Context(), r.actor, id, in.Tokens); err != nil {
		return result{}, err
	}
	p, err := s.people.Person(r.Request().Context(), r.actor, id)
	return personAnswer(p), err
}
