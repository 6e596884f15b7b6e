package web_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"portcullis/internal/access"
	"portcullis/internal/authn"
)

func (identity) Tokens(_ context.Context, actor access.Actor) ([]access.Token, error) {
	own := access.Token{ID: 7, PersonID: actor.PersonID, Person: actor.Name, Name: "nightly <i>", Scopes: access.Scopes()[:2], CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)}
	other := access.Token{ID: 8, PersonID: 99, Person: "Olga Other", Name: "hers", Scopes: access.Scopes(), CreatedAt: noon, RevokedAt: noon}
	if actor.Has(access.RoleAdmin) {
		return []access.Token{own, other}, nil
	}
	return []access.Token{own}, nil
}

func (identity) CreateToken(_ context.Context, actor access.Actor, person int64, n authn.NewToken) (access.Token, string, error) {
	t := access.Token{ID: 9, PersonID: person, Name: n.Name, Scopes: n.Scopes, ExpiresAt: n.Expires}
	if person != actor.PersonID {
		return t, "", access.Errorf(access.KindForbidden, "Not for others.")
	}
	return t, "portcullis_secret-" + n.Name + "-" + n.Expires.Format(time.DateOnly), t.Check(noon)
}

func (identity) RevokeToken(_ context.Context, _ access.Actor, id int64) error {
	if id != 7 {
		return access.Errorf(access.KindNotFound, "There is no API token %d.", id)
	}
	return nil
}

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
