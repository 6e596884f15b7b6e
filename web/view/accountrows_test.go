package view

import (
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// What AWS says of an account is text on the page, whatever it is.
func TestAccountRowsEscape(t *testing.T) {
	const evil = `<script>alert("1")</script>'&`
	var page strings.Builder
	for _, a := range []access.Account{
		{ID: evil, Name: evil, OU: evil, State: evil, Tags: map[string]string{evil: evil}, InventoryError: evil},
		{ID: evil, Name: evil, OU: evil, Management: true, InventoryAt: time.Now()},
	} {
		if err := accountRows([]access.Account{a}).Render(t.Context(), &page); err != nil {
			t.Fatal(err)
		}
	}
	ous := []access.OURow{{OU: access.OU{Name: evil, Path: evil}, Total: 12_345}}
	if err := ouLinks(ous, evil).Render(t.Context(), &page); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(page.String(), "<script") || strings.Contains(page.String(), `alert("`) || strings.Contains(page.String(), "'") {
		t.Errorf("something got through:\n%s", page.String())
	}
	if n := strings.Count(page.String(), "&lt;script&gt;"); n < 9 {
		t.Errorf("the text stands there %d times:\n%s", n, page.String())
	}
	if !strings.Contains(page.String(), "12,345") {
		t.Error("the unit's accounts are not counted")
	}
}

// What is drawn once is drawn for each section and for each who sees other lines.
func TestNavLinks(t *testing.T) {
	items := []NavItem{{Section: "a", Label: "Alpha", URL: "/a", Icon: "home"}, {Section: "b", Label: "Beta", URL: "/b", Icon: "list"}}
	draw := func(items []NavItem, section string) string {
		var b strings.Builder
		if err := navLinks(items, section).Render(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for range 2 {
		for _, section := range []string{"a", "b", ""} {
			got := draw(items, section)
			if here := `href="/` + section + `" aria-current="page"`; !strings.Contains(got, "Alpha") || !strings.Contains(got, "Beta") || strings.Contains(got, here) != (section != "") {
				t.Errorf("%q: %s", section, got)
			}
		}
		if got := draw(items[:1], "a"); strings.Contains(got, "Beta") {
			t.Errorf("a line that is not to be seen: %s", got)
		}
	}
}
