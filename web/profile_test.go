package web_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestPasswordAndSessions(t *testing.T) {
	c := newConsole(t).as("viewer")
	c.page("/profile").contains("main", "viewer@example.com", "Present password", "Sign out everywhere else")
	here := c.client.Jar
	c.client.Jar = newJar(t)
	c.as("viewer")
	there := c.client.Jar

	c.client.Jar = here
	p := c.parse(c.post("/profile/password", "old_password", "wrong", "password", "another good password", "again", "another good password"), http.StatusUnprocessableEntity)
	p.contains("old_password-problem", "not right")
	a := c.post("/profile/password", "old_password", "correct horse", "password", "another good password", "again", "another god password")
	c.parse(a, http.StatusUnprocessableEntity).contains("again-problem", "differ")
	if strings.Contains(a.body, "another g") {
		t.Error("a password is sent back")
	}
	for _, ask := range []func() answer{
		func() answer {
			return c.post("/profile/password", "old_password", "correct horse", "password", "another good password", "again", "another good password")
		},
		func() answer { return c.post("/profile/sessions") },
	} {
		if a := ask(); a.status != http.StatusSeeOther || a.header.Get("Location") != "/profile" {
			t.Fatalf("status %d to %s", a.status, a.header.Get("Location"))
		}
		if a := c.get("/profile"); a.status != http.StatusOK {
			t.Errorf("the session in which it was done: status %d", a.status)
		}
		c.client.Jar = there
		if a := c.get("/profile"); a.status != http.StatusSeeOther {
			t.Errorf("another session: status %d, want to be asked to sign in", a.status)
		}
		c.as("viewer")
		c.client.Jar = here
	}
}

func TestOwnSessionsAreEndedOneByOne(t *testing.T) {
	c := newConsole(t).as("viewer")
	p := c.page("/profile")
	p.contains("sessions", "192.0.2.1", "Browser <b>", "This session", "192.0.2.2")
	if p.form("/profile/sessions/1/end") != nil || p.form("/profile/sessions/2/end") == nil {
		t.Error("each session but the present one is to have a button that ends it")
	}
	if got := c.post("/profile/sessions/3/end").status; got != http.StatusNotFound {
		t.Errorf("one of somebody else: status %d", got)
	}
	if a := c.post("/profile/sessions/2/end"); a.status != http.StatusSeeOther || a.header.Get("Location") != "/profile" || c.generation != 1 {
		t.Errorf("status %d to %s, generation %d", a.status, a.header.Get("Location"), c.generation)
	}
}

// TestAPasswordIsChosenFirst: before, every page leads to the form, and no deed is done.
func TestAPasswordIsChosenFirst(t *testing.T) {
	c := newConsole(t)
	c.due = true
	c.as("editor")
	for _, path := range []string{"/", "/changes", "/tokens", "/people"} {
		if a := c.get(path); a.status != http.StatusSeeOther || a.header.Get("Location") != "/profile" {
			t.Errorf("%s: status %d to %s", path, a.status, a.header.Get("Location"))
		}
	}
	p := c.page("/profile")
	p.contains("main", "Choose a password of your own")
	if p.form("/profile/password") == nil || p.id("sessions") != nil || strings.Contains(p.text("main"), "API token with") {
		t.Error("the page is to have the form and nothing else to do")
	}
	if got := c.post("/allowlists/al-1/entries", "lines", "8.8.8.8").status; got != http.StatusForbidden || len(c.changes.did) > 0 {
		t.Errorf("a deed: status %d, did %v", got, c.changes.did)
	}
}
