package web_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestAssetsAreKeptForEverAndPacked(t *testing.T) {
	c := newConsole(t)
	var css string
	for _, link := range c.page("/signin").all("link") {
		if href := attr(link, "href"); strings.HasSuffix(href, "/app.css") {
			css = href
		}
	}
	r := c.request(http.MethodGet, css, nil)
	r.Header.Set("Accept-Encoding", "gzip")
	got, err := c.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	if h := got.Header; !strings.Contains(h.Get("Cache-Control"), "immutable") || h.Get("Content-Encoding") != "gzip" || !strings.HasPrefix(h.Get("Content-Type"), "text/css") {
		t.Fatalf("%s: headers %v", css, got.Header)
	}
	unpacked, err := gzip.NewReader(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(unpacked)
	if err != nil || !strings.Contains(string(body), "--pc-accent") {
		t.Errorf("the style sheet is not the style sheet (error %v)", err)
	}
}

func TestAnAssetOfAnotherReleaseIsNotKept(t *testing.T) {
	a := newConsole(t).get("/assets/0123456789abcdef/app.js")
	if a.status != http.StatusOK || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("status %d, Cache-Control %q", a.status, a.header.Get("Cache-Control"))
	}
	for _, path := range []string{"/assets/0/nothing.js", "/assets/0/../server.go", "/assets/0/..%2Fserver.go", "/assets/0/"} {
		if got := newConsole(t).get(path).status; got != http.StatusNotFound {
			t.Errorf("%s: status %d, want 404", path, got)
		}
	}
}
