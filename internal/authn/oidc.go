package authn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"portcullis.internal/portcullis/internal/access"
)

// OIDCConfig says which identity provider signs people in, and what its word is worth
// here. Zero fields take the default named with them; none may be negative.
type OIDCConfig struct {
	Issuer       string
	ClientID     string
	ClientSecret string
	RedirectURL  string   // where the provider sends people back
	Scopes       []string // beside openid; email and profile

	// Claim names the list of groups in the ID token; "groups". With Grants, the roles and
	// teams of whoever signs in are those of their groups, and nobody is let in who is in
	// none of them. Without, roles are kept here and people have to be known.
	Claim  string
	Grants []Grant
	// Create lets people in who are not known yet, with what their groups give.
	Create bool

	Timeout time.Duration // of one call to the provider; 10 seconds
}

// Grant is what a group of the identity provider gives: a role or a team.
type Grant struct {
	Group string
	Role  access.Role
	Team  string
}

// ParseGrant reads GROUP=ROLE or GROUP=team:NAME.
func ParseGrant(s string) (Grant, error) {
	group, gives, ok := strings.Cut(strings.TrimSpace(s), "=")
	if !ok || group == "" {
		return Grant{}, access.Invalid("oidc-roles", "%q gives nothing: write GROUP=ROLE, or GROUP=team:NAME", s)
	}
	if team, ok := strings.CutPrefix(gives, "team:"); ok {
		name, err := access.ParseTeam(team)
		return Grant{Group: group, Team: name}, err
	}
	role, err := access.ParseRole(gives)
	return Grant{Group: group, Role: role}, err
}

func (c OIDCConfig) withDefaults() OIDCConfig {
	c.Claim = cmp.Or(c.Claim, "groups")
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	if len(c.Scopes) == 0 {
		c.Scopes = []string{oidc.ScopeEmail, oidc.ScopeProfile}
	}
	return c
}

func (c OIDCConfig) check() error {
	u, err := url.Parse(c.Issuer)
	safe := err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http" && onThisMachine(u.Hostname()))
	switch {
	case !safe:
		return access.Errorf(access.KindInvalid, "%q is no issuer: give its https address as its discovery document has it (--oidc-issuer).", c.Issuer)
	case c.ClientID == "":
		return access.Errorf(access.KindInvalid, "The issuer %s needs a client id (--oidc-client-id).", c.Issuer)
	case c.RedirectURL == "":
		return access.Errorf(access.KindInvalid, "The issuer %s has to know where to send people back: give the console's address (--public-url).", c.Issuer)
	case c.Create && len(c.Grants) == 0:
		return access.Errorf(access.KindInvalid, "People whom nobody has added would have no role: say what their groups give (--oidc-roles), or add people first and leave --oidc-create.")
	default:
		return nil
	}
}

func onThisMachine(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// OIDC signs people in by the word of an identity provider: the authorization code flow
// with PKCE, a state and a nonce. It asks for the provider's discovery document when
// somebody first signs in, so that the console starts without it.
//
//	Begin ──▶ provider's page ──▶ Finish: code → ID token → claims → person ──▶ Actor
type OIDC struct {
	cfg     OIDCConfig
	service *Service
	client  *http.Client

	mu       sync.Mutex
	provider *oidc.Provider
}

// NewOIDC sets up the identity provider for a service.
func NewOIDC(cfg OIDCConfig, s *Service) (*OIDC, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	cfg.Scopes = slices.Concat([]string{oidc.ScopeOpenID}, cfg.Scopes)
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: cfg.Timeout}).DialContext, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute}
	return &OIDC{cfg: cfg, service: s, client: &http.Client{Timeout: cfg.Timeout, Transport: transport}}, nil
}

// Challenge is what the browser's session keeps while somebody is at the provider. None
// of it is worth anything twice.
type Challenge struct {
	URL      string // where to send the browser
	State    string
	Nonce    string
	Verifier string
}

