package authn

import (
	"context"
	"fmt"
	"net/mail"
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
)

// The shortest and longest password. Length is what counts; what the characters are
// does not. The upper bound keeps a request from costing much.
const (
	MinPassword = 12
	MaxPassword = 256
)

// maxName is the longest name of a person or token that is kept.
const maxName = 100

// NewPerson has the data of a new local account.
type NewPerson struct {
	Email    string
	Name     string
	Roles    []access.Role
	Teams    []string // for review rules
	Password string
}

func (n NewPerson) check() []access.FieldError {
	var fields []access.FieldError
	add := func(field, message string) {
		fields = append(fields, access.FieldError{Field: field, Message: message})
	}
	email := access.NormalEmail(n.Email)
	if a, err := mail.ParseAddress(email); err != nil || a.Address != email || len(email) > maxEmail {
		add("email", fmt.Sprintf("%q is not an e-mail address", n.Email))
	}
	fields = append(fields, access.FieldsOf(access.CheckIdentifier("email", n.Email))...)
	if name := strings.TrimSpace(n.Name); name == "" || len(name) > maxName {
		add("name", fmt.Sprintf("give the person's name, of at most %d characters", maxName))
	}
	return append(fields, checkStanding(n.Roles, n.Teams)...)
}

func checkStanding(roles []access.Role, teams []string) []access.FieldError {
	var fields []access.FieldError
	if len(roles) == 0 {
		fields = append(fields, access.FieldError{Field: "roles", Message: "give at least one role: viewer, editor, approver, operator, auditor, admin or break-glass"})
	}
	for _, r := range roles {
		if _, err := access.ParseRole(string(r)); err != nil {
			fields = append(fields, access.FieldError{Field: "roles", Message: access.MessageOf(err)})
		}
	}
	for _, t := range teams {
		if _, err := access.ParseTeam(t); err != nil {
			fields = append(fields, access.FieldError{Field: "teams", Message: access.MessageOf(err)})
		}
	}
	return fields
}

func checkPassword(password, email string) error {
	switch {
	case len(password) < MinPassword:
		return access.Invalid("password", "the password has %d characters; it needs at least %d", len(password), MinPassword)
	case len(password) > MaxPassword:
		return access.Invalid("password", "the password has %d characters; at most %d are allowed", len(password), MaxPassword)
	case email != "" && strings.EqualFold(password, email):
		return access.Invalid("password", "the password must not be the e-mail address")
	}
	return nil
}

// AddPerson makes a local account with a password that the person is to keep. Only the system does that, for the
// server's command line and the demo; an admin invites.
func (s *Service) AddPerson(ctx context.Context, actor access.Actor, n NewPerson) (access.Person, error) {
	if err := requireSystem(actor); err != nil {
		return access.Person{}, err
	}
	if err := access.InvalidFields(append(n.check(), access.FieldsOf(checkPassword(n.Password, access.NormalEmail(n.Email)))...)); err != nil {
		return access.Person{}, err
	}
	hashed, err := s.hash(ctx, n.Password)
	if err != nil {
		return access.Person{}, err
	}
	p := s.newPerson(n)
	created, err := s.Store.CreatePerson(ctx, p, hashed, s.addEvent(actor, p))
	if err != nil {
		return access.Person{}, fmt.Errorf("adding %s: %w", p.Email, err)
	}
	return created, nil
}

// requireSystem lets only the system go on: the server's command line, or the demo.
func requireSystem(actor access.Actor) error {
	if actor.Kind != access.ActorSystem {
		return access.Errorf(access.KindForbidden,
			"Only the server's command line sets the password of another person. Make a link instead.")
	}
	return nil
}

func (s *Service) newPerson(n NewPerson) access.Person {
	return access.Person{
		Email: access.NormalEmail(n.Email), Name: strings.TrimSpace(n.Name), Roles: sortedRoles(n.Roles),
		Teams: sortedTeams(n.Teams), CreatedAt: s.Now(),
	}
}

func (s *Service) addEvent(actor access.Actor, p access.Person) access.AuditEvent {
	detail := map[string]any{"name": p.Name, "roles": p.Roles, "teams": p.Teams}
	if !p.LinkUntil.IsZero() {
		detail["link_until"] = p.LinkUntil
	}
	return access.NewAuditEvent(actor, s.Now(), "person.add", "email/"+p.Email, detail)
}

// sortedRoles puts roles in the order of access.Roles, each once.
func sortedRoles(roles []access.Role) []access.Role {
	return slices.DeleteFunc(access.Roles(), func(r access.Role) bool { return !slices.Contains(roles, r) })
}

func sortedTeams(teams []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(teams)))
}

// Place is what a person is in the console: what they may do, and which review rules
// they count for.
type Place struct {
	Roles    []access.Role
	Teams    []string
	Disabled bool
}

// PersonChange guards a change to a person. Confirm is the person's e-mail address: the settings may require
// it before the last person with a capability loses it. If IfTag is set, the change fails with KindStale
// unless it is still the person's tag.
type PersonChange struct {
	Confirm string
	IfTag   string
}

