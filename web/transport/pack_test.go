package transport_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/web/webtest"
)

func TestPagesArePacked(t *testing.T) {
	c := webtest.New(t).As("viewer")
	plain := c.Get("/rollouts")
	got, body := c.PackedPage("/rollouts")
	if got.Header.Get("Content-Encoding") != "gzip" || got.Header.Get("Content-Length") != strconv.Itoa(len(got.Body)) || len(got.Body) > len(body)/2 {
		t.Errorf("%v with %d bytes of %d: want it packed, and its length told", got.Header, len(got.Body), len(body))
	}
	if body != plain.Body {
		t.Error("unpacked it is another page")
	}
	for _, a := range []webtest.Answer{got, plain} {
		if !strings.Contains(strings.Join(a.Header.Values("Vary"), ","), "Accept-Encoding") {
			t.Errorf("Vary %v, want Accept-Encoding", a.Header.Values("Vary"))
		}
	}
	if got, body := c.PackedPage("/healthz"); got.Header.Get("Content-Encoding") != "" || body != "ok\n" {
		t.Errorf("%v %q: what is short is not packed", got.Header, body)
	}
	if got, body := c.PackedPage("/changes/999999"); got.Status != http.StatusNotFound || !strings.Contains(body, "404") {
		t.Errorf("an error: %d\n%s", got.Status, body)
	}
}

// What is longer than a server likes to hold is packed as it comes.
func TestLongAnswersArePacked(t *testing.T) {
	c := webtest.New(t).As("viewer")
	for i := range 3_000 {
		c.Changes.Accounts.Items = append(c.Changes.Accounts.Items, access.Account{ID: "111122223333", Name: strings.Repeat("account ", 8) + strconv.Itoa(i), State: access.AccountActive, OU: "Root"})
	}
	got, body := c.PackedPage("/accounts")
	if got.Header.Get("Content-Encoding") != "gzip" || got.Header.Get("Content-Length") != "" || !strings.Contains(body, "account 2999") || !strings.Contains(body, "</html>") {
		t.Errorf("%v, %d bytes: want the whole page, packed bit by bit", got.Header, len(body))
	}
}
