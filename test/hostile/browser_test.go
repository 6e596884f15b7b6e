package hostile

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"portcullis.internal/portcullis/test/harness"
)

// cookies of an answer, by name.
func cookies(a answer) map[string]*http.Cookie {
	out := map[string]*http.Cookie{}
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		out[c.Name] = c
	}
	return out
}

func trySessions(t *testing.T, w *world) {
	p := w.people["viewer"]
	credentials := url.Values{"email": {p.Email()}, "password": {p.Password}}
	a := w.nobody(t)
	a.client.Jar = nil
	planted := strings.Repeat("p", 43)
	in := a.send(http.MethodPost, "/signin", credentials.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Cookie", "portcullis="+planted)
	session := cookies(in)["portcullis"]
	if session == nil {
		t.Fatalf("no session: %d %v", in.status, in.header)
	}
	if session.Value == planted || len(session.Value) < 32 {
		t.Errorf("the session is %q, the one that was planted", session.Value)
	}
	if !session.HttpOnly || session.SameSite != http.SameSiteLaxMode || session.Path != "/" || session.Domain != "" || session.MaxAge > 0 || !session.Expires.IsZero() {
		t.Errorf("the session's cookie: %+v", session)
	}
	with := func(value string) answer { return a.get("/allowlists", "Cookie", "portcullis="+value) }
	if got := with(planted); got.status != http.StatusSeeOther {
		t.Errorf("the planted session: %d", got.status)
	}
	if got := with(session.Value); got.status != http.StatusOK {
		t.Fatalf("the real session: %d", got.status)
	}
	if n := w.db.Int("SELECT count(*) FROM sessions WHERE position($1::bytea in hash) > 0 OR position($1::bytea in data) > 0", []byte(session.Value)); n > 0 {
		t.Error("the database holds the session's secret")
	}
	again := a.send(http.MethodPost, "/signin", credentials.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Cookie", "portcullis="+session.Value)
	if renewed := cookies(again)["portcullis"]; renewed == nil || renewed.Value == session.Value {
		t.Error("signing in again keeps the session's secret")
	} else {
		session = renewed
	}
	a.send(http.MethodPost, "/signout", "", "Content-Type", "application/x-www-form-urlencoded", "Cookie", "portcullis="+session.Value)
	if got := with(session.Value); got.status != http.StatusSeeOther {
		t.Errorf("a session that was signed out of: %d", got.status)
	}
	tryShutOut(t, w)
}

// tryShutOut goes on with a session and a token after losing a role, and after being
// shut out.
func tryShutOut(t *testing.T, w *world) {
	p := harness.AddPerson(t, w.db, "Leaver", "auditor")
	a := w.signedIn(t, p)
	if got := a.get("/audit"); got.status != http.StatusOK {
		t.Fatalf("an auditor: %d", got.status)
	}
	bearer := []string{"Authorization", "Bearer " + a.token}
	w.db.Exec("UPDATE person_roles SET role = 'viewer' WHERE person_id = (SELECT id FROM people WHERE name = 'Leaver')")
	if page, api := a.get("/audit"), a.get("/api/v1/audit", bearer...); page.status != http.StatusForbidden || api.status != http.StatusForbidden {
		t.Errorf("after losing the role: %d and %d, want 403", page.status, api.status)
	}
	w.db.Exec("UPDATE people SET disabled = true WHERE name = 'Leaver'")
	if page, api := a.get("/allowlists"), a.get("/api/v1/allowlists", bearer...); page.status != http.StatusSeeOther || api.status != http.StatusUnauthorized {
		t.Errorf("after being shut out: %d and %d, want 303 and 401", page.status, api.status)
	}
	if got := w.nobody(t).form("/signin", url.Values{"email": {p.Email()}, "password": {p.Password}}); got.status != http.StatusUnauthorized {
		t.Errorf("signing in after being shut out: %d, want 401", got.status)
	}
}

func tryRedirects(t *testing.T, w *world) {
	p := w.people["viewer"]
	elsewhere := []string{
		"https://evil.example/", "//evil.example/", `/\evil.example/`, `\\evil.example`, "/\t/evil.example", "///evil.example", "javascript:alert(1)",
		"https:evil.example", "/%09/evil.example", "http:/\\evil.example", "//evil.example%2f@localhost", "/x\r\nSet-Cookie: a=b", "%2f%2fevil.example",
		"/.//evil.example", "/..//evil.example", "/%2e%2e//evil.example", "data:text/html,x", " https://evil.example", "/ /evil.example",
	}
	visitor := w.nobody(t)
	a := w.as(t, "viewer")
	for i, to := range elsewhere {
		theme := a.form("/theme", url.Values{"theme": {"dark"}, "here": {to}})
		in := theme
		if i < 4 { // a password takes its time
			in = visitor.form("/signin", url.Values{"email": {p.Email()}, "password": {p.Password}, "next": {to}})
		}
		signedIn := a.get("/signin?" + url.Values{"next": {to}}.Encode())
		for what, got := range map[string]answer{"after signing in": in, "when signed in": signedIn, "after choosing a theme": theme} {
			if at := got.header.Get("Location"); !staysHere(a.base, at) || got.header.Get("Set-Cookie") == "a=b" {
				t.Errorf("%s, to %q: %d to %q", what, to, got.status, at)
			}
		}
	}
	for _, path := range []string{"//evil.example/x", "/%2f/evil.example", "//evil.example/%2e%2e", "/allowlists/../..//evil.example"} {
		got := a.get(path)
		if at := got.header.Get("Location"); at != "" && !staysHere(a.base, at) {
			t.Errorf("asking for %q leads to %q", path, at)
		}
		if got := a.get("/allowlists", "Host", "evil.example", "X-Forwarded-Host", "evil.example"); strings.Contains(got.header.Get("Location")+got.body, "evil.example") {
			t.Errorf("a forged host comes back: %q", got.header.Get("Location"))
		}
	}
}

// staysHere reports whether a browser that is sent on stays on this host. It reads the
// address as browsers do: a backslash is a slash, and tabs and line ends are not there.
func staysHere(base, to string) bool {
	seen := strings.NewReplacer(`\`, "/", "\t", "", "\r", "", "\n", "").Replace(strings.TrimSpace(to))
	from, err := url.Parse(base + "/signin")
	if err != nil {
		return false
	}
	at, err := from.Parse(seen)
	return err == nil && seen != "" && at.Host == from.Host && at.Scheme == from.Scheme && !strings.HasPrefix(at.Path, "//")
}

func tryFiles(t *testing.T, w *world) {
	a := w.nobody(t)
	for _, path := range []string{
		"/assets/0/../../go.mod", "/assets/0/..%2f..%2fgo.mod", "/assets/0/%2e%2e/%2e%2e/go.mod", "/assets/0//etc/passwd", "/assets/0/../assets.go",
		"/assets/0/static/../assets.go", `/assets/0/..\..\go.mod`, "/assets/0/%00app.css", "/assets/0/", "/assets/0/vendor", "/assets/0/.", "/assets/%2e%2e/app.css%00",
		"/.git/config", "/web/static/app.css", "/debug/pprof/", "/metrics", "/api/v1/../../go.mod", "/healthz/../signin/../../etc/passwd",
	} {
		if got := a.get(path); got.status == http.StatusOK {
			t.Errorf("%s: %d: %s", path, got.status, clip(got.body))
		}
	}
	if got := a.get("/assets/0/app.css"); got.status != http.StatusOK {
		t.Errorf("a file that there is: %d", got.status)
	}
}

// tryHeaders looks at the headers of every answer, and at what a refusal gives away.
func tryHeaders(t *testing.T, w *world) {
	a := w.as(t, "all")
	stranger := w.nobody(t)
	for _, r := range w.routes {
		if r.Path == "/signout" {
			continue
		}
		for who, by := range map[string]*attacker{"": a, " as nobody": stranger} {
			got := by.try(r, w.path(r, "99999999"), "{")
			h := got.header
			if csp := h.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "script-src 'self'") || strings.Contains(csp, "unsafe") {
				t.Errorf("%s%s: the content security policy is %q", name(r), who, csp)
			}
			if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") != "DENY" || h.Get("X-Request-Id") == "" || h.Get("Server") != "" || h.Get("X-Powered-By") != "" {
				t.Errorf("%s%s: the headers are %v", name(r), who, h)
			}
			if h.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s%s lets foreign pages read it", name(r), who)
			}
			if !strings.HasPrefix(r.Path, "/assets/") && h.Get("Cache-Control") != "no-store" {
				t.Errorf("%s%s may be kept: Cache-Control %q", name(r), who, h.Get("Cache-Control"))
			}
			for _, secret := range []string{"goroutine ", "SQLSTATE", "pgx", ".go:", "argon2"} {
				if strings.Contains(got.body, secret) {
					t.Errorf("%s%s: %d, and it shows %q", name(r), who, got.status, secret)
				}
			}
		}
	}
}

// TestForgedAddress sends another address along. It is believed only of a proxy that is
// trusted, and of the last one in the row.
func TestForgedAddress(t *testing.T) {
	db := harness.NewDatabase(t)
	for _, c := range []struct {
		what, trusted, header, want string
	}{
		{"no trusted proxy", "", "8.8.8.8", "127.0.0.1"},
		{"the connection is no trusted proxy", "10.0.0.0/8", "8.8.8.8", "127.0.0.1"},
		{"a trusted proxy", "127.0.0.1/32", "8.8.8.8", "8.8.8.8"},
		{"a trusted proxy appends to what was forged", "127.0.0.1/32", "1.1.1.1, 8.8.8.8", "8.8.8.8"},
		{"two trusted proxies", "127.0.0.1/32,10.0.0.0/8", "1.1.1.1, 8.8.8.8, 10.0.0.5", "8.8.8.8"},
		{"nonsense from a trusted proxy", "127.0.0.1/32", "<script>", "127.0.0.1"},
	} {
		t.Run(c.what, func(t *testing.T) {
			env := []string{"AWS_ENDPOINT_URL=http://127.0.0.1:1", "AWS_REGION=" + harness.Region, "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x"}
			if c.trusted != "" {
				env = append(env, "PORTCULLIS_TRUSTED_PROXIES="+c.trusted)
			}
			w := &world{Crew: &harness.Crew{Console: harness.Serve(t, db, env...)}, db: db}
			email := strings.ReplaceAll(c.what, " ", "-") + "@example.com"
			a := w.nobody(t)
			a.send(http.MethodPost, "/signin", url.Values{"email": {email}, "password": {"wrong"}}.Encode(), "Content-Type", "application/x-www-form-urlencoded",
				"X-Forwarded-For", c.header, "X-Real-Ip", "9.9.9.9", "Forwarded", "for=9.9.9.9", "X-Request-Id", "forged")
			if got := db.Strings("SELECT addr FROM sign_ins WHERE email = $1", email); len(got) != 1 || got[0] != c.want {
				t.Errorf("the address is %q, want %s", got, c.want)
			}
		})
	}
}

// TestCookiesOverTLS looks at the cookies of a console that browsers reach over TLS.
func TestCookiesOverTLS(t *testing.T) {
	db := harness.NewDatabase(t)
	w := &world{db: db, Crew: &harness.Crew{Console: harness.Serve(t, db, "PORTCULLIS_PUBLIC_URL=https://portcullis.example.com",
		"AWS_ENDPOINT_URL=http://127.0.0.1:1", "AWS_REGION="+harness.Region, "AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=x")}}
	p := harness.AddPerson(t, db, "Vera", "viewer")
	in := w.nobody(t).form("/signin", url.Values{"email": {p.Email()}, "password": {p.Password}})
	session := cookies(in)["__Host-portcullis"]
	if session == nil || !session.Secure || !session.HttpOnly || session.SameSite != http.SameSiteLaxMode || session.Path != "/" || session.Domain != "" {
		t.Errorf("the session's cookie over TLS: %+v of %v", session, in.header["Set-Cookie"])
	}
	if theme := cookies(w.nobody(t).form("/theme", url.Values{"theme": {"dark"}}))["portcullis-theme"]; theme == nil || !theme.Secure {
		t.Errorf("the theme's cookie over TLS: %+v", theme)
	}
	if in.header.Get("Strict-Transport-Security") == "" {
		t.Error("nothing tells browsers to stay with TLS")
	}
}
