package e2e

import (
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/test/harness"
)

// TestPages looks at every kind of page that nobody sees in the main job.
func TestPages(t *testing.T) {
	c := harness.Demo(t)
	api := c.API(harness.DemoPerson("viewer"))
	api.WaitForInventories(time.Minute)
	api.WaitForRollout("1", time.Minute)

	stranger := openTab(t, c)
	stranger.open("/signin")
	stranger.look("signin")

	editor := openTab(t, c)
	editor.signIn(harness.DemoPerson("editor"))
	for path, name := range map[string]string{
		"/": "overview", "/allowlists": "allowlists", "/allowlists/new": "allowlist-new",
		"/mappings": "mappings", "/mappings/new": "mapping-new", "/changes": "changes", "/changes?tab=all": "changes-all", "/rollouts": "rollouts",
		"/accounts": "accounts", "/explain": "explain", "/history": "history", "/tokens": "tokens",
		"/settings": "settings", "/settings/edit": "settings-edit", "/settings/rules/new": "rule-new",
		"/settings/strategies": "strategies", "/settings/strategies/new": "strategy-new",
		"/settings/strategies/st-000001": "strategy-history",
		"/rollouts/1":                    "rollout-sample", "/findings": "findings", "/findings?state=resolved": "findings-resolved",
	} {
		visit(editor, path, name)
	}
	for list, name := range map[string]string{"/allowlists": "allowlist", "/mappings": "mapping", "/accounts": "account", "/rollouts/1": "target"} {
		editor.open(list)
		visit(editor, firstDetail(editor, list), name)
	}
	visit(editor, explained(api), "explain-answer")

	auditor := openTab(t, c)
	auditor.signIn(harness.DemoPerson("auditor"))
	visit(auditor, "/audit", "audit")
	notThere(auditor)
}

func visit(b *tab, path, name string) {
	b.t.Helper()
	b.t.Run(name, func(t *testing.T) {
		mine := *b
		mine.t = t
		mine.open(path)
		if shown := mine.path(); !strings.HasPrefix(path, shown) {
			t.Fatalf("%s leads to %s", path, mine.where())
		}
		mine.look(name)
	})
}

// firstDetail is the address of the first thing that a list leads to.
func firstDetail(b *tab, list string) string {
	b.t.Helper()
	path := eval[string](b, `[...document.querySelectorAll("main tbody a[href], main table a[href]")].map(a => a.getAttribute("href")).find(h => h.startsWith(location.pathname + "/") && !h.endsWith("/new")) || ""`)
	if path == "" {
		b.t.Fatalf("%s leads to nothing; at %s", list, b.where())
	}
	return path
}

// explained asks whether alice can assume Bob in one account.
func explained(api *harness.API) string {
	for _, a := range api.Accounts() {
		if a.State == "ACTIVE" && a.PushedRevision > 0 {
			return "/explain?account=" + string(a.ID) + "&role=Bob&user=alice&source_ip=103.15.250.7"
		}
	}
	return "/explain"
}

// notThere looks at the page of an address that there is not.
func notThere(b *tab) {
	b.t.Helper()
	b.open("/no-such-page")
	b.silent("404")
	if found := b.violations(); len(found) > 0 {
		b.t.Errorf("axe on the error page: %v", found)
	}
	b.silent("404")
}
