package authn_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
)

func TestTheLastOneStays(t *testing.T) {
	f := setUp(t, nil)
	viewer := []access.Role{access.RoleViewer}
	otto := f.add(t, "otto", access.RoleOperator)
	anna, adam := f.add(t, "anna", access.RoleApprover), f.add(t, "adam", access.RoleAdmin, access.RoleApprover)
	set := func(p access.Person, place authn.Place) error {
		_, err := f.SetPlace(t.Context(), system, p.ID, place, authn.PersonChange{Confirm: p.Email})
		return err
	}
	for name, c := range map[string]struct {
		person access.Person
		place  authn.Place
		says   string
	}{
		"the last operator loses the role": {otto, authn.Place{Roles: viewer}, "apply changes"},
		"the last operator is shut out":    {otto, authn.Place{Roles: otto.Roles, Disabled: true}, "otto is the last"},
		"the last admin loses the role":    {adam, authn.Place{Roles: viewer}, "manage people"},
	} {
		if err := set(c.person, c.place); kind(err) != access.KindInvalid || !strings.Contains(access.MessageOf(err), c.says) || !strings.Contains(access.MessageOf(err), "to somebody else first") {
			t.Errorf("%s: %v, want a refusal that says %q", name, err, c.says)
		}
	}
	if err := set(anna, authn.Place{Roles: viewer}); err != nil {
		t.Errorf("one of two approvers: %v", err)
	}
	if err := set(adam, authn.Place{Roles: []access.Role{access.RoleAdmin}}); kind(err) != access.KindInvalid {
		t.Errorf("the second of two approvers: %v, want a refusal", err)
	}
	if n := len(f.audit(t, access.AuditFilter{Action: "person.place"})); n != 1 {
		t.Errorf("%d events, want that of what was done", n)
	}
}

// If the settings allow an override, the e-mail address must be typed.
func TestDisableLastOperatorRequiresConfirmation(t *testing.T) {
	f := setUp(t, nil)
	otto := f.add(t, "otto", access.RoleOperator)
	f.atHead(t, `INSERT INTO settings (body, added_in) VALUES ('{"guards": {"nobody_applies": "confirm"}}', 1)`)
	out := authn.Place{Roles: otto.Roles, Disabled: true}
	for _, typed := range []string{"", "somebody@example.com"} {
		if _, err := f.SetPlace(t.Context(), system, otto.ID, out, authn.PersonChange{Confirm: typed}); kind(err) != access.KindInvalid || access.FieldsOf(err)[0].Field != "confirm" {
			t.Errorf("with %q typed: %v, want to be asked for the e-mail", typed, err)
		}
	}
	if p, err := f.SetPlace(t.Context(), system, otto.ID, out, authn.PersonChange{Confirm: " Otto@example.com"}); err != nil || !p.Disabled {
		t.Errorf("overridden: %+v, %v", p, err)
	}
	if got := f.audit(t, access.AuditFilter{Action: "person.place"}); len(got) != 1 || !strings.Contains(string(got[0].Detail), "apply changes") {
		t.Errorf("audit = %+v, want the overridden finding", got)
	}
}

// atHead makes a revision with the rows that a statement adds, without a change.
func (f fixture) atHead(t *testing.T, insert string) {
	t.Helper()
	tx, err := f.store.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		"SET LOCAL session_replication_role = replica", // a revision without its change
		"INSERT INTO revisions (number, change_id, created_at) VALUES (1, 1, now())", "UPDATE head SET revision = 1", insert,
	} {
		if _, err := tx.Exec(t.Context(), sql); err != nil {
			t.Error(err)
		}
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Who is the last of a team that a review rule needs stays in it too: no change under the
// rule could be approved without them.
func TestTheLastOfATeamStays(t *testing.T) {
	f := setUp(t, nil)
	f.add(t, "otto", access.RoleOperator)
	f.add(t, "edda", access.RoleEditor)
	nina, ned := f.add(t, "nina", access.RoleApprover), f.add(t, "ned", access.RoleApprover)
	place := func(p access.Person, teams ...string) error {
		_, err := f.SetPlace(t.Context(), system, p.ID, authn.Place{Roles: p.Roles, Teams: teams}, authn.PersonChange{})
		return err
	}
	for _, p := range []access.Person{nina, ned} {
		if err := place(p, "network"); err != nil {
			t.Fatal(err)
		}
	}
	f.atHead(t, `INSERT INTO review_rules (id, body, added_in) VALUES ('rr-net', '{"name": "Networks", "need": [{"count": 1, "teams": ["network"]}]}', 1)`)
	if err := place(nina); err != nil {
		t.Errorf("one of two leaves the team: %v", err)
	}
	err := place(ned)
	if kind(err) != access.KindInvalid || !strings.Contains(access.MessageOf(err), "under the rule Networks") || !strings.Contains(access.MessageOf(err), "team network") {
		t.Errorf("the last one leaves the team: %v, want a refusal that names rule and team", err)
	}
	if err := place(nina, "network"); err != nil {
		t.Fatal(err)
	}
	if err := place(ned); err != nil {
		t.Errorf("there is somebody else again: %v", err)
	}
}

// Two admins shut each other out at the same moment: one of them stays.
func TestTwoWhoShutEachOtherOut(t *testing.T) {
	f := setUp(t, nil)
	f.add(t, "otto", access.RoleOperator)
	a, b := f.add(t, "a", access.RoleAdmin), f.add(t, "b", access.RoleAdmin)
	var errs [2]error
	var both sync.WaitGroup
	for i, p := range []access.Person{a, b} {
		both.Go(func() {
			_, errs[i] = f.SetPlace(context.WithoutCancel(t.Context()), system, p.ID, authn.Place{Roles: p.Roles, Disabled: true}, authn.PersonChange{})
		})
	}
	both.Wait()
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Errorf("%v and %v; want exactly one refusal", errs[0], errs[1])
	}
}

