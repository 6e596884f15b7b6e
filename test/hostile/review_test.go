package hostile

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"portcullis.internal/portcullis/test/harness"
)

// digest is what a review of a change binds to now.
func (w *world) digest(change string) string {
	return w.db.Strings("SELECT digest FROM changes WHERE id::text = $1", change)[0]
}

func (w *world) state(change string) string {
	return w.db.Strings("SELECT state FROM changes WHERE id::text = $1", change)[0]
}

// approve sends an approval by page and by API, and returns both answers.
func (a *attacker) approve(change, digest string) (page, api answer) {
	a.t.Helper()
	page = a.form("/changes/"+change+"/review", url.Values{"verdict": {"approve"}, "digest": {digest}, "comment": {"fine"}})
	return page, a.api("/changes/"+change+"/reviews", map[string]any{"verdict": "approve", "digest": digest, "comment": "fine"})
}

// api posts JSON with the token.
func (a *attacker) api(path string, body any, header ...string) answer {
	a.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.send(http.MethodPost, "/api/v1"+path, string(text), append(header, "Authorization", "Bearer "+a.token, "Content-Type", "application/json")...)
}

// trySelfReview tries every way to count as the second person on one's own change.
func trySelfReview(t *testing.T, w *world) {
	own := w.draftOf(t, "all", "9.9.9.20")
	digest := w.digest(own)
	refused := func(what string, answers ...answer) {
		t.Helper()
		for _, got := range answers {
			if got.status != http.StatusForbidden && got.status != http.StatusConflict {
				t.Errorf("%s: %d, want a refusal: %s", what, got.status, clip(got.body))
			}
		}
		if got := w.state(own); got != "in_review" {
			t.Fatalf("%s: the change is %s", what, got)
		}
	}
	first, second := w.as(t, "all"), w.as(t, "all")
	page, api := first.approve(own, digest)
	refused("by page and by API", page, api)
	page, _ = second.approve(own, digest)
	refused("in a second session", page)
	second.token = w.token(t, w.people["all"], harness.EveryScope()...)
	_, api = second.approve(own, digest)
	refused("with another token of one's own", api)

	w.db.Exec("UPDATE people SET name = 'Somebody Else', email = 'else@example.com' WHERE name = $1", w.people["all"].Name)
	page, api = first.approve(own, digest)
	w.db.Exec("UPDATE people SET name = $1, email = $2 WHERE email = 'else@example.com'", w.people["all"].Name, w.people["all"].Email())
	refused("after being renamed", page, api)

	before := w.db.Int("SELECT count(*) FROM reviews")
	if _, err := w.db.TryInt("INSERT INTO reviews (change_id, author_id, reviewer_id, reviewer_name, reviewer_email, verdict, digest, base, comment, at, void) SELECT id, author_id, author_id AS reviewer, 'x', 'x', 'approve', digest, base, '', now(), false FROM changes WHERE id::text = $1 RETURNING 1", own); err == nil {
		t.Error("the database takes a review by the author")
	}
	if now := w.db.Int("SELECT count(*) FROM reviews"); now != before {
		t.Errorf("%d reviews, before %d", now, before)
	}

	// Whoever edited a change does not count on it either, though somebody else began it.
	shared := w.draft("9.9.9.21")
	helper := w.as(t, "editor2")
	if got := helper.form("/changes/"+shared.ID()+"/edit", w.texts(shared.ID(), "Let in two more")); got.status != http.StatusSeeOther {
		t.Fatalf("a second editor: %d %s", got.status, clip(got.body))
	}
	if got := w.state(shared.ID()); got != "in_review" {
		t.Fatalf("the shared change is %s", got)
	}
	page, api = helper.approve(shared.ID(), w.digest(shared.ID()))
	if page.status != http.StatusForbidden || api.status != http.StatusForbidden || w.state(shared.ID()) != "in_review" {
		t.Errorf("whoever edited a change approves it: %d, %d; it is %s", page.status, api.status, w.state(shared.ID()))
	}
}

