package hostile

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/web/transport"
)

// tryForeignPages sends what a page elsewhere can make a browser send: with the cookie,
// but with an origin that gives it away.
func tryForeignPages(t *testing.T, w *world) {
	a, before := w.as(t, "all"), w.contents()
	for _, r := range w.routes {
		if reads(r) {
			continue
		}
		for what, header := range map[string][]string{
			"cross-site":     {"Sec-Fetch-Site", "cross-site"},
			"same-site":      {"Sec-Fetch-Site", "same-site"},
			"foreign origin": {"Origin", "https://evil.example"},
			"null origin":    {"Origin", "null"},
			"similar origin": {"Origin", a.base + ".evil.example"},
		} {
			if got := a.try(r, w.paths(r)[0], "{}", header...); got.status != http.StatusForbidden {
				t.Errorf("%s %s, %s: %d, want 403", r.Method, r.Path, what, got.status)
			}
		}
	}
	w.unchanged(t, before, "a foreign page")
	if got := a.get("/"); got.status != http.StatusOK {
		t.Errorf("a foreign page has signed somebody out: %d", got.status)
	}
}

// tryTooMuch sends more than any route takes.
func tryTooMuch(t *testing.T, w *world) {
	a, before := w.as(t, "all"), w.contents()
	form := "title=" + strings.Repeat("x", 5<<20)
	object := `{"title":"` + strings.Repeat("x", 5<<20) + `"}`
	for _, r := range w.routes {
		if reads(r) || r.Path == "/signout" || r.Path == "/theme" {
			continue
		}
		body := form
		if r.API {
			body = object
		}
		got := a.try(r, w.paths(r)[0], body)
		switch got.status {
		case http.StatusRequestEntityTooLarge:
		case http.StatusBadRequest, http.StatusUnsupportedMediaType, http.StatusPreconditionRequired: // refused before all of it is read
		default:
			t.Errorf("%s %s with 5 MB: %d, want 413: %s", r.Method, r.Path, got.status, clip(got.body))
		}
	}
	w.unchanged(t, before, "5 MB")
	if got := a.get("/", "X-Long", strings.Repeat("x", 1<<20+1<<16)); got.status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header of more than 1 MB: %d, want 431", got.status)
	}
}

// tooMuchSaid are fields that no form has: what the server itself decides.
var tooMuchSaid = url.Values{
	"state": {"approved"}, "State": {"approved"}, "author": {"1"}, "author_id": {"1"}, "Author": {"1"}, "actor": {"1"}, "person": {"1"}, "person_id": {"1"},
	"required": {"0"}, "Required": {"0"}, "needs": {"[]"}, "digest": {"0"}, "revision": {"99"}, "reviewer_id": {"2"}, "reviewed": {"true"},
	"verdict": {"approve"}, "title": {"taken over"}, "reason": {"SEC-0: taken over"}, "then": {"submit"}, "roles": {"admin"}, "role": {"admin"},
	"confirmed": {"true"}, "break_glass": {"true"}, "alone_reason": {"because I can"}, "scopes": {"admin"}, "csrf": {"x"}, "body": {"x"}, "comment": {"x"},
	"lines": {"9.9.9.200/32"}, "allowlist": {"office"}, "name": {"taken-over"}, "index": {"0"},
}

// tryEverythingEverywhere lets somebody who has every role send every form to every
// object, with fields that no form has. Alone they compose and submit, and that is all:
// what is desired stays as it is, nobody has approved what they wrote, and none of their
// own changes is applied. It comes last, since much of it succeeds.
func tryEverythingEverywhere(t *testing.T, w *world) {
	a := w.as(t, "all")
	me := w.db.Int("SELECT id FROM people WHERE name = $1", a.name)
	head := w.db.Int("SELECT revision FROM head")
	roles := w.db.Contents("people", "person_roles")
	object, err := json.Marshal(tooMuchSaid)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time on what the first has made
		w.index()
		for _, r := range w.routes {
			if r.Public || reads(r) || strings.HasSuffix(r.Path, "/apply") || strings.HasSuffix(r.Path, "/rollouts") || managesPeople(r) {
				continue
			}
			for _, path := range w.paths(r) {
				values := url.Values{"version": w.db.Strings("SELECT coalesce(max(version), 0)::text FROM changes WHERE id::text = $1", lastID(path))}
				for k, v := range tooMuchSaid {
					values[k] = v
				}
				body := values.Encode()
				if r.API {
					body = string(object)
				}
				got := a.try(r, path, body)
				if got.status >= 500 || r.API && got.status < 300 && !strings.HasSuffix(r.Path, "/sync") {
					t.Errorf("%s %s with fields that it does not have: %d: %s", r.Method, path, got.status, clip(got.body))
				}
			}
		}
	}
	if now := w.db.Int("SELECT revision FROM head"); now != head {
		t.Errorf("the desired state went from revision %d to %d by one person alone", head, now)
	}
	if n := w.db.Int("SELECT count(*) FROM changes c JOIN people p ON "+isEditor+" WHERE p.id = $1", me); n == 0 {
		t.Error("no change has this person among its editors; the check of reviewers looks in the wrong place")
	}
	own := w.db.Int("SELECT count(*) FROM reviews r JOIN changes c ON c.id = r.change_id JOIN people p ON p.id = r.reviewer_id "+
		"WHERE p.id = $1 AND NOT r.void AND (c.author_id = p.id OR "+isEditor+")", me)
	if own > 0 {
		t.Errorf("%d of their own changes were reviewed by whoever wrote them", own)
	}
	if n := w.db.Int("SELECT count(*) FROM changes WHERE author_id = $1 AND state IN ('approved', 'applied')", me); n > 0 {
		t.Errorf("%d changes of one person alone were approved or applied", n)
	}
	if n := w.db.Int("SELECT count(*) FROM changes WHERE state = 'approved' AND required < 1"); n > 0 {
		t.Errorf("%d changes were approved with nobody being needed", n)
	}
	for table, was := range roles {
		if is := w.db.Contents(table)[table]; is != was {
			t.Errorf("the table %s went from %s to %s", table, was, is)
		}
	}
}

// managesPeople reports whether a route is there to change people, which an admin may, or
// to end one's own sessions.
func managesPeople(r transport.Route) bool {
	return r.Permission == authz.ManagePeople || strings.HasPrefix(r.Path, "/profile/sessions")
}

// lastID is the number in a path.
func lastID(path string) string {
	for part := range strings.SplitSeq(path, "/") {
		if part != "" && strings.Trim(part, "0123456789") == "" {
			return part
		}
	}
	return "0"
}
