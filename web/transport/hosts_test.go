package transport_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"portcullis.internal/portcullis/web"
	"portcullis.internal/portcullis/web/webtest"
)

// TestOnlyKnownHostsAreAnswered sends requests with the Host headers that a browser sends after a
// foreign page has pointed its own name at the console.
func TestOnlyKnownHostsAreAnswered(t *testing.T) {
	public := &url.URL{Scheme: "https", Host: "portcullis.example.com:8443"}
	local, _ := webtest.Serve(t, func(*web.Config) {})
	named, _ := webtest.Serve(t, func(c *web.Config) { c.PublicURL = public })
	for _, test := range []struct {
		host  string
		local bool // a console without a public URL answers
		named bool // and one with it
	}{
		{"localhost:8080", true, true},
		{"LocalHost", true, true},
		{"localhost.", true, true},
		{"127.0.0.1:8080", true, true},
		{"127.0.0.2", true, true},
		{"[::1]:8080", true, true},
		{"[::1]", true, true},
		{"portcullis.example.com", false, true},
		{"Portcullis.Example.com.:443", false, true},
		{"evil.example", false, false},
		{"evil.example:8080", false, false},
		{"localhost.evil.example", false, false},
		{"127.0.0.1.evil.example", false, false},
		{"portcullis.example.com.evil.example", false, false},
		{"192.0.2.1", false, false},
		{"", false, false},
		{"evil.example@localhost", false, false},
	} {
		for _, path := range []string{"/signin", "/", "/assets/0/app.css", "/nowhere", "/api/v1/accounts", "/jobs"} {
			for name, c := range map[string]struct {
				handler http.Handler
				want    bool
			}{"local": {local, test.local}, "named": {named, test.named}} {
				r := httptest.NewRequest(http.MethodGet, path, nil)
				r.Host = test.host
				w := httptest.NewRecorder()
				c.handler.ServeHTTP(w, r)
				if got := w.Code != http.StatusMisdirectedRequest; got != c.want {
					t.Errorf("%s console, Host %q, %s: answered %v (%d), want %v", name, test.host, path, got, w.Code,
						c.want)
				}
				if w.Code == http.StatusMisdirectedRequest && !strings.Contains(w.Body.String(), "--public-url") {
					t.Errorf("the refusal says %q, want the flag", w.Body)
				}
			}
		}
		for _, path := range []string{"/healthz", "/readyz"} {
			r := httptest.NewRequest(http.MethodGet, path, nil)
			r.Host = test.host
			w := httptest.NewRecorder()
			local.ServeHTTP(w, r)
			if w.Code != http.StatusOK {
				t.Errorf("a probe of %s with Host %q: %d, want 200", path, test.host, w.Code)
			}
		}
	}
}

// TestForeignRefererIsRefused sends forms without Origin and Sec-Fetch-Site, as old browsers do.
func TestForeignRefererIsRefused(t *testing.T) {
	public := &url.URL{Scheme: "https", Host: "portcullis.example.com"}
	handler, _ := webtest.Serve(t, func(c *web.Config) { c.PublicURL = public })
	for _, test := range []struct {
		method, referer, origin string
		refused                 bool
	}{
		{http.MethodPost, "", "", false},
		{http.MethodPost, "http://localhost:8080/signin", "", false},
		{http.MethodPost, "https://portcullis.example.com/", "", false},
		{http.MethodPost, "https://evil.example/", "", true},
		{http.MethodPost, "http://localhost:9999/", "", true},
		{http.MethodPost, "http://portcullis.example.com/", "", true},
		{http.MethodPost, "about:blank", "", true},
		{http.MethodPost, "https://evil.example/", "http://localhost:8080", false},
		{http.MethodPost, "http://localhost:8080/", "https://evil.example", true},
		{http.MethodGet, "https://evil.example/", "", false},
	} {
		r := httptest.NewRequest(test.method, "http://localhost:8080/signin", strings.NewReader("email=x"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for name, value := range map[string]string{"Referer": test.referer, "Origin": test.origin} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if got := w.Code == http.StatusForbidden; got != test.refused {
			t.Errorf("%s from %q with Origin %q: status %d, want it refused: %v", test.method, test.referer,
				test.origin, w.Code, test.refused)
		}
	}
}
