package hostile

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/server"
	"portcullis.internal/portcullis/test/harness"
	"portcullis.internal/portcullis/web/transport"
)

func TestMain(m *testing.M) { harness.Main(m) }

// public are the routes for which nobody has to sign in, and why that is right. A new one
// has to be argued for here.
var public = map[string]string{
	"GET /healthz":              "says only that the process lives",
	"GET /readyz":               "checks of the database and of AWS, with times, but no account and no cause",
	"GET /assets/:hash/*":       "styles and scripts, the same for everybody",
	"GET /signin":               "the form",
	"POST /signin":              "checks a password, at a limited rate",
	"GET /password":             "the form; the secret of a link comes after a # and is not sent",
	"POST /password":            "stores the password that the holder of a link chose, at a limited rate",
	"GET /signin/oidc":          "sends to the identity provider",
	"GET /signin/oidc/callback": "checks the provider's word against the session that asked for it, at a limited rate",
	"POST /signout":             "ends the caller's own session",
	"POST /theme":               "sets a cookie of the caller's own browser",
	"GET /api/v1/openapi.json":  "the description of the API, the same for everybody",
}

// decidedLater are the routes that change something and are open to every reader,
// because who may is known only when the object is: the service refuses.
var decidedLater = map[string]string{
	"POST /changes/:id/withdraw":        "its author, an editor, or an admin",
	"POST /api/v1/changes/:id/withdraw": "its author, an editor, or an admin",
	"POST /changes/:id/comment":         "everybody who reads a change may comment on it",
	"POST /api/v1/changes/:id/comments": "everybody who reads a change may comment on it",
	"POST /tokens":                      "everybody who reads may make a token of their own, which does no more than they may",
	"POST /tokens/:id/revoke":           "its owner, or an admin",
	"POST /changes/:id/override-guards": "editors, reviewers, operators, break-glass",
}

func name(r transport.Route) string { return r.Method + " " + r.Path }

func routes(t *testing.T) []transport.Route {
	t.Helper()
	all, err := server.Routes()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 60 {
		t.Fatalf("the route table has %d routes; it is read wrongly", len(all))
	}
	return all
}

func reads(r transport.Route) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

func TestEveryRouteHasARule(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range routes(t) {
		if seen[name(r)] {
			t.Errorf("%s is there twice: the second handler is never reached", name(r))
		}
		seen[name(r)] = true
		for _, problem := range broken(r) {
			t.Errorf("%s %s", name(r), problem)
		}
	}
	for _, exempt := range []map[string]string{public, decidedLater} {
		for n := range exempt {
			if !seen[n] {
				t.Errorf("%s is exempt from the rules, and there is no such route", n)
			}
		}
	}
}

// broken says which rules a route breaks.
func broken(r transport.Route) []string {
	var out []string
	known := slices.Contains(authz.Permissions(), r.Permission)
	switch {
	case r.Public && public[name(r)] == "":
		out = append(out, "is open to everybody without a reason in the list of public routes")
	case r.Public && r.Permission != "":
		out = append(out, "is open to everybody and asks for a permission")
	case !r.Public && !known:
		out = append(out, "asks for no permission that there is")
	case !r.Public && !reads(r) && r.Permission == authz.Read && decidedLater[name(r)] == "":
		out = append(out, "changes something and is open to every reader")
	}
	if r.API != strings.HasPrefix(r.Path, "/api/") && !r.Public {
		out = append(out, "is in the wrong half: what is below /api/ takes tokens, and nothing else does")
	}
	if !reads(r) && r.Stream {
		out = append(out, "changes something without a limit of time")
	}
	return out
}

// The same deed takes the same permission, by page and by API.
func TestPagesAndAPIAgree(t *testing.T) {
	pages := map[string]authz.Permission{}
	for _, r := range routes(t) {
		if !r.API && !r.Public {
			pages[r.Method+" "+r.Path] = r.Permission
		}
	}
	compared := 0
	for _, r := range routes(t) {
		path := strings.TrimPrefix(r.Path, "/api/v1")
		if need, ok := pages[r.Method+" "+path]; ok && r.API {
			compared++
			if need != r.Permission {
				t.Errorf("%s takes %s by API and %s by page", r.Method+" "+path, r.Permission, need)
			}
		}
	}
	if compared < 10 {
		t.Errorf("only %d routes are in both halves; they are compared wrongly", compared)
	}
}

func TestRulesCatch(t *testing.T) {
	for what, r := range map[string]transport.Route{
		"no rule":                {Method: "GET", Path: "/new"},
		"unknown permission":     {Method: "GET", Path: "/new", Permission: "anything"},
		"public without reason":  {Method: "GET", Path: "/new", Public: true},
		"writing for readers":    {Method: "POST", Path: "/new", Permission: authz.Read},
		"API without token":      {Method: "GET", Path: "/api/v1/new", Permission: authz.Read},
		"token outside the API":  {Method: "GET", Path: "/new", Permission: authz.Read, API: true},
		"writing without an end": {Method: "POST", Path: "/new", Permission: authz.EditChange, Stream: true},
	} {
		if len(broken(r)) == 0 {
			t.Errorf("%s: a route that breaks a rule passes", what)
		}
	}
}
