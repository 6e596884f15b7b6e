package server

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
)

// TestDemoByBothLoopbackNames signs in at both names of this machine, as a browser does, and at the
// name of a page that was pointed at it.
func TestDemoByBothLoopbackNames(t *testing.T) {
	s := startDemo(t, openDir(t))
	at, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"localhost", "127.0.0.1"} {
		b := newBrowser(t, "http://"+host+":"+at.Port())
		form := url.Values{"email": {"viewer" + demoDomain}, "password": {demoPassword}, "next": {"/allowlists"}}
		if resp := b.send(t, "/signin", form); resp.StatusCode != http.StatusOK || resp.Request.URL.Path != "/allowlists" {
			t.Errorf("signing in at %s: %s at %s, want the page /allowlists", host, resp.Status, resp.Request.URL)
		}
		if resp := b.send(t, "/signout", nil); resp.Request.URL.Path != "/signin" || !b.isKnown() {
			t.Errorf("signing out at %s: %s, cookies %v; want the sign-in page and a known browser", host, resp.Request.URL, b.cookies())
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/signin", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "evil.example:" + at.Port()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("by a foreign name: %s, want 421", resp.Status)
	}
}

// browser keeps cookies and sends the headers of a browser.
type browser struct {
	http.Client
	origin *url.URL
}

func newBrowser(t *testing.T, origin string) browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(origin)
	if err != nil {
		t.Fatal(err)
	}
	return browser{http.Client{Jar: jar}, u}
}

func (b browser) send(t *testing.T, path string, form url.Values) *http.Response {
	t.Helper()
	target := b.origin.String() + path
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", b.origin.String())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := b.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func (b browser) cookies() []*http.Cookie { return b.Jar.Cookies(b.origin) }

func (b browser) isKnown() bool {
	for _, c := range b.cookies() {
		if c.Name == "portcullis-browser" {
			return true
		}
	}
	return false
}
