package hostile

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/web/transport"
)

// TestColleague tries everything on one console. The order matters: what may succeed
// comes last.
func TestColleague(t *testing.T) {
	w := newWorld(t)
	for _, part := range []struct {
		name string
		try  func(*testing.T, *world)
	}{
		{"Nobody", tryAsNobody},
		{"Roles", tryRoles},
		{"Scopes", tryScopes},
		{"WrongKey", tryWrongKey},
		{"Others", tryOthers},
		{"ForeignPages", tryForeignPages},
		{"TooMuch", tryTooMuch},
		{"Methods", tryMethods},
		{"Headers", tryHeaders},
		{"Ids", tryIDs},
		{"Sessions", trySessions},
		{"People", tryPeople},
		{"Redirects", tryRedirects},
		{"Files", tryFiles},
		{"SelfReview", trySelfReview},
		{"Digests", tryDigests},
		{"Replay", tryReplay},
		{"Unverified", tryUnverified},
		{"Races", tryRaces},
		{"Texts", tryTexts},
		{"Downloads", tryDownloads},
		{"EverythingEverywhere", tryEverythingEverywhere},
		{"Records", tryRecords},
	} {
		t.Run(part.name, func(t *testing.T) { part.try(t, w) })
	}
}

func may(role access.Role, p authz.Permission) bool {
	return authz.Can(access.Actor{Kind: access.ActorPerson, PersonID: 1, Roles: []access.Role{role}}, p)
}

func tryAsNobody(t *testing.T, w *world) {
	a, before := w.nobody(t), w.contents()
	forged := w.nobody(t)
	forged.token = "pc_" + strings.Repeat("a", 43)
	for _, r := range w.routes {
		if r.Public {
			continue
		}
		for _, path := range w.paths(r)[:1] {
			if got := a.try(r, path, ""); !got.refusedAsNobody(r) {
				t.Errorf("%s %s without anything: %d to %q", r.Method, path, got.status, got.header.Get("Location"))
			}
			if got := forged.try(r, path, "", "Cookie", "portcullis="+strings.Repeat("b", 43)); !got.refusedAsNobody(r) {
				t.Errorf("%s %s with a made-up key: %d to %q", r.Method, path, got.status, got.header.Get("Location"))
			}
		}
	}
	w.unchanged(t, before, "nobody")
}

func tryRoles(t *testing.T, w *world) {
	for _, role := range access.Roles() {
		a, before := w.as(t, string(role)), w.contents()
		for _, r := range w.routes {
			if r.Public || may(role, r.Permission) {
				continue
			}
			paths := w.paths(r)
			paths = append(paths[:min(2, len(paths))], w.path(r, "99999999"))
			for _, path := range paths {
				got := a.try(r, path, "{}")
				if got.status != http.StatusForbidden {
					t.Errorf("%s %s as %s: %d, want 403: %s", r.Method, path, role, got.status, clip(got.body))
				}
			}
		}
		w.unchanged(t, before, "the role "+string(role))
		for _, r := range w.routes {
			if !r.Public && reads(r) && may(role, r.Permission) {
				tryReading(t, w, a, r)
			}
		}
	}
}

// tryReading reads what a role may read: it is neither refused nor does it break.
func tryReading(t *testing.T, w *world, a *attacker, r transport.Route) {
	t.Helper()
	paths := w.paths(r)
	if r.Permission != authz.Read || a.name != "The-viewer" {
		paths = paths[:1]
	}
	for _, path := range paths {
		got := a.try(r, path, "")
		if got.status >= 500 || got.status == http.StatusForbidden || got.status == http.StatusUnauthorized {
			t.Errorf("%s %s as %s, who may: %d: %s", r.Method, path, a.name, got.status, clip(got.body))
		}
	}
}

// A token does no more than its scopes say, whatever its owner may.
func tryScopes(t *testing.T, w *world) {
	for _, scope := range access.Scopes() {
		a := w.nobody(t)
		a.name, a.token = "a token for "+string(scope), w.token(t, w.people["all"], "--scope", string(scope))
		before := w.contents()
		actor := access.Actor{Kind: access.ActorToken, PersonID: 1, TokenID: 1, Roles: access.Roles(), Scopes: []access.TokenScope{scope}}
		for _, r := range w.routes {
			if !r.API || authz.Can(actor, r.Permission) {
				continue
			}
			if got := a.try(r, w.paths(r)[0], "{}"); got.status != http.StatusForbidden {
				t.Errorf("%s %s with %s: %d, want 403: %s", r.Method, r.Path, a.name, got.status, clip(got.body))
			}
		}
		w.unchanged(t, before, a.name)
	}
}