func TestWhoIsShutOutIsOutEverywhere(t *testing.T) {
	f := setUp(t, nil)
	alice := f.add(t, "alice", access.RoleViewer)
	actor, err := f.SignIn(t.Context(), alice.Email, password, office, agent, "")
	if err != nil {
		t.Fatal(err)
	}
	_, secret, err := f.CreateToken(t.Context(), actor, alice.ID, reading("export"))
	if err != nil {
		t.Fatal(err)
	}
	place := func(disabled bool) {
		t.Helper()
		if _, err := f.SetPlace(t.Context(), system, alice.ID, authn.Place{Roles: alice.Roles, Disabled: disabled}, authn.PersonChange{}); err != nil {
			t.Fatal(err)
		}
	}
	place(true)
	place(false) // what was ended does not come back
	if _, err := f.Actor(t.Context(), alice.ID, actor.Generation, office, agent, ""); kind(err) != access.KindUnauthenticated {
		t.Errorf("a session from before: %v, want that it is over", err)
	}
	if _, err := f.TokenActor(t.Context(), secret, office, agent, ""); kind(err) != access.KindUnauthenticated {
		t.Errorf("a token from before: %v, want that it is revoked", err)
	}
	if got := f.audit(t, access.AuditFilter{Action: "token.revoke"}); len(got) != 1 || !strings.Contains(string(got[0].Detail), "person.place") || got[0].Name != system.Name {
		t.Errorf("audit = %+v, want the token's end and why", got)
	}
	again, err := f.SignIn(t.Context(), alice.Email, password, office, agent, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Actor(t.Context(), alice.ID, again.Generation, office, agent, ""); err != nil {
		t.Errorf("a new session: %v", err)
	}
}

func TestANewPasswordEndsSessionsAndTokens(t *testing.T) {
	for name, c := range map[string]struct {
		keep bool
		want access.Kind
	}{"tokens too": {false, access.KindUnauthenticated}, "tokens are kept": {true, access.KindInternal}} {
		t.Run(name, func(t *testing.T) {
			f := setUp(t, nil)
			alice := f.add(t, "alice", access.RoleViewer)
			actor, err := f.SignIn(t.Context(), alice.Email, password, office, agent, "")
			if err != nil {
				t.Fatal(err)
			}
			_, secret, err := f.CreateToken(t.Context(), actor, alice.ID, reading("export"))
			if err != nil {
				t.Fatal(err)
			}
			generation, err := f.ChangePassword(t.Context(), actor, alice.ID, authn.NewPassword{Old: password, New: "another good password", KeepTokens: c.keep})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.Actor(t.Context(), alice.ID, actor.Generation, office, agent, ""); kind(err) != access.KindUnauthenticated {
				t.Errorf("another session: %v, want that it is over", err)
			}
			if _, err := f.Actor(t.Context(), alice.ID, generation, office, agent, ""); err != nil {
				t.Errorf("the session in which it was done: %v", err)
			}
			if _, err := f.TokenActor(t.Context(), secret, office, agent, ""); (err == nil) != c.keep || err != nil && kind(err) != c.want {
				t.Errorf("a token: %v", err)
			}
		})
	}
}

func TestEndSessions(t *testing.T) {
	f := setUp(t, nil)
	alice := f.add(t, "alice", access.RoleViewer)
	actor, err := f.SignIn(t.Context(), alice.Email, password, office, agent, "")
	if err != nil {
		t.Fatal(err)
	}
	generation, err := f.EndSessions(t.Context(), actor, actor.PersonID, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Actor(t.Context(), alice.ID, actor.Generation, office, agent, ""); kind(err) != access.KindUnauthenticated {
		t.Errorf("another session: %v, want that it is over", err)
	}
	if _, err := f.Actor(t.Context(), alice.ID, generation, office, agent, ""); err != nil {
		t.Errorf("this session: %v", err)
	}
	token := actor
	token.Kind, token.TokenID, token.Scopes = access.ActorToken, 1, access.Scopes()
	if _, err := f.EndSessions(t.Context(), token, token.PersonID, false); kind(err) != access.KindForbidden {
		t.Errorf("by a token: %v, want a refusal", err)
	}
}
