package authn_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

var _ authn.Store = (*store.Store)(nil)

const (
	password = "correct horse battery"
	agent    = "test browser"
)

var (
	cheap  = authn.HashParams{Memory: 64, Time: 1, Threads: 1}
	office = netip.MustParseAddr("103.15.250.7")
	system = access.System("test")
)

// clock is a time that the test moves.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Now().UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }
func addr(i int) netip.Addr              { return netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}) }
func kind(err error) access.Kind         { return access.KindOf(err) }
func actions(events []access.AuditEvent) string {
	var names []string
	for _, e := range events {
		names = append(names, e.Action)
	}
	return strings.Join(names, " ")
}

type fixture struct {
	*authn.Service
	store *store.Store
	clock *clock
}

func setUp(t *testing.T, change func(*authn.Config)) fixture {
	t.Helper()
	f := fixture{store: storetest.New(t), clock: newClock()}
	cfg := authn.Config{Store: f.store, Now: f.clock.now, Hash: cheap}
	if change != nil {
		change(&cfg)
	}
	f.Service = authn.New(cfg)
	return f
}

func (f fixture) add(t *testing.T, name string, roles ...access.Role) access.Person {
	t.Helper()
	p, err := f.AddPerson(t.Context(), system, authn.NewPerson{Email: name + "@example.com", Name: name, Roles: roles, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (f fixture) audit(t *testing.T, filter access.AuditFilter) []access.AuditEvent {
	t.Helper()
	page, err := f.store.Audit(t.Context(), filter)
	if err != nil {
		t.Fatal(err)
	}
	return page.Items
}

func TestSignIn(t *testing.T) {
	f := setUp(t, nil)
	p := f.add(t, "alice", access.RoleEditor, access.RoleViewer)
	got, err := f.SignIn(t.Context(), "  Alice@Example.COM ", password, office, agent, "request-1")
	if err != nil {
		t.Fatal(err)
	}
	if got.Kind != access.ActorPerson || got.PersonID != p.ID || !got.Has(access.RoleEditor) || got.Addr != office || got.RequestID != "request-1" {
		t.Errorf("actor = %+v, want alice with her roles, from the office", got)
	}
	events := f.audit(t, access.AuditFilter{Action: "signin.ok"})
	if len(events) != 1 || events[0].PersonID != p.ID || events[0].Addr != office.String() || events[0].UserAgent != agent {
		t.Errorf("audit = %+v, want one signin.ok of alice with address and browser", events)
	}
}

func TestWhateverIsWrongTheAnswerIsTheSame(t *testing.T) {
	f := setUp(t, nil)
	f.add(t, "alice", access.RoleViewer)
	answers := map[string]bool{}
	for _, c := range []struct{ email, password string }{
		{"alice@example.com", "wrong password"},
		{"alice@example.com", ""},
		{"nobody@example.com", password},
		{"not an address", password},
		{"", ""},
		{strings.Repeat("x", 10000) + "@example.com", password},
	} {
		actor, err := f.SignIn(t.Context(), c.email, c.password, office, agent, "")
		if kind(err) != access.KindUnauthenticated || actor.PersonID != 0 {
			t.Errorf("SignIn(%.30q): %+v, %v; want a refusal", c.email, actor, err)
		}
		answers[access.MessageOf(err)] = true
	}
	if len(answers) != 1 {
		t.Errorf("answers = %v, want one for all", answers)
	}
	for _, e := range f.audit(t, access.AuditFilter{Action: "signin.failed"}) {
		if e.PersonID != 0 || strings.Contains(e.Object, "not an address") {
			t.Errorf("event %+v: a failure is nobody's deed, and what is no address is not kept", e)
		}
	}
}

func TestFailuresAreLimitedPerEmail(t *testing.T) {
	f := setUp(t, func(c *authn.Config) { c.PerEmail = 3 })
	f.add(t, "alice", access.RoleViewer)
	for i := range 3 {
		if _, err := f.SignIn(t.Context(), "alice@example.com", "wrong password", addr(i), agent, ""); kind(err) != access.KindUnauthenticated {
			t.Fatalf("attempt %d: %v", i, err)
		}
	}
	if _, err := f.SignIn(t.Context(), "alice@example.com", password, addr(9), agent, ""); kind(err) != access.KindTooMany {
		t.Errorf("the right password after 3 failures: %v, want too_many", err)
	}
	// The count is in the database, so another replica knows of it.
	other := authn.New(authn.Config{Store: f.store, Now: f.clock.now, Hash: cheap, PerEmail: 3})
	if _, err := other.SignIn(t.Context(), "alice@example.com", password, addr(9), agent, ""); kind(err) != access.KindTooMany {
		t.Errorf("on another replica: %v, want too_many", err)
	}
	f.clock.advance(16 * time.Minute)
	if _, err := f.SignIn(t.Context(), "alice@example.com", password, addr(9), agent, ""); err != nil {
		t.Errorf("after the window: %v", err)
	}
}

func TestFailuresAreLimitedPerAddress(t *testing.T) {
	f := setUp(t, func(c *authn.Config) { c.PerAddr = 3 })
	f.add(t, "alice", access.RoleViewer)
	for i := range 3 {
		_, _ = f.SignIn(t.Context(), fmt.Sprintf("guess%d@example.com", i), password, office, agent, "")
	}
	if _, err := f.SignIn(t.Context(), "alice@example.com", password, office, agent, ""); kind(err) != access.KindTooMany {
		t.Errorf("from the same address: %v, want too_many", err)
	}
	_, _ = f.SignIn(t.Context(), "bob@example.com", password, office, agent, "")
	if e := f.audit(t, access.AuditFilter{Action: "signin.throttled"}); len(e) != 1 || e[0].Object != "addr/"+office.String() || e[0].UserAgent != agent {
		t.Errorf("events of two attempts that were turned away: %+v, want one a minute", e)
	}
	f.clock.advance(time.Minute)
	_, _ = f.SignIn(t.Context(), "bob@example.com", password, office, agent, "")
	if e := f.audit(t, access.AuditFilter{Action: "signin.throttled"}); len(e) != 2 {
		t.Errorf("%d events after a minute, want another", len(e))
	}
	if _, err := f.SignIn(t.Context(), "alice@example.com", password, addr(1), agent, ""); err != nil {
		t.Errorf("from elsewhere: %v", err)
	}
}

// One machine has a whole /64 of IPv6 to try from.
func TestFailuresAreLimitedPerNetworkOfIPv6(t *testing.T) {
	f := setUp(t, func(c *authn.Config) { c.PerAddr = 3 })
	f.add(t, "alice", access.RoleViewer)
	for i := range 3 {
		from := netip.MustParseAddr(fmt.Sprintf("2001:db8:1:2:%d::7", i))
		if _, err := f.SignIn(t.Context(), fmt.Sprintf("guess%d@example.com", i), password, from, agent, ""); kind(err) != access.KindUnauthenticated {
			t.Fatalf("attempt %d: %v", i, err)
		}
	}
	next := netip.MustParseAddr("2001:db8:1:2:ffff::1")
	if _, err := f.SignIn(t.Context(), "alice@example.com", password, next, agent, ""); kind(err) != access.KindTooMany {
		t.Errorf("from the next address of the network: %v, want too_many", err)
	}
	if e := f.audit(t, access.AuditFilter{Action: "signin.throttled"}); len(e) != 1 || e[0].Object != "addr/2001:db8:1:2::/64" || e[0].Addr != next.String() {
		t.Errorf("what is turned away is on record as %+v, want the network, and the address", e)
	}
	if _, err := f.SignIn(t.Context(), "alice@example.com", password, netip.MustParseAddr("2001:db8:1:3::1"), agent, ""); err != nil {
		t.Errorf("from another network: %v", err)
	}
}

func TestManyAttemptsAtOnceDoNotPassTheLimit(t *testing.T) {
	const limit, atOnce = 3, 2
	f := setUp(t, func(c *authn.Config) { c.PerEmail, c.HashesAtOnce = limit, atOnce })
	f.add(t, "alice", access.RoleViewer)
	var checked atomic.Int32
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := f.SignIn(t.Context(), "alice@example.com", "wrong password", office, agent, ""); kind(err) == access.KindUnauthenticated {
				checked.Add(1)
			}
		})
	}
	wg.Wait()
	if got := checked.Load(); got < limit || got > limit+atOnce-1 {
		t.Errorf("%d passwords were checked, want %d to %d", got, limit, limit+atOnce-1)
	}
}

