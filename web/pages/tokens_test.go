package pages_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"portcullis.internal/portcullis/web/webtest"
)

func TestTokensPage(t *testing.T) {
	c := webtest.New(t).As("editor")
	p := c.Page("/tokens")
	p.Contains("main", "nightly <i>", "read, propose", "active", "Revoke")
	if strings.Contains(p.Text(""), "Tokens of others") {
		t.Error("an editor is shown the tokens of others")
	}
	webtest.New(t).As("admin").Page("/tokens").Contains("main", "Tokens of others", "Olga Other", "revoked")
}

func TestATokenIsShownOnce(t *testing.T) {
	c := webtest.New(t).As("editor")
	a := c.Post("/tokens", "name", "ci", "scopes", "read", "scopes", "propose", "expires", "90", "person", "99")
	c.Parse(a, http.StatusCreated).Contains("secret", "portcullis_secret-ci-2027-05-30")
	if strings.Contains(c.Get("/tokens").Body, "portcullis_secret") {
		t.Error("the secret is shown again")
	}
	if a := c.Post("/tokens/7/revoke"); a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/tokens" {
		t.Errorf("revoking: %d to %q", a.Status, a.Header.Get("Location"))
	}
	if a := c.Post("/tokens/8/revoke"); a.Status != http.StatusNotFound {
		t.Errorf("revoking another's: %d", a.Status)
	}
}

func TestANewTokenReadsForNinetyDays(t *testing.T) {
	c := webtest.New(t).As("editor")
	p := c.Page("/tokens")
	chosen := map[string]bool{}
	for n := range p.Form("/tokens").Descendants() {
		if slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "checked" || a.Key == "selected" }) {
			chosen[webtest.Attr(n, "value")] = true
		}
	}
	if d := cmp.Diff(map[string]bool{"read": true, "90": true}, chosen); d != "" {
		t.Errorf("the form begins with (-want +got):\n%s", d)
	}
	a := c.Post("/tokens", "name", "ci", "scopes", "read", "expires", "never")
	c.Parse(a, http.StatusCreated).Contains("secret", "portcullis_secret-ci-never")
}

func TestATokenFormComesBack(t *testing.T) {
	c := webtest.New(t).As("editor")
	for _, bad := range [][]string{
		{"name", "ci", "expires", "90"},
		{"name", "ci", "expires", "soon", "scopes", "read"},
		{"name", "ci", "expires", "90", "scopes", "everything"},
	} {
		a := c.Post("/tokens", bad...)
		p := c.Parse(a, http.StatusUnprocessableEntity)
		if got := webtest.Attr(p.ID("name"), "value"); got != "ci" {
			t.Errorf("%v: the name came back as %q", bad, got)
		}
		if strings.Contains(a.Body, "portcullis_secret") {
			t.Errorf("%v made a token", bad)
		}
	}
}
