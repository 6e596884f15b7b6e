package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/server"
	"portcullis.internal/portcullis/test/harness"
)

// markup would run wherever a page did not escape it.
const markup = `"'--></title></textarea></script><script>window.pwned=1</script><img src=pwned onerror=window.pwned=1><svg onload=window.pwned=1>`

// TestNothingRuns opens every page with texts that would be markup, typed by people and
// read from AWS, in a real browser. Nothing of them runs or becomes a part of the page,
// and the browser has nothing to stop.
func TestNothingRuns(t *testing.T) {
	box, db := harness.StartSandbox(t, 8), harness.NewDatabase(t)
	crew := harness.NewCrew(harness.Serve(t, db, box.Env()...), db)
	all := harness.AddPerson(t, db, "Almighty", "editor", "approver", "operator", "auditor", "admin", "break-glass")
	crew.API(crew.Editor).WaitForInventories(time.Minute)
	crew.AddAllowlist("office", "103.15.250.0/24 "+markup)
	rollout := crew.Decide(crew.AddMapping(harness.Mapping{Role: "Bob", Users: "alice", Allowlists: []string{"office"}}), markup[:90])
	crew.API(crew.Editor).WaitForRollout(rollout, time.Minute)
	draft := crew.AddEntries("office", "9.9.9.9/32 "+markup)
	draft.Form("/edit").Fill("title", markup[:90]).Fill("reason", markup).Submit("Submit for review").Want(200)
	crew.SignIn(crew.Approver).Get(draft.Path()).Form("/comment").Fill("body", markup).Submit().Want(200)
	db.Exec("UPDATE accounts SET name = $1, email = $1, tags = jsonb_build_object($1::text, $1::text), version = version + 1000", markup)
	db.Exec("UPDATE targets SET message = $1, advice = $1, account_name = $1", markup)
	db.Exec("UPDATE rollouts SET note = $1", markup)
	db.Exec("UPDATE people SET name = name || $1 WHERE name <> 'Almighty'", markup)

	b := openTab(t, crew.Console)
	b.signIn(all)
	shown := 0
	for _, path := range pagesWithTexts(t, db, rollout) {
		b.open(path)
		if strings.Contains(b.text(), "pwned") {
			shown++
		}
		if found := eval[string](b, `window.pwned ? "a script ran" : [...document.querySelectorAll("img[src=pwned], svg[onload], script:not([src])")].map(e => e.outerHTML).join(" ")`); found != "" {
			t.Errorf("%s: %s", path, found)
		}
		for _, line := range b.heard() {
			if strings.Contains(line, "Content Security Policy") || strings.Contains(line, "pwned") {
				t.Errorf("%s: the browser says %s", path, line)
			}
		}
	}
	if shown < 8 {
		t.Errorf("only %d pages show the texts; they have not got everywhere", shown)
	}
}

// pagesWithTexts are the addresses of all pages, by the route table. Those of the job
// queue are a library's own, with their data in a script element, and show none of these
// texts: their jobs carry numbers only.
func pagesWithTexts(t *testing.T, db *harness.Database, rollout string) []string {
	t.Helper()
	routes, err := server.Routes()
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{"rollouts": rollout, "settings": "1"}
	for _, noun := range []string{"allowlists", "mappings", "changes"} {
		ids[noun] = db.Strings("SELECT id::text FROM " + noun + " ORDER BY id DESC LIMIT 1")[0]
	}
	target := db.Strings("SELECT account_id FROM targets LIMIT 1")[0]
	ids["accounts"] = target
	var out []string
	for _, r := range routes {
		noun := strings.SplitN(strings.TrimPrefix(r.Path, "/"), "/", 2)[0]
		if r.Method != http.MethodGet || r.API || r.Stream || r.Public || strings.Contains(r.Path, ".") || strings.HasSuffix(r.Path, "/terraform") || strings.HasSuffix(r.Path, "/cloudformation") || noun == "jobs" {
			continue
		}
		out = append(out, strings.NewReplacer(":id", ids[noun], ":account", target).Replace(r.Path))
	}
	if len(out) < 25 {
		t.Fatalf("only %d pages were found", len(out))
	}
	return out
}
