package hostile

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
)

// tryPeople goes at what people are: their roles, their passwords, their sessions.
func tryPeople(t *testing.T, w *world) {
	tryRaisingOneself(t, w)
	trySayingTooMuchOfPeople(t, w)
	trySessionsOfOthers(t, w)
	tryFirstPassword(t, w)
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
	for _, extra := range []string{`"id":1`, `"disabled":true`, `"generation":9`, `"password":"chosen by an admin"`, `"password_hash":"-"`, `"first_password_until":null`} {
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
		"name": {"Plain"}, "email": {"plain@example.com"}, "roles": {"viewer"}, "id": {"1"}, "generation": {"9"}, "password": {"chosen by an admin"},
		"password_hash": {"-"}, "initial_until": {""}, "external": {"true"}, "signin": {"provider"}, "disabled": {"true"}, "state": {"disabled"},
	}
	if got := admin.form("/people/new", form); got.status != http.StatusCreated {
		t.Fatalf("adding somebody: %d: %s", got.status, clip(got.body))
	}
	const asMeant = "SELECT count(*) FROM people WHERE email = 'plain@example.com' AND NOT disabled AND generation = 0 AND initial_until > now() AND password_hash LIKE '$argon2id$%'"
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

var firstPassword = regexp.MustCompile(`[a-z2-7]{4}(-[a-z2-7]{4}){4}`)

// tryFirstPassword signs in with a first password of somebody who has every role, and
// tries everything before another is chosen.
func tryFirstPassword(t *testing.T, w *world) {
	admin := w.as(t, "admin")
	form := url.Values{"name": {"Newcomer"}, "email": {"newcomer@example.com"}}
	for _, r := range access.Roles() {
		form.Add("roles", string(r))
	}
	initial := firstPassword.FindString(admin.form("/people/new", form).body)
	a := w.nobody(t)
	a.name = "Newcomer"
	if got := a.form("/signin", url.Values{"email": {"newcomer@example.com"}, "password": {initial}}); got.status != http.StatusSeeOther {
		t.Fatalf("signing in with the first password %q: %d", initial, got.status)
	}
	before := w.contents()
	for _, r := range w.routes {
		if r.Public || r.API || r.Permission == authz.ManageOwnAccount {
			continue
		}
		got := a.try(r, w.paths(r)[0], "")
		leads := reads(r) && got.status == http.StatusSeeOther && got.header.Get("Location") == "/profile"
		if !leads && got.status != http.StatusForbidden {
			t.Errorf("%s %s with a first password: %d", r.Method, r.Path, got.status)
		}
	}
	w.unchanged(t, before, "a first password")
	own := url.Values{"old_password": {initial}, "password": {"a password of my own"}, "again": {"a password of my own"}}
	if got := a.form("/profile/password", own); got.status != http.StatusSeeOther {
		t.Errorf("choosing a password: %d: %s", got.status, clip(got.body))
	}
	if got := a.get("/changes"); got.status != http.StatusOK {
		t.Errorf("after choosing one: %d", got.status)
	}
}
