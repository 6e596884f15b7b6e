package hostile

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/test/harness"
	"portcullis.internal/portcullis/web/transport"
)

// world is a console on a real database, with somebody of every role and something of
// every kind for them to touch.
type world struct {
	*harness.Crew
	db      *harness.Database
	people  map[string]harness.Person // by role; "all" has every role, "editor2" is another editor
	routes  []transport.Route
	changes map[access.ChangeState]string // one change in each state, by the editor
	objects map[string][]string           // ids by the noun of the path: "changes", "accounts"
	targets []string                      // accounts of the rollout
}

func newWorld(t *testing.T, env ...string) *world {
	t.Helper()
	box := harness.StartSandbox(t, 8)
	db := harness.NewDatabase(t)
	c := harness.Serve(t, db, append(box.Env(), env...)...)
	w := &world{db: db, routes: routes(t), people: map[string]harness.Person{}, changes: map[access.ChangeState]string{}}
	every := []string{}
	for _, r := range access.Roles() {
		every = append(every, string(r))
		w.people[string(r)] = harness.AddPerson(t, db, "The-"+string(r), string(r))
	}
	w.people["all"] = harness.AddPerson(t, db, "Almighty", every...)
	w.people["editor2"] = harness.AddPerson(t, db, "Second-editor", "editor", "approver")
	w.Crew = &harness.Crew{Console: c, Editor: w.people["editor"], Approver: w.people["approver"], Operator: w.people["operator"]}
	w.API(w.Editor).WaitForInventories(time.Minute)
	w.fill(t)
	w.index()
	return w
}

// fill has the crew make an allowlist and a mapping, roll them out, and leave a change in
// each state.
func (w *world) fill(t *testing.T) {
	t.Helper()
	w.AddAllowlist("office", "103.15.250.0/24 office")
	mapping := w.AddMapping(harness.Mapping{Role: "Bob", Users: "alice", Allowlists: []string{"office"}})
	w.API(w.Editor).WaitForRollout(w.Decide(mapping, "Alice may assume Bob"), time.Minute)
	w.changes[access.ChangeApplied] = mapping.ID()
	w.changes[access.ChangeDraft] = w.draft("9.9.9.1").ID()
	w.changes[access.ChangeInReview] = w.submitted("9.9.9.2").ID()
	approved := w.submitted("9.9.9.3")
	w.SignIn(w.Approver).Get(approved.Path()).Form("/review").Submit("Approve").Want(http.StatusOK)
	w.changes[access.ChangeApproved] = approved.ID()
	withdrawn := w.submitted("9.9.9.4")
	w.SignIn(w.Editor).Get(withdrawn.Path()).Form("/withdraw").Submit().Want(http.StatusOK)
	w.changes[access.ChangeWithdrawn] = withdrawn.ID()
}

// draft is the page of a new draft of the editor that adds an address.
func (w *world) draft(addr string) *harness.Page {
	return w.AddEntries("office", addr+"/32 desk")
}

// submitted is the page of a change that waits for its review.
func (w *world) submitted(addr string) *harness.Page {
	return w.draft(addr).Form("/edit").Fill("title", "Let in "+addr).Fill("reason", "SEC-7: a desk").Submit("Submit for review").Want(http.StatusOK)
}

// index finds the ids of what there is: of every table that a path's first noun names.
func (w *world) index() {
	w.objects = map[string][]string{}
	tables := w.db.Strings("SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'id'")
	for _, r := range w.routes {
		noun := nounOf(r.Path)
		if slices.Contains(tables, noun) && w.objects[noun] == nil {
			w.objects[noun] = w.db.Strings("SELECT id::text FROM " + noun + " ORDER BY 1 LIMIT 20")
		}
	}
	w.targets = w.db.Strings("SELECT account_id FROM targets ORDER BY rollout_id DESC, position LIMIT 1")
}

// nounOf is what a path is about: "changes" for /api/v1/changes/:id/plan.
func nounOf(path string) string {
	path = strings.TrimPrefix(path, "/api/v1")
	noun, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return noun
}

// paths are the addresses of a route, with the ids of what there is.
func (w *world) paths(r transport.Route) []string {
	ids := w.objects[nounOf(r.Path)]
	if !strings.Contains(r.Path, ":id") || len(ids) == 0 {
		ids = []string{"1"}
	}
	var out []string
	for _, id := range ids {
		out = append(out, w.path(r, id))
	}
	return out
}

func (w *world) path(r transport.Route, id string) string {
	account := "111122223333"
	if len(w.targets) > 0 {
		account = w.targets[0]
	}
	var parts []string
	for part := range strings.SplitSeq(r.Path, "/") {
		switch {
		case part == ":account":
			part = account
		case strings.HasPrefix(part, ":"):
			part = id
		case part == "*":
			part = "app.css"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "/")
}

// moving are the tables that the console itself writes to while nobody does anything, or
// that a refused request leaves a trace in.
var moving = []string{
	"sessions", "sign_ins", "tokens", "accounts", "inventories", "inventory_version", "inventory_moves",
	"rollout_progress_samples", "rollout_scans", "account_scans", "findings", "goose_db_version", "audit_checkpoints",
}

// contents is what no refused request may change. Of the audit log that is everything but
// that somebody was refused.
func (w *world) contents() map[string]string {
	tables := slices.DeleteFunc(w.db.Tables(), func(t string) bool {
		return slices.Contains(moving, t) || strings.HasPrefix(t, "river_") || t == "audit_events" || t == "audit_head"
	})
	all := w.db.Contents(tables...)
	all["audit_events"] = strings.Join(w.db.Strings("SELECT seq || ' ' || hash FROM audit_events WHERE action <> 'access.refused' ORDER BY seq DESC LIMIT 1"), "")
	return all
}

// unchanged fails when something was written since.
func (w *world) unchanged(t *testing.T, before map[string]string, what string) {
	t.Helper()
	after := w.contents()
	for _, table := range slices.Sorted(maps.Keys(after)) {
		if before[table] != after[table] {
			t.Errorf("%s changed the table %s: from %s to %s", what, table, before[table], after[table])
		}
	}
}

// token makes an API token by the command line.
func (w *world) token(t *testing.T, p harness.Person, flags ...string) string {
	t.Helper()
	args := append([]string{"token", "create", "--user", p.Email(), "--name", "another"}, flags...)
	return strings.TrimSpace(harness.MustCommand(t, []string{w.db.Env()}, "", args...))
}
