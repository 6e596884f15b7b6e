package authn_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
	"portcullis.internal/portcullis/test/harness"
)

// provider is an identity provider over the wire, and the console's side of it.
type provider struct {
	fixture
	*authn.OIDC
	issuer *harness.Issuer
}

func setUpOIDC(t *testing.T, change func(*authn.OIDCConfig)) provider {
	t.Helper()
	p := provider{fixture: setUp(t, nil), issuer: harness.NewIssuer(t)}
	p.clock.at.Store(time.Now().UnixNano())
	cfg := authn.OIDCConfig{Issuer: p.issuer.URL, ClientID: p.issuer.ClientID, ClientSecret: p.issuer.Secret, RedirectURL: "http://127.0.0.1:1/signin/oidc/callback"}
	if change != nil {
		change(&cfg)
	}
	var err error
	if p.OIDC, err = authn.NewOIDC(cfg, p.Service); err != nil {
		t.Fatal(err)
	}
	return p
}

// visit goes to the provider's page and returns what it sends the browser back with.
func visit(t *testing.T, ch authn.Challenge) url.Values {
	t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(ch.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		t.Fatalf("the provider answers %s: %v", resp.Status, err)
	}
	if back.Query().Get("state") != ch.State {
		t.Errorf("the state came back as %q", back.Query().Get("state"))
	}
	return back.Query()
}

func (p provider) signIn(t *testing.T) (access.Actor, error) { return p.signInFrom(t, office) }

func (p provider) signInFrom(t *testing.T, from netip.Addr) (access.Actor, error) {
	t.Helper()
	ch, err := p.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p.Finish(t.Context(), ch, visit(t, ch).Get("code"), from, agent, "request-1")
}

func TestOIDCKnownByEmailOnceAndBySubjectThen(t *testing.T) {
	p := setUpOIDC(t, nil)
	alice := p.add(t, "alice", access.RoleEditor)
	p.issuer.Is("subject-1", "Alice@Example.com")
	actor, err := p.signIn(t)
	if err != nil {
		t.Fatal(err)
	}
	if actor.PersonID != alice.ID || actor.Kind != access.ActorPerson || !actor.Has(access.RoleEditor) || actor.Addr != office || actor.RequestID != "request-1" {
		t.Errorf("actor = %+v, want alice with the roles that she has here", actor)
	}
	if got := p.audit(t, access.AuditFilter{Action: "signin.ok"}); len(got) != 1 || got[0].UserAgent != agent || !strings.Contains(string(got[0].Detail), p.issuer.URL) {
		t.Errorf("audit = %+v, want the sign-in and by whose word", got)
	}

	p.issuer.Is("subject-1", "married@example.com") // a new address is the same person
	if actor, err := p.signIn(t); err != nil || actor.PersonID != alice.ID {
		t.Errorf("with a new address: %+v, %v", actor, err)
	}
	p.issuer.Is("subject-2", "alice@example.com") // an address that was given to somebody else is not
	if actor, err := p.signIn(t); kind(err) != access.KindForbidden {
		t.Errorf("somebody else with alice's address: %+v, %v", actor, err)
	}
	p.issuer.Is("subject-3", "bob@example.com")
	if _, err := p.signIn(t); kind(err) != access.KindForbidden || !strings.Contains(access.MessageOf(err), "bob@example.com") {
		t.Errorf("somebody whom nobody added: %v", err)
	}
	if got := p.audit(t, access.AuditFilter{Action: "signin.failed"}); len(got) != 2 || got[0].Object != "email/bob@example.com" || got[0].PersonID != 0 {
		t.Errorf("audit = %+v, want two who were refused", got)
	}
	if _, err := p.SetPlace(t.Context(), system, alice.ID, authn.Place{Roles: alice.Roles, Disabled: true}, authn.PersonChange{}); err != nil {
		t.Fatal(err)
	}
	p.issuer.Is("subject-1", "alice@example.com")
	if _, err := p.signIn(t); kind(err) != access.KindUnauthenticated {
		t.Errorf("somebody who is shut out here: %v", err)
	}
}