func TestPasswordIsHashedAgainAtNewCosts(t *testing.T) {
	f := setUp(t, nil)
	p := f.add(t, "alice", access.RoleViewer)
	dearer := authn.HashParams{Memory: 128, Time: 1, Threads: 1}
	raised := authn.New(authn.Config{Store: f.store, Now: f.clock.now, Hash: dearer})
	if _, err := raised.SignIn(t.Context(), p.Email, password, office, agent, ""); err != nil {
		t.Fatal(err)
	}
	_, hash, err := f.store.PersonByEmail(t.Context(), p.Email)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(hash, "$m=128,t=1,p=1$") {
		t.Errorf("stored hash = %q, want one at the new costs", hash)
	}
	if _, err := raised.SignIn(t.Context(), p.Email, password, office, agent, ""); err != nil {
		t.Errorf("with the new hash: %v", err)
	}
}

func TestActorIsReadAnew(t *testing.T) {
	f := setUp(t, nil)
	p := f.add(t, "alice", access.RoleEditor)
	a, err := f.Actor(t.Context(), p.ID, 0, office, agent, "r")
	if err != nil || !a.Has(access.RoleEditor) || a.Kind != access.ActorPerson {
		t.Fatalf("Actor = %+v, %v", a, err)
	}
	if _, err := f.Actor(t.Context(), p.ID+100, 0, office, agent, "r"); kind(err) != access.KindUnauthenticated {
		t.Errorf("a person who is gone: %v, want unauthenticated", err)
	}
	if _, err := f.store.Pool().Exec(t.Context(), "UPDATE people SET disabled = true WHERE id = $1", p.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Actor(t.Context(), p.ID, 0, office, agent, "r"); kind(err) != access.KindUnauthenticated {
		t.Errorf("a disabled person: %v, want unauthenticated", err)
	}
	if _, err := f.SignIn(t.Context(), p.Email, password, office, agent, ""); kind(err) != access.KindUnauthenticated {
		t.Errorf("a disabled person signs in: %v, want unauthenticated", err)
	}
}

func TestAddPersonRefuses(t *testing.T) {
	f := setUp(t, nil)
	good := authn.NewPerson{Email: "bob@example.com", Name: "Bob", Roles: []access.Role{access.RoleViewer}, Password: password}
	for field, change := range map[string]func(*authn.NewPerson){
		"email":    func(n *authn.NewPerson) { n.Email = "bob" },
		"name":     func(n *authn.NewPerson) { n.Name = "  " },
		"roles":    func(n *authn.NewPerson) { n.Roles = nil },
		"password": func(n *authn.NewPerson) { n.Password = "short" },
	} {
		n := good
		change(&n)
		_, err := f.AddPerson(t.Context(), system, n)
		if fields := access.FieldsOf(err); kind(err) != access.KindInvalid || len(fields) != 1 || fields[0].Field != field {
			t.Errorf("%s: %v (fields %v), want that field refused", field, err, fields)
		}
	}
	f.add(t, "bob", access.RoleViewer)
	if _, err := f.AddPerson(t.Context(), system, good); kind(err) != access.KindConflict && kind(err) != access.KindInvalid {
		t.Errorf("the same e-mail twice: %v, want a refusal in words", err)
	}
}

func TestOnlyAdminsManagePeople(t *testing.T) {
	f := setUp(t, nil)
	alice := f.add(t, "alice", access.RoleEditor, access.RoleApprover, access.RoleOperator, access.RoleAuditor)
	actor, err := f.Actor(t.Context(), alice.ID, 0, office, agent, "")
	if err != nil {
		t.Fatal(err)
	}
	_, addErr := f.AddPerson(t.Context(), actor, authn.NewPerson{})
	_, listErr := f.People(t.Context(), actor)
	_, findErr := f.PersonByEmail(t.Context(), actor, "alice@example.com")
	_, passwordErr := f.ChangePassword(t.Context(), actor, alice.ID+1, authn.NewPassword{New: password + "2"})
	for what, err := range map[string]error{
		"add": addErr, "list": listErr, "find": findErr, "somebody else's password": passwordErr,
		"roles": func() error {
			_, err := f.SetPlace(t.Context(), actor, alice.ID, authn.Place{Roles: access.Roles()}, authn.PersonChange{})
			return err
		}(),
		"nobody": func() error { _, err := f.People(t.Context(), access.Actor{}); return err }(),
	} {
		if k := kind(err); k != access.KindForbidden && k != access.KindUnauthenticated {
			t.Errorf("%s: %v, want a refusal", what, err)
		}
	}
}

func TestPlaceHoldsFromTheNextRequest(t *testing.T) {
	f := setUp(t, nil)
	f.add(t, "another", access.RoleApprover)
	alice := f.add(t, "alice", access.RoleEditor)
	p, err := f.SetPlace(t.Context(), system, alice.ID, authn.Place{Roles: []access.Role{access.RoleApprover}, Teams: []string{"security", "network", "network"}}, authn.PersonChange{})
	if err != nil || strings.Join(p.Teams, " ") != "network security" {
		t.Fatalf("teams %v, %v", p.Teams, err)
	}
	actor, err := f.Actor(t.Context(), alice.ID, 0, office, agent, "")
	if err != nil || !actor.Has(access.RoleApprover) || actor.Has(access.RoleEditor) || len(actor.Teams) != 2 {
		t.Errorf("actor %+v (%v)", actor, err)
	}
	for name, place := range map[string]authn.Place{"no role": {}, "an unknown role": {Roles: []access.Role{"root"}}, "a bad team": {Roles: []access.Role{access.RoleViewer}, Teams: []string{"Net Work"}}} {
		if _, err := f.SetPlace(t.Context(), system, alice.ID, place, authn.PersonChange{}); kind(err) != access.KindInvalid {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
	if _, err := f.SetPlace(t.Context(), system, alice.ID, authn.Place{Roles: []access.Role{access.RoleViewer}, Disabled: true}, authn.PersonChange{}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Actor(t.Context(), alice.ID, 0, office, agent, ""); kind(err) != access.KindUnauthenticated {
		t.Errorf("somebody who is disabled: %v", err)
	}
	if got := actions(f.audit(t, access.AuditFilter{Action: "person.place"})); got != strings.Repeat(" person.place", 2)[1:] {
		t.Errorf("audit = %q, want two person.place", got)
	}
}

func TestChangePassword(t *testing.T) {
	f := setUp(t, nil)
	alice := f.add(t, "alice", access.RoleViewer)
	actor, err := f.SignIn(t.Context(), alice.Email, password, office, agent, "")
	if err != nil {
		t.Fatal(err)
	}
	const fresh = "another good password"
	if _, err := f.ChangePassword(t.Context(), actor, alice.ID, authn.NewPassword{Old: "not the old one", New: fresh}); kind(err) != access.KindInvalid {
		t.Errorf("with a wrong old password: %v, want invalid", err)
	}
	if _, err := f.ChangePassword(t.Context(), actor, alice.ID, authn.NewPassword{Old: password, New: fresh}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.SignIn(t.Context(), alice.Email, password, office, agent, ""); kind(err) != access.KindUnauthenticated {
		t.Errorf("the old password: %v, want a refusal", err)
	}
	if _, err := f.SignIn(t.Context(), alice.Email, fresh, office, agent, ""); err != nil {
		t.Errorf("the new password: %v", err)
	}
	if got := actions(f.audit(t, access.AuditFilter{Action: "person.password"})); got != "person.password" {
		t.Errorf("audit = %q, want one person.password", got)
	}
}

func TestTokens(t *testing.T) {
	f := setUp(t, nil)
	alice, bob := f.add(t, "alice", access.RoleEditor), f.add(t, "bob", access.RoleViewer)
	actor, err := f.Actor(t.Context(), alice.ID, 0, office, agent, "")
	if err != nil {
		t.Fatal(err)
	}
	token, secret, err := f.CreateToken(t.Context(), actor, alice.ID, reading("export"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(secret, "portcullis_") || len(secret) < 50 {
		t.Errorf("secret = %q, want 256 random bits after the prefix", secret)
	}
	byToken, err := f.TokenActor(t.Context(), secret, office, agent, "r")
	if err != nil || byToken.Kind != access.ActorToken || byToken.PersonID != alice.ID || byToken.TokenID != token.ID || !byToken.Has(access.RoleEditor) {
		t.Fatalf("TokenActor = %+v, %v; want alice through her token", byToken, err)
	}
	if !byToken.Is(access.PersonRef{ID: alice.ID, Name: alice.Name, Email: alice.Email}) {
		t.Error("alice through her token is not alice: she could review her own change")
	}
	for what, err := range map[string]error{
		"for somebody else": second(f.CreateToken(t.Context(), actor, bob.ID, reading("x"))),
		"by a token":        second(f.CreateToken(t.Context(), byToken, alice.ID, reading("x"))),
		"given secret":      func() error { _, err := f.AddToken(t.Context(), actor, alice.ID, "x", "guessable"); return err }(),
		"revoke by a token": f.RevokeToken(t.Context(), byToken, token.ID),
	} {
		if kind(err) != access.KindForbidden {
			t.Errorf("%s: %v, want forbidden", what, err)
		}
	}
	if _, err := f.TokenActor(t.Context(), secret+"x", office, agent, ""); kind(err) != access.KindUnauthenticated {
		t.Errorf("an unknown token: %v, want unauthenticated", err)
	}
	if err := f.RevokeToken(t.Context(), actor, token.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := f.TokenActor(t.Context(), secret, office, agent, ""); kind(err) != access.KindUnauthenticated {
		t.Errorf("a revoked token: %v, want unauthenticated", err)
	}
}

func TestPeopleSeeTheirOwnTokensOnly(t *testing.T) {
	f := setUp(t, nil)
	alice, bob := f.add(t, "alice", access.RoleViewer), f.add(t, "bob", access.RoleViewer)
	for _, p := range []access.Person{alice, bob} {
		if _, _, err := f.CreateToken(t.Context(), system, p.ID, reading("of "+p.Name)); err != nil {
			t.Fatal(err)
		}
	}
	actor, err := f.Actor(t.Context(), bob.ID, 0, office, agent, "")
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := f.Tokens(t.Context(), actor)
	if err != nil || len(tokens) != 1 || tokens[0].PersonID != bob.ID {
		t.Errorf("Tokens for bob = %+v, %v; want his own alone", tokens, err)
	}
	all, err := f.Tokens(t.Context(), system)
	if err != nil || len(all) != 2 {
		t.Errorf("Tokens for the system = %+v, %v; want both", all, err)
	}
	hers := all[0].ID
	if all[0].PersonID == bob.ID {
		hers = all[1].ID
	}
	if err := f.RevokeToken(t.Context(), actor, hers); kind(err) != access.KindNotFound {
		t.Errorf("bob revokes alice's token: %v, want not_found", err)
	}
}

func second[T, U any](_ T, _ U, err error) error { return err }

func reading(name string) authn.NewToken {
	return authn.NewToken{Name: name, Scopes: []access.TokenScope{access.ScopeRead}}
}

func TestScopesAndExpiryOfATokenCount(t *testing.T) {
	f := setUp(t, nil)
	now := f.clock.now()
	alice := f.add(t, "alice", access.RoleEditor, access.RoleAdmin)
	in := authn.NewToken{Name: "ci", Scopes: []access.TokenScope{access.ScopeRead, access.ScopePropose}, Expires: now.Add(time.Hour)}
	_, secret, err := f.CreateToken(t.Context(), system, alice.ID, in)
	if err != nil {
		t.Fatal(err)
	}
	actor, err := f.TokenActor(t.Context(), secret, office, agent, "")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in.Scopes, actor.Scopes); diff != "" {
		t.Errorf("scopes (-want +got):\n%s", diff)
	}
	if actor.IsAdmin() || authz.Can(actor, authz.ManagePeople) || !authz.Can(actor, authz.EditChange) {
		t.Errorf("%+v: want a proposer who is no admin here", actor)
	}
	f.clock.advance(time.Hour)
	now = f.clock.now()
	if _, err := f.TokenActor(t.Context(), secret, office, agent, ""); kind(err) != access.KindUnauthenticated {
		t.Errorf("an expired token: %v, want unauthenticated", err)
	}
	for what, bad := range map[string]authn.NewToken{
		"no name":             {Scopes: access.Scopes()},
		"in the past":         {Name: "x", Scopes: access.Scopes(), Expires: now},
		"more than a year":    {Name: "x", Scopes: access.Scopes(), Expires: now.AddDate(1, 0, 2)},
		"never and at a time": {Name: "x", Scopes: access.Scopes(), Expires: now.Add(time.Hour), Never: true},
	} {
		if _, _, err := f.CreateToken(t.Context(), system, alice.ID, bad); kind(err) != access.KindInvalid || len(access.FieldsOf(err)) != 1 {
			t.Errorf("%s: %v, want one field named", what, err)
		}
	}
}

func TestTokenDefaults(t *testing.T) {
	f := setUp(t, nil)
	now := f.clock.now()
	alice := f.add(t, "alice", access.RoleEditor)
	got, _, err := f.CreateToken(t.Context(), system, alice.ID, authn.NewToken{Name: "plain"})
	if err != nil {
		t.Fatal(err)
	}
	if want := now.Add(90 * 24 * time.Hour); len(got.Scopes) != 1 || got.Scopes[0] != access.ScopeRead || !got.ExpiresAt.Equal(want) {
		t.Errorf("a token without more has the scopes %v and ends at %s, want read and %s", got.Scopes, got.ExpiresAt, want)
	}
	got, _, err = f.CreateToken(t.Context(), system, alice.ID, authn.NewToken{Name: "for ever", Never: true})
	if err != nil || !got.ExpiresAt.IsZero() {
		t.Errorf("a token that never ends: %s, %v", got.ExpiresAt, err)
	}
}

// settled is a store with settings at its head.
type settled struct {
	authn.Store
	settings *access.Settings
}

func (s settled) Settings(context.Context) (access.Settings, error) { return *s.settings, nil }

func TestTokensDecideOnlyIfTheSettingsLetThem(t *testing.T) {
	var settings access.Settings
	f := setUp(t, func(c *authn.Config) { c.Store = settled{c.Store, &settings} })
	alice := f.add(t, "alice", access.RoleApprover, access.RoleOperator)
	_, secret, err := f.CreateToken(t.Context(), system, alice.ID, authn.NewToken{Name: "ci", Scopes: access.Scopes()})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		settings      access.Settings
		review, apply bool
	}{
		{access.Settings{}, false, false},
		{access.Settings{TokensMayReview: true}, true, false},
		{access.Settings{TokensMayApply: true}, false, true},
		{access.Settings{TokensMayReview: true, TokensMayApply: true}, true, true},
	} {
		settings = tc.settings
		actor, err := f.TokenActor(t.Context(), secret, office, agent, "")
		if err != nil {
			t.Fatal(err)
		}
		for p, want := range map[authz.Permission]bool{authz.ReviewChange: tc.review, authz.ApplyChange: tc.apply, authz.Read: true} {
			if authz.Can(actor, p) != want {
				t.Errorf("with %+v a token can %s: %v, want %v", tc.settings, p, !want, want)
			}
		}
		if err := authz.Require(actor, authz.ReviewChange); !tc.review && !strings.Contains(err.Error(), "tokens_may_review") {
			t.Errorf("the refusal says %v, want the name of the setting", err)
		}
		if err := authz.Require(actor, authz.ApplyChange); !tc.apply && !strings.Contains(err.Error(), "tokens_may_apply") {
			t.Errorf("the refusal says %v, want the name of the setting", err)
		}
	}
}