// Begin starts a sign-in.
func (o *OIDC) Begin(ctx context.Context) (Challenge, error) {
	config, _, err := o.discover(ctx)
	if err != nil {
		return Challenge{}, err
	}
	c := Challenge{State: oauth2.GenerateVerifier(), Nonce: oauth2.GenerateVerifier(), Verifier: oauth2.GenerateVerifier()}
	c.URL = config.AuthCodeURL(c.State, oidc.Nonce(c.Nonce), oauth2.S256ChallengeOption(c.Verifier))
	return c, nil
}

// discover returns the provider as its discovery document describes it.
func (o *OIDC) discover(ctx context.Context) (oauth2.Config, *oidc.Provider, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.provider == nil {
		p, err := oidc.NewProvider(oidc.ClientContext(ctx, o.client), o.cfg.Issuer)
		if err != nil {
			return oauth2.Config{}, nil, access.Wrap(access.KindUnavailable, err, "The identity provider does not answer as it should. Try again in a moment; the log says more.")
		}
		o.provider = p
	}
	return oauth2.Config{
		ClientID: o.cfg.ClientID, ClientSecret: o.cfg.ClientSecret, Endpoint: o.provider.Endpoint(), RedirectURL: o.cfg.RedirectURL, Scopes: o.cfg.Scopes,
	}, o.provider, nil
}

// Finish exchanges the code that the browser brought back, and returns whom the provider
// vouches for. The caller has compared the state with the challenge's.
func (o *OIDC) Finish(ctx context.Context, ch Challenge, code string, addr netip.Addr, userAgent, requestID string) (access.Actor, error) {
	a := attempt{origin: origin{addr, userAgent, requestID}}
	a.email = "(identity provider) " + a.origin.network()
	if err := o.service.refuseIfLimited(ctx, a); err != nil {
		return access.Actor{}, err
	}
	who, err := o.exchangeCode(ctx, ch, code)
	if err == nil {
		a.email = who.Email
		var person access.Person
		person, err = o.person(ctx, who)
		if err == nil {
			return o.service.welcome(ctx, a, person, map[string]any{"issuer": o.cfg.Issuer, "subject": who.Subject})
		}
	}
	if kind := access.KindOf(err); kind != access.KindUnauthenticated && kind != access.KindForbidden {
		return access.Actor{}, err
	}
	return access.Actor{}, o.recordFailure(ctx, a, err)
}

// recordFailure puts a sign-in on record that came to nothing, and why.
func (o *OIDC) recordFailure(ctx context.Context, a attempt, why error) error {
	actor := a.origin.actor(access.ActorPerson, access.Person{Name: a.email})
	event := access.NewAuditEvent(actor, o.service.Now(), "signin.failed", "email/"+a.email, map[string]any{"issuer": o.cfg.Issuer, "why": access.MessageOf(why)})
	if err := o.service.Store.RecordSignIn(ctx, a.email, a.origin.network(), false, o.service.Now(), event); err != nil {
		return fmt.Errorf("recording a failed sign-in: %w", err)
	}
	return why
}

// exchangeCode returns the claims of the ID token that a code is good for.
func (o *OIDC) exchangeCode(ctx context.Context, ch Challenge, code string) (claims, error) {
	config, provider, err := o.discover(ctx)
	if err != nil {
		return claims{}, err
	}
	ctx = oidc.ClientContext(ctx, o.client)
	token, err := config.Exchange(ctx, code, oauth2.VerifierOption(ch.Verifier))
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.Response != nil && refused.Response.StatusCode < 500:
		return claims{}, access.Wrap(access.KindUnauthenticated, err, "The identity provider does not confirm this sign-in. Sign in again.")
	case err != nil:
		return claims{}, access.Wrap(access.KindUnavailable, err, "The identity provider does not answer as it should. Try again in a moment; the log says more.")
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := provider.Verifier(&oidc.Config{ClientID: o.cfg.ClientID, Now: o.service.Now}).Verify(ctx, raw)
	if err != nil {
		return claims{}, access.Wrap(access.KindUnauthenticated, err, "The identity provider's word could not be verified. Begin again; if it stays so, an admin finds why in the log.")
	}
	if id.Nonce == "" || id.Nonce != ch.Nonce {
		return claims{}, access.Errorf(access.KindUnauthenticated, "The identity provider answered another sign-in than this one. Begin again.")
	}
	return readClaims(id, o.cfg.Claim)
}
