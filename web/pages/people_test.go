package pages_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
	"portcullis.internal/portcullis/web/webtest"
)

func TestPeopleAreForAdmins(t *testing.T) {
	webtest.New(t).As("admin").Page("/people").Contains("main", "Vera Viewer", "viewer@example.com", "Gone <b>",
		"editor", "disabled", "the server’s command line", "Counts together with Adam Admin")
	for _, path := range []string{"/people", "/people/1"} {
		if got := webtest.New(t).As("auditor").Get(path).Status; got != http.StatusForbidden {
			t.Errorf("an auditor gets %s: status %d, want 403", path, got)
		}
	}
	if got := webtest.New(t).As("auditor").Post("/people/1", "roles", "admin", "state", "active").Status; got != http.StatusForbidden {
		t.Errorf("an auditor makes somebody admin: status %d, want 403", got)
	}
}

func TestEditAPerson(t *testing.T) {
	c := webtest.New(t).As("admin")
	p := c.Page("/people/1")
	p.Contains("main", "viewer@example.com", "Shut out")
	if webtest.Attr(p.ID("roles-0"), "checked") != webtest.Attr(p.ID("state-0"), "checked") || webtest.Attr(p.ID("teams"), "value") != "network" || p.ID("confirm") != nil {
		t.Error("the form is not filled in as the person is")
	}
	if got := c.Get("/people/77").Status; got != http.StatusNotFound {
		t.Errorf("somebody who is not there: status %d", got)
	}
	refused := c.Parse(c.Post("/people/1", "roles", "viewer", "roles", "editor", "teams", "network, security", "state", "disabled"), http.StatusUnprocessableEntity)
	refused.Contains("confirm-problem", "the last who can")
	if webtest.Attr(refused.ID("teams"), "value") != "network, security" {
		t.Error("what was typed is lost")
	}
	a := c.Post("/people/1", "roles", "viewer", "roles", "editor", "teams", "security, network,", "state", "disabled", "confirm", "viewer@example.com")
	if a.Status != http.StatusSeeOther || !strings.HasSuffix(a.Header.Get("Location"), "/people") {
		t.Errorf("status %d to %s", a.Status, a.Header.Get("Location"))
	}
	want := authn.Place{Roles: []access.Role{access.RoleViewer, access.RoleEditor}, Teams: []string{"network", "security"}, Disabled: true}
	if d := cmp.Diff(want, c.Place); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestAddAPerson(t *testing.T) {
	c := webtest.New(t).As("admin")
	if c.Page("/people/new").ID("signin") != nil {
		t.Error("without an identity provider there is nothing to choose")
	}
	refused := c.Parse(c.Post("/people/new", "name", "Al <b>", "email", "", "roles", "editor", "teams", "b, a"), http.StatusUnprocessableEntity)
	refused.Contains("email-problem", "not an e-mail")
	if webtest.Attr(refused.ID("name"), "value") != "Al <b>" || webtest.Attr(refused.ID("teams"), "value") != "b, a" {
		t.Error("what was typed is lost")
	}
	made := c.Parse(c.Post("/people/new", "name", "Al", "email", "al@example.com", "roles", "editor", "teams", "b, a", "signin", "provider", "disabled", "false", "generation", "7"), http.StatusCreated)
	made.Contains("secret", c.URL+"/password#abcd-efgh")
	want := authn.Invitation{Name: "Al", Email: "al@example.com", Roles: []access.Role{access.RoleEditor}, Teams: []string{"a", "b"}}
	if d := cmp.Diff(want, c.Invited); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if strings.Contains(c.Get("/people/9").Body, "abcd-efgh") {
		t.Error("the link is shown again")
	}
}

func TestResetAPasswordAndSignSomebodyOut(t *testing.T) {
	c := webtest.New(t).As("admin")
	c.Parse(c.Post("/people/1/password"), http.StatusOK).Contains("secret", c.URL+"/password#ijkl-mnop")
	if got := c.Post("/people/77/password").Status; got != http.StatusNotFound {
		t.Errorf("that of nobody: status %d", got)
	}
	a := c.Post("/people/1/signout", "tokens", "yes")
	if a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/people/1" || c.Generation != 1 {
		t.Errorf("status %d to %s, generation %d", a.Status, a.Header.Get("Location"), c.Generation)
	}
	for _, path := range []string{"/people/new", "/people/1/password", "/people/1/signout", "/people/1", "/people/8/vouch"} {
		if got := webtest.New(t).As("operator").Post(path, "roles", "admin", "name", "x", "email", "x@example.com").Status; got != http.StatusForbidden {
			t.Errorf("an operator posts %s: status %d, want 403", path, got)
		}
	}
}

func TestAPersonIsSavedAsTheyWereRead(t *testing.T) {
	c := webtest.New(t).As("admin")
	if got := c.Post("/people/1", "roles", "viewer", "state", "active", "as_read", "0123").Status; got != http.StatusPreconditionFailed {
		t.Errorf("somebody who was changed meanwhile: status %d, want 412", got)
	}
}

func TestVouchForAPerson(t *testing.T) {
	c := webtest.New(t).As("admin")
	if c.Page("/people/1").Form("/people/1/vouch") != nil {
		t.Error("a person who is vouched for can be vouched for again")
	}
	p := c.Page("/people/8")
	p.Contains("vouching", "Counts together with Adam Admin", "Adam Admin added Bea Bound on 1 Mar 2027.")
	if p.Form("/people/8/vouch") == nil {
		t.Fatal("the page has no form to vouch")
	}
	if got := c.Post("/people/8/vouch", "as_read", "0123").Status; got != http.StatusPreconditionFailed || len(c.Vouched) > 0 {
		t.Errorf("not as they were read: status %d, want 412", got)
	}
	i := slices.IndexFunc(p.All("input"), func(n *html.Node) bool { return webtest.Attr(n, "name") == "as_read" })
	tag := webtest.Attr(p.All("input")[i], "value")
	if a := c.Post("/people/8/vouch", "as_read", tag); a.Status != http.StatusSeeOther || len(c.Vouched) != 1 {
		t.Errorf("status %d, vouched for %v", a.Status, c.Vouched)
	}
	c.Bound = true
	p = c.Page("/people/8")
	p.Contains("vouching", "You and Bea Bound count together.")
	if p.Form("/people/8/vouch") != nil {
		t.Error("the admin who added the person has a form to vouch")
	}
}
