package web_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"portcullis/internal/access"
)

func TestPagesArePacked(t *testing.T) {
	c := newConsole(t).as("viewer")
	plain := c.get("/rollouts")
	got, body := c.packedPage("/rollouts")
	if got.header.Get("Content-Encoding") != "gzip" || got.header.Get("Content-Length") != strconv.Itoa(len(got.body)) || len(got.body) > len(body)/2 {
		t.Errorf("%v with %d bytes of %d: want it packed, and its length told", got.header, len(got.body), len(body))
	}
	if body != plain.body {
		t.Error("unpacked it is another page")
	}
	for _, a := range []answer{got, plain} {
		if !strings.Contains(strings.Join(a.header.Values("Vary"), ","), "Accept-Encoding") {
			t.Errorf("Vary %v, want Accept-Encoding", a.header.Values("Vary"))
		}
	}
	if got, body := c.packedPage("/healthz"); got.header.Get("Content-Encoding") != "" || body != "ok\n" {
		t.Errorf("%v %q: what is short is not packed", got.header, body)
	}
	if got, body := c.packedPage("/changes/999999"); got.status != http.StatusNotFound || !strings.Contains(body, "404") {
		t.Errorf("an error: %d\n%s", got.status, body)
	}
}

// What is longer than a server likes to hold is packed as it comes.
func TestLongAnswersArePacked(t *testing.T) {
	c := newConsole(t).as("viewer")
	for i := range 3_000 {
		c.changes.accounts.Items = append(c.changes.accounts.Items, access.Account{ID: "111122223333", Name: strings.Repeat("account ", 8) + strconv.Itoa(i), State: access.AccountActive, OU: "Root"})
	}
	got, body := c.packedPage("/accounts")
	if got.header.Get("Content-Encoding") != "gzip" || got.header.Get("Content-Length") != "" || !strings.Contains(body, "account 2999") || !strings.Contains(body, "</html>") {
		t.Errorf("%v, %d bytes: want the whole page, packed bit by bit", got.header, len(body))
	}
}
