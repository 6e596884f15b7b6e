package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"portcullis.internal/portcullis/test/harness"
)

// TestChecksSee shows that the checks of a page can fail: each finds what is wrong with
// a page that is wrong on purpose.
func TestChecksSee(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'self'")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, pages[r.URL.Path])
	}))
	defer srv.Close()
	b := openTab(t, &harness.Console{Process: &harness.Process{Addr: strings.TrimPrefix(srv.URL, "http://")}})

	b.open("/right")
	if heard, found, wide := b.heard(), b.violations(), b.tooWide(width); len(heard)+len(found) != 0 || wide != "" {
		t.Errorf("a page that is right: heard %q, axe found %v, wide %q", heard, found, wide)
	}
	b.open("/wrong")
	if heard := strings.Join(b.heard(), "\n"); !strings.Contains(heard, "Content Security Policy") {
		t.Errorf("an inline script: heard %q, want a breach of the content security policy", heard)
	}
	if found := b.violations(); len(found) != 1 || found[0].ID != "image-alt" {
		t.Errorf("a picture without words: axe found %+v, want image-alt", found)
	}
	if wide := b.tooWide(width); !strings.Contains(wide, "<p") {
		t.Errorf("a paragraph of 3000 pixels: %q sticks out, want the paragraph", wide)
	}
}

var pages = map[string]string{
	"/right": `<!doctype html><html lang="en"><head><title>Right</title><link rel="icon" href="data:,"></head><body><main><h1>Right</h1></main></body></html>`,
	"/wrong": `<!doctype html><html lang="en"><head><title>Wrong</title><link rel="icon" href="data:,"></head><body><main><h1>Wrong</h1><img src="data:,"><p style="width:3000px">Wide</p></main><script>alert(1)</script></body></html>`,
}
