package hostile

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"portcullis.internal/portcullis/web/transport"
)

// markup is a text that would be markup wherever it is not escaped: in a text, in an
// attribute of either quote, in a script, in a comment.
const markup = `"'--></title></textarea></script><script>window.pwned=1</script><img src=pwned onerror=window.pwned=1><a href=javascript:pwned>x</a>`

// poison puts the markup into every text there is: what people type by their forms, and
// what comes from AWS by the database.
func poison(t *testing.T, w *world) {
	t.Helper()
	w.db.Exec("UPDATE accounts SET name = $1, email = $1, tags = jsonb_build_object($1::text, $1::text), "+
		"inventory_error = CASE WHEN management THEN inventory_error ELSE $1 END, "+
		"inventory_error_at = CASE WHEN management THEN inventory_error_at ELSE now() END, "+
		"version = version + (SELECT max(version) FROM accounts)", markup)
	w.db.Exec("UPDATE people SET name = $1 WHERE name = $2", "Vera"+markup, w.people["auditor"].Name)
	w.db.Exec("UPDATE targets SET message = $1, advice = $1, account_name = $1", markup)
	w.db.Exec("UPDATE rollouts SET note = $1, title = $1", markup)
	editor := w.as(t, "editor")
	draft := w.draft("9.9.6.1").ID()
	steps := []struct {
		path   string
		values url.Values
	}{
		{"/changes/" + draft + "/entries", url.Values{"allowlist": {"office"}, "lines": {"9.9.6.2/32 " + markup}}},
		{"/changes/" + draft + "/edit", url.Values{"version": {"%v"}, "title": {markup[:100]}, "reason": {markup}, "then": {"submit"}}},
		{"/changes/" + draft + "/comment", url.Values{"body": {markup}}},
	}
	for _, s := range steps {
		if s.values.Has("version") {
			s.values.Set("version", w.db.Strings("SELECT version::text FROM changes WHERE id::text = $1", draft)[0])
		}
		if got := editor.form(s.path, s.values); got.status != http.StatusSeeOther {
			t.Fatalf("%s with markup: %d %s", s.path, got.status, clip(got.body))
		}
	}
	reviewer := w.as(t, "approver")
	if got := reviewer.form("/changes/"+draft+"/review", url.Values{"verdict": {"approve"}, "digest": {w.digest(draft)}, "comment": {markup}}); got.status != http.StatusSeeOther {
		t.Fatalf("approving it: %d %s", got.status, clip(got.body))
	}
	if got := w.as(t, "operator").form("/changes/"+draft+"/apply", url.Values{"digest": {w.digest(draft)}}); got.status != http.StatusSeeOther {
		t.Fatalf("applying it: %d %s", got.status, clip(got.body))
	}
	w.changes["poisoned"] = draft
	for _, form := range []string{"/allowlists/new", "/mappings/new", "/settings/rules/new"} {
		values := url.Values{}
		for _, field := range []string{"name", "description", "lines", "role", "users", "allowlists", "accounts", "ids", "ous", "tags", "except", "title", "reason", "roles", "teams", "path", "min", "count"} {
			values.Set(field, markup)
		}
		inspect(t, "POST "+form+" with markup", editor.form(form, values))
	}
	inspect(t, "signing in with markup", w.nobody(t).form("/signin", url.Values{"email": {markup}, "password": {"x"}, "next": {markup}}))
}

// tryTexts looks at every page that somebody with every role can see, for what became
// markup.
func tryTexts(t *testing.T, w *world) {
	poison(t, w)
	w.index()
	a := w.as(t, "all")
	seen := 0
	for _, r := range w.routes {
		if !reads(r) || r.API || r.Stream || strings.HasPrefix(r.Path, "/assets") || queuePages(r) {
			continue
		}
		for _, path := range w.paths(r) {
			got := a.get(path)
			if strings.Contains(got.body, "pwned") {
				seen++
			}
			inspect(t, path, got)
		}
		q := url.QueryEscape(markup)
		for _, field := range []string{"q", "tab", "ou", "user", "account", "addr", "address", "action", "actor", "object", "change", "role", "cursor", "next", "by", "from", "source_ip"} {
			inspect(t, r.Path+"?"+field+"=…", a.get(w.paths(r)[0]+"?"+field+"="+q))
		}
	}
	if seen < 15 {
		t.Errorf("only %d pages show a text that would be markup; it has not got everywhere", seen)
	}
	inspect(t, "an address that there is not", a.get("/"+url.PathEscape(markup)))
}

