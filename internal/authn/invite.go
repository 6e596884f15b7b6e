package authn

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/netip"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
)

// A person chooses the first password, and after a reset the next one, with a link. An admin asks for the link, is told
// its secret once, and hands it on. Only the hash of the secret is stored.
//
//	Invite, MakeLink ──▶ link ──ChoosePassword──▶ password
//	                      │ three days, a newer link, the account is disabled, the person signs in at the provider
//	                      ▼
//	                no longer good

// linkLife is how long a link is good.
const linkLife = 72 * time.Hour

// newLink makes the secret of a link: 256 random bits.
func newLink() string {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails
	return base64.RawURLEncoding.EncodeToString(raw)
}

// Invitation has the data of a new person who chooses their password with a link.
type Invitation struct {
	Email    string
	Name     string
	Roles    []access.Role
	Teams    []string
	External bool // they come by the identity provider, without a password
}

// Invite makes an account and returns the secret of the link with which the person chooses a password. It is shown this
// once. An API token gets none: a signed-in admin makes the link.
func (s *Service) Invite(ctx context.Context, actor access.Actor, in Invitation) (p access.Person, secret string, err error) {
	if err := authz.Require(actor, authz.ManagePeople); err != nil {
		return access.Person{}, "", err
	}
	n := NewPerson{Email: in.Email, Name: in.Name, Roles: in.Roles, Teams: in.Teams}
	if err := access.InvalidFields(n.check()); err != nil {
		return access.Person{}, "", err
	}
	p = s.newPerson(n)
	if in.External || actor.Kind == access.ActorToken {
		p, err = s.Store.CreatePerson(ctx, p, "", s.addEvent(actor, p))
	} else {
		secret, p.LinkUntil = newLink(), s.linkUntil()
		p, err = s.Store.InvitePerson(ctx, p, digest(secret), s.addEvent(actor, p))
	}
	if err != nil {
		return access.Person{}, "", fmt.Errorf("adding %s: %w", access.NormalEmail(in.Email), err)
	}
	return p, secret, nil
}

func (s *Service) linkUntil() time.Time {
	return s.Now().Add(linkLife).UTC().Truncate(time.Microsecond)
}

// ResetPassword makes a link with which another person chooses a password, in place of the one they have, and returns
// its secret, which is shown this once. It ends their sessions and tokens. Only a signed-in admin is told the secret.
func (s *Service) ResetPassword(ctx context.Context, actor access.Actor, personID int64) (secret string, err error) {
	if err := authz.Require(actor, authz.ManagePeople); err != nil {
		return "", err
	}
	switch {
	case actor.Kind == access.ActorToken:
		return "", access.Errorf(access.KindForbidden,
			"An API token does not get the link to choose a password. An admin who is signed in makes it, on the page "+
				"of the person.")
	case actor.Is(access.PersonRef{ID: personID}):
		return "", access.Errorf(access.KindForbidden, "Change your own password on the page of your account.")
	}
	secret = newLink()
	until := s.linkUntil()
	event := access.NewAuditEvent(actor, s.Now(), "person.reset", personObject(personID), map[string]any{"link_until": until})
	if err := s.Store.MakeLink(ctx, personID, digest(secret), until, event); err != nil {
		return "", fmt.Errorf("making a link for person %d: %w", personID, err)
	}
	return secret, nil
}

// ChoosePassword stores the password that the holder of a link chose. A wrong secret is an attempt to sign in like any
// other.
func (s *Service) ChoosePassword(ctx context.Context, secret, password string, addr netip.Addr, userAgent, requestID string) error {
	a := attempt{origin: origin{addr, userAgent, requestID}}
	a.email = "(password link) " + a.origin.network()
	if err := s.refuseIfLimited(ctx, a); err != nil {
		return err
	}
	p, err := s.Store.PersonByLink(ctx, digest(secret), s.Now())
	if access.KindOf(err) == access.KindNotFound {
		if failed := s.recordFailure(ctx, a); access.KindOf(failed) != access.KindUnauthenticated {
			return failed
		}
		return access.Invalid("secret", "%s", access.MessageOf(err))
	}
	if err != nil {
		return fmt.Errorf("looking up a link: %w", err)
	}
	if err := checkPassword(password, p.Email); err != nil {
		return err
	}
	hashed, err := s.hash(ctx, password)
	if err != nil {
		return err
	}
	actor, detail := a.origin.actor(access.ActorPerson, p), map[string]any{"link": true}
	event := access.NewAuditEvent(actor, s.Now(), "person.password", personObject(p.ID), detail)
	err = s.Store.UseLink(ctx, digest(secret), s.Now(), hashed, event)
	if access.KindOf(err) == access.KindNotFound {
		return access.Invalid("secret", "%s", access.MessageOf(err))
	}
	return err
}