func TestOIDCGroupsGiveRoles(t *testing.T) {
	p := setUpOIDC(t, func(c *authn.OIDCConfig) {
		c.Create = true
		for _, g := range []string{"sec=approver", "sec=viewer", "net=editor", "net=team:network"} {
			grant, err := authn.ParseGrant(g)
			if err != nil {
				t.Fatal(err)
			}
			c.Grants = append(c.Grants, grant)
		}
	})
	p.issuer.Is("subject-1", "new@example.com", "sec", "others")
	first, err := p.signIn(t)
	if err != nil {
		t.Fatal(err)
	}
	person, err := p.Person(t.Context(), system, first.PersonID)
	if err != nil || person.Name != "Name of subject-1" || !first.Has(access.RoleApprover) || !first.Has(access.RoleViewer) || first.Has(access.RoleEditor) {
		t.Errorf("%+v as %+v (%v)", person, first, err)
	}
	if _, err := p.SignIn(t.Context(), "new@example.com", "", office, agent, ""); kind(err) != access.KindUnauthenticated {
		t.Errorf("without a password: %v", err)
	}
	p.issuer.Is("subject-1", "new@example.com", "net")
	second, err := p.signIn(t)
	if err != nil || second.PersonID != first.PersonID || second.Has(access.RoleApprover) || !second.Has(access.RoleEditor) || strings.Join(second.Teams, "") != "network" {
		t.Errorf("in another group: %+v, %v", second, err)
	}
	if got := p.audit(t, access.AuditFilter{Action: "person"}); actions(got) != "person.place person.identity person.add" {
		t.Errorf("audit = %s", actions(got))
	}
	for _, groups := range [][]string{{}, {"others"}} {
		p.issuer.Is("subject-1", "new@example.com", groups...)
		if _, err := p.signIn(t); kind(err) != access.KindForbidden {
			t.Errorf("in the groups %v: %v, want a refusal", groups, err)
		}
	}
	for _, bad := range []string{"sec", "=admin", "sec=root", "sec=team:No Team"} {
		if g, err := authn.ParseGrant(bad); kind(err) != access.KindInvalid {
			t.Errorf("ParseGrant(%q) = %+v, %v", bad, g, err)
		}
	}
}

func TestOIDCBelievesNothingElse(t *testing.T) {
	p := setUpOIDC(t, nil)
	p.add(t, "alice", access.RoleAdmin)
	p.issuer.Is("subject-1", "alice@example.com")
	set := func(name string, value any) func(map[string]any) {
		return func(claims map[string]any) { claims[name] = value }
	}
	tried := 0
	for name, spoil := range map[string]func(map[string]any){
		"another nonce":             set("nonce", strings.Repeat("x", 43)),
		"no nonce":                  func(c map[string]any) { delete(c, "nonce") },
		"for another client":        set("aud", "somebody"),
		"by another issuer":         set("iss", "https://accounts.example.com"),
		"expired":                   set("exp", time.Now().Add(-time.Hour).Unix()),
		"an unverified address":     set("email_verified", false),
		"an address not verified":   func(c map[string]any) { delete(c, "email_verified") },
		"no address":                func(c map[string]any) { delete(c, "email") },
		"an address that is a list": set("email", []string{"alice@example.com"}),
	} {
		p.issuer.Spoil(spoil)
		tried++ // each from an address of its own, since failures are limited by it
		if actor, err := p.signInFrom(t, addr(tried)); kind(err) != access.KindUnauthenticated && kind(err) != access.KindForbidden {
			t.Errorf("%s: %+v, %v; want a refusal", name, actor, err)
		}
	}
	p.issuer.Spoil(nil)
	p.issuer.SignWithAnother(true)
	if _, err := p.signIn(t); kind(err) != access.KindUnauthenticated {
		t.Errorf("signed with another key: %v", err)
	}
	p.issuer.SignWithAnother(false)

	ch, err := p.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	code := visit(t, ch).Get("code")
	other := ch
	other.Verifier = strings.Repeat("v", 43)
	if _, err := p.Finish(t.Context(), other, code, office, agent, ""); kind(err) != access.KindUnauthenticated {
		t.Errorf("a code that was caught, without its verifier: %v", err)
	}
	if ch, err = p.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	code = visit(t, ch).Get("code")
	if _, err := p.Finish(t.Context(), ch, code, office, agent, ""); err != nil {
		t.Errorf("as it should be: %v", err)
	}
	if _, err := p.Finish(t.Context(), ch, code, office, agent, ""); kind(err) != access.KindUnauthenticated {
		t.Errorf("the same code again: %v", err)
	}
	if len(p.audit(t, access.AuditFilter{Action: "signin.ok"})) != 1 {
		t.Error("more than one sign-in is on record")
	}
}

