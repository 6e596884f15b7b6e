package e2e

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/test/harness"
)

// TestReviews goes through what the main job leaves out: lock-out guards, rules that ask
// for several teams, schedules and expiries, the broken glass, files, tokens. Forms do
// the work; the browser looks at the pages on the way.
func TestReviews(t *testing.T) {
	c := harness.Demo(t, "--accounts", "6")
	r := &reviews{harness.DemoCrew(c)}
	c.API(r.Editor).WaitForInventories(time.Minute)
	c.API(r.Editor).WaitForRollout("1", time.Minute)
	for _, part := range []struct {
		name string
		try  func(*testing.T, *reviews)
	}{
		{"a guard is overridden by typing", guardIsOverridden},
		{"files", filesInAndOut},
		{"tokens and passwords", tokensAndPasswords},
		{"the glass is broken", glassIsBroken},
		{"one of network and one of security", twoTeams},
	} {
		t.Run(part.name, func(t *testing.T) { part.try(t, &reviews{r.In(t)}) })
	}
}

type reviews struct{ *harness.Crew }

// look has a browser of somebody open a page, and everything in it checked.
func (r *reviews) look(t *testing.T, who, path, name string, texts ...string) {
	t.Helper()
	b := openTab(t, r.Console)
	b.signIn(harness.DemoPerson(who))
	b.open(path)
	b.want(texts...)
	b.look(name)
}

func (r *reviews) as(who string) *harness.Visitor { return r.SignIn(harness.DemoPerson(who)) }

func guardIsOverridden(t *testing.T, r *reviews) {
	api := r.API(r.Editor)
	r.AddAllowlist("solo", "198.51.100.0/24")
	draft := r.AddMapping(harness.Mapping{Role: "Bob", Users: "erin", Allowlists: []string{"solo"}})
	api.WaitForRollout(r.Decide(draft, "Erin from solo"), time.Minute)

	list := r.as("editor").Get("/allowlists").Follow("solo").Want(http.StatusOK)
	draft = list.Form("/entries/remove").Fill("key", "198.51.100.0/24").Submit().Want(http.StatusOK, "erin would be left without any address")
	r.look(t, "editor", draft.Path(), "change-guard", "erin would be left without any address")
	titled := draft.Form("/edit").Fill("title", "Close solo").Fill("reason", "OPS-2").Submit("Submit for review").Want(http.StatusUnprocessableEntity, "To override this guard, type")
	again := titled.Form("/override-guards").Fill("typed", "something else").Submit().Want(http.StatusUnprocessableEntity)
	overridden := again.Form("/override-guards").Fill("typed", "Bob").Submit().Want(http.StatusOK, "Overridden by Editor")
	overridden.Form("/edit").Fill("title", "Close solo").Fill("reason", "OPS-2").Submit("Submit for review").Want(http.StatusOK, "In review")
	r.as("editor").Get(draft.Path()).Form("/withdraw").Submit().Want(http.StatusOK)
}

func filesInAndOut(t *testing.T, r *reviews) {
	editor := r.as("editor")
	office := editor.Get("/allowlists").Follow("office").Want(http.StatusOK)
	file := download(t, editor, r.URL()+office.Path()+"/entries.csv")
	if !strings.HasPrefix(file, "entry,note,ticket,expires\n") || !strings.Contains(file, "\n103.15.250.0/24,") {
		t.Errorf("the file begins with %.80q", file)
	}
	form := editor.Get(office.Path() + "/import").Want(http.StatusOK).Form("/import")
	form.Fill("lines", file).Fill("mode", "replace").Submit().Want(http.StatusUnprocessableEntity) // nothing differs
	r.look(t, "editor", office.Path()+"/import", "import-entries", "CSV file")
	draft := form.Fill("lines", file+"9.9.9.0/24,'=1+1,SEC-9,\n").Submit().Want(http.StatusOK, "9.9.9.0/24", "=1+1")
	draft.Form("/withdraw").Submit().Want(http.StatusOK)
	r.look(t, "editor", "/import", "import-scenario", "Scenario file")
}

func download(t *testing.T, v *harness.Visitor, address string) string {
	t.Helper()
	resp, err := v.Client().Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", address, resp.Status, err)
	}
	return string(body)
}

func tokensAndPasswords(t *testing.T, r *reviews) {
	viewer := r.as("viewer")
	other := r.as("viewer")
	made := viewer.Get("/tokens").Form("/tokens").Fill("name", "nightly").Fill("scopes", "read").Fill("expires", "30").Submit().Want(http.StatusCreated)
	secret := regexp.MustCompile(`portcullis_[\w-]{43}`).FindString(made.Text())
	program := r.API(harness.Person{Name: "viewer", Token: secret})
	if err := program.Try("/allowlists", &struct{}{}); err != nil {
		t.Fatalf("a token that was made on the page: %v", err)
	}
	r.look(t, "viewer", "/profile", "profile", "Present password")
	const fresh = "a new password for the viewer"
	form := viewer.Get("/profile").Form("/profile/password")
	form.Fill("old_password", "not it").Fill("password", fresh).Fill("again", fresh).Submit().Want(http.StatusUnprocessableEntity, "not right")
	form.Fill("old_password", harness.DemoPassword).Submit().Want(http.StatusOK, "The password is changed")
	if page := other.Get("/allowlists"); !strings.HasPrefix(page.Path(), "/signin") {
		t.Errorf("another session goes on: %s", page)
	}
	if err := program.Try("/allowlists", &struct{}{}); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("the token after the new password: %v, want 401", err)
	}
	form.Fill("old_password", fresh).Fill("password", harness.DemoPassword).Fill("again", harness.DemoPassword).Submit().Want(http.StatusOK)
}

