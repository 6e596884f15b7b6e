package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"portcullis.internal/portcullis/web/webtest"
)

// TestSearchTextsAreLimited searches with a text of 200 characters, and with a longer one.
func TestSearchTextsAreLimited(t *testing.T) {
	longest := strings.Repeat("ä", 200)
	fits, tooLong := url.Values{"q": {longest}}.Encode(), url.Values{"q": {longest + "x"}}.Encode()
	for _, path := range []string{
		"/allowlists", "/allowlists/al-1", "/mappings", "/changes", "/accounts",
		"/findings?state=open&kind=drift", "/rollouts/3",
	} {
		path += map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")]
		c := webtest.Office(t).As("editor")
		c.Rollouts.Shown, c.Rollouts.TargetPage = webtest.RunningRollout(), webtest.ThreeTargets()
		if a := c.Get(path + fits); a.Status != http.StatusOK {
			t.Errorf("%s with 200 characters: status %d, want 200", path, a.Status)
		}
		p := c.Parse(c.Get(path+tooLong), http.StatusUnprocessableEntity)
		p.Contains("q-problem", "201 characters", "200 are allowed")
		field := p.All("input")
		kept := false
		for _, n := range field {
			kept = kept || webtest.Attr(n, "name") == "q" && webtest.Attr(n,
				"value") == longest+"x" && webtest.Attr(n, "aria-invalid") == "true"
		}
		if !kept {
			t.Errorf("%s: the search field did not come back as it was typed", path)
		}
	}
	c := webtest.Office(t).As("auditor")
	c.Rollouts.Shown, c.Rollouts.TargetPage = webtest.RunningRollout(), webtest.ThreeTargets()
	for _, path := range []string{"/audit?", "/history?"} {
		c.Get(path+tooLong).Says(t, http.StatusUnprocessableEntity, "201 characters")
	}
	for _, path := range []string{
		"/allowlists?", "/mappings?", "/changes?", "/accounts?", "/rollouts?", "/findings?",
		"/audit?", "/rollouts/3/targets?",
	} {
		if a := c.API(path+tooLong, "auditor"); a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Body, `"pointer":"/q"`) {
			t.Errorf("/api/v1%s: status %d, want 422 at /q: %s", path, a.Status, a.Body)
		}
		if a := c.API(path+fits, "auditor"); a.Status != http.StatusOK {
			t.Errorf("/api/v1%s with 200 characters: status %d, want 200", path, a.Status)
		}
	}
}
