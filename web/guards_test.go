package web_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/alexedwards/scs/v2"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/web"
	"portcullis.internal/portcullis/web/transport"
	"portcullis.internal/portcullis/web/webtest"
)

func isOpen(r transport.Route) bool { return r.Public }

func TestEveryRouteAsksWhoIsThere(t *testing.T) {
	c := webtest.New(t)
	for _, r := range c.Routes {
		if isOpen(r) {
			continue
		}
		a := c.Send(c.FormRequest(r.Method, webtest.Example(r.Path)))
		switch {
		case r.API && (a.Status != http.StatusUnauthorized || a.Header.Get("WWW-Authenticate") == "" || a.Header.Get("Content-Type") != "application/problem+json"):
			t.Errorf("%s %s without a token: status %d, %s", r.Method, r.Path, a.Status, a.Header.Get("Content-Type"))
		case !r.API && (a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Header.Get("Location"), "/signin")):
			t.Errorf("%s %s without a session: status %d to %q, want the sign-in page", r.Method, r.Path, a.Status, a.Header.Get("Location"))
		}
	}
}

func TestEveryRouteAsksForItsPermission(t *testing.T) {
	for name := range webtest.People {
		actor, err := webtest.Person(name, access.ActorPerson)
		if err != nil {
			t.Fatal(err)
		}
		c := webtest.New(t).As(name)
		for _, r := range c.Routes {
			if isOpen(r) || authz.Can(actor, r.Permission) {
				continue
			}
			request := c.FormRequest(r.Method, webtest.Example(r.Path))
			request.Header.Set("Authorization", "Bearer token-"+name)
			if a := c.Send(request); a.Status != http.StatusForbidden {
				t.Errorf("%s as %s: %s %s answers %d, want 403", r.Permission, name, r.Method, r.Path, a.Status)
			}
		}
		if len(c.Changes.Did)+len(c.Rollouts.Did)+c.Organization.Synced > 0 {
			t.Errorf("as %s something was done: %q %q", name, c.Changes.Did, c.Rollouts.Did)
		}
	}
}

func TestEveryFormRefusesForeignPages(t *testing.T) {
	c := webtest.New(t).As("editor")
	for _, r := range c.Routes {
		if r.Method == http.MethodGet {
			continue
		}
		for name, foreign := range map[string][2]string{
			"cross-site": {"Sec-Fetch-Site", "cross-site"}, "same-site": {"Sec-Fetch-Site", "same-site"}, "foreign origin": {"Origin", "https://evil.example"},
		} {
			request := c.FormRequest(r.Method, webtest.Example(r.Path))
			request.Header.Del("Sec-Fetch-Site")
			request.Header.Set(foreign[0], foreign[1])
			request.Header.Set("Authorization", "Bearer token-editor")
			if a := c.Send(request); a.Status != http.StatusForbidden {
				t.Errorf("%s %s from a %s page: status %d, want 403", r.Method, r.Path, name, a.Status)
			}
		}
	}
	if c.Get("/").Status != http.StatusOK {
		t.Error("a foreign page signed somebody out")
	}
}

func TestEveryAnswerCarriesTheHeaders(t *testing.T) {
	c := webtest.New(t)
	for _, path := range []string{"/signin", "/", "/nowhere", "/api/v1/accounts", "/healthz", "/assets/0/app.css"} {
		h := c.Get(path).Header
		csp := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: the policy lacks %q", path, want)
			}
		}
		if strings.Contains(csp, "unsafe") {
			t.Errorf("%s: the policy allows something unsafe: %s", path, csp)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin", "Cache-Control": "no-store"} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if h.Get("X-Request-Id") == "" {
			t.Errorf("%s: no request id", path)
		}
	}
}

func TestPagesHaveNothingInline(t *testing.T) {
	c := webtest.Office(t).As("editor")
	for _, path := range []string{"/", "/allowlists", "/allowlists/al-1", "/allowlists/new", "/mappings", "/mappings/new", "/mappings/mp-1", "/explain"} {
		p := c.Page(path)
		for n := range p.Root.Descendants() {
			if n.Data == "style" || webtest.Attr(n, "style") != "" || n.Data == "script" && webtest.Attr(n, "src") == "" {
				t.Errorf("%s: <%s> is inline, which the content security policy forbids", path, n.Data)
			}
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") || strings.HasPrefix(a.Val, "javascript:") {
					t.Errorf("%s: <%s %s=%q>", path, n.Data, a.Key, a.Val)
				}
			}
		}
	}
}

func TestARequestThatIsTooLarge(t *testing.T) {
	c := webtest.New(t).As("editor")
	a := c.Post("/allowlists/al-1/entries", "lines", strings.Repeat("x", 5<<20))
	c.Parse(a, http.StatusRequestEntityTooLarge).Contains("main", "larger than 4 MB")
}

func TestADefectGivesNothingAway(t *testing.T) {
	c := webtest.New(t).As("editor")
	c.Changes.Refuse = errors.New("pq: password authentication failed for user postgres")
	a := c.Post("/allowlists/al-1/entries", "lines", "12.148.80.0/22")
	p := c.Parse(a, http.StatusInternalServerError)
	p.Contains("main", "Something went wrong", a.Header.Get("X-Request-Id"))
	if strings.Contains(a.Body, "postgres") {
		t.Error("the error page shows the cause")
	}
}

func TestAPanicIsAnErrorPage(t *testing.T) {
	c := webtest.New(t).As("editor")
	c.Changes.Desired.Panics = true
	a := c.Get("/")
	c.Parse(a, http.StatusInternalServerError).Contains("main", "Something went wrong")
	if strings.Contains(a.Body, "goroutine") || strings.Contains(a.Body, "out of luck") {
		t.Error("the error page shows the cause")
	}
}

func TestAnUnknownAddress(t *testing.T) {
	c := webtest.New(t)
	c.Parse(c.Get("/nowhere"), http.StatusNotFound).Contains("main", "No page has this address")
	p := c.As("viewer").Parse(c.Get("/nowhere"), http.StatusNotFound)
	if len(p.All("nav")) == 0 {
		t.Error("somebody who is signed in sees no navigation on the error page")
	}
}

func TestHTMXIsSentToSignIn(t *testing.T) {
	c := webtest.New(t)
	r := c.Request(http.MethodGet, "/allowlists?q=x", nil)
	r.Header.Set("HX-Request", "true")
	a := c.Send(r)
	if want := "/signin?" + (url.Values{"next": {"/allowlists?q=x"}}).Encode(); a.Header.Get("HX-Redirect") != want {
		t.Errorf("status %d, HX-Redirect %q, want %q", a.Status, a.Header.Get("HX-Redirect"), want)
	}
}

func TestAConsoleWithoutItsServicesDoesNotStart(t *testing.T) {
	if _, err := web.New(web.Config{Sessions: scs.New()}); err == nil {
		t.Error("a console without sessions and sign-in starts")
	}
}
