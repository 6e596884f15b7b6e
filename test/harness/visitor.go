package harness

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// Visitor is somebody with a browser that knows no JavaScript: links, forms, cookies and
// redirects are all there is.
type Visitor struct {
	t      testing.TB
	base   string
	client *http.Client
}

// NewVisitor is somebody who is not signed in.
func (c *Console) NewVisitor() *Visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return &Visitor{t: c.t, base: c.URL(), client: &http.Client{Jar: jar, Timeout: 60 * time.Second}}
}

// SignIn is a visitor who has signed in through the form.
func (c *Console) SignIn(p Person) *Visitor {
	c.t.Helper()
	v := c.NewVisitor()
	page := v.Get("/signin").Form("/signin").Fill("email", p.Email()).Fill("password", p.Password).Submit()
	if page.Status != http.StatusOK || strings.HasPrefix(page.Path(), "/signin") {
		c.t.Fatalf("%s could not sign in: %s", p.Email(), page)
	}
	return v
}

// Client sends requests with the visitor's cookies, as many at once as are asked of it.
func (v *Visitor) Client() *http.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	return &http.Client{Jar: v.client.Jar, Timeout: v.client.Timeout, Transport: transport}
}

// Get opens a page.
func (v *Visitor) Get(path string) *Page {
	v.t.Helper()
	r, err := http.NewRequest(http.MethodGet, v.base+path, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	return v.do(r)
}

// Post sends a form that need not be on any page, as somebody with a proxy does.
func (v *Visitor) Post(path string, values url.Values) *Page {
	v.t.Helper()
	r, err := http.NewRequest(http.MethodPost, v.base+path, strings.NewReader(values.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return v.do(r)
}

func (v *Visitor) do(r *http.Request) *Page {
	v.t.Helper()
	resp, err := v.client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	root, err := html.Parse(resp.Body)
	if err != nil {
		v.t.Fatal(fmt.Errorf("%s %s: %w", r.Method, r.URL, err))
	}
	return &Page{Status: resp.StatusCode, URL: resp.Request.URL, Header: resp.Header, root: root, v: v}
}