// tryWrongKey knocks on each half with the key of the other: a session opens no API, a
// token opens no page.
func tryWrongKey(t *testing.T, w *world) {
	a, before := w.as(t, "all"), w.contents()
	for _, r := range w.routes {
		if r.Public {
			continue
		}
		path := w.paths(r)[0]
		var got answer
		if r.API {
			got = a.send(r.Method, path, "{}", "Content-Type", "application/json", "Sec-Fetch-Site", "same-origin")
		} else {
			got = w.nobody(t).send(r.Method, path, "", "Content-Type", "application/x-www-form-urlencoded", "Authorization", "Bearer "+a.token)
		}
		if !got.refusedAsNobody(r) {
			t.Errorf("%s %s with the key of the other half: %d", r.Method, path, got.status)
		}
	}
	w.unchanged(t, before, "the wrong key")
}

// tryOthers goes at what belongs to other people by the routes that every reader may
// call, since only the service can refuse.
func tryOthers(t *testing.T, w *world) {
	for _, role := range []string{"viewer", "auditor"} {
		a, before := w.as(t, role), w.contents()
		tried := 0
		for _, r := range w.routes {
			if r.Public || reads(r) || r.Permission != authz.Read || strings.HasPrefix(decidedLater[name(r)], "everybody") {
				continue
			}
			for _, id := range w.ofOthers(a, r) {
				path := w.path(r, id)
				body := url.Values{"guard": {"own_address"}, "typed": {"office"}}.Encode()
				if r.API {
					body = "{}"
				}
				tried++
				if got := a.try(r, path, body); got.status < 400 || got.status >= 500 {
					t.Errorf("%s %s as %s: %d", r.Method, path, role, got.status)
				}
			}
		}
		w.unchanged(t, before, "going at what is others' as "+role)
		if tried < 8 {
			t.Errorf("only %d routes and objects of others were tried", tried)
		}
	}
}

// ofOthers are the ids of what a route is about and somebody else owns.
func (w *world) ofOthers(a *attacker, r transport.Route) []string {
	noun := nounOf(r.Path)
	for _, owner := range []string{"person_id", "author_id"} {
		if w.db.Int("SELECT count(*) FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1 AND column_name = $2", noun, owner) == 1 {
			return w.db.Strings("SELECT id::text FROM "+noun+" WHERE "+owner+" <> (SELECT id FROM people WHERE name = $1)", a.name)
		}
	}
	return w.objects[noun]
}

// tryMethods asks every path for what it has no route for.
func tryMethods(t *testing.T, w *world) {
	a, before := w.as(t, "all"), w.contents()
	taken := map[string][]string{}
	for _, r := range w.routes {
		taken[r.Path] = append(taken[r.Path], r.Method)
	}
	for _, r := range w.routes {
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS"} {
			if slices.Contains(taken[r.Path], method) || strings.HasSuffix(r.Path, "/:id/new") {
				continue
			}
			got := a.send(method, w.paths(r)[0], "{}", "Authorization", "Bearer "+a.token, "Content-Type", "application/json")
			if got.status < 400 && got.status != http.StatusNoContent || got.status >= 500 {
				t.Errorf("%s %s, which has no route: %d", method, r.Path, got.status)
			}
		}
	}
	w.unchanged(t, before, "methods without a route")
}

// tryIDs puts what is no id where an id belongs.
func tryIDs(t *testing.T, w *world) {
	a := w.as(t, "all")
	ids := []string{"0", "-1", "99999999", "99999999999999999999999", "%27%20OR%201=1--", "%00", "%2e%2e%2f%2e%2e%2fetc", "%3Cscript%3E", "%ff%fe", "1%0d%0aX-Forged:%201", strings.Repeat("9", 3000)}
	for _, r := range w.routes {
		if !strings.Contains(r.Path, ":id") {
			continue
		}
		for _, id := range ids {
			got := a.try(r, w.path(r, id), "{}")
			if got.status >= 500 || got.status < 300 || got.header.Get("X-Forged") != "" {
				t.Errorf("%s %s with the id %.40s: %d: %s", r.Method, r.Path, id, got.status, clip(got.body))
			}
		}
	}
	for _, r := range w.routes {
		if !reads(r) || r.Public {
			continue
		}
		for _, query := range []string{"q=%00", "cursor=%ff", "cursor=x", "limit=-1", "limit=99999999999999999999", "revision=-9", "revision=x", "at=x", "at=-infinity", "from=x", "tab=%3Cscript%3E", "account=%00&role=%00&user=%00&source_ip=%00", "page=-1", "format=%0d%0a", "change=-1", "ou=%00", "account=1&role=x&user=x&source_ip=x&session_name=%00"} {
			if got := a.try(r, w.paths(r)[0]+"?"+query, ""); got.status >= 500 {
				t.Errorf("%s %s?%s: %d: %s", r.Method, r.Path, query, got.status, clip(got.body))
			}
		}
	}
}
