package pages_test

import (
	"net/http"
	"strings"
	"testing"

	"portcullis.internal/portcullis/web/webtest"
)

func TestPasswordAndSessions(t *testing.T) {
	c := webtest.New(t).As("viewer")
	c.Page("/profile").Contains("main", "viewer@example.com", "Present password", "Sign out everywhere else")
	here := c.Client.Jar
	c.Client.Jar = webtest.NewJar(t)
	c.As("viewer")
	there := c.Client.Jar

	c.Client.Jar = here
	p := c.Parse(c.Post("/profile/password", "old_password", "wrong", "password", "another good password", "again", "another good password"), http.StatusUnprocessableEntity)
	p.Contains("old_password-problem", "not right")
	a := c.Post("/profile/password", "old_password", "correct horse", "password", "another good password", "again", "another god password")
	c.Parse(a, http.StatusUnprocessableEntity).Contains("again-problem", "differ")
	if strings.Contains(a.Body, "another g") {
		t.Error("a password is sent back")
	}
	for _, ask := range []func() webtest.Answer{
		func() webtest.Answer {
			return c.Post("/profile/password", "old_password", "correct horse", "password", "another good password", "again", "another good password")
		},
		func() webtest.Answer { return c.Post("/profile/sessions") },
	} {
		if a := ask(); a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/profile" {
			t.Fatalf("status %d to %s", a.Status, a.Header.Get("Location"))
		}
		if a := c.Get("/profile"); a.Status != http.StatusOK {
			t.Errorf("the session in which it was done: status %d", a.Status)
		}
		c.Client.Jar = there
		if a := c.Get("/profile"); a.Status != http.StatusSeeOther {
			t.Errorf("another session: status %d, want to be asked to sign in", a.Status)
		}
		c.As("viewer")
		c.Client.Jar = here
	}
}

func TestOwnSessionsAreEndedOneByOne(t *testing.T) {
	c := webtest.New(t).As("viewer")
	p := c.Page("/profile")
	p.Contains("sessions", "192.0.2.1", "Browser <b>", "This session", "192.0.2.2")
	if p.Form("/profile/sessions/1/end") != nil || p.Form("/profile/sessions/2/end") == nil {
		t.Error("each session but the present one is to have a button that ends it")
	}
	if got := c.Post("/profile/sessions/3/end").Status; got != http.StatusNotFound {
		t.Errorf("one of somebody else: status %d", got)
	}
	if a := c.Post("/profile/sessions/2/end"); a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/profile" || c.Generation != 1 {
		t.Errorf("status %d to %s, generation %d", a.Status, a.Header.Get("Location"), c.Generation)
	}
}

func TestChoosePasswordWithLink(t *testing.T) {
	c := webtest.New(t)
	p := c.Page("/password")
	if p.Form("/password") == nil || p.ID("secret") == nil {
		t.Fatal("the page has no form for the code and the password")
	}
	const good = "another good password"
	for field, a := range map[string]webtest.Answer{
		"again":    c.Post("/password", "secret", "ijkl-mnop", "password", good, "again", "another god password"),
		"secret":   c.Post("/password", "secret", "guess", "password", good, "again", good),
		"password": c.Post("/password", "secret", "ijkl-mnop", "password", "short", "again", "short"),
	} {
		refused := c.Parse(a, http.StatusUnprocessableEntity)
		if refused.ID(field+"-problem") == nil {
			t.Errorf("the problem of %s is not at the field", field)
		}
		if strings.Contains(a.Body, "ijkl-mnop") || strings.Contains(a.Body, good) {
			t.Errorf("%s: a secret is sent back", field)
		}
	}
	a := c.Post("/password", "secret", "ijkl-mnop", "password", good, "again", good)
	if a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/signin" {
		t.Errorf("status %d to %s, want the sign-in form", a.Status, a.Header.Get("Location"))
	}
}
