package web_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/alexedwards/scs/v2"

	"portcullis/internal/access"
	"portcullis/internal/authz"
	"portcullis/web"
	"portcullis/web/transport"
)

func isOpen(r transport.Route) bool { return r.Public }

func TestEveryRouteAsksWhoIsThere(t *testing.T) {
	c := newConsole(t)
	for _, r := range c.routes {
		if isOpen(r) {
			continue
		}
		a := c.send(c.formRequest(r.Method, example(r.Path)))
		switch {
		case r.API && (a.status != http.StatusUnauthorized || a.header.Get("WWW-Authenticate") == "" || a.header.Get("Content-Type") != "application/problem+json"):
			t.Errorf("%s %s without a token: status %d, %s", r.Method, r.Path, a.status, a.header.Get("Content-Type"))
		case !r.API && (a.status != http.StatusSeeOther || !strings.HasPrefix(a.header.Get("Location"), "/signin")):
			t.Errorf("%s %s without a session: status %d to %q, want the sign-in page", r.Method, r.Path, a.status, a.header.Get("Location"))
		}
	}
}

func TestEveryRouteAsksForItsPermission(t *testing.T) {
	for name := range people {
		actor, err := person(name, access.ActorPerson)
		if err != nil {
			t.Fatal(err)
		}
		c := newConsole(t).as(name)
		for _, r := range c.routes {
			if isOpen(r) || authz.Can(actor, r.Permission) {
				continue
			}
			request := c.formRequest(r.Method, example(r.Path))
			request.Header.Set("Authorization", "Bearer token-"+name)
			if a := c.send(request); a.status != http.StatusForbidden {
				t.Errorf("%s as %s: %s %s answers %d, want 403", r.Permission, name, r.Method, r.Path, a.status)
			}
		}
		if len(c.changes.did)+len(c.rollouts.did)+c.organization.synced > 0 {
			t.Errorf("as %s something was done: %q %q", name, c.changes.did, c.rollouts.did)
		}
	}
}

func TestEveryFormRefusesForeignPages(t *testing.T) {
	c := newConsole(t).as("editor")
	for _, r := range c.routes {
		if r.Method == http.MethodGet {
			continue
		}
		for name, foreign := range map[string][2]string{
			"cross-site": {"Sec-Fetch-Site", "cross-site"}, "same-site": {"Sec-Fetch-Site", "same-site"}, "foreign origin": {"Origin", "https://evil.example"},
		} {
			request := c.formRequest(r.Method, example(r.Path))
			request.Header.Del("Sec-Fetch-Site")
			request.Header.Set(foreign[0], foreign[1])
			request.Header.Set("Authorization", "Bearer token-editor")
			if a := c.send(request); a.status != http.StatusForbidden {
				t.Errorf("%s %s from a %s page: status %d, want 403", r.Method, r.Path, name, a.status)
			}
		}
	}
	if c.get("/").status != http.StatusOK {
		t.Error("a foreign page signed somebody out")
	}
}

func TestEveryAnswerCarriesTheHeaders(t *testing.T) {
	c := newConsole(t)
	for _, path := range []string{"/signin", "/", "/nowhere", "/api/v1/accounts", "/healthz", "/assets/0/app.css"} {
		h := c.get(path).header
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
	c := office(t).as("editor")
	for _, path := range []string{"/", "/allowlists", "/allowlists/al-1", "/allowlists/new", "/mappings", "/mappings/new", "/mappings/mp-1", "/explain"} {
		p := c.page(path)
		for n := range p.root.Descendants() {
			if n.Data == "style" || attr(n, "style") != "" || n.Data == "script" && attr(n, "src") == "" {
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
	c := newConsole(t).as("editor")
	a := c.post("/allowlists/al-1/entries", "lines", strings.Repeat("x", 5<<20))
	c.parse(a, http.StatusRequestEntityTooLarge).contains("main", "larger than 4 MB")
}

func TestADefectGivesNothingAway(t *testing.T) {
	c := newConsole(t).as("editor")
	c.changes.refuse = errors.New("pq: password authentication failed for user postgres")
	a := c.post("/allowlists/al-1/entries", "lines", "12.148.80.0/22")
	p := c.parse(a, http.StatusInternalServerError)
	p.contains("main", "Something went wrong", a.header.Get("X-Request-Id"))
	if strings.Contains(a.body, "postgres") {
		t.Error("the error page shows the cause")
	}
}

func TestAPanicIsAnErrorPage(t *testing.T) {
	c := newConsole(t).as("editor")
	c.changes.desired.panics = true
	a := c.get("/")
	c.parse(a, http.StatusInternalServerError).contains("main", "Something went wrong")
	if strings.Contains(a.body, "goroutine") || strings.Contains(a.body, "out of luck") {
		t.Error("the error page shows the cause")
	}
}

func TestAnUnknownAddress(t *testing.T) {
	c := newConsole(t)
	c.parse(c.get("/nowhere"), http.StatusNotFound).contains("main", "No page has this address")
	p := c.as("viewer").parse(c.get("/nowhere"), http.StatusNotFound)
	if len(p.all("nav")) == 0 {
		t.Error("somebody who is signed in sees no navigation on the error page")
	}
}

func TestHTMXIsSentToSignIn(t *testing.T) {
	c := newConsole(t)
	r := c.request(http.MethodGet, "/allowlists?q=x", nil)
	r.Header.Set("HX-Request", "true")
	a := c.send(r)
	if want := "/signin?" + (url.Values{"next": {"/allowlists?q=x"}}).Encode(); a.header.Get("HX-Redirect") != want {
		t.Errorf("status %d, HX-Redirect %q, want %q", a.status, a.header.Get("HX-Redirect"), want)
	}
}

func TestAConsoleWithoutItsServicesDoesNotStart(t *testing.T) {
	if _, err := web.New(web.Config{Sessions: scs.New()}); err == nil {
		t.Error("a console without sessions and sign-in starts")
	}
}
