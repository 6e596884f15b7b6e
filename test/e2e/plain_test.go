package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/test/harness"
)

// TestWithoutJavaScript does the main job with links and forms alone.
func TestWithoutJavaScript(t *testing.T) {
	c := harness.Demo(t)
	crew := harness.DemoCrew(c)
	c.API(crew.Editor).WaitForRollout("1", time.Minute)
	t.Run("the main job", func(t *testing.T) { plainJob(t, crew.In(t)) })
	t.Run("bad input", func(t *testing.T) { badInput(t, crew.In(t)) })
	t.Run("who may not", func(t *testing.T) { forbidden(t, crew.In(t)) })
	t.Run("restart in the middle", func(t *testing.T) { restart(t, crew.In(t)) })
}

func plainJob(t *testing.T, crew *harness.Crew) {
	api := crew.API(crew.Editor)
	draft := crew.AddEntries("office", "198.41.128.0/24 office Lisbon").Want(http.StatusOK, "198.41.128.0/24", "256 addresses", "Trust policy of Bob")
	rollout := crew.Decide(draft, "Open Lisbon")
	if r := api.WaitForRollout(rollout, time.Minute); r.State != "completed" || r.Counts["succeeded"] != r.Targets || r.Targets < 15 {
		t.Errorf("the rollout is %s with %v of %d", r.State, r.Counts, r.Targets)
	}
	crew.SignIn(crew.Operator).Get("/rollouts/"+rollout).Want(http.StatusOK, "Completed", "Succeeded")
	if err := crew.Sandbox.Assume(t, bobsAccount(t, statesOf(crew.Sandbox)), "alice", "Bob", "198.41.128.7"); err != nil {
		t.Errorf("alice from Lisbon: %v, want to be let in", err)
	}
}

// badInput sends what cannot be meant, and wants the form back with what was typed, and
// with words beside the field that say what is wrong.
func badInput(t *testing.T, crew *harness.Crew) {
	editor := crew.SignIn(crew.Editor)
	office := editor.Get("/allowlists").Follow("office")
	for lines, want := range map[string]string{
		"10.0.0.0/8 private":               "10.0.0.0/8",
		"10.1.2.3/16":                      "10.1.2.3/16",
		"300.1.1.1/24":                     "300.1.1.1/24",
		"::ffff:1.2.3.4/128":               "::ffff:1.2.3.4/128",
		"office":                           "office",
		"12.0.0.0/24 good\n12.1.1.1/8 bad": "Line 2",
		"":                                 "",
	} {
		page := office.Form("/entries").Fill("lines", lines).Submit().Want(http.StatusUnprocessableEntity)
		if kept := page.Form("/entries").Values.Get("lines"); strings.ReplaceAll(kept, "\r\n", "\n") != lines {
			t.Errorf("%q: the form comes back with %q", lines, kept)
		}
		if problem := page.Problem("lines"); problem == "" || !strings.Contains(problem, want) {
			t.Errorf("%q: beside the field stands %q, want words that name %q", lines, problem, want)
		}
	}
	tooMuch(t, crew)
	unknown(t, crew)
	badMapping(t, editor)
}

// tooMuch pastes more networks than fit into a role's trust policy, or into all managed
// policies that a user may have.
func tooMuch(t *testing.T, crew *harness.Crew) {
	var lines strings.Builder
	for i := range 4200 {
		fmt.Fprintf(&lines, "12.%d.%d.0/24\n", 40+i/100, 2*(i%100))
	}
	draft := crew.AddEntries("office", lines.String())
	page := draft.Form("/edit").Fill("title", "Far too much").Fill("reason", "to see it refused").Submit("Save").Want(http.StatusOK, "Far too much")
	for _, want := range []string{"Bob", "2,048"} {
		if !strings.Contains(page.Text(), want) && !strings.Contains(page.Text(), strings.ReplaceAll(want, ",", "")) {
			t.Errorf("a draft that does not fit does not say %q: %s", want, page)
		}
	}
	page = crew.SignIn(crew.Editor).Post(draft.Path()+"/submit", url.Values{"version": {"2"}})
	if page.Status < 400 || page.Status >= 500 {
		t.Errorf("submitting what does not fit is answered with %s", page)
	}
	page.Form("Withdraw").Submit("Withdraw")
}

