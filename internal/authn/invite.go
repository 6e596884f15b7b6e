package authn

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
)

// A first password is made up by the console, told once to the admin who asked for it,
// and handed on by them. All that it lets anybody do is choose another.
//
//	Invite, ResetPassword ──▶ first password ──SignIn──▶ PasswordDue ──ChangePassword──▶ their own
//	                               │ a week                  │ an identity provider vouches for them
//	                               ▼                         ▼
//	                           no longer good            no password

// initialLife is how long a first password is good.
const initialLife = 7 * 24 * time.Hour

// newInitial makes up a password that can be read out: 100 random bits in groups of four.
func newInitial() string {
	raw := make([]byte, 13)
	_, _ = rand.Read(raw) // never fails
	text := strings.ToLower(base32.StdEncoding.EncodeToString(raw))[:20]
	return strings.Join([]string{text[:4], text[4:8], text[8:12], text[12:16], text[16:]}, "-")
}

// Invitation has the data of a new person whose password the console generates.
type Invitation struct {
	Email    string
	Name     string
	Roles    []access.Role
	Teams    []string
	External bool // they come by the identity provider, without a password
}

// Invite makes an account and returns its first password, which is shown this once.
func (s *Service) Invite(ctx context.Context, actor access.Actor, in Invitation) (p access.Person, initial string, err error) {
	if err := authz.Require(actor, authz.ManagePeople); err != nil {
		return access.Person{}, "", err
	}
	n := NewPerson{Email: in.Email, Name: in.Name, Roles: in.Roles, Teams: in.Teams}
	if err := access.InvalidFields(n.check()); err != nil {
		return access.Person{}, "", err
	}
	var until time.Time
	if !in.External {
		n.Password, until = newInitial(), s.initialUntil()
	}
	p, err = s.add(ctx, actor, n, until)
	return p, n.Password, err
}

func (s *Service) initialUntil() time.Time {
	return s.Now().Add(initialLife).UTC().Truncate(time.Microsecond)
}

// ResetPassword gives somebody else a first password again, which is shown this once, in
// place of the one they have. It ends their sessions and, unless they are to be kept,
// their tokens.
func (s *Service) ResetPassword(ctx context.Context, actor access.Actor, personID int64, keepTokens bool) (initial string, err error) {
	if err := authz.Require(actor, authz.ManagePeople); err != nil {
		return "", err
	}
	if actor.Is(access.PersonRef{ID: personID}) {
		return "", access.Errorf(access.KindForbidden, "Change your own password on the page of your account.")
	}
	initial = newInitial()
	hashed, err := s.hash(ctx, initial)
	if err != nil {
		return "", err
	}
	until := s.initialUntil()
	event := access.NewAuditEvent(actor, s.Now(), "person.reset", personObject(personID), map[string]any{"tokens_kept": keepTokens, "initial_until": until})
	if _, err := s.Store.ReplacePassword(ctx, personID, hashed, until, !keepTokens, event); err != nil {
		return "", fmt.Errorf("resetting the password of person %d: %w", personID, err)
	}
	return initial, nil
}

// forgetInitial removes the initial password of a person who signed in another way: the person who
// handed it out still knows it.
func (s *Service) forgetInitial(ctx context.Context, actor access.Actor, p access.Person) (access.Person, error) {
	if p.InitialUntil.IsZero() {
		return p, nil
	}
	event := access.NewAuditEvent(actor, s.Now(), "person.password", personObject(p.ID), map[string]any{"none": true, "tokens_kept": true})
	var err error
	p.InitialUntil = time.Time{}
	if p.Generation, err = s.Store.ReplacePassword(ctx, p.ID, "", p.InitialUntil, false, event); err != nil {
		return p, fmt.Errorf("removing the initial password of person %d: %w", p.ID, err)
	}
	return p, nil
}
