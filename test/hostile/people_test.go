package hostile

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/test/harness"
)

// tryPeople goes at what people are: their roles, their passwords, their sessions.
func tryPeople(t *testing.T, w *world) {
	tryRaisingOneself(t, w)
	trySayingTooMuchOfPeople(t, w)
	trySessionsOfOthers(t, w)
	tryLink(t, w)
	tryPushingAlone(t, w)
}

// tryRaisingOneself: nobody gives themselves a role, an admin neither.
func tryRaisingOneself(t *testing.T, w *world) {
	before := w.db.Contents("people", "person_roles", "person_teams")
	for _, role := range access.Roles() {
		a := w.as(t, string(role))
		me := fmt.Sprint("/people/", w.db.Int("SELECT id FROM people WHERE name = $1", a.name))
		more := url.Values{"roles": {string(role), "approver", "operator", "admin", "editor"}, "state": {"active"}}
		if got := a.form(me, more); got.status != http.StatusForbidden {
			t.Errorf("%s raises themselves on the page: %d", a.name, got.status)
		}
		got := a.send(http.MethodPatch, "/api/v1"+me, `{"roles":["admin","approver","editor","operator"],"teams":["security"]}`, "Content-Type", "application/json", "Authorization", "Bearer "+a.token)
		if got.status != http.StatusForbidden {
			t.Errorf("%s raises themselves by the API: %d: %s", a.name, got.status, clip(got.body))
		}
		if got := a.form(me+"/password", nil); got.status != http.StatusForbidden {
			t.Errorf("%s resets their own password, and forgoes the old one: %d", a.name, got.status)
		}
	}
	for table, was := range before {
		if is := w.db.Contents(table)[table]; is != was {
			t.Errorf("the table %s went from %s to %s", table, was, is)
		}
	}
}

// trySayingTooMuchOfPeople sends what the console itself decides along with what an admin
// may say.
func trySayingTooMuchOfPeople(t *testing.T, w *world) {
	admin := w.as(t, "admin")
	count := w.db.Int("SELECT count(*) FROM people")
	for _, extra := range []string{
		`"id":1`, `"disabled":true`, `"generation":9`, `"password":"chosen by an admin"`, `"password_hash":"-"`,
		`"password_link_until":null`, `"vouched":{}`,
	} {
		body := `{"email":"extra@example.com","name":"Extra","roles":["viewer"],` + extra + `}`
		got := admin.send(http.MethodPost, "/api/v1/people", body, "Content-Type", "application/json", "Authorization", "Bearer "+admin.token)
		if got.status != http.StatusUnprocessableEntity {
			t.Errorf("with %s: %d: %s", extra, got.status, clip(got.body))
		}
	}
	if n := w.db.Int("SELECT count(*) FROM people"); n != count {
		t.Errorf("%d people were added", n-count)
	}
	form := url.Values{
		"name": {"Plain"}, "email": {"plain@example.com"}, "roles": {"viewer"}, "id": {"1"}, "generation": {"9"},
		"password": {"chosen by an admin"}, "password_hash": {"-"}, "link_until": {""}, "vouched": {"true"},
		"external": {"true"}, "signin": {"provider"}, "disabled": {"true"}, "state": {"disabled"},
	}
	if got := admin.form("/people/new", form); got.status != http.StatusCreated {
		t.Fatalf("adding somebody: %d: %s", got.status, clip(got.body))
	}
	const asMeant = "SELECT count(*) FROM people WHERE email = 'plain@example.com' AND NOT disabled " +
		"AND generation = 0 AND link_until > now() AND password_hash = ''"
	if w.db.Int(asMeant) != 1 {
		t.Errorf("somebody was added as the form has no fields for: %v", w.db.Contents("people"))
	}
	if got := w.nobody(t).form("/signin", url.Values{"email": {"plain@example.com"}, "password": {"chosen by an admin"}}); got.status != http.StatusUnauthorized {
		t.Errorf("they sign in with a password that an admin chose: %d", got.status)
	}
}

// trySessionsOfOthers ends, or reads, the sessions of other people.
func trySessionsOfOthers(t *testing.T, w *world) {
	victim, a := w.as(t, "editor"), w.as(t, "viewer")
	for _, id := range w.db.Strings("SELECT s.id::text FROM sessions s JOIN people p ON p.id = s.person_id WHERE p.name <> $1", a.name) {
		if got := a.form("/profile/sessions/"+id+"/end", nil); got.status != http.StatusNotFound {
			t.Errorf("session %s of somebody else: %d", id, got.status)
		}
	}
	if got := victim.get("/profile"); got.status != http.StatusOK {
		t.Errorf("somebody was signed out by a viewer: %d", got.status)
	}
}

var link = regexp.MustCompile(`/password#([A-Za-z0-9_-]{43})`)

