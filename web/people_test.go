package web_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/authn"
)

func (identity) People(context.Context, access.Actor) ([]access.Person, error) {
	return []access.Person{
		{ID: 1, Name: "Vera Viewer", Email: "viewer@example.com", Roles: []access.Role{access.RoleViewer}, Teams: []string{"network"}, CreatedAt: noon},
		{ID: 9, Name: "Gone <b>", Email: "gone@example.com", Roles: []access.Role{access.RoleEditor, access.RoleAdmin}, Disabled: true},
	}, nil
}

func (i identity) Person(ctx context.Context, actor access.Actor, id int64) (access.Person, error) {
	all, _ := i.People(ctx, actor)
	at := slices.IndexFunc(all, func(p access.Person) bool { return p.ID == id })
	if at < 0 {
		return access.Person{}, access.Errorf(access.KindNotFound, "There is no person %d.", id)
	}
	return all[at], nil
}

func (i identity) SetPlace(ctx context.Context, actor access.Actor, id int64, place authn.Place, say authn.PersonChange) (access.Person, error) {
	p, err := i.Person(ctx, actor, id)
	if say.IfTag != "" && say.IfTag != p.Tag() {
		return p, access.Errorf(access.KindStale, "Somebody else has changed them.")
	}
	if place.Disabled && say.Confirm != p.Email {
		return p, access.Invalid("confirm", "Vera Viewer is the last who can.")
	}
	*i.place = place
	return p, err
}

func (i identity) Invite(ctx context.Context, actor access.Actor, in authn.Invitation) (access.Person, string, error) {
	if in.Email == "" {
		return access.Person{}, "", access.Invalid("email", "\"\" is not an e-mail address")
	}
	*i.invited = in
	p, err := i.Person(ctx, actor, 9)
	return p, "abcd-efgh", err
}

func (i identity) ResetPassword(ctx context.Context, actor access.Actor, id int64, keepTokens bool) (string, error) {
	if _, err := i.Person(ctx, actor, id); err != nil || keepTokens {
		return "", err
	}
	return "ijkl-mnop", nil
}

func TestPeopleAreForAdmins(t *testing.T) {
	newConsole(t).as("admin").page("/people").contains("main", "Vera Viewer", "viewer@example.com", "Gone <b>", "editor", "disabled")
	for _, path := range []string{"/people", "/people/1"} {
		if got := newConsole(t).as("auditor").get(path).status; got != http.StatusForbidden {
			t.Errorf("an auditor gets %s: status %d, want 403", path, got)
		}
	}
	if got := newConsole(t).as("auditor").post("/people/1", "roles", "admin", "state", "active").status; got != http.StatusForbidden {
		t.Errorf("an auditor makes somebody admin: status %d, want 403", got)
	}
}

func TestEditAPerson(t *testing.T) {
	c := newConsole(t).as("admin")
	p := c.page("/people/1")
	p.contains("main", "viewer@example.com", "Shut out")
	if attr(p.id("roles-0"), "checked") != attr(p.id("state-0"), "checked") || attr(p.id("teams"), "value") != "network" || p.id("confirm") != nil {
		t.Error("the form is not filled in as the person is")
	}
	if got := c.get("/people/77").status; got != http.StatusNotFound {
		t.Errorf("somebody who is not there: status %d", got)
	}
	refused := c.parse(c.post("/people/1", "roles", "viewer", "roles", "editor", "teams", "network, security", "state", "disabled"), http.StatusUnprocessableEntity)
	refused.contains("confirm-problem", "the last who can")
	if attr(refused.id("teams"), "value") != "network, security" {
		t.Error("what was typed is lost")
	}
	a := c.post("/people/1", "roles", "viewer", "roles", "editor", "teams", "security, network,", "state", "disabled", "confirm", "viewer@example.com")
	if a.status != http.StatusSeeOther || !strings.HasSuffix(a.header.Get("Location"), "/people") {
		t.Errorf("status %d to %s", a.status, a.header.Get("Location"))
	}
	want := authn.Place{Roles: []access.Role{access.RoleViewer, access.RoleEditor}, Teams: []string{"network", "security"}, Disabled: true}
	if d := cmp.Diff(want, c.place); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestAddAPerson(t *testing.T) {
	c := newConsole(t).as("admin")
	if c.page("/people/new").id("signin") != nil {
		t.Error("without an identity provider there is nothing to choose")
	}
	refused := c.parse(c.post("/people/new", "name", "Al <b>", "email", "", "roles", "editor", "teams", "b, a"), http.StatusUnprocessableEntity)
	refused.contains("email-problem", "not an e-mail")
	if attr(refused.id("name"), "value") != "Al <b>" || attr(refused.id("teams"), "value") != "b, a" {
		t.Error("what was typed is lost")
	}
	made := c.parse(c.post("/people/new", "name", "Al", "email", "al@example.com", "roles", "editor", "teams", "b, a", "signin", "provider", "disabled", "false", "generation", "7"), http.StatusCreated)
	made.contains("secret", "abcd-efgh")
	want := authn.Invitation{Name: "Al", Email: "al@example.com", Roles: []access.Role{access.RoleEditor}, Teams: []string{"a", "b"}}
	if d := cmp.Diff(want, c.invited); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if strings.Contains(c.get("/people/9").body, "abcd-efgh") {
		t.Error("the first password is shown again")
	}
}

func TestResetAPasswordAndSignSomebodyOut(t *testing.T) {
	c := newConsole(t).as("admin")
	c.parse(c.post("/people/1/password"), http.StatusOK).contains("secret", "ijkl-mnop")
	if got := c.post("/people/77/password").status; got != http.StatusNotFound {
		t.Errorf("that of nobody: status %d", got)
	}
	a := c.post("/people/1/signout", "tokens", "yes")
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/people/1" || c.generation != 1 {
		t.Errorf("status %d to %s, generation %d", a.status, a.header.Get("Location"), c.generation)
	}
	for _, path := range []string{"/people/new", "/people/1/password", "/people/1/signout", "/people/1"} {
		if got := newConsole(t).as("operator").post(path, "roles", "admin", "name", "x", "email", "x@example.com").status; got != http.StatusForbidden {
			t.Errorf("an operator posts %s: status %d, want 403", path, got)
		}
	}
}

func TestAPersonIsSavedAsTheyWereRead(t *testing.T) {
	c := newConsole(t).as("admin")
	if got := c.post("/people/1", "roles", "viewer", "state", "active", "as_read", "0123").status; got != http.StatusPreconditionFailed {
		t.Errorf("somebody who was changed meanwhile: status %d, want 412", got)
	}
}
