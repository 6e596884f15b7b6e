package transport_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"portcullis.internal/portcullis/web/webtest"
)

// TestFormFieldsComeOnce sends each form twice the same field, and one with its fields in the address.
func TestFormFieldsComeOnce(t *testing.T) {
	for _, r := range webtest.New(t).Routes {
		if r.Method != http.MethodPost || r.API {
			continue
		}
		c := webtest.New(t).As("admin") // a person may send so many forms a second
		for name, a := range map[string]webtest.Answer{
			"a repeated field":          c.Post(webtest.Example(r.Path), "reason", "one", "reason", "two"),
			"a field of the address":    c.Post(webtest.Example(r.Path) + "?reason=one"),
			"a list in the address":     c.Post(webtest.Example(r.Path) + "?scopes=read"),
			"a repeated, unknown field": c.Post(webtest.Example(r.Path), "nothing", "", "nothing", ""),
		} {
			// Who may not send the form at all is told that first.
			if a.Status != http.StatusUnprocessableEntity && a.Status != http.StatusForbidden {
				t.Errorf("%s, %s: status %d, want 422", r.Path, name, a.Status)
			}
		}
		if len(c.Changes.Did)+len(c.Rollouts.Did) > 0 {
			t.Errorf("%s: something was done: %q %q", r.Path, c.Changes.Did, c.Rollouts.Did)
		}
	}
}

// TestListsMayBeRepeated sends a field that is a list by design.
func TestListsMayBeRepeated(t *testing.T) {
	c := webtest.New(t).As("editor")
	a := c.Post("/tokens", "name", "nightly", "expires", "2027-06-01", "scopes", "read", "scopes", "edit")
	if a.Status == http.StatusUnprocessableEntity && strings.Contains(a.Body, "was sent 2 times") {
		t.Errorf("two scopes are refused: %s", a.Body)
	}
	form := url.Values{"roles": {"viewer", "editor"}, "version": {"1"}}
	if a := webtest.New(t).As("admin").PostForm("/people/1", form); strings.Contains(a.Body, "was sent 2 times") {
		t.Errorf("two roles are refused: %s", a.Body)
	}
	if a := c.Post("/tokens", "name", "a", "name", "b", "scopes",
		"read"); a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Body, "name") {
		t.Errorf("two names: status %d, want a refusal that names the field", a.Status)
	}
}
