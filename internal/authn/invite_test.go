package authn_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
	"portcullis.internal/portcullis/internal/authz"
)

func (f fixture) invite(t *testing.T, name string, roles ...access.Role) (access.Person, string) {
	t.Helper()
	p, secret, err := f.Invite(t.Context(), system, authn.Invitation{
		Email: name + "@example.com", Name: name, Roles: roles, Teams: []string{"network"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p, secret
}

// enter signs in and returns the actor of the next request.
func (f fixture) enter(t *testing.T, p access.Person, password string) (access.Actor, error) {
	t.Helper()
	in, err := f.SignIn(t.Context(), p.Email, password, office, agent, "")
	if err != nil {
		return in, err
	}
	return f.Actor(t.Context(), p.ID, in.Generation, office, agent, "")
}

// choose uses a link.
func (f fixture) choose(t *testing.T, secret, password string) error {
	t.Helper()
	return f.ChoosePassword(t.Context(), secret, password, office, agent, "")
}

const own = "a password of her own"

func TestLinkChoosesPasswordOnce(t *testing.T) {
	f := setUp(t, nil)
	p, secret := f.invite(t, "alice", access.RoleEditor, access.RoleAdmin)
	if len(secret) < 43 || strings.Contains(strings.Join(told(f.audit(t, access.AuditFilter{})), " "), secret) {
		t.Errorf("the secret %q is short, or on record", secret)
	}
	for _, password := range []string{secret, ""} {
		if _, err := f.enter(t, p, password); kind(err) != access.KindUnauthenticated {
			t.Errorf("signing in before a password is chosen, with %q: %v", password, err)
		}
	}
	for field, password := range map[string]string{"short": "short", "the e-mail address": p.Email} {
		if err := f.choose(t, secret, password); kind(err) != access.KindInvalid {
			t.Errorf("%s: %v, want a refusal", field, err)
		}
	}
	if err := f.choose(t, secret, own); err != nil {
		t.Fatal(err)
	}
	if actor, err := f.enter(t, p, own); err != nil || !authz.Can(actor, authz.EditChange) {
		t.Errorf("with her own password: %+v, %v", actor, err)
	}
	err := f.choose(t, secret, "another password of hers")
	if kind(err) != access.KindInvalid || access.FieldsOf(err)[0].Field != "secret" {
		t.Errorf("using the link again: %v, want a refusal at the code", err)
	}
}

// told are events with their details.
func told(events []access.AuditEvent) []string {
	var out []string
	for _, e := range events {
		out = append(out, e.Action+" "+e.Object+" "+string(e.Detail))
	}
	return out
}

func TestLinkEnds(t *testing.T) {
	boss := func(f fixture) access.Actor {
		admin := f.add(t, "admin", access.RoleAdmin)
		return access.Actor{Kind: access.ActorPerson, PersonID: admin.ID, Name: admin.Name, Roles: admin.Roles}
	}
	for how, end := range map[string]func(f fixture, p access.Person) error{
		"after three days": func(f fixture, _ access.Person) error {
			f.clock.advance(72 * time.Hour)
			return nil
		},
		"by a newer link": func(f fixture, p access.Person) error {
			_, err := f.ResetPassword(t.Context(), boss(f), p.ID)
			return err
		},
		"when the account is disabled": func(f fixture, p access.Person) error {
			_, err := f.SetPlace(t.Context(), boss(f), p.ID, authn.Place{Roles: p.Roles, Disabled: true}, authn.PersonChange{})
			return err
		},
		"by a password of the command line": func(f fixture, p access.Person) error {
			_, err := f.ChangePassword(t.Context(), system, p.ID, authn.NewPassword{New: password})
			return err
		},
	} {
		t.Run(how, func(t *testing.T) {
			f := setUp(t, nil)
			p, secret := f.invite(t, "alice", access.RoleViewer)
			f.clock.advance(71 * time.Hour)
			if err := f.choose(t, secret, "short"); kind(err) != access.KindInvalid || access.FieldsOf(err)[0].Field != "password" {
				t.Errorf("before: %v, want the password refused", err)
			}
			f.clock.advance(-71 * time.Hour)
			if err := end(f, p); err != nil {
				t.Fatal(err)
			}
			if err := f.choose(t, secret, own); kind(err) != access.KindInvalid || access.FieldsOf(err)[0].Field != "secret" {
				t.Errorf("after: %v, want the code refused", err)
			}
		})
	}
}

// A guess at a link is an attempt to sign in like any other.
func TestGuessesAtLinksAreLimited(t *testing.T) {
	f := setUp(t, nil)
	for range 10 {
		if err := f.choose(t, "guess", own); kind(err) != access.KindInvalid {
			t.Fatalf("a guess: %v, want a refusal", err)
		}
	}
	if err := f.choose(t, "guess", own); kind(err) != access.KindTooMany {
		t.Errorf("the eleventh guess: %v, want KindTooMany", err)
	}
}

// TestResetPassword: password, sessions and tokens end, and the person chooses another password.
func TestResetPassword(t *testing.T) {
	f := setUp(t, nil)
	admin, alice := f.add(t, "admin", access.RoleAdmin), f.add(t, "alice", access.RoleViewer)
	boss, err := f.enter(t, admin, password)
	if err != nil {
		t.Fatal(err)
	}
	before, err := f.enter(t, alice, password)
	if err != nil {
		t.Fatal(err)
	}
	_, token, err := f.CreateToken(t.Context(), before, alice.ID, authn.NewToken{Name: "x", Scopes: access.Scopes()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.ResetPassword(t.Context(), boss, admin.ID); kind(err) != access.KindForbidden {
		t.Errorf("one's own: %v, want a refusal", err)
	}
	if _, err := f.ResetPassword(t.Context(), before, admin.ID); kind(err) != access.KindForbidden {
		t.Errorf("an admin's by a viewer: %v, want a refusal", err)
	}
	secret, err := f.ResetPassword(t.Context(), boss, alice.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Actor(t.Context(), alice.ID, before.Generation, office, agent, ""); kind(err) != access.KindUnauthenticated {
		t.Errorf("the session from before: %v", err)
	}
	if _, err := f.TokenActor(t.Context(), token, office, agent, ""); kind(err) != access.KindUnauthenticated {
		t.Errorf("the token from before: %v", err)
	}
	if _, err := f.enter(t, alice, password); kind(err) != access.KindUnauthenticated {
		t.Errorf("the password from before: %v", err)
	}
	if err := f.choose(t, secret, own); err != nil {
		t.Error(err)
	}
	if _, err := f.enter(t, alice, own); err != nil {
		t.Errorf("the password that was chosen: %v", err)
	}
	if got := actions(f.audit(t, access.AuditFilter{Action: "person.reset"})); got != "person.reset" {
		t.Errorf("audit = %q", got)
	}
	if _, err := f.ResetPassword(t.Context(), boss, 999); kind(err) != access.KindNotFound {
		t.Errorf("of a person who does not exist: %v", err)
	}
}

// An API token adds a person without a link, and gets no link of a reset.
func TestTokenGetsNoLink(t *testing.T) {
	f := setUp(t, nil)
	admin, alice := f.add(t, "admin", access.RoleAdmin), f.add(t, "alice", access.RoleViewer)
	token := access.Actor{
		Kind: access.ActorToken, PersonID: admin.ID, Name: admin.Name, Roles: admin.Roles, TokenID: 1,
		Scopes: access.Scopes(),
	}
	p, secret, err := f.Invite(t.Context(), token, authn.Invitation{
		Email: "bob@example.com", Name: "Bob", Roles: []access.Role{access.RoleViewer},
	})
	if err != nil || secret != "" || !p.LinkUntil.IsZero() {
		t.Errorf("a token that adds a person is told %q, %v", secret, err)
	}
	if secret, err := f.ResetPassword(t.Context(), token, alice.ID); kind(err) != access.KindForbidden || secret != "" {
		t.Errorf("a token that resets a password is told %q, %v", secret, err)
	}
	if _, err := f.enter(t, alice, password); err != nil {
		t.Errorf("the refused reset had an effect: %v", err)
	}
}

// Only the command line of the server sets a password or makes a token of another person: with either, an admin would
// act as that person.
func TestAdminNeverActsAsAnotherPerson(t *testing.T) {
	f := setUp(t, nil)
	admin, alice := f.add(t, "admin", access.RoleAdmin), f.add(t, "alice", access.RoleApprover)
	boss, err := f.enter(t, admin, password)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.ChangePassword(t.Context(), boss, alice.ID, authn.NewPassword{New: own}); kind(err) != access.KindForbidden {
		t.Errorf("an admin sets a password: %v", err)
	}
	wanted := authn.NewToken{Name: "x", Scopes: access.Scopes()}
	if _, _, err := f.CreateToken(t.Context(), boss, alice.ID, wanted); kind(err) != access.KindForbidden {
		t.Errorf("an admin makes a token: %v", err)
	}
	bob := authn.NewPerson{Email: "bob@example.com", Name: "Bob", Roles: alice.Roles, Password: own}
	if _, err := f.AddPerson(t.Context(), boss, bob); kind(err) != access.KindForbidden {
		t.Errorf("an admin adds a person with a password: %v", err)
	}
}

func TestInviteRefuses(t *testing.T) {
	f := setUp(t, nil)
	good := authn.Invitation{Email: "bob@example.com", Name: "Bob", Roles: []access.Role{access.RoleViewer}}
	for field, change := range map[string]func(*authn.Invitation){
		"email": func(n *authn.Invitation) { n.Email = "bob" },
		"name":  func(n *authn.Invitation) { n.Name = "  " },
		"roles": func(n *authn.Invitation) { n.Roles = []access.Role{"root"} },
		"teams": func(n *authn.Invitation) { n.Teams = []string{"Net Work"} },
	} {
		n := good
		change(&n)
		_, secret, err := f.Invite(t.Context(), system, n)
		if fields := access.FieldsOf(err); len(fields) != 1 || fields[0].Field != field || secret != "" {
			t.Errorf("%s: %v (fields %v), want that field refused", field, err, fields)
		}
	}
	alice := f.add(t, "alice", access.RoleEditor, access.RoleApprover, access.RoleOperator, access.RoleAuditor)
	actor, err := f.enter(t, alice, password)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.Invite(t.Context(), actor, good); kind(err) != access.KindForbidden {
		t.Errorf("by somebody who is no admin: %v", err)
	}
	good.External = true
	p, secret, err := f.Invite(t.Context(), system, good)
	if err != nil || secret != "" || !p.LinkUntil.IsZero() {
		t.Errorf("a person who comes by an identity provider has the link %q until %s, %v", secret, p.LinkUntil, err)
	}
	if _, err := f.enter(t, p, ""); kind(err) != access.KindUnauthenticated {
		t.Errorf("without a password: %v", err)
	}
}

// TestNobodyGivesThemselvesARole, an admin neither, in a browser or by a token.
func TestNobodyGivesThemselvesARole(t *testing.T) {
	f := setUp(t, nil)
	admin := f.add(t, "admin", access.RoleAdmin, access.RoleViewer)
	f.add(t, "other", access.RoleAdmin)
	actor, err := f.enter(t, admin, password)
	if err != nil {
		t.Fatal(err)
	}
	token := actor
	token.Kind, token.TokenID, token.Scopes = access.ActorToken, 1, access.Scopes()
	more := authn.Place{Roles: []access.Role{access.RoleAdmin, access.RoleApprover}}
	team := authn.Place{Roles: []access.Role{access.RoleAdmin}, Teams: []string{"security"}}
	for _, who := range []access.Actor{actor, token} {
		for _, place := range []authn.Place{more, team} {
			if _, err := f.SetPlace(t.Context(), who, admin.ID, place, authn.PersonChange{}); kind(err) != access.KindForbidden {
				t.Errorf("%+v by a %s: %v, want a refusal", place, who.Kind, err)
			}
		}
	}
	if p, err := f.SetPlace(t.Context(), actor, admin.ID, authn.Place{Roles: []access.Role{access.RoleAdmin}}, authn.PersonChange{}); err != nil || slices.Contains(p.Roles, access.RoleViewer) {
		t.Errorf("giving one up: %v, %v", p.Roles, err)
	}
}

func TestAPersonIsChangedAsTheyWereRead(t *testing.T) {
	f := setUp(t, nil)
	alice := f.add(t, "alice", access.RoleViewer)
	read := authn.PersonChange{IfTag: alice.Tag()}
	place := authn.Place{Roles: []access.Role{access.RoleEditor}}
	if _, err := f.SetPlace(t.Context(), system, alice.ID, place, read); err != nil {
		t.Fatal(err)
	}
	if _, err := f.SetPlace(t.Context(), system, alice.ID, place, read); kind(err) != access.KindStale {
		t.Errorf("as they are no longer: %v, want KindStale", err)
	}
}

// TestSessionsAreListedAndEndedOneByOne, one's own and nobody else's.
func TestSessionsAreListedAndEndedOneByOne(t *testing.T) {
	f := setUp(t, nil)
	f.clock.at.Store(time.Now().UnixNano())
	r := f.replica()
	alice, bob := f.add(t, "alice", access.RoleViewer), f.add(t, "bob", access.RoleAdmin)
	here, there, bobs := r.signIn(t, alice), r.signIn(t, alice), r.signIn(t, bob)
	actor := access.Actor{Kind: access.ActorPerson, PersonID: alice.ID, Name: "alice", Roles: alice.Roles}
	admin := access.Actor{Kind: access.ActorPerson, PersonID: bob.ID, Name: "bob", Roles: bob.Roles}
	open, err := f.Sessions(t.Context(), actor, alice.ID, here)
	if err != nil || len(open) != 2 {
		t.Fatalf("open: %+v, %v; want two", open, err)
	}
	i := slices.IndexFunc(open, func(s access.SignedIn) bool { return !s.Here })
	if _, err := f.Sessions(t.Context(), actor, bob.ID, here); kind(err) != access.KindForbidden {
		t.Errorf("those of somebody else: %v", err)
	}
	if others, err := f.Sessions(t.Context(), admin, alice.ID, bobs); err != nil || len(others) != 2 || others[0].Here || others[1].Here {
		t.Errorf("an admin sees %+v, %v", others, err)
	}
	if err := f.EndSession(t.Context(), admin, open[i].ID); kind(err) != access.KindNotFound {
		t.Errorf("one of somebody else: %v, want KindNotFound", err)
	}
	if err := f.EndSession(t.Context(), actor, open[i].ID); err != nil {
		t.Fatal(err)
	}
	for token, want := range map[string]int64{here: alice.ID, there: 0, bobs: bob.ID} {
		if got := r.sessions.GetInt64(r.load(t, token), authn.SessionPerson); got != want {
			t.Errorf("a session is that of %d, want %d", got, want)
		}
	}
	if got := actions(f.audit(t, access.AuditFilter{Action: "person.session_end"})); got != "person.session_end" {
		t.Errorf("audit = %q", got)
	}
}