// texts is the form that names a change and submits it.
func (w *world) texts(change, title string) url.Values {
	version := w.db.Strings("SELECT version::text FROM changes WHERE id::text = $1", change)[0]
	return url.Values{"version": {version}, "title": {title}, "reason": {"SEC-8: needed"}, "then": {"submit"}}
}

// draftOf has somebody compose and submit a change that adds an address, and returns its
// number.
func (w *world) draftOf(t *testing.T, who, addr string) string {
	t.Helper()
	crew := *w.Crew
	crew.Editor = w.people[who]
	draft := crew.In(t).AddEntries("office", addr+"/32 desk")
	draft.Form("/edit").Fill("title", "Let in "+addr).Fill("reason", "SEC-7: a desk").Submit("Submit for review").Want(http.StatusOK)
	return draft.ID()
}

// tryDigests passes one change's digest off as another's, and approves what has changed
// since it was read.
func tryDigests(t *testing.T, w *world) {
	mine, other := w.draftOf(t, "editor", "9.9.9.30"), w.draftOf(t, "editor", "9.9.9.31")
	reviewer := w.as(t, "approver")
	for what, digest := range map[string]string{"another change's": w.digest(other), "none": "", "a made-up one": strings.Repeat("0", 64), "a prefix": w.digest(mine)[:16]} {
		page, api := reviewer.approve(mine, digest)
		if page.status < 400 || api.status < 400 || w.state(mine) != "in_review" {
			t.Errorf("approved with %s: %d, %d; the change is %s", what, page.status, api.status, w.state(mine))
		}
	}
	read := w.digest(mine)
	editor := w.as(t, "editor")
	if got := editor.form("/changes/"+mine+"/entries", url.Values{"allowlist": {"office"}, "lines": {"9.9.9.32/32 slipped in"}}); got.status != http.StatusSeeOther {
		t.Fatalf("editing what is in review: %d %s", got.status, clip(got.body))
	}
	if got := editor.form("/changes/"+mine+"/edit", w.texts(mine, "Let in 9.9.9.30")); got.status != http.StatusSeeOther {
		t.Fatalf("submitting it again: %d %s", got.status, clip(got.body))
	}
	if page, api := reviewer.approve(mine, read); page.status != http.StatusConflict || api.status != http.StatusConflict || w.state(mine) != "in_review" {
		t.Errorf("approved as it was read, after it was edited: %d, %d; the change is %s", page.status, api.status, w.state(mine))
	}
	if page, _ := reviewer.approve(mine, w.digest(mine)); page.status != http.StatusSeeOther || w.state(mine) != "approved" {
		t.Fatalf("approved as it is: %d; the change is %s", page.status, w.state(mine))
	}
	operator := w.as(t, "operator")
	for _, digest := range []string{read, w.digest(other), "", "0"} {
		got := operator.form("/changes/"+mine+"/apply", url.Values{"digest": {digest}})
		api := operator.api("/changes/"+mine+"/apply", map[string]string{"digest": digest})
		if got.status < 400 || api.status < 400 || w.state(mine) != "approved" {
			t.Errorf("applied with the digest %.12q: %d, %d; the change is %s", digest, got.status, api.status, w.state(mine))
		}
	}
	// An edit after the approval, and the approval is gone.
	if got := editor.form("/changes/"+mine+"/entries", url.Values{"allowlist": {"office"}, "lines": {"9.9.9.33/32 slipped in late"}}); got.status != http.StatusSeeOther {
		t.Fatalf("editing what is approved: %d %s", got.status, clip(got.body))
	}
	if n := w.db.Int("SELECT count(*) FROM reviews WHERE change_id::text = $1 AND NOT void", mine); n != 0 || w.state(mine) != "draft" {
		t.Errorf("after the edit %d reviews count, and the change is %s", n, w.state(mine))
	}
}

