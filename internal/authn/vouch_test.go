package authn_test

import (
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
)

func (f fixture) groups(t *testing.T) access.Groups {
	t.Helper()
	groups, err := f.store.Groups(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return groups
}

func acting(p access.Person) access.Actor {
	return access.Actor{Kind: access.ActorPerson, PersonID: p.ID, Name: p.Name, Email: p.Email, Roles: p.Roles, Teams: p.Teams}
}

// byAdmin has an admin invite a person, who then chooses a password.
func (f fixture) byAdmin(t *testing.T, admin access.Person, name string, roles ...access.Role) access.Person {
	t.Helper()
	p, secret, err := f.Invite(t.Context(), acting(admin), authn.Invitation{Email: name + "@example.com", Name: name, Roles: roles})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.choose(t, secret, own); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSecondAdminVouches(t *testing.T) {
	f := setUp(t, nil)
	ada, dan := f.add(t, "ada", access.RoleAdmin), f.add(t, "dan", access.RoleAdmin)
	ben := f.byAdmin(t, ada, "ben", access.RoleAdmin)
	cleo := f.byAdmin(t, ben, "cleo", access.RoleApprover)
	g := f.groups(t)
	if !g.Together(ada.ID, cleo.ID) || g.Together(ada.ID, dan.ID) {
		t.Fatalf("groups %v, want ada, ben and cleo in one and dan alone", g.Root)
	}
	for who, actor := range map[string]access.Actor{
		"the admin who added them": acting(ada), "one of their group": acting(ben), "themselves": acting(cleo),
	} {
		actor.Roles = []access.Role{access.RoleAdmin}
		if _, err := f.Vouch(t.Context(), actor, cleo.ID, ""); kind(err) != access.KindForbidden {
			t.Errorf("vouched for by %s: %v, want a refusal", who, err)
		}
	}
	if _, err := f.Vouch(t.Context(), acting(f.add(t, "eve", access.RoleEditor)), cleo.ID, ""); kind(err) != access.KindForbidden {
		t.Errorf("vouched for by an editor: %v", err)
	}
	if _, err := f.Vouch(t.Context(), acting(dan), cleo.ID, "another tag"); kind(err) != access.KindStale {
		t.Errorf("not as they were read: %v, want KindStale", err)
	}
	if _, err := f.Vouch(t.Context(), acting(dan), cleo.ID, ""); err != nil {
		t.Fatal(err)
	}
	if v := f.groups(t).Vouching(cleo.ID); !v.Vouched || v.By.ID != dan.ID || v.Basis != access.VouchedByAdmin {
		t.Errorf("after dan vouched: %+v", v)
	}
	if _, err := f.Vouch(t.Context(), acting(dan), cleo.ID, ""); kind(err) != access.KindConflict {
		t.Errorf("twice: %v, want KindConflict", err)
	}
	events := f.audit(t, access.AuditFilter{Action: "person.vouch"})
	if len(events) != 1 || events[0].PersonID != dan.ID || !strings.Contains(string(events[0].Detail), "second_admin") {
		t.Errorf("audit = %v, want one vouching by dan", told(events))
	}
}

// Each act of one admin on a person who is vouched for ends the vouching.
func TestActsEndTheVouching(t *testing.T) {
	place := func(p access.Person) authn.Place { return authn.Place{Roles: p.Roles, Teams: p.Teams} }
	for what, act := range map[string]func(f fixture, actor access.Actor, p access.Person) error{
		"reset": func(f fixture, actor access.Actor, p access.Person) error {
			_, err := f.ResetPassword(t.Context(), actor, p.ID)
			return err
		},
		"roles": func(f fixture, actor access.Actor, p access.Person) error {
			to := place(p)
			to.Roles = []access.Role{access.RoleViewer, access.RoleApprover}
			_, err := f.SetPlace(t.Context(), actor, p.ID, to, authn.PersonChange{})
			return err
		},
		"teams": func(f fixture, actor access.Actor, p access.Person) error {
			to := place(p)
			to.Teams = []string{"security"}
			_, err := f.SetPlace(t.Context(), actor, p.ID, to, authn.PersonChange{})
			return err
		},
		"disabled and enabled": func(f fixture, actor access.Actor, p access.Person) error {
			to := place(p)
			to.Disabled = true
			if _, err := f.SetPlace(t.Context(), actor, p.ID, to, authn.PersonChange{}); err != nil {
				return err
			}
			_, err := f.SetPlace(t.Context(), actor, p.ID, place(p), authn.PersonChange{})
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			f := setUp(t, nil)
			ada, cleo := f.add(t, "ada", access.RoleAdmin), f.add(t, "cleo", access.RoleApprover)
			for _, role := range []access.Role{access.RoleAdmin, access.RoleApprover, access.RoleOperator} {
				f.add(t, "other-"+string(role), role)
			}
			token := acting(ada) // a token counts as its person
			token.Kind, token.TokenID, token.Scopes = access.ActorToken, 1, access.Scopes()
			if what == "reset" {
				token = acting(ada)
			}
			if v := f.groups(t).Vouching(cleo.ID); !v.Vouched {
				t.Fatalf("the command line has added a person who is not vouched for: %+v", v)
			}
			if err := act(f, token, cleo); err != nil {
				t.Fatal(err)
			}
			if v := f.groups(t).Vouching(cleo.ID); v.Vouched || len(v.With) != 1 || v.With[0].ID != ada.ID {
				t.Errorf("after the act: %+v, want together with ada", v)
			}
		})
	}
}

// Until the person has chosen a password, the admin who made the link could use it.
func TestNoVouchingWhileALinkIsOpen(t *testing.T) {
	f := setUp(t, nil)
	ada, dan := f.add(t, "ada", access.RoleAdmin), f.add(t, "dan", access.RoleAdmin)
	cleo, _, err := f.Invite(t.Context(), acting(ada), authn.Invitation{
		Email: "cleo@example.com", Name: "Cleo", Roles: []access.Role{access.RoleApprover},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Vouch(t.Context(), acting(dan), cleo.ID, "")
	if kind(err) != access.KindConflict || !strings.Contains(access.MessageOf(err), "link") {
		t.Errorf("vouched for while the link is open: %v, want a refusal that names the link", err)
	}
}

// An admin who had an account in hand keeps no token of it beyond the vouching.
func TestVouchingEndsTokensMadeSince(t *testing.T) {
	f := setUp(t, nil)
	ada, dan := f.add(t, "ada", access.RoleAdmin), f.add(t, "dan", access.RoleAdmin)
	cleo := f.byAdmin(t, ada, "cleo", access.RoleApprover)
	actor, err := f.enter(t, cleo, own)
	if err != nil {
		t.Fatal(err)
	}
	_, secret, err := f.CreateToken(t.Context(), actor, cleo.ID, authn.NewToken{Name: "x", Scopes: access.Scopes()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Vouch(t.Context(), acting(dan), cleo.ID, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := f.TokenActor(t.Context(), secret, office, agent, ""); kind(err) != access.KindUnauthenticated {
		t.Errorf("the token of before the vouching is good: %v", err)
	}
	if _, err := f.Actor(t.Context(), cleo.ID, actor.Generation, office, agent, ""); kind(err) != access.KindUnauthenticated {
		t.Errorf("the session of before the vouching goes on: %v", err)
	}
	if _, err := f.enter(t, cleo, own); err != nil {
		t.Errorf("her own password: %v", err)
	}
}

func TestCommandLineVouches(t *testing.T) {
	f := setUp(t, nil)
	line := access.System("command-line")
	ada := f.add(t, "ada", access.RoleAdmin)
	for how, vouch := range map[string]func(p access.Person) error{
		"password": func(p access.Person) error {
			_, err := f.ChangePassword(t.Context(), line, p.ID, authn.NewPassword{New: password})
			return err
		},
		"set": func(p access.Person) error {
			_, err := f.SetPlace(t.Context(), line, p.ID, authn.Place{Roles: p.Roles}, authn.PersonChange{})
			return err
		},
		"vouch": func(p access.Person) error {
			_, err := f.Vouch(t.Context(), line, p.ID, "")
			return err
		},
	} {
		p := f.byAdmin(t, ada, how, access.RoleApprover)
		if err := vouch(p); err != nil {
			t.Fatal(err)
		}
		if v := f.groups(t).Vouching(p.ID); !v.Vouched || v.Basis != access.VouchedByServer {
			t.Errorf("%s: %+v, want vouched for by the command line", how, v)
		}
	}
}

// An admin who disables the only other person does not get into the mode single administrator; the command line confirms
// that the person has left.
func TestCommandLineConfirmsThatAPersonHasLeft(t *testing.T) {
	f := setUp(t, nil)
	ada, dan := f.add(t, "ada", access.RoleAdmin, access.RoleApprover, access.RoleOperator), f.add(t, "dan", access.RoleAdmin)
	gone := authn.Place{Roles: dan.Roles, Disabled: true}
	if _, err := f.SetPlace(t.Context(), acting(ada), dan.ID, gone, authn.PersonChange{}); err != nil {
		t.Fatal(err)
	}
	if four := f.groups(t).FourEyes(true); four.Single() {
		t.Errorf("after an admin disabled the other: %+v, want no effect of the mode", four)
	}
	if _, err := f.SetPlace(t.Context(), access.System("command-line"), dan.ID, gone, authn.PersonChange{}); err != nil {
		t.Fatal(err)
	}
	if four := f.groups(t).FourEyes(true); !four.Single() {
		t.Errorf("after the command line confirmed it: %+v, want the mode", four)
	}
}