// place makes somebody what they are to be, on their page.
func (r *reviews) place(t *testing.T, who string, teams string, roles ...string) {
	t.Helper()
	person := r.as("admin").Get("/people").Want(http.StatusOK).Follow(strings.ToUpper(who[:1]) + who[1:])
	person.Want(http.StatusOK).Form("/"+person.ID()).Fill("roles", roles...).Fill("teams", teams).Submit().Want(http.StatusOK, "is saved")
}

func glassIsBroken(t *testing.T, r *reviews) {
	api := r.API(r.Editor)
	r.look(t, "admin", "/people", "people", "approver@example.com")
	r.look(t, "admin", "/people/new", "person-new", "Add a person")
	person := r.as("admin").Get("/people").Follow("Operator")
	person.Form("/"+person.ID()).Fill("roles", "viewer").Submit().Want(http.StatusUnprocessableEntity, "Nobody could apply changes any more", "somebody else first")
	r.look(t, "admin", person.Path(), "person", "Shut out")
	r.place(t, "auditor", "", "auditor", "viewer", "break-glass")

	settings := r.as("editor").Get("/settings/edit").Form("/settings/edit").Fill("break_glass_allowed", "yes").Submit().Want(http.StatusOK)
	api.WaitForRollout(r.Decide(settings, "Let the glass be broken"), time.Minute)

	hero := r.as("auditor")
	office := hero.Get("/allowlists").Follow("office")
	draft := office.Form("/entries").Fill("lines", "9.9.7.0/24 crisis room").Submit().Want(http.StatusOK)
	change := draft.Form("/edit").Fill("title", "Crisis").Fill("reason", "INC-1").Submit("Submit for review").Want(http.StatusOK)
	if change.HasForm("/review") {
		t.Error("the author is offered a review of their own")
	}
	r.look(t, "auditor", change.Path(), "change-alone", "Break the glass")
	change.Form("/alone").Fill("alone_reason", "").Submit().Want(http.StatusUnprocessableEntity)
	rollout := change.Form("/alone").Fill("alone_reason", "The office is closed and nobody answers").Submit().Want(http.StatusOK)
	api.WaitForRollout(rollout.ID(), time.Minute)
	r.look(t, "approver", change.Path(), "change-flagged", "it needs a review afterwards", "nobody answers")
	if err := r.Sandbox.Assume(t, bobsAccount(t, statesOf(r.Sandbox)), "alice", "Bob", "9.9.7.7"); err != nil {
		t.Errorf("alice from the crisis room: %v, want to be let in", err)
	}
	r.as("approver").Get(change.Path()).Form("/review").Submit("Approve").Want(http.StatusOK, "reviewed afterwards")
	r.as("auditor").Get("/audit?action=change.break_glass").Want(http.StatusOK, "nobody answers")
}

func twoTeams(t *testing.T, r *reviews) {
	api := r.API(r.Editor)
	rule := r.as("editor").Get("/settings/rules/new").Form("/settings/rules/new").Fill("name", "Two teams")
	rule.Fill("need/0/count", "1").Fill("need/0/teams", "network").Fill("need/1/count", "1").Fill("need/1/teams", "security")
	api.WaitForRollout(r.Decide(rule.Submit().Want(http.StatusOK), "Two teams look at everything"), time.Minute)

	office := r.as("editor").Get("/allowlists").Follow("office")
	expires := time.Now().UTC().Add(72 * time.Hour).Format("2006-01-02 15:04")
	draft := office.Form("/entries").Fill("lines", "9.9.8.0/24 fair in Oslo").Fill("expires", expires).Submit().Want(http.StatusOK, "9.9.8.0/24")
	change := draft.Form("/edit").Fill("title", "Fair in Oslo").Fill("reason", "OPS-3").Submit("Submit for review").Want(http.StatusOK)
	half := r.as("approver").Get(change.Path()).Form("/review").Submit("Approve").Want(http.StatusOK, "security")
	if half.HasForm("/apply") || r.as("operator").Get(change.Path()).HasForm("/apply") {
		t.Error("it can be applied with one of two teams")
	}
	r.look(t, "approver2", change.Path(), "change-needs", "security")
	r.as("approver2").Get(change.Path()).Form("/review").Submit("Approve").Want(http.StatusOK)

	operator := r.as("operator")
	approved := operator.Get(change.Path()).Want(http.StatusOK)
	approved.Form("/schedule").Fill("schedule_at", "2001-01-01 00:00").Submit().Want(http.StatusUnprocessableEntity)
	at := time.Now().UTC().Add(24 * time.Hour).Format("2006-01-02 15:04")
	scheduled := approved.Form("/schedule").Fill("schedule_at", at).Submit().Want(http.StatusOK)
	r.look(t, "operator", scheduled.Path(), "change-scheduled", "Cancel the schedule")
	free := scheduled.Form("/unschedule").Submit().Want(http.StatusOK)
	rollout := free.Form("/apply").Submit("Apply").Want(http.StatusOK)
	api.WaitForRollout(rollout.ID(), time.Minute)
	r.look(t, "viewer", "/", "overview-expiring", "Expiring", "9.9.8.0/24")
	r.as("viewer").Get(fmt.Sprintf("/history?at=%s", time.Now().UTC().Format("2006-01-02"))).Want(http.StatusOK)
}