// tryReplay sends again what was sent once.
func tryReplay(t *testing.T, w *world) {
	change := w.draftOf(t, "editor", "9.9.9.40")
	digest := w.digest(change)
	reviewer, operator := w.as(t, "approver"), w.as(t, "operator")
	reviewer.approve(change, digest)
	if got := w.state(change); got != "approved" {
		t.Fatalf("the change is %s", got)
	}
	count := func() int {
		return w.db.Int("SELECT count(*) FROM reviews WHERE change_id::text = $1", change)
	}
	if once := count(); once != 1 {
		t.Errorf("sent by page and by API, the approval counts %d times", once)
	}
	apply := func() (int, int) {
		page := operator.form("/changes/"+change+"/apply", url.Values{"digest": {digest}})
		return page.status, operator.api("/changes/"+change+"/apply", map[string]string{"digest": digest}).status
	}
	if page, api := apply(); page != http.StatusSeeOther || api != http.StatusConflict {
		t.Errorf("applied twice: %d, then %d, want 303 and 409", page, api)
	}
	if page, api := apply(); page != http.StatusConflict || api != http.StatusConflict {
		t.Errorf("applied again: %d and %d, want 409", page, api)
	}
	if n := w.db.Int("SELECT count(*) FROM rollouts WHERE change_id::text = $1", change); n != 1 {
		t.Errorf("%d rollouts of one change", n)
	}
	if page, api := reviewer.approve(change, digest); page.status != http.StatusConflict || api.status != http.StatusConflict {
		t.Errorf("approved after it was applied: %d and %d, want 409", page.status, api.status)
	}
	w.API(w.Operator).WaitForRollout(w.db.Strings("SELECT id::text FROM rollouts WHERE change_id::text = $1", change)[0], time.Minute)
}

// isEditor joins changes c with the people p who edited them.
const isEditor = "c.editors @> jsonb_build_array(jsonb_build_object('id', p.id))"

// tryRaces lets somebody approve a change in the same moment in which they edit it, and
// two operators apply it at once.
func tryRaces(t *testing.T, w *world) {
	helper := w.as(t, "editor2")
	operators := []*attacker{w.as(t, "operator"), w.as(t, "all")}
	edits := 0
	for i := range 8 {
		change := w.draftOf(t, "editor", fmt.Sprintf("9.9.8.%d", i))
		digest := w.digest(change)
		together(
			func() { helper.approve(change, digest) },
			func() {
				helper.form("/changes/"+change+"/entries", url.Values{"allowlist": {"office"}, "lines": {fmt.Sprintf("9.9.7.%d/32 mine", i)}})
			},
			func() { helper.form("/changes/"+change+"/edit", w.texts(change, "Mine")) },
		)
		edited := w.db.Int("SELECT count(*) FROM changes c JOIN people p ON "+isEditor+" WHERE c.id::text = $1 AND p.name = $2", change, helper.name)
		edits += edited
		counting := w.db.Int("SELECT count(*) FROM reviews r JOIN people p ON p.id = r.reviewer_id WHERE r.change_id::text = $1 AND NOT r.void AND p.name = $2", change, helper.name)
		if edited > 0 && counting > 0 {
			t.Errorf("change %s: whoever edited it counts as its reviewer; it is %s", change, w.state(change))
		}
	}
	if edits == 0 {
		t.Error("no change has the helper among its editors; the check of reviewers looks in the wrong place")
	}
	change := w.draftOf(t, "editor", "9.9.8.100")
	digest := w.digest(change)
	w.as(t, "approver").approve(change, digest)
	together(
		func() { operators[0].form("/changes/"+change+"/apply", url.Values{"digest": {digest}}) },
		func() { operators[1].form("/changes/"+change+"/apply", url.Values{"digest": {digest}}) },
		func() { operators[0].api("/changes/"+change+"/apply", map[string]string{"digest": digest}) },
		func() { operators[1].api("/changes/"+change+"/apply", map[string]string{"digest": digest}) },
	)
	if n := w.db.Int("SELECT count(*) FROM rollouts WHERE change_id::text = $1", change); n != 1 || w.state(change) != "applied" {
		t.Errorf("applied four times at once: %d rollouts, the change is %s", n, w.state(change))
	}
}

func together(deeds ...func()) {
	var wg sync.WaitGroup
	for _, deed := range deeds {
		wg.Go(deed)
	}
	wg.Wait()
}
