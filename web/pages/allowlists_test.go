package pages_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/web/webtest"
)

func TestAllowlistPageShowsEntriesAndDependents(t *testing.T) {
	p := webtest.Office(t).As("editor").Page("/allowlists/al-1")
	p.Contains("entries", "12.148.72.0/23", "data centre", "103.15.250.0/24")
	p.Contains("dependents", "team-a/Bob", "2 users", "OU Root/Prod")
	p.Contains("add", "You come from 127.0.0.1")
	if p.Form("/allowlists/al-1/entries") == nil || p.Form("/allowlists/al-1/entries/remove") == nil {
		t.Error("an editor has no form to add or to remove entries")
	}
	if !slices.ContainsFunc(p.All("button"), func(b *html.Node) bool {
		return slices.ContainsFunc(b.Attr, func(a html.Attribute) bool { return a.Key == "data-needs-chosen" })
	}) {
		t.Error("entries can be removed with none of them chosen")
	}
}

func TestAllowlistPageOfAViewerHasNoForms(t *testing.T) {
	p := webtest.Office(t).As("viewer").Page("/allowlists/al-1")
	for _, action := range []string{"/allowlists/al-1/entries", "/allowlists/al-1/entries/remove"} {
		if p.Form(action) != nil {
			t.Errorf("a viewer sees the form %s", action)
		}
	}
	for _, a := range p.All("a") {
		if strings.HasSuffix(webtest.Attr(a, "href"), "/remove") || strings.HasSuffix(webtest.Attr(a, "href"), "/edit") {
			t.Errorf("a viewer sees the link %s", webtest.Attr(a, "href"))
		}
	}
}

func TestAddingEntries(t *testing.T) {
	c := webtest.Office(t).As("editor")
	a := c.Post("/allowlists/al-1/entries", "lines", "12.148.80.0/22 new\n2001:db8:12::/48\n", "change", "12")
	c.Went(a, "/changes/12")
	c.Did("add 2 to al-1 in 12")
}

func TestAWrongLineComesBackWithAllLines(t *testing.T) {
	c := webtest.Office(t).As("editor")
	typed := "12.148.80.0/22 fine\n10.0.0.0/8 private\noffice\n10.1.2.3/16\n300.1.1.1/24\n::ffff:1.2.3.4/128"
	p := c.Parse(c.Post("/allowlists/al-1/entries", "lines", typed, "change", "12"), http.StatusUnprocessableEntity)
	p.Contains("problems", "5 things need correcting")
	p.Contains("lines-problem", "Line 2: 10.0.0.0/8 is a private range", "Line 3:", "Line 4:", "10.1.0.0/16", "Line 5:", "Line 6:", "write it as IPv4")
	field := p.ID("lines")
	if got := p.Text("lines"); got != strings.Join(strings.Fields(typed), " ") {
		t.Errorf("the field holds %q", got)
	}
	if webtest.Attr(field, "aria-invalid") != "true" || !strings.Contains(webtest.Attr(field, "aria-describedby"), "lines-problem") {
		t.Errorf("the field is not tied to its message: aria-invalid=%q aria-describedby=%q", webtest.Attr(field, "aria-invalid"), webtest.Attr(field, "aria-describedby"))
	}
	if got := p.Selected("add-change"); got != "12" {
		t.Errorf("the chosen draft came back as %q, want 12", got)
	}
	c.Did()
}

func TestRemovingEntries(t *testing.T) {
	c := webtest.Office(t).As("editor")
	a := c.Post("/allowlists/al-1/entries/remove", "key", "12.148.72.0/23", "key", "103.15.250.0/24", "change", "0")
	c.Went(a, "/changes/12")
	c.Did("remove 12.148.72.0/23,103.15.250.0/24 from al-1 in 0")
}

func TestRemovingNothingIsSaid(t *testing.T) {
	c := webtest.Office(t).As("editor")
	p := c.Parse(c.Post("/allowlists/al-1/entries/remove"), http.StatusUnprocessableEntity)
	p.Contains("problems", "Choose the entries to remove")
}

func TestSearchAndCursorReachTheService(t *testing.T) {
	c := webtest.Office(t).As("viewer")
	c.Changes.Desired.Next = "c2"
	p := c.Page("/allowlists/al-1?q=data&cursor=c1")
	if got, want := c.Changes.Desired.Asked, (access.PageQuery{Search: "data", Cursor: "c1"}); got != want {
		t.Errorf("asked %+v, want %+v", got, want)
	}
	var next string
	for _, a := range p.All("a") {
		if webtest.Attr(a, "rel") == "next" {
			next = webtest.Attr(a, "href")
		}
	}
	if want := "/allowlists/al-1?cursor=c2&q=data"; next != want {
		t.Errorf("the next page is %q, want %q", next, want)
	}
}

