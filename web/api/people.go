package api

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
	"portcullis.internal/portcullis/web/transport"
)

// accountOfJSON is a person with their roles, who vouched for them, and with whom they count together.
type accountOfJSON struct {
	ID        int64         `json:"id"`
	Email     string        `json:"email"`
	Name      string        `json:"name"`
	Roles     []access.Role `json:"roles"`
	Teams     []string      `json:"teams"`
	Disabled  bool          `json:"disabled"`
	CreatedAt time.Time     `json:"created_at"`
	LinkUntil *time.Time    `json:"password_link_until"`
	Vouched   *vouchedJSON  `json:"vouched,omitempty"`
	Group     groupJSON     `json:"group"`
}

// vouchedJSON is who vouched for a person.
type vouchedJSON struct {
	Basis access.VouchBasis `json:"basis"`
	By    *personJSON       `json:"by,omitempty"`
	At    time.Time         `json:"at"`
}

// groupJSON is with whom a person counts together, and why.
type groupJSON struct {
	With []personJSON `json:"with"`
	Why  []string     `json:"why"`
}

func toAccountOfJSON(p access.Person) accountOfJSON {
	out := accountOfJSON{
		ID: p.ID, Email: p.Email, Name: p.Name, Roles: append([]access.Role{}, p.Roles...), Teams: append([]string{}, p.Teams...),
		Disabled: p.Disabled, CreatedAt: p.CreatedAt.UTC(),
	}
	if !p.LinkUntil.IsZero() {
		until := p.LinkUntil.UTC()
		out.LinkUntil = &until
	}
	if v := p.Vouching; v.Vouched {
		out.Vouched = &vouchedJSON{Basis: v.Basis, At: v.At.UTC()}
		if v.By.ID != 0 {
			by := toPersonJSON(v.By)
			out.Vouched.By = &by
		}
	}
	why := convertAll(p.Vouching.Why, access.Act.Sentence)
	out.Group = groupJSON{With: convertAll(p.Vouching.With, toPersonJSON), Why: append(why, p.Vouching.Doubts...)}
	return out
}

func personTag(p access.Person) string { return `"` + p.Tag() + `"` }

func personAnswer(p access.Person) result {
	return result{etag: personTag(p), body: toAccountOfJSON(p)}
}

// PeopleService keeps people.
type PeopleService interface {
	People(ctx context.Context, actor access.Actor) ([]access.Person, error)
	Person(ctx context.Context, actor access.Actor, id int64) (access.Person, error)
	SetPlace(ctx context.Context, actor access.Actor, personID int64, place authn.Place, say authn.PersonChange) (access.Person, error)
	Invite(ctx context.Context, actor access.Actor, in authn.Invitation) (p access.Person, secret string, err error)
	ResetPassword(ctx context.Context, actor access.Actor, personID int64) (secret string, err error)
	Vouch(ctx context.Context, actor access.Actor, personID int64, ifTag string) (access.Person, error)
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

// invite adds a person. The answer has no link to choose a password: a signed-in admin makes it.
func (s *peopleAPI) invite(r request) (result, error) {
	in, err := body[invitationJSON](r)
	if err != nil {
		return result{}, err
	}
	p, _, err := s.people.Invite(r.Request().Context(), r.actor, authn.Invitation(in))
	if err != nil {
		return result{}, err
	}
	answer, err := s.answer(r, p.ID)
	if err != nil {
		return result{}, err
	}
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
	_, err = s.people.SetPlace(r.Request().Context(), r.actor, p.ID, place, authn.PersonChange{Confirm: in.Confirm, IfTag: ifVersion})
	if err != nil {
		return result{}, err
	}
	return s.answer(r, p.ID)
}

// answer is the person as they are now.
func (s *peopleAPI) answer(r request, id int64) (result, error) {
	p, err := s.people.Person(r.Request().Context(), r.actor, id)
	return personAnswer(p), err
}

// resetPassword refuses every API token: the link goes to an admin who is signed in.
func (s *peopleAPI) resetPassword(r request) (result, error) {
	if err := noBody(r); err != nil {
		return result{}, err
	}
	id, err := r.id("person")
	if err != nil {
		return result{}, err
	}
	if _, err := s.people.ResetPassword(r.Request().Context(), r.actor, id); err != nil {
		return result{}, err
	}
	return s.answer(r, id)
}

// vouch vouches for a person as they were read, here or, with If-Match, by the caller.
func (s *peopleAPI) vouch(r request) (result, error) {
	if err := noBody(r); err != nil {
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
	if _, err := s.people.Vouch(r.Request().Context(), r.actor, p.ID, cmp.Or(ifVersion, p.Tag())); err != nil {
		return result{}, err
	}
	return s.answer(r, p.ID)
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
