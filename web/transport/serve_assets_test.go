package transport_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"portcullis.internal/portcullis/web/webtest"
)

func TestAssetsAreKeptForEverAndPacked(t *testing.T) {
	c := webtest.New(t)
	var css string
	for _, link := range c.Page("/signin").All("link") {
		if href := webtest.Attr(link, "href"); strings.HasSuffix(href, "/app.css") {
			css = href
		}
	}
	r := c.Request(http.MethodGet, css, nil)
	r.Header.Set("Accept-Encoding", "gzip")
	got, err := c.Client.Do(r)
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
	a := webtest.New(t).Get("/assets/0123456789abcdef/app.js")
	if a.Status != http.StatusOK || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("status %d, Cache-Control %q", a.Status, a.Header.Get("Cache-Control"))
	}
	for _, path := range []string{"/assets/0/nothing.js", "/assets/0/../server.go", "/assets/0/..%2Fserver.go", "/assets/0/"} {
		if got := webtest.New(t).Get(path).Status; got != http.StatusNotFound {
			t.Errorf("%s: status %d, want 404", path, got)
		}
	}
}