func TestEditingAnEntry(t *testing.T) {
	c := webtest.Office(t).As("editor")
	p := c.Page("/allowlists/al-1/entry?key=12.148.72.0%2F23")
	if got := webtest.Attr(p.ID("note"), "value"); got != "data centre" {
		t.Errorf("the note is %q", got)
	}
	a := c.Post("/allowlists/al-1/entry", "key", "12.148.72.0/23", "note", "moved", "ticket", "SEC-12", "expires", "2027-06-01")
	c.Went(a, "/changes/12")
	got := c.Changes.Desired.SavedEntry
	if got.Note != "moved" || got.Ticket != "SEC-12" || !got.Expires.Equal(time.Date(2027, 6, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("saved %+v", got)
	}
	p = c.Parse(c.Post("/allowlists/al-1/entry", "key", "12.148.72.0/23", "note", "kept", "expires", "tomorrow"), http.StatusUnprocessableEntity)
	p.Contains("expires-problem", `"tomorrow" is not a day`)
	if got := webtest.Attr(p.ID("note"), "value"); got != "kept" {
		t.Errorf("the note came back as %q", got)
	}
	if got := c.Get("/allowlists/al-1/entry?key=8.8.8.8%2F32").Status; got != http.StatusNotFound {
		t.Errorf("an entry that is not there: status %d, want 404", got)
	}
}

func TestNewAllowlist(t *testing.T) {
	c := webtest.Office(t).As("editor")
	a := c.Post("/allowlists/new", "name", "london", "description", "Office", "lines", "2001:db8:12::/48\n12.148.80.0/22 lab")
	c.Went(a, "/changes/12")
	saved := c.Changes.Desired.SavedList
	if saved.Name != "london" || len(saved.Entries) != 2 || saved.Entries[0].Key() != "12.148.80.0/22" {
		t.Errorf("saved %+v", saved)
	}
	p := c.Parse(c.Post("/allowlists/new", "name", "Büro!", "description", "kept", "lines", "12.148.80.0/22"), http.StatusUnprocessableEntity)
	p.Contains("name-problem", "is no name for an allowlist")
	if webtest.Attr(p.ID("name"), "value") != "Büro!" || webtest.Attr(p.ID("description"), "value") != "kept" || p.Text("lines") != "12.148.80.0/22" {
		t.Error("the form did not come back as it was sent")
	}
	p = c.Parse(c.Post("/allowlists/new", "name", "ok", "lines", "nonsense"), http.StatusUnprocessableEntity)
	p.Contains("lines-problem", "Line 1:")
}

func TestRenamingAndRemovingAnAllowlist(t *testing.T) {
	c := webtest.Office(t).As("editor")
	c.Went(c.Post("/allowlists/al-1/edit", "name", "offices", "change", "12"), "/changes/12")
	c.Page("/allowlists/al-1/remove").Contains("main", "1 mapping still name", "team-a/Bob", "2 entries")
	c.Went(c.Post("/allowlists/al-1/remove"), "/changes/12")
	c.Did(`save allowlist "al-1" in 12`, "remove allowlist al-1 in 0")
}

func TestCheckingAnAddress(t *testing.T) {
	c := webtest.Office(t).As("viewer")
	c.Changes.Desired.Containing = []access.Containing{{AllowlistID: "al-1", Allowlist: "office", Entry: webtest.Entry(t, "12.148.72.0/23", "")}}
	c.Page("/allowlists?address=12.148.73.255").Contains("check-answer", "office", "12.148.72.0/23")
	c.Changes.Desired.Containing = nil
	c.Page("/allowlists?address=8.8.8.8").Contains("check-answer", "In no allowlist")
	p := c.Parse(c.Get("/allowlists?address=nowhere"), http.StatusUnprocessableEntity)
	p.Contains("address-problem", `"nowhere" is not an address`)
	if got := webtest.Attr(p.ID("address"), "value"); got != "nowhere" {
		t.Errorf("the address came back as %q", got)
	}
}

func TestNamesAreNeverMarkup(t *testing.T) {
	const evil = `<script>alert(1)</script>"><img src=x onerror=alert(2)>`
	c := webtest.Office(t).As("editor")
	c.Changes.Desired.Allowlists[0].Description = evil
	c.Changes.Desired.Entries[0].Note = evil
	c.Changes.Desired.Drafts[0].Title = evil
	c.Changes.Desired.Mappings[0].Allowlists = []string{evil}
	for _, path := range []string{"/allowlists", "/allowlists/al-1", "/allowlists/al-1?q=" + "%3Cscript%3E", "/mappings", "/mappings/mp-1", "/mappings/mp-1/edit", "/allowlists?address=%3Cscript%3E"} {
		a := c.Get(path)
		root, err := html.Parse(strings.NewReader(a.Body))
		if err != nil {
			t.Fatal(err)
		}
		for n := range root.Descendants() {
			if n.Data == "script" && webtest.Attr(n, "src") == "" || n.Data == "img" || webtest.Attr(n, "onerror") != "" {
				t.Errorf("%s: a name became the element <%s>", path, n.Data)
			}
		}
	}
}