// unknown maps a role that there is in none of the accounts, and a user that there is
// not.
func unknown(t *testing.T, crew *harness.Crew) {
	for field, m := range map[string]harness.Mapping{
		"role":  {Role: "NoSuchRole", Users: "alice", Allowlists: []string{"office"}},
		"users": {Role: "Bob", Users: "nobody-at-all", Allowlists: []string{"office"}},
	} {
		page := crew.NewMapping(m).Want(http.StatusUnprocessableEntity)
		for _, name := range []string{m.Role, m.Users} {
			if !strings.Contains(page.Form("/mappings/new").Values.Encode(), name) {
				t.Errorf("the form comes back without %s: %s", name, page)
			}
		}
		if problem := page.Problem(field); !strings.Contains(problem, "NoSuchRole") && !strings.Contains(problem, "nobody-at-all") {
			t.Errorf("beside %s stands %q, want words that name what is unknown", field, problem)
		}
	}
}

func badMapping(t *testing.T, editor *harness.Visitor) {
	form := editor.Get("/mappings/new").Form("/mappings/new")
	page := form.Fill("role", "not a role!").Fill("users", "123:alice").Fill("accounts", "ids").Fill("account_ids", "123").Submit().Want(http.StatusUnprocessableEntity)
	for field, typed := range map[string]string{"role": "not a role!", "users": "123:alice"} {
		if page.Form("/mappings/new").Values.Get(field) != typed {
			t.Errorf("%s comes back as %q", field, page.Form("/mappings/new").Values.Get(field))
		}
		if page.Problem(field) == "" {
			t.Errorf("beside %s stands nothing: %s", field, page)
		}
	}
}

// forbidden sends by hand what a person may not do: it is refused by the service, not
// only hidden.
func forbidden(t *testing.T, crew *harness.Crew) {
	draft := crew.AddEntries("office", "198.51.70.0/24")
	viewer := crew.SignIn(harness.DemoPerson("viewer"))
	for path, form := range map[string]url.Values{
		draft.Path() + "/edit":     {"title": {"mine now"}, "version": {"1"}},
		draft.Path() + "/submit":   {"version": {"1"}},
		draft.Path() + "/review":   {"verdict": {"approve"}},
		draft.Path() + "/apply":    {},
		draft.Path() + "/withdraw": {},
		"/rollouts":                {},
		"/rollouts/1/abort":        {"reason": {"because"}},
		"/allowlists/new":          {"name": {"mine"}},
		"/accounts/sync":           {},
	} {
		if page := viewer.Post(path, form); page.Status != http.StatusForbidden {
			t.Errorf("a viewer's POST %s is answered with %s", path, page)
		}
	}
	if page := viewer.Get("/audit"); page.Status != http.StatusForbidden {
		t.Errorf("the audit log is shown to a viewer: %s", page)
	}
	if page := crew.NewVisitor().Get("/accounts"); !strings.HasPrefix(page.Path(), "/signin") {
		t.Errorf("a stranger who asks for the accounts gets %s", page)
	}
}

// restart stops and kills the server between the steps of a change: everybody stays
// signed in, and nothing is lost.
func restart(t *testing.T, crew *harness.Crew) {
	editor := crew.SignIn(crew.Editor)
	draft := editor.Get("/allowlists").Follow("office").Form("/entries").Fill("lines", "198.51.71.0/24 kiosk").Submit().Want(http.StatusOK)
	if code := crew.Stop(); code != 0 {
		t.Errorf("the server ends with exit code %d", code)
	}
	crew.Console = crew.Again()
	change := editor.Get(draft.Path()).Want(http.StatusOK, "198.51.71.0/24", "kiosk")
	change = change.Form("/edit").Fill("title", "Kiosk").Fill("reason", "OPS-7").Submit("Submit for review").Want(http.StatusOK)
	approver := crew.SignIn(crew.Approver)
	approver.Get(change.Path()).Form("/review").Submit("Approve").Want(http.StatusOK)
	crew.Kill()
	crew.Console = crew.Again()
	applied := crew.SignIn(crew.Operator).Get(change.Path()).Form("/apply").Submit("Apply").Want(http.StatusOK)
	crew.Kill() // with the rollout on its way
	crew.Console = crew.Again()
	r := crew.API(crew.Editor).WaitForRollout(applied.ID(), time.Minute)
	if r.State != "completed" || r.Counts["succeeded"]+r.Counts["unchanged"] != r.Targets {
		t.Errorf("the rollout is %s with %v of %d", r.State, r.Counts, r.Targets)
	}
}