func TestOIDCIsLimitedAndSurvivesAProviderThatIsAway(t *testing.T) {
	p := setUpOIDC(t, nil)
	ch, err := p.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	last := access.KindInternal
	for range 15 {
		_, err := p.Finish(t.Context(), ch, "a guess", office, agent, "")
		last = kind(err)
	}
	if last != access.KindTooMany {
		t.Errorf("after many guesses from one address: %s, want too many", last)
	}
	if _, err := p.Finish(t.Context(), ch, "a guess", addr(1), agent, ""); kind(err) != access.KindUnauthenticated {
		t.Errorf("from another address: %v", err)
	}
	away, err := authn.NewOIDC(authn.OIDCConfig{Issuer: "http://127.0.0.1:1", ClientID: "x", RedirectURL: "http://127.0.0.1:1/"}, p.Service)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := away.Begin(t.Context()); kind(err) != access.KindUnavailable {
		t.Errorf("a provider that is away: %v", err)
	}
	for name, cfg := range map[string]authn.OIDCConfig{
		"plain HTTP":              {Issuer: "http://issuer.example.com", ClientID: "x", RedirectURL: "y"},
		"no client":               {Issuer: "https://issuer.example.com", RedirectURL: "y"},
		"no way back":             {Issuer: "https://issuer.example.com", ClientID: "x"},
		"create without any role": {Issuer: "https://issuer.example.com", ClientID: "x", RedirectURL: "y", Create: true},
	} {
		if _, err := authn.NewOIDC(cfg, p.Service); kind(err) != access.KindInvalid {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
}

// An admin who invited or reset a person may have used the link. The word of the identity provider ends the password
// that was chosen with it, and sessions and tokens from before.
func TestProviderSignInEndsWhatAnAdminMayHold(t *testing.T) {
	p := setUpOIDC(t, nil)
	admin, alice := p.add(t, "admin", access.RoleAdmin), p.add(t, "alice", access.RoleApprover)
	boss := access.Actor{Kind: access.ActorPerson, PersonID: admin.ID, Name: admin.Name, Roles: admin.Roles}
	secret, err := p.ResetPassword(t.Context(), boss, alice.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.choose(t, secret, own); err != nil {
		t.Fatal(err)
	}
	taken, err := p.enter(t, alice, own)
	if err != nil {
		t.Fatal(err)
	}
	_, token, err := p.CreateToken(t.Context(), taken, alice.ID, authn.NewToken{Name: "x", Scopes: access.Scopes()})
	if err != nil {
		t.Fatal(err)
	}
	if !p.groups(t).Together(admin.ID, alice.ID) {
		t.Fatal("a person whose password an admin has reset counts alone")
	}
	p.issuer.Is("subject-1", alice.Email)
	actor, err := p.signIn(t)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Actor(t.Context(), alice.ID, actor.Generation, office, agent, ""); err != nil {
		t.Errorf("the session that was opened: %v", err)
	}
	if v := p.groups(t).Vouching(alice.ID); !v.Vouched || v.Basis != access.VouchedByProvider || len(v.With) > 0 {
		t.Errorf("after the sign-in: %+v, want vouched for by the provider", v)
	}
	if _, err := p.SignIn(t.Context(), alice.Email, own, office, agent, ""); kind(err) != access.KindUnauthenticated {
		t.Errorf("the password that the admin chose is still good: %v", err)
	}
	if _, err := p.Actor(t.Context(), alice.ID, taken.Generation, office, agent, ""); kind(err) != access.KindUnauthenticated {
		t.Errorf("the session that the admin opened goes on: %v", err)
	}
	if _, err := p.TokenActor(t.Context(), token, office, agent, ""); kind(err) != access.KindUnauthenticated {
		t.Errorf("the token that the admin made is still good: %v", err)
	}
	events := len(p.audit(t, access.AuditFilter{Action: "person.vouch"}))
	if _, err := p.signIn(t); err != nil {
		t.Fatal(err)
	}
	if got := len(p.audit(t, access.AuditFilter{Action: "person.vouch"})); got != events {
		t.Errorf("the next sign-in vouches again: %d events, want %d", got, events)
	}
}