// SetPlace changes what a person is, as of their next request. Reviews that they gave
// count by what they are when the change is applied. Whoever is shut out is signed out
// and loses their tokens. Nobody gives themselves anything.
func (s *Service) SetPlace(
	ctx context.Context, actor access.Actor, personID int64, place Place, change PersonChange,
) (access.Person, error) {
	if err := authz.Require(actor, authz.ManagePeople); err != nil {
		return access.Person{}, err
	}
	if err := access.InvalidFields(checkStanding(place.Roles, place.Teams)); err != nil {
		return access.Person{}, err
	}
	return s.Store.UpdatePerson(ctx, personID, func(p *access.Person, personContext access.PersonContext) ([]access.AuditEvent, error) {
		was := *p
		if change.IfTag != "" && change.IfTag != was.Tag() {
			return nil, access.Errorf(access.KindStale, "Somebody else has changed %s since you opened them. Look again, then decide anew.", was.Name)
		}
		if actor.Is(access.PersonRef{ID: personID}) && !within(place, was) {
			return nil, access.Errorf(access.KindForbidden, "Nobody gives themselves a role or a team. Ask another admin.")
		}
		p.Roles, p.Teams, p.Disabled = sortedRoles(place.Roles), sortedTeams(place.Teams), place.Disabled
		if p.Disabled && !was.Disabled {
			p.Generation++
		}
		detail := map[string]any{"before": placeOf(was), "after": placeOf(*p)}
		if lost := lostCapabilities(was, *p, personContext); len(lost) > 0 {
			if err := lastOne(was, lost, personContext.Settings.Mode(access.GuardNobodyApplies), change.Confirm); err != nil {
				return nil, err
			}
			detail["confirmed"] = lost
		}
		return []access.AuditEvent{access.NewAuditEvent(actor, s.Now(), "person.place", personObject(personID), detail)}, nil
	})
}

// within reports whether a place gives nothing that a person does not have.
func within(place Place, p access.Person) bool {
	return !slices.ContainsFunc(place.Roles, func(r access.Role) bool { return !slices.Contains(p.Roles, r) }) &&
		!slices.ContainsFunc(place.Teams, func(t string) bool { return !slices.Contains(p.Teams, t) })
}

func placeOf(p access.Person) Place {
	return Place{Roles: p.Roles, Teams: p.Teams, Disabled: p.Disabled}
}

func (s *Service) hash(ctx context.Context, password string) (string, error) {
	leave, err := s.hashSlots.enter(ctx)
	if err != nil {
		return "", fmt.Errorf("waiting to hash a password: %w", err)
	}
	defer leave()
	return newHash(password, s.Hash).String(), nil
}

// People lists everybody with an account.
func (s *Service) People(ctx context.Context, actor access.Actor) ([]access.Person, error) {
	if err := authz.Require(actor, authz.ManagePeople); err != nil {
		return nil, err
	}
	people, err := s.Store.People(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing people: %w", err)
	}
	groups, err := s.Store.Groups(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing people: %w", err)
	}
	for i := range people {
		people[i].Vouching = groups.Vouching(people[i].ID)
	}
	return people, nil
}

// Person returns one account.
func (s *Service) Person(ctx context.Context, actor access.Actor, id int64) (access.Person, error) {
	if err := authz.Require(actor, authz.ManagePeople); err != nil {
		return access.Person{}, err
	}
	p, err := s.Store.Person(ctx, id)
	if err != nil {
		return access.Person{}, fmt.Errorf("looking up person %d: %w", id, err)
	}
	groups, err := s.Store.Groups(ctx)
	if err != nil {
		return access.Person{}, fmt.Errorf("looking up person %d: %w", id, err)
	}
	p.Vouching = groups.Vouching(id)
	return p, nil
}

// PersonByEmail finds one account.
func (s *Service) PersonByEmail(ctx context.Context, actor access.Actor, email string) (access.Person, error) {
	if err := authz.Require(actor, authz.ManagePeople); err != nil {
		return access.Person{}, err
	}
	p, _, err := s.Store.PersonByEmail(ctx, access.NormalEmail(email))
	if access.KindOf(err) == access.KindNotFound {
		return access.Person{}, access.Errorf(access.KindNotFound, "Nobody has the e-mail %q. See who is there with: portcullis user list", email)
	}
	if err != nil {
		return access.Person{}, fmt.Errorf("looking up %s: %w", email, err)
	}
	return p, nil
}

// NewPassword has the data to replace a password. Old is the present one, which the server's command line does not know.
type NewPassword struct {
	Old, New   string
	KeepTokens bool
}

// ChangePassword gives a person a new password: their own after the old one was
// checked (an attempt like any other), or, for the server's command line, anybody's. It ends the person's
// sessions and, unless they are to be kept, their tokens. It returns the generation with
// which the caller's own session can go on.
func (s *Service) ChangePassword(ctx context.Context, actor access.Actor, personID int64, n NewPassword) (generation int64, err error) {
	own := isOwn(actor, personID)
	if err := mayKeep(actor, personID); err != nil {
		return 0, err
	}
	if !own {
		if err := requireSystem(actor); err != nil {
			return 0, err
		}
	}
	if err := checkPassword(n.New, actor.Email); err != nil {
		return 0, err
	}
	if own {
		if n.New == n.Old {
			return 0, access.Invalid("password", "choose another password than the present one")
		}
		if err := s.checkOld(ctx, actor, n.Old); err != nil {
			return 0, err
		}
	}
	hashed, err := s.hash(ctx, n.New)
	if err != nil {
		return 0, err
	}
	event := access.NewAuditEvent(actor, s.Now(), "person.password", personObject(personID), map[string]any{"tokens_kept": n.KeepTokens})
	if generation, err = s.Store.ReplacePassword(ctx, personID, hashed, !n.KeepTokens, event); err != nil {
		return 0, fmt.Errorf("storing the password of person %d: %w", personID, err)
	}
	return generation, nil
}

func (s *Service) checkOld(ctx context.Context, actor access.Actor, old string) error {
	_, err := s.signIn(ctx, attempt{
		email: attemptEmail(actor.Email), password: old, origin: origin{actor.Addr, actor.UserAgent, actor.RequestID},
		known: personObject(actor.PersonID), // failures of strangers do not count
	})
	if access.KindOf(err) == access.KindUnauthenticated {
		return access.Invalid("old_password", "the present password is not right")
	}
	return err
}
