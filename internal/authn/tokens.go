package authn

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
)

// tokenPrefix lets people and secret scanners see what a found string is.
const tokenPrefix = "portcullis_"

func newSecret() string {
	raw := make([]byte, 32)
	_, _ = rand.Read(raw) // never fails
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(raw)
}

func digest(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// TokenActor returns the person whose API token this is, as they are now.
func (s *Service) TokenActor(ctx context.Context, secret string, addr netip.Addr, userAgent, requestID string) (access.Actor, error) {
	token, person, err := s.Store.TokenByHash(ctx, digest(secret), s.Now())
	switch {
	case access.KindOf(err) == access.KindNotFound || err == nil && person.Disabled:
		return access.Actor{}, access.Errorf(access.KindUnauthenticated, "This API token is unknown, expired, revoked, or of a person who is no longer active.")
	case err != nil:
		return access.Actor{}, fmt.Errorf("looking up an API token: %w", err)
	}
	actor := origin{addr, userAgent, requestID}.actor(access.ActorToken, person)
	actor.TokenID = token.ID
	if actor.Scopes, actor.Withheld, err = s.scopesOf(ctx, token); err != nil {
		return access.Actor{}, err
	}
	return actor, nil
}

// scopesOf splits the scopes of a token into those that it may use and those that the settings withhold from tokens.
func (s *Service) scopesOf(ctx context.Context, t access.Token) (usable, withheld []access.TokenScope, err error) {
	decides := func(s access.TokenScope) bool { return s == access.ScopeReview || s == access.ScopeApply }
	if !slices.ContainsFunc(t.Scopes, decides) {
		return t.Scopes, nil, nil
	}
	settings, err := s.Store.Settings(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("reading what tokens may do: %w", err)
	}
	off := settings.WithheldScopes()
	for _, scope := range t.Scopes {
		if slices.Contains(off, scope) {
			withheld = append(withheld, scope)
		} else {
			usable = append(usable, scope)
		}
	}
	return usable, withheld, nil
}

// NewToken has the data of a new API token. Without Scopes it can only read. Without Expires it ends after
// access.DefaultTokenLife, unless Never is set: then it ends when it is revoked.
type NewToken struct {
	Name    string
	Scopes  []access.TokenScope
	Expires time.Time
	Never   bool
}

func (n NewToken) withDefaults(now time.Time) NewToken {
	if len(n.Scopes) == 0 {
		n.Scopes = []access.TokenScope{access.ScopeRead}
	}
	if n.Expires.IsZero() && !n.Never {
		n.Expires = now.Add(access.DefaultTokenLife)
	}
	return n
}

// CreateToken makes an API token for a person and returns its secret, which is shown
// this once. People make their own, and the server's command line makes anybody's: with a token of
// another person, an admin would act as that person. A token makes none, so
// that a stolen one does not outlive its revocation.
func (s *Service) CreateToken(ctx context.Context, actor access.Actor, personID int64, n NewToken) (access.Token, string, error) {
	if err := mayManageTokensOf(actor, personID); err != nil {
		return access.Token{}, "", err
	}
	if actor.Kind != access.ActorSystem && !isOwn(actor, personID) {
		return access.Token{}, "", access.Errorf(access.KindForbidden,
			"People make their own API tokens. The operator of the server can make one for another person: "+
				"portcullis token create.")
	}
	secret := newSecret()
	t, err := s.storeToken(ctx, actor, personID, n, secret)
	if err != nil {
		return access.Token{}, "", err
	}
	return t, secret, nil
}

// AddToken stores a token whose secret is known beforehand, with every scope. Only the
// console itself does that, for the sample people of the demo.
func (s *Service) AddToken(ctx context.Context, actor access.Actor, personID int64, name, secret string) (access.Token, error) {
	if actor.Kind != access.ActorSystem {
		return access.Token{}, access.Errorf(access.KindForbidden, "Only the console itself adds tokens with a given secret.")
	}
	return s.storeToken(ctx, actor, personID, NewToken{Name: name, Scopes: access.Scopes(), Never: true}, secret)
}

func (s *Service) storeToken(ctx context.Context, actor access.Actor, personID int64, n NewToken, secret string) (access.Token, error) {
	if n.Never && !n.Expires.IsZero() {
		return access.Token{}, access.Invalid("expires", "a token that never ends has no expiry; give one of both")
	}
	n = n.withDefaults(s.Now())
	t := access.Token{PersonID: personID, Name: strings.TrimSpace(n.Name), Scopes: n.Scopes, CreatedAt: s.Now(), ExpiresAt: n.Expires}
	if err := checkToken(t, s.Now()); err != nil {
		return access.Token{}, err
	}
	detail := map[string]any{"name": t.Name, "scopes": t.Scopes}
	if !t.ExpiresAt.IsZero() {
		detail["expires"] = t.ExpiresAt.UTC()
	}
	event := access.NewAuditEvent(actor, s.Now(), "token.create", personObject(personID), detail)
	created, err := s.Store.CreateToken(ctx, t, digest(secret), event)
	if err != nil {
		return access.Token{}, fmt.Errorf("storing an API token: %w", err)
	}
	return created, nil
}

func checkToken(t access.Token, now time.Time) error {
	var fields []access.FieldError
	if t.Name == "" || len(t.Name) > maxName {
		fields = append(fields, access.FieldError{Field: "name", Message: fmt.Sprintf("give the token a name of at most %d characters that says what it is for", maxName)})
	}
	fields = append(fields, access.FieldsOf(access.CheckIdentifier("name", t.Name))...)
	return access.InvalidFields(append(fields, access.FieldsOf(t.Check(now))...))
}

// Tokens lists API tokens without their secrets: all of them for an admin, their own
// for everybody else.
func (s *Service) Tokens(ctx context.Context, actor access.Actor) ([]access.Token, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return nil, err
	}
	tokens, err := s.Store.Tokens(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing API tokens: %w", err)
	}
	if authz.Can(actor, authz.ManagePeople) {
		return tokens, nil
	}
	return slices.DeleteFunc(slices.Clone(tokens), func(t access.Token) bool { return t.PersonID != actor.PersonID }), nil
}

// RevokeToken ends a token for good.
func (s *Service) RevokeToken(ctx context.Context, actor access.Actor, id int64) error {
	tokens, err := s.Tokens(ctx, actor)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(tokens, func(t access.Token) bool { return t.ID == id })
	if i < 0 {
		return access.Errorf(access.KindNotFound, "There is no API token %d.", id)
	}
	if err := mayManageTokensOf(actor, tokens[i].PersonID); err != nil {
		return err
	}
	event := access.NewAuditEvent(actor, s.Now(), "token.revoke", fmt.Sprintf("token/%d", id), map[string]any{"name": tokens[i].Name})
	if err := s.Store.RevokeToken(ctx, id, s.Now(), event); err != nil {
		return fmt.Errorf("revoking API token %d: %w", id, err)
	}
	return nil
}

func mayManageTokensOf(actor access.Actor, personID int64) error {
	switch {
	case actor.Kind == access.ActorToken:
		return access.Errorf(access.KindForbidden, "An API token cannot manage tokens. Sign in to the console instead.")
	case isOwn(actor, personID):
		return authz.Require(actor, authz.Read)
	default:
		return authz.Require(actor, authz.ManagePeople)
	}
}