// linkIn is the secret of the link on a page.
func linkIn(t *testing.T, page answer) string {
	t.Helper()
	found := link.FindStringSubmatch(page.body)
	if found == nil {
		t.Fatalf("there is no link on the page: %d: %s", page.status, clip(page.body))
	}
	return found[1]
}

const chosen = "a password of my own"

func (a *attacker) choose(secret string) answer {
	a.t.Helper()
	return a.form("/password", url.Values{"secret": {secret}, "password": {chosen}, "again": {chosen}})
}

// tryLink uses a link twice, as a password, and from another site.
func tryLink(t *testing.T, w *world) {
	admin := w.as(t, "admin")
	secret := linkIn(t, admin.form("/people/new", url.Values{"name": {"Newcomer"}, "email": {"newcomer@example.com"}, "roles": {"viewer"}}))
	a := w.nobody(t)
	stolen := url.Values{"email": {"newcomer@example.com"}, "password": {secret}}
	if got := a.form("/signin", stolen); got.status != http.StatusUnauthorized {
		t.Errorf("signing in with the secret of a link: %d", got.status)
	}
	foreign := url.Values{"secret": {secret}, "password": {chosen}, "again": {chosen}}.Encode()
	if got := a.send(http.MethodPost, "/password", foreign, "Content-Type", "application/x-www-form-urlencoded",
		"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); got.status != http.StatusForbidden {
		t.Errorf("a page of another site uses a link: %d", got.status)
	}
	if n := w.db.Int("SELECT count(*) FROM people WHERE position($1 in coalesce(password_hash, '') || "+
		"coalesce(encode(link_hash, 'escape'), '')) > 0", secret); n != 0 {
		t.Error("the secret of a link is stored")
	}
	if got := a.choose(secret); got.status != http.StatusSeeOther {
		t.Errorf("choosing a password: %d: %s", got.status, clip(got.body))
	}
	if got := a.choose(secret); got.status != http.StatusUnprocessableEntity {
		t.Errorf("using the link again: %d", got.status)
	}
	if got := w.signedIn(t, harness.Person{Name: "newcomer", Password: chosen}).get("/changes"); got.status != http.StatusOK {
		t.Errorf("after choosing one: %d", got.status)
	}
}

// tryPushingAlone has one admin create editor, approver and operator, and reset an approver who was vouched for, to push
// a change with their accounts.
func tryPushingAlone(t *testing.T, w *world) {
	admin := w.as(t, "admin")
	puppet := func(role string) harness.Person {
		form := url.Values{"name": {"Puppet-" + role}, "email": {"puppet-" + role + "@example.com"}, "roles": {role}}
		if got := w.nobody(t).choose(linkIn(t, admin.form("/people/new", form))); got.status != http.StatusSeeOther {
			t.Fatalf("choosing a password: %d", got.status)
		}
		return harness.Person{Name: "Puppet-" + role, Password: chosen}
	}
	crew := &harness.Crew{Console: w.Console, Editor: puppet("editor")}
	page := crew.AddEntries("office", "9.9.9.77/32 mine").Form("/edit").Fill("title", "Alone").Fill("reason", "SEC-8").
		Submit("Submit for review").Want(http.StatusOK)
	digest := w.db.Strings("SELECT digest FROM changes WHERE id = $1", page.ID())[0]
	taken := harness.AddPerson(t, w.db, "Taken", "approver") // vouched for by the command line
	id := w.db.Int("SELECT id FROM people WHERE email = $1", taken.Email())
	if got := w.nobody(t).choose(linkIn(t, admin.form(fmt.Sprint("/people/", id, "/password"), nil))); got.status != http.StatusSeeOther {
		t.Fatalf("choosing a password: %d", got.status)
	}
	taken.Password = chosen
	operator := w.signedIn(t, puppet("operator"))
	for _, p := range []harness.Person{puppet("approver"), taken} {
		a := w.signedIn(t, p)
		approval := url.Values{"digest": {digest}, "verdict": {"approve"}}
		if got := a.form(page.Path()+"/review", approval); got.status != http.StatusForbidden {
			t.Errorf("%s approves a change of the same human: %d: %s", p.Name, got.status, clip(got.body))
		}
	}
	if got := operator.form(page.Path()+"/apply", url.Values{"digest": {digest}}); got.status != http.StatusConflict {
		t.Errorf("one human applies a change: %d", got.status)
	}
	if got := admin.form(fmt.Sprint("/people/", id, "/vouch"), nil); got.status != http.StatusForbidden {
		t.Errorf("an admin vouches for a person whose password they have reset: %d", got.status)
	}
	if state := w.db.Strings("SELECT state FROM changes WHERE id = $1", page.ID())[0]; state != "in_review" {
		t.Errorf("the change is %s", state)
	}
}
