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

	// TrustEmail says which e-mail addresses of the provider count as verified; TrustVerified.
	TrustEmail EmailTrust
	// LinkClaim names the claim with the e-mail address that finds a person at their first
	// sign-in; "email". Any other claim needs TrustIssuer, since nothing says that it is verified.
	LinkClaim string

	// Claim names the list of groups in the ID token or in UserInfo; "groups". With Grants, the
	// groups decide the roles and teams of a person at each sign-in, and a person without a group
	// in Grants is refused. Without Grants, roles are kept here and people must have an account.
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
	c.TrustEmail = cmp.Or(c.TrustEmail, TrustVerified)
	c.LinkClaim = cmp.Or(c.LinkClaim, claimEmail)
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
	case c.LinkClaim != "" && c.LinkClaim != claimEmail && c.TrustEmail != TrustIssuer:
		return access.Errorf(access.KindInvalid, "Nothing says that the claim %s holds a verified e-mail address. "+
			"If only your organization decides about it, say so (--oidc-trust-email=issuer); otherwise use "+
			"--oidc-link=email.", c.LinkClaim)
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
// with PKCE, a state and a nonce. The console starts without the provider: OIDC asks for the
// discovery document at the first sign-in if CheckIssuer has not got it.
//
//	Begin ──▶ provider's page ──▶ Finish: code → ID token (and UserInfo) → claims → person ──▶ Actor
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
	client := &http.Client{Timeout: cfg.Timeout, Transport: boundedAnswers{transport}}
	return &OIDC{cfg: cfg, service: s, client: client}, nil
}

// maxAnswer is the largest answer of the provider that is read. A person in hundreds of groups
// needs a tenth of it.
const maxAnswer = 1 << 20

// boundedAnswers limits the size of answers: the libraries read each as a whole.
type boundedAnswers struct{ next http.RoundTripper }

// RoundTrip fails the read of an answer that is longer than maxAnswer.
func (b boundedAnswers) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	}
	return resp, err
}

// CheckIssuer asks for the discovery document and logs if the provider calls itself by another
// issuer, or does not answer.
func (o *OIDC) CheckIssuer(ctx context.Context) {
	_, _, err := o.discover(ctx)
	var other *oidc.IssuerMismatchError
	switch {
	case err == nil, ctx.Err() != nil:
	case errors.As(err, &other):
		o.service.Log.ErrorContext(ctx, "the issuer of the identity provider is set wrongly: no sign-in through it works",
			"issuer", other.Provided, "provider_says", other.Discovered, "remedy", "--oidc-issuer="+other.Discovered)
	default:
		o.service.Log.WarnContext(ctx, "the identity provider does not answer; each sign-in tries again",
			"issuer", o.cfg.Issuer, "error", err)
	}
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
		var other *oidc.IssuerMismatchError
		switch {
		case errors.As(err, &other):
			return oauth2.Config{}, nil, access.Wrap(access.KindUnavailable, err,
				"The console is set to another issuer than the identity provider names. Ask an admin; the log says "+
					"which.")
		case err != nil:
			return oauth2.Config{}, nil, unavailable(err)
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
		a.email = cmp.Or(who.Email, a.email)
		var person access.Person
		person, err = o.person(ctx, who)
		if err == nil {
			return o.service.welcome(ctx, a, person, map[string]any{
				"issuer": o.cfg.Issuer, "subject": who.Subject,
				"claims": who.Sources,
			})
		}
	}
	if kind := access.KindOf(err); kind != access.KindUnauthenticated && kind != access.KindForbidden {
		return access.Actor{}, err
	}
	return access.Actor{}, o.recordFailure(ctx, a, who, err)
}

// recordFailure puts a sign-in on record that came to nothing, and why.
func (o *OIDC) recordFailure(ctx context.Context, a attempt, who claims, why error) error {
	actor := a.origin.actor(access.ActorPerson, access.Person{Name: a.email})
	detail := map[string]any{"issuer": o.cfg.Issuer, "why": access.MessageOf(why)}
	if len(who.Sources) > 0 {
		detail["claims"] = who.Sources
	}
	event := access.NewAuditEvent(actor, o.service.Now(), "signin.failed", "email/"+a.email, detail)
	if err := o.service.Store.RecordSignIn(ctx, a.email, a.origin.network(), false, o.service.Now(), event); err != nil {
		return fmt.Errorf("recording a failed sign-in: %w", err)
	}
	return why
}

// exchangeCode returns the claims about the person to whom the provider gave a code.
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
		return claims{}, unavailable(err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := provider.Verifier(&oidc.Config{ClientID: o.cfg.ClientID, Now: o.service.Now}).Verify(ctx, raw)
	if err != nil {
		return claims{}, access.Wrap(access.KindUnauthenticated, err, "The identity provider's word could not be verified. Begin again; if it stays so, an admin finds why in the log.")
	}
	if id.Nonce == "" || id.Nonce != ch.Nonce {
		return claims{}, access.Errorf(access.KindUnauthenticated, "The identity provider answered another sign-in than this one. Begin again.")
	}
	return o.claimsOf(ctx, provider, id, token)
}

func unavailable(err error) error {
	return access.Wrap(access.KindUnavailable, err, "The identity provider does not answer as it should. Try again "+
		"in a moment; the log says more.")
}
