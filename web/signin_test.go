package web_test

import (
	"net/http"
	"net/url"
	"testing"
)

func TestSignInLeadsBack(t *testing.T) {
	for next, want := range map[string]string{
		"":                               "/",
		"/allowlists?q=a%20b":            "/allowlists?q=a%20b",
		"https://evil.example/":          "/",
		"//evil.example/":                "/",
		`/\evil.example`:                 "/",
		"/\t/evil.example":               "/",
		"javascript:alert(1)":            "/",
		"allowlists":                     "/",
		"http:evil.example":              "/",
		"/signin/../..//evil.example":    "/",
		"https:/\\evil.example":          "/",
		" https://evil.example":          "/",
		"/%2F/evil.example":              "/",
		"/changes/12#entries":            "/changes/12#entries",
		"/allowlists\r\nSet-Cookie: a=b": "/",
	} {
		c := newConsole(t)
		a := c.post("/signin", "email", "viewer@example.com", "password", "x", "next", next)
		if got := a.header.Get("Location"); a.status != http.StatusSeeOther || got != want {
			t.Errorf("next=%q leads to %q (status %d), want %q", next, got, a.status, want)
		}
	}
}

func TestAFailedSignInKeepsTheAddressAndNotThePassword(t *testing.T) {
	c := newConsole(t)
	a := c.post("/signin", "email", "stranger@example.com", "password", "hunter2hunter2", "next", "/changes")
	p := c.parse(a, http.StatusUnauthorized)
	p.contains("problems", "Nobody is known by this.")
	if attr(p.id("email"), "value") != "stranger@example.com" || attr(p.id("password"), "value") != "" {
		t.Error("the form did not come back with the address alone")
	}
	for _, n := range p.all("input") {
		if attr(n, "name") == "next" && attr(n, "value") != "/changes" {
			t.Errorf("where to go on to came back as %q", attr(n, "value"))
		}
	}
	p = c.parse(c.post("/signin"), http.StatusUnprocessableEntity)
	p.contains("email-problem", "Give your e-mail address.")
	p.contains("password-problem", "Give your password.")
}

// TestAFormSentAfterSigningOut leads back to the form's page by way of signing in, and says
// that nothing was done.
func TestAFormSentAfterSigningOut(t *testing.T) {
	for target, page := range map[string]string{
		"/changes/12/edit":               "/changes/12",
		"/allowlists/a-1/entries/remove": "/allowlists/a-1",
		"/mappings/new":                  "/mappings/new",
	} {
		c := newConsole(t)
		a := c.post(target, "title", "x")
		to, err := url.Parse(a.header.Get("Location"))
		if err != nil || a.status != http.StatusSeeOther || to.Path != "/signin" || to.Query().Get("next") != page {
			t.Errorf("%s leads to %q (status %d), want to sign in and go on to %s", target, to, a.status, page)
			continue
		}
		c.parse(c.get(to.String()), http.StatusOK).contains("main", "You were signed out, so nothing was done.")
	}
}

// TestAFormsTargetOpenedAsAPage: after a refusal it is what the browser shows as address.
func TestAFormsTargetOpenedAsAPage(t *testing.T) {
	c := newConsole(t).as("editor")
	for target, page := range map[string]string{"/changes/12/edit": "/changes/12", "/allowlists/a-1/entries/remove": "/allowlists/a-1", "/signout": "/"} {
		if a := c.get(target); a.status != http.StatusSeeOther || a.header.Get("Location") != page {
			t.Errorf("%s leads to %q (status %d), want %s", target, a.header.Get("Location"), a.status, page)
		}
	}
	if a := c.get("/changes/12/nothing"); a.status != http.StatusNotFound {
		t.Errorf("an address that nothing has: %d, want 404", a.status)
	}
}

func TestSignInTakesANewSessionToken(t *testing.T) {
	c := newConsole(t)
	here, err := url.Parse(c.url)
	if err != nil {
		t.Fatal(err)
	}
	c.as("viewer")
	planted := c.client.Jar.Cookies(here)
	c.as("editor")
	fresh := c.client.Jar.Cookies(here)
	if len(planted) != 1 || len(fresh) != 1 || planted[0].Value == fresh[0].Value {
		t.Errorf("the token before (%v) is the token after (%v)", planted, fresh)
	}
}

func TestSignOut(t *testing.T) {
	c := newConsole(t).as("viewer")
	if a := c.get("/signin"); a.status != http.StatusSeeOther {
		t.Errorf("the sign-in page for somebody who is signed in: status %d, want 303", a.status)
	}
	c.went(c.post("/signout"), "/signin")
	c.went(c.get("/allowlists"), "/signin?next=%2Fallowlists")
}

func TestThemeIsRemembered(t *testing.T) {
	c := newConsole(t).as("viewer")
	theme := func() string { return attr(c.page("/").all("html")[0], "data-bs-theme") }
	if got := theme(); got != "" {
		t.Errorf("the first theme is %q, want the browser's own", got)
	}
	c.went(c.post("/theme", "theme", "dark", "here", "/allowlists"), "/allowlists")
	if got := theme(); got != "dark" {
		t.Errorf("the theme is %q, want dark", got)
	}
	c.went(c.post("/theme", "theme", `"><script>`, "here", "//evil.example"), "/")
	if got := theme(); got != "" {
		t.Errorf("the theme is %q, want the browser's own", got)
	}
}

func TestNavigationShowsWhatIsAllowed(t *testing.T) {
	for name, want := range map[string]bool{"viewer": false, "auditor": true} {
		found := false
		for _, a := range newConsole(t).as(name).page("/").all("a") {
			found = found || attr(a, "href") == "/audit"
		}
		if found != want {
			t.Errorf("%s sees the audit log in the navigation: %v, want %v", name, found, want)
		}
	}
}
