package authn

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// SignIn checks a password and returns whom it belongs to. Whatever is wrong, the
// answer is the same and takes as long, so that nobody learns which e-mail exists.
func (s *Service) SignIn(ctx context.Context, email, password string, addr netip.Addr, userAgent, requestID string) (access.Actor, error) {
	return s.signIn(ctx, attempt{
		email: attemptEmail(email), password: password,
		origin: origin{addr, userAgent, requestID},
	})
}

func (s *Service) signIn(ctx context.Context, a attempt) (access.Actor, error) {
	if err := s.refuseIfLimited(ctx, a); err != nil {
		return access.Actor{}, err
	}
	leave, err := s.hashSlots.enter(ctx)
	if err != nil {
		return access.Actor{}, access.Wrap(access.KindUnavailable, err, "Too many people are signing in at this moment. Try again.")
	}
	defer leave()
	// Counted again once a hash slot is free: of many attempts sent at once only as many get
	// past the limit as hashes are made at once.
	if err := s.refuseIfLimited(ctx, a); err != nil {
		return access.Actor{}, err
	}
	return s.check(ctx, a)
}

type attempt struct {
	email, password string
	origin          origin
	known           string // the counter of a known browser or of an open session; "" for a stranger
}

// counter is the key that counts the failures of an attempt. Its address counts them, too.
func (a attempt) counter() string { return cmp.Or(a.known, a.email) }

// maxEmail is the longest address that mail can be delivered to.
const maxEmail = 254

// attemptEmail is what an attempt is counted and recorded under. What is no address is
// not kept: people type their password into the wrong field.
func attemptEmail(s string) string {
	email := access.NormalEmail(s)
	if len(email) > maxEmail || !strings.Contains(email, "@") {
		return "(not an e-mail address)"
	}
	return email
}

func (s *Service) refuseIfLimited(ctx context.Context, a attempt) error {
	byEmail, byAddr, err := s.Store.CountFailures(ctx, a.counter(), a.origin.network(), s.Now().Add(-s.Window))
	if err != nil {
		return fmt.Errorf("counting failed sign-ins: %w", err)
	}
	if a.known != "" {
		byAddr = 0 // failures of strangers at this address do not count
	}
	if byEmail < s.PerEmail && byAddr < s.PerAddr {
		return nil
	}
	if err := s.recordThrottled(ctx, a, byAddr >= s.PerAddr); err != nil {
		return err
	}
	return access.Errorf(access.KindTooMany, "Too many attempts to sign in have failed. Wait %d minutes, then try again.", int(s.Window/time.Minute))
}

// throttledAgain is how long attempts that are turned away are one event of the audit log:
// otherwise whoever tries would fill it as fast as they can send.
const throttledAgain = time.Minute

// recordThrottled records that attempts for an e-mail, or from an address, are turned away.
func (s *Service) recordThrottled(ctx context.Context, a attempt, byAddr bool) error {
	object := "email/" + a.email
	if byAddr {
		object = "addr/" + a.origin.network()
	}
	if !s.turnedAway.first(object, s.Now(), throttledAgain) {
		return nil
	}
	actor := a.origin.actor(access.ActorPerson, access.Person{Name: a.email})
	if err := s.Store.Append(ctx, access.NewAuditEvent(actor, s.Now(), "signin.throttled", object, nil)); err != nil {
		return fmt.Errorf("recording that sign-ins are turned away: %w", err)
	}
	return nil
}

func (s *Service) check(ctx context.Context, a attempt) (access.Actor, error) {
	person, stored, err := s.Store.PersonByEmail(ctx, a.email)
	if err != nil && access.KindOf(err) != access.KindNotFound {
		return access.Actor{}, fmt.Errorf("looking up %s: %w", a.email, err)
	}
	known := err == nil
	h := s.decoy
	if known && stored != "" {
		if h, err = parseHash(stored); err != nil {
			return access.Actor{}, fmt.Errorf("reading the password of person %d: %w", person.ID, err)
		}
	}
	if !h.matches(a.password) || !known || person.Disabled {
		return access.Actor{}, s.recordFailure(ctx, a)
	}
	return s.completeSignIn(ctx, a, person, h)
}

func (s *Service) recordFailure(ctx context.Context, a attempt) error {
	// Whoever tried is not known to be the person, so the event is not theirs.
	actor := a.origin.actor(access.ActorPerson, access.Person{Name: a.email})
	event := access.NewAuditEvent(actor, s.Now(), "signin.failed", "email/"+a.email, nil)
	if err := s.Store.RecordSignIn(ctx, a.counter(), a.origin.network(), false, s.Now(), event); err != nil {
		return fmt.Errorf("recording a failed sign-in: %w", err)
	}
	return access.Errorf(access.KindUnauthenticated, "E-mail and password do not match an active account.")
}

func (s *Service) completeSignIn(ctx context.Context, a attempt, person access.Person, h hash) (access.Actor, error) {
	actor, err := s.welcome(ctx, a, person, nil)
	if err != nil {
		return access.Actor{}, err
	}
	if h.params != s.Hash {
		s.rehash(ctx, actor, a.password)
	}
	return actor, nil
}

// welcome puts on record that somebody has signed in; how says by what, where it was not
// by a password.
func (s *Service) welcome(ctx context.Context, a attempt, person access.Person, how map[string]any) (access.Actor, error) {
	actor := a.origin.actor(access.ActorPerson, person)
	event := access.NewAuditEvent(actor, s.Now(), "signin.ok", personObject(person.ID), how)
	if err := s.Store.RecordSignIn(ctx, a.counter(), a.origin.network(), true, s.Now(), event); err != nil {
		return access.Actor{}, fmt.Errorf("recording a sign-in: %w", err)
	}
	return actor, nil
}

// rehash stores the password again at today's costs. The person is signed in whether
// or not that works.
func (s *Service) rehash(ctx context.Context, actor access.Actor, password string) {
	event := access.NewAuditEvent(actor, s.Now(), "person.rehash", personObject(actor.PersonID), nil)
	if err := s.Store.SetPassword(ctx, actor.PersonID, newHash(password, s.Hash).String(), event); err != nil {
		s.Log.WarnContext(ctx, "storing a password at new costs", "person", actor.PersonID, "error", err)
	}
}
