package web_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestTokensPage(t *testing.T) {
	c := newConsole(t).as("editor")
	p := c.page("/tokens")
	p.contains("main", "nightly <i>", "read, propose", "active", "Revoke")
	if strings.Contains(p.text(""), "Tokens of others") {
		t.Error("an editor is shown the tokens of others")
	}
	newConsole(t).as("admin").page("/tokens").contains("main", "Tokens of others", "Olga Other", "revoked")
}

func TestATokenIsShownOnce(t *testing.T) {
	c := newConsole(t).as("editor")
	a := c.post("/tokens", "name", "ci", "scopes", "read", "scopes", "propose", "expires", "90", "person", "99")
	c.parse(a, http.StatusCreated).contains("secret", "portcullis_secret-ci-2027-05-30")
	if strings.Contains(c.get("/tokens").body, "portcullis_secret") {
		t.Error("the secret is shown again")
	}
	if a := c.post("/tokens/7/revoke"); a.status != http.StatusSeeOther || a.header.Get("Location") != "/tokens" {
		t.Errorf("revoking: %d to %q", a.status, a.header.Get("Location"))
	}
	if a := c.post("/tokens/8/revoke"); a.status != http.StatusNotFound {
		t.Errorf("revoking another's: %d", a.status)
	}
}

func TestATokenFormComesBack(t *testing.T) {
	c := newConsole(t).as("editor")
	for _, bad := range [][]string{
		{"name", "ci", "expires", "90"},
		{"name", "ci", "expires", "soon", "scopes", "read"},
		{"name", "ci", "expires", "90", "scopes", "everything"},
	} {
		a := c.post("/tokens", bad...)
		p := c.parse(a, http.StatusUnprocessableEntity)
		if got := attr(p.id("name"), "value"); got != "ci" {
			t.Errorf("%v: the name came back as %q", bad, got)
		}
		if strings.Contains(a.body, "portcullis_secret") {
			t.Errorf("%v made a token", bad)
		}
	}
}
