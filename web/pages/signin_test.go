package pages_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"portcullis.internal/portcullis/web"
	"portcullis.internal/portcullis/web/webtest"
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
		c := webtest.New(t)
		a := c.Post("/signin", "email", "viewer@example.com", "password", "x", "next", next)
		if got := a.Header.Get("Location"); a.Status != http.StatusSeeOther || got != want {
			t.Errorf("next=%q leads to %q (status %d), want %q", next, got, a.Status, want)
		}
	}
}

func TestAFailedSignInKeepsTheAddressAndNotThePassword(t *testing.T) {
	c := webtest.New(t)
	a := c.Post("/signin", "email", "stranger@example.com", "password", "hunter2hunter2", "next", "/changes")
	p := c.Parse(a, http.StatusUnauthorized)
	p.Contains("problems", "Nobody is known by this.")
	if webtest.Attr(p.ID("email"), "value") != "stranger@example.com" || webtest.Attr(p.ID("password"), "value") != "" {
		t.Error("the form did not come back with the address alone")
	}
	for _, n := range p.All("input") {
		if webtest.Attr(n, "name") == "next" && webtest.Attr(n, "value") != "/changes" {
			t.Errorf("where to go on to came back as %q", webtest.Attr(n, "value"))
		}
	}
	p = c.Parse(c.Post("/signin"), http.StatusUnprocessableEntity)
	p.Contains("email-problem", "Give your e-mail address.")
	p.Contains("password-problem", "Give your password.")
}

// TestAFormSentAfterSigningOut leads back to the form's page by way of signing in, and says
// that nothing was done.
func TestAFormSentAfterSigningOut(t *testing.T) {
	for target, page := range map[string]string{
		"/changes/12/edit":               "/changes/12",
		"/allowlists/a-1/entries/remove": "/allowlists/a-1",
		"/mappings/new":                  "/mappings/new",
	} {
		c := webtest.New(t)
		a := c.Post(target, "title", "x")
		to, err := url.Parse(a.Header.Get("Location"))
		if err != nil || a.Status != http.StatusSeeOther || to.Path != "/signin" || to.Query().Get("next") != page {
			t.Errorf("%s leads to %q (status %d), want to sign in and go on to %s", target, to, a.Status, page)
			continue
		}
		c.Parse(c.Get(to.String()), http.StatusOK).Contains("main", "You were signed out, so nothing was done.")
	}
}

// TestAFormsTargetOpenedAsAPage: after a refusal it is what the browser shows as address.
func TestAFormsTargetOpenedAsAPage(t *testing.T) {
	c := webtest.New(t).As("editor")
	for target, page := range map[string]string{"/changes/12/edit": "/changes/12", "/allowlists/a-1/entries/remove": "/allowlists/a-1", "/signout": "/"} {
		if a := c.Get(target); a.Status != http.StatusSeeOther || a.Header.Get("Location") != page {
			t.Errorf("%s leads to %q (status %d), want %s", target, a.Header.Get("Location"), a.Status, page)
		}
	}
	if a := c.Get("/changes/12/nothing"); a.Status != http.StatusNotFound {
		t.Errorf("an address that nothing has: %d, want 404", a.Status)
	}
}

func TestSignInTakesANewSessionToken(t *testing.T) {
	c := webtest.New(t)
	here, err := url.Parse(c.URL)
	if err != nil {
		t.Fatal(err)
	}
	c.As("viewer")
	planted := c.Client.Jar.Cookies(here)
	c.As("editor")
	fresh := c.Client.Jar.Cookies(here)
	if len(planted) != 1 || len(fresh) != 1 || planted[0].Value == fresh[0].Value {
		t.Errorf("the token before (%v) is the token after (%v)", planted, fresh)
	}
}

func TestSignOut(t *testing.T) {
	c := webtest.New(t).As("viewer")
	if a := c.Get("/signin"); a.Status != http.StatusSeeOther {
		t.Errorf("the sign-in page for somebody who is signed in: status %d, want 303", a.Status)
	}
	c.Went(c.Post("/signout"), "/signin")
	c.Went(c.Get("/allowlists"), "/signin?next=%2Fallowlists")
}

func TestThemeIsRemembered(t *testing.T) {
	c := webtest.New(t).As("viewer")
	theme := func() string { return webtest.Attr(c.Page("/").All("html")[0], "data-bs-theme") }
	if got := theme(); got != "" {
		t.Errorf("the first theme is %q, want the browser's own", got)
	}
	c.Went(c.Post("/theme", "theme", "dark", "here", "/allowlists"), "/allowlists")
	if got := theme(); got != "dark" {
		t.Errorf("the theme is %q, want dark", got)
	}
	c.Went(c.Post("/theme", "theme", `"><script>`, "here", "//evil.example"), "/")
	if got := theme(); got != "" {
		t.Errorf("the theme is %q, want the browser's own", got)
	}
}

func TestNavigationShowsWhatIsAllowed(t *testing.T) {
	for name, want := range map[string]bool{"viewer": false, "auditor": true} {
		found := false
		for _, a := range webtest.New(t).As(name).Page("/").All("a") {
			found = found || webtest.Attr(a, "href") == "/audit"
		}
		if found != want {
			t.Errorf("%s sees the audit log in the navigation: %v, want %v", name, found, want)
		}
	}
}

// TestABrowserStaysKnown signs in, out and in again in one browser.
func TestABrowserStaysKnown(t *testing.T) {
	c := webtest.New(t)
	c.Browser = "proof-1"
	c.As("viewer")
	a := c.Post("/signout")
	if got := a.Header.Get("Clear-Site-Data"); got != `"cache", "storage"` {
		t.Errorf("Clear-Site-Data at sign-out is %q", got)
	}
	if got := a.Header.Values("Set-Cookie"); len(got) != 1 || !strings.Contains(got[0], "Max-Age=0") {
		t.Errorf("cookies at sign-out: %q, want the session's deleted", got)
	}
	c.Browser = "proof-2"
	c.As("viewer")
	c.Post("/signin", "email", "stranger@example.com", "password", "wrong")
	c.As("viewer")
	if want := []string{"", "proof-1", "proof-2", "proof-2"}; !slices.Equal(c.Browsers, want) {
		t.Errorf("the sign-ins came with %q, want %q", c.Browsers, want)
	}
}

// TestJobPagesAreNotKept has the pages of the job queue ask for a place in a cache.
func TestJobPagesAreNotKept(t *testing.T) {
	c := webtest.NewWith(t, func(cfg *web.Config) {
		cfg.Jobs = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "public, max-age=31536000")
			if strings.HasSuffix(r.URL.Path, "status") {
				w.WriteHeader(http.StatusOK)
			}
			_, _ = w.Write([]byte("jobs"))
		})
	}).As("admin")
	for _, path := range []string{"/jobs", "/jobs/", "/jobs/api/jobs", "/jobs/status"} {
		if a := c.Get(path); a.Body != "jobs" || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %q, Cache-Control %q, want no-store", path, a.Body, a.Header.Get("Cache-Control"))
		}
	}
}