// queuePages reports whether a route leads to the job queue's own pages, which others
// wrote: a program in the browser that is the same for everybody, under our policy of
// what may run.
func queuePages(r transport.Route) bool { return strings.HasPrefix(r.Path, "/jobs") }

// inspect fails when a page holds an element or an attribute that a text has made.
func inspect(t *testing.T, where string, a answer) {
	t.Helper()
	if !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		return
	}
	root, err := html.Parse(strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if problem := suspicious(n); problem != "" {
			t.Errorf("%s: %s", where, problem)
		}
	}
}

func suspicious(n *html.Node) string {
	if n.Type != html.ElementNode {
		return ""
	}
	src := ""
	for _, a := range n.Attr {
		value := strings.ToLower(strings.TrimSpace(a.Val))
		switch {
		case strings.HasPrefix(a.Key, "on"), a.Key == "srcdoc", a.Key == "style":
			return fmt.Sprintf("<%s %s=%q>", n.Data, a.Key, a.Val)
		case strings.Contains("href src action formaction hx-get hx-post data", a.Key) && (strings.HasPrefix(value, "javascript:") || strings.HasPrefix(value, "data:text")):
			return fmt.Sprintf("<%s %s=%q>", n.Data, a.Key, a.Val)
		case a.Key == "src":
			src = a.Val
		}
	}
	if n.Data == "script" && !strings.HasPrefix(src, "/assets/") || src == "pwned" || n.Data == "iframe" || n.Data == "object" || n.Data == "base" {
		return fmt.Sprintf("<%s src=%q>", n.Data, src)
	}
	return ""
}

func TestInspectionSees(t *testing.T) {
	for _, page := range []string{"<p>" + markup, `<img src=pwned>`, `<a href=" JavaScript:alert(1)">`, `<p onclick=x>`, `<script>x</script>`, `<iframe>`} {
		root, err := html.Parse(strings.NewReader(page))
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for n := range root.Descendants() {
			found = found || suspicious(n) != ""
		}
		if !found {
			t.Errorf("%s passes", page)
		}
	}
}

// tryDownloads names things so that a download's header would carry more than its name,
// and its cells would be formulas.
func tryDownloads(t *testing.T, w *world) {
	for i, name := range []string{"x\r\nX-Forged: 1", `x"; filename="evil.html`, "../../evil", "=cmd|calc", "x\x00y", "\u202eevil", "ünïcode"} {
		id := fmt.Sprint("al-forged-", i)
		if _, err := w.db.TryInt("INSERT INTO allowlists (id, name, description, added_in) SELECT $1, $2, '=1+1', revision FROM head RETURNING 1", id, name); err != nil {
			continue // the database refuses it already
		}
		w.db.Exec("INSERT INTO entries (allowlist_id, kind, prefix, note, ticket, added_in) SELECT $1, 'cidr', '9.9.5.1/32', '=HYPERLINK(\"http://evil.example\")', '@SUM(1)', revision FROM head", id)
	}
	w.index()
	a := w.as(t, "all")
	for _, r := range w.routes {
		if !reads(r) || r.Public {
			continue
		}
		for _, path := range w.paths(r) {
			got := a.try(r, path+"?format=csv", "")
			h := got.header
			if h.Get("X-Forged") != "" {
				t.Errorf("%s: a name became a header: %v", path, h)
			}
			disposition := h.Get("Content-Disposition")
			if strings.ContainsAny(disposition, "\r\n\x00") || strings.Contains(disposition, "/") || strings.Contains(disposition, `filename="evil.html`) {
				t.Errorf("%s: Content-Disposition: %s", path, disposition)
			}
			if disposition != "" && strings.HasPrefix(h.Get("Content-Type"), "text/html") {
				t.Errorf("%s is a download that browsers show as a page", path)
			}
			if strings.HasPrefix(h.Get("Content-Type"), "text/csv") {
				wantNoFormulas(t, path, got.body)
			}
		}
	}
}

func wantNoFormulas(t *testing.T, path, csv string) {
	t.Helper()
	for line := range strings.Lines(csv) {
		for cell := range strings.SplitSeq(strings.TrimRight(line, "\r\n"), ",") {
			if cell = strings.TrimPrefix(cell, `"`); cell != "" && strings.ContainsAny(cell[:1], "=@+-\t\r") {
				t.Errorf("%s: the cell %q would be a formula", path, cell)
			}
		}
	}
}
