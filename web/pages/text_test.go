package pages_test

import (
	"net/http"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/web/webtest"
)

// hiding is a text with a direction override, a character without width and a Cyrillic letter.
const hiding = "of\u202efice\u200b p\u0430ypal"

// TestSuspiciousTextsAreFlagged: wherever a text that people typed is shown, the characters that a
// reader would not see are written as code points and marked.
func TestSuspiciousTextsAreFlagged(t *testing.T) {
	for path, prepare := range map[string]func(*webtest.Console){
		"/changes/12": func(c *webtest.Console) {
			c.Changes.ChangeView = webtest.ViewInReview()
			c.Changes.ChangeView.Title = "Plain"
			c.Changes.ChangeView.Reason = hiding
		},
		"/changes/12?of=title": func(c *webtest.Console) {
			c.Changes.ChangeView = webtest.ViewInReview()
			c.Changes.ChangeView.Title = hiding
		},
		"/changes/12?of=review": func(c *webtest.Console) {
			c.Changes.ChangeView = webtest.ViewInReview()
			c.Changes.ChangeView.Reviews = []access.Review{{Verdict: access.VerdictReject, Comment: hiding}}
		},
		"/changes/12?of=comment": func(c *webtest.Console) {
			c.Changes.ChangeView = webtest.ViewInReview()
			c.Changes.ChangeView.Comments = []access.Comment{{Body: hiding}}
		},
		"/allowlists/al-1":        func(c *webtest.Console) { c.Changes.Desired.Entries[0].Note = hiding },
		"/allowlists/al-1?ticket": func(c *webtest.Console) { c.Changes.Desired.Entries[0].Ticket = hiding },
		"/allowlists":             func(c *webtest.Console) { c.Changes.Desired.Allowlists[0].Description = hiding },
	} {
		c := webtest.Office(t).As("approver")
		prepare(c)
		a := c.Get(path)
		if strings.ContainsAny(a.Body, "\u202e\u200b\u0430") {
			t.Errorf("%s: the page has the characters themselves", path)
		}
		for _, want := range []string{"⟨U+202E⟩</mark>", "⟨U+200B⟩</mark>", "⟨U+0430⟩</mark>", `title="The text has U+202E here, a control that changes the direction`} {
			if !strings.Contains(a.Body, want) {
				t.Errorf("%s: status %d, the page does not show %q", path, a.Status, want)
			}
		}
	}
}

func TestFormsRefuseInvalidUTF8(t *testing.T) {
	c := webtest.Office(t).As("editor")
	p := c.Parse(c.Post("/allowlists/new", "name", "office", "description", "off\xffice"), http.StatusUnprocessableEntity)
	p.Contains("main", "not valid UTF-8")
	if len(c.Changes.Did) > 0 {
		t.Errorf("the form was carried out: %v", c.Changes.Did)
	}
	p = c.Parse(c.Post("/allowlists/new", "name", "off\u202eice"), http.StatusUnprocessableEntity)
	p.Contains("name-problem", "Character 4", "U+202E")
}
