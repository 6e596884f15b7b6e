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

// TestAPasswordIsChosenFirst: before, every page leads to the form, and no deed is done.
func TestAPasswordIsChosenFirst(t *testing.T) {
	c := webtest.New(t)
	c.Due = true
	c.As("editor")
	for _, path := range []string{"/", "/changes", "/tokens", "/people"} {
		if a := c.Get(path); a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/profile" {
			t.Errorf("%s: status %d to %s", path, a.Status, a.Header.Get("Location"))
		}
	}
	p := c.Page("/profile")
	p.Contains("main", "Choose a password of your own")
	if p.Form("/profile/password") == nil || p.ID("sessions") != nil || strings.Contains(p.Text("main"), "API token with") {
		t.Error("the page is to have the form and nothing else to do")
	}
	if got := c.Post("/allowlists/al-1/entries", "lines", "8.8.8.8").Status; got != http.StatusForbidden || len(c.Changes.Did) > 0 {
		t.Errorf("a deed: status %d, did %v", got, c.Changes.Did)
	}
}
