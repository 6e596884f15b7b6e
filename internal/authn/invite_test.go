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
	p, initial, err := f.Invite(t.Context(), system, authn.Invitation{Email: name + "@example.com", Name: name, Roles: roles, Teams: []string{"network"}})
	if err != nil {
		t.Fatal(err)
	}
	return p, initial
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

// TestAFirstPasswordIsGoodForAnother, and for nothing else.
func TestAFirstPasswordIsGoodForAnother(t *testing.T) {
	f := setUp(t, nil)
	p, initial := f.invite(t, "alice", access.RoleEditor, access.RoleAdmin)
	if len(initial) < 20 || strings.Contains(strings.Join(told(f.audit(t, access.AuditFilter{})), " "), initial) {
		t.Errorf("the first password %q is short, or on record", initial)
	}
	actor, err := f.enter(t, p, initial)
	if err != nil || !actor.PasswordDue {
		t.Fatalf("signed in as %+v, %v; want a password to be due", actor, err)
	}
	for _, perm := range authz.Permissions() {
		if authz.Can(actor, perm) != (perm == authz.ManageOwnAccount) {
			t.Errorf("before choosing a password: %s is %v", perm, authz.Can(actor, perm))
		}
	}
	if _, _, err := f.CreateToken(t.Context(), actor, p.ID, authn.NewToken{Name: "x", Scopes: access.Scopes()}); kind(err) != access.KindForbidden {
		t.Errorf("a token is made of a first password: %v", err)
	}
	if _, err := f.ChangePassword(t.Context(), actor, p.ID, authn.NewPassword{Old: initial, New: initial}); kind(err) != access.KindInvalid {
		t.Errorf("the same once more: %v, want a refusal", err)
	}
	const own = "a password of her own"
	if _, err := f.ChangePassword(t.Context(), actor, p.ID, authn.NewPassword{Old: initial, New: own}); err != nil {
		t.Fatal(err)
	}
	if actor, err = f.enter(t, p, own); err != nil || actor.PasswordDue || !authz.Can(actor, authz.EditChange) {
		t.Errorf("with her own password: %+v, %v", actor, err)
	}
	if _, err := f.enter(t, p, initial); kind(err) != access.KindUnauthenticated {
		t.Errorf("with the first password again: %v", err)
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

func TestAFirstPasswordEnds(t *testing.T) {
	f := setUp(t, nil)
	p, initial := f.invite(t, "alice", access.RoleViewer)
	f.clock.at.Add(int64(7*24*time.Hour - time.Minute))
	if _, err := f.enter(t, p, initial); err != nil {
		t.Errorf("just before: %v", err)
	}
	f.clock.at.Add(int64(time.Minute))
	if _, err := f.enter(t, p, initial); kind(err) != access.KindUnauthenticated || !strings.Contains(access.MessageOf(err), "first password") {
		t.Errorf("after a week: %v", err)
	}
	if _, err := f.enter(t, p, "another password"); strings.Contains(access.MessageOf(err), "first password") {
		t.Errorf("somebody who does not know it is told of it: %v", err)
	}
}

// TestResetPassword: sessions and tokens end, and the person chooses anew.
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
	_, secret, err := f.CreateToken(t.Context(), before, alice.ID, authn.NewToken{Name: "x", Scopes: access.Scopes()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.ResetPassword(t.Context(), boss, admin.ID, false); kind(err) != access.KindForbidden {
		t.Errorf("one's own: %v, want a refusal", err)
	}
	if _, err := f.ResetPassword(t.Context(), before, admin.ID, false); kind(err) != access.KindForbidden {
		t.Errorf("an admin's by a viewer: %v, want a refusal", err)
	}
	initial, err := f.ResetPassword(t.Context(), boss, alice.ID, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Actor(t.Context(), alice.ID, before.Generation, office, agent, ""); kind(err) != access.KindUnauthenticated {
		t.Errorf("the session from before: %v", err)
	}
	if _, err := f.TokenActor(t.Context(), secret, office, agent, ""); kind(err) != access.KindUnauthenticated {
		t.Errorf("the token from before: %v", err)
	}
	if _, err := f.enter(t, alice, password); kind(err) != access.KindUnauthenticated {
		t.Errorf("the password from before: %v", err)
	}
	if actor, err := f.enter(t, alice, initial); err != nil || !actor.PasswordDue {
		t.Errorf("the first password: %+v, %v", actor, err)
	}
	if got := actions(f.audit(t, access.AuditFilter{Action: "person.reset"})); got != "person.reset" {
		t.Errorf("audit = %q", got)
	}
	if _, err := f.ResetPassword(t.Context(), boss, 999, false); kind(err) != access.KindNotFound {
		t.Errorf("nobody's: %v", err)
	}
}

// A token from before a reset cannot be used until the person has set a password.
func TestATokenWaitsForThePassword(t *testing.T) {
	f := setUp(t, nil)
	alice := f.add(t, "alice", access.RoleViewer)
	_, secret, err := f.CreateToken(t.Context(), system, alice.ID, authn.NewToken{Name: "x", Scopes: access.Scopes()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.ResetPassword(t.Context(), system, alice.ID, true); err != nil {
		t.Fatal(err)
	}
	actor, err := f.TokenActor(t.Context(), secret, office, agent, "")
	if err != nil || authz.Can(actor, authz.Read) {
		t.Errorf("the token may read: %+v, %v", actor, err)
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
		_, initial, err := f.Invite(t.Context(), system, n)
		if fields := access.FieldsOf(err); len(fields) != 1 || fields[0].Field != field || initial != "" {
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
	p, initial, err := f.Invite(t.Context(), system, good)
	if err != nil || initial != "" || !p.InitialUntil.IsZero() {
		t.Errorf("somebody who comes by an identity provider has the password %q until %s, %v", initial, p.InitialUntil, err)
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
