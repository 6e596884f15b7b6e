package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
)

// An address of the API says which methods it takes; one that there is not says that.
func TestMethodsThatAnAddressDoesNotTake(t *testing.T) {
	c := newConsole(t)
	for _, v := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{http.MethodDelete, "/changes/12", http.StatusMethodNotAllowed, "GET, PUT"},
		{http.MethodPut, "/changes", http.StatusMethodNotAllowed, "GET, POST"},
		{http.MethodPost, "/nothing", http.StatusNotFound, ""},
	} {
		a := c.send(c.request(v.method, "/api/v1"+v.path, nil))
		if a.status != v.status || a.header.Get("Allow") != v.allow || a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: status %d, Allow %q, %q; want %d, %q as a problem", v.method, v.path, a.status, a.header.Get("Allow"), a.header.Get("Content-Type"), v.status, v.allow)
		}
	}
}

func TestAPINeedsAToken(t *testing.T) {
	c := newConsole(t).as("operator") // a session counts for nothing here
	for _, path := range []string{"/accounts", "/changes/12", "/state", "/audit", "/rollouts/3/targets"} {
		for _, who := range []string{"", "nobody"} {
			a := c.api(path, who)
			got := a.json(t, http.StatusUnauthorized)
			if got["type"] != "/problems/unauthenticated" || a.header.Get("Content-Type") != "application/problem+json" || a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s as %q: %v, %v", path, who, got, a.header)
			}
		}
	}
}

func TestAPIAuditNeedsTheAuditor(t *testing.T) {
	c := newConsole(t)
	c.changes.audit = access.Page[access.AuditEvent]{Total: -1, Items: []access.AuditEvent{{Seq: 4, At: noon, Action: "change.submit", Object: "change/12", Detail: json.RawMessage(`{"edits":1}`)}}}
	if got := c.api("/audit", "editor").json(t, http.StatusForbidden); got["type"] != "/problems/forbidden" {
		t.Errorf("problem %v", got)
	}
	got := c.api("/audit?from=2027-02-01&action=change.submit", "auditor").json(t, http.StatusOK)
	item := got["items"].([]any)[0].(map[string]any)
	if d := cmp.Diff(map[string]any{"edits": 1.0}, item["detail"]); d != "" {
		t.Errorf("detail (-want +got):\n%s", d)
	}
	if c.changes.filter.Action != "change.submit" || c.changes.filter.From.Format("2006-01-02") != "2027-02-01" {
		t.Errorf("filter %+v", c.changes.filter)
	}
}

func TestAPILists(t *testing.T) {
	c := newConsole(t)
	c.changes.accounts = access.Page[access.Account]{Next: "n", Total: 24, Items: []access.Account{{ID: "111122223333", Name: "payments", OU: "Root/Prod"}}}
	want := map[string]any{
		"items": []any{map[string]any{
			"id": "111122223333", "name": "payments", "ou": "Root/Prod", "state": "", "tags": map[string]any{}, "partition": "aws",
			"management": false, "pushed_revision": 0.0,
		}},
		"next": "n", "total": 24.0,
	}
	if d := cmp.Diff(want, c.api("/accounts", "viewer").json(t, http.StatusOK)); d != "" {
		t.Errorf("accounts (-want +got):\n%s", d)
	}
	c.changes.listed = access.Page[access.Change]{Total: -1}
	want = map[string]any{"items": []any{}, "next": nil}
	if d := cmp.Diff(want, c.api("/changes?state=draft,approved&author=2", "viewer").json(t, http.StatusOK)); d != "" {
		t.Errorf("an empty list (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]access.ChangeState{"draft", "approved"}, c.changes.query.States); d != "" || c.changes.query.Author != 2 {
		t.Errorf("asked for %+v", c.changes.query)
	}
}

func TestAPINamesEveryWrongParameter(t *testing.T) {
	c := newConsole(t)
	got := c.api("/changes?state=open&author=me&limit=-3", "viewer").json(t, http.StatusUnprocessableEntity)
	var pointers []string
	for _, e := range got["errors"].([]any) {
		pointers = append(pointers, e.(map[string]any)["pointer"].(string))
	}
	if d := cmp.Diff([]string{"/state", "/author", "/limit"}, pointers); d != "" || got["type"] != "/problems/invalid" {
		t.Errorf("problem %v", got)
	}
	unknown := c.api("/accounts?ou=Root&stat=SUSPENDED", "viewer").json(t, http.StatusUnprocessableEntity)
	first := unknown["errors"].([]any)[0].(map[string]any)
	if first["pointer"] != "/stat" || !strings.Contains(fmt.Sprint(first["detail"]), "cursor, limit, ou, q") {
		t.Errorf("a parameter that there is not: %v", unknown)
	}
}

func TestAPIChangeAndPlan(t *testing.T) {
	c := newConsole(t)
	c.changes.view = inReview()
	a := c.api("/changes/12", "viewer")
	got := a.json(t, http.StatusOK)
	if a.header.Get("ETag") != `"3"` || got["state"] != "in_review" || got["digest"] != c.changes.view.Digest || got["targets"] != 2.0 {
		t.Errorf("ETag %s, change %v", a.header.Get("ETag"), got)
	}
	entry := got["edits"].([]any)[0].(map[string]any)["entry"].(map[string]any)
	if entry["cidr"] != "12.148.80.0/22" {
		t.Errorf("the edit's entry is %v", entry)
	}
	op := func(before, after string) access.PlannedOperation {
		return access.PlannedOperation{Kind: access.OpUserPolicy, Resource: access.Resource{Kind: access.ResourceUser, Path: "/", Name: "alice"}, Before: before, After: after}
	}
	c.changes.plan = access.NewPlan("d",
		access.PlannedTarget{Account: "111122223333", Operations: []access.PlannedOperation{op("", `{"Version":"2012-10-17"}`)}},
		access.PlannedTarget{Account: "111122224444", Operations: []access.PlannedOperation{op("{not json", "")}},
	)
	targets := c.api("/changes/12/plan", "viewer").json(t, http.StatusOK)["targets"].([]any)
	first := targets[0].(map[string]any)["operations"].([]any)[0].(map[string]any)
	if first["before"] != nil || cmp.Diff(map[string]any{"Version": "2012-10-17"}, first["after"]) != "" {
		t.Errorf("operation %v", first)
	}
	second := targets[1].(map[string]any)["operations"].([]any)[0].(map[string]any)
	if second["before"] != "{not json" || second["after"] != nil {
		t.Errorf("operation %v", second)
	}
	one := c.api("/changes/12/plan?account=111122224444", "viewer").json(t, http.StatusOK)["targets"].([]any)
	if len(one) != 1 {
		t.Errorf("one account's plan has %d targets", len(one))
	}
	if got := c.api("/changes/99", "viewer").json(t, http.StatusNotFound); got["type"] != "/problems/not_found" {
		t.Errorf("problem %v", got)
	}
}

func TestAPIRolloutTargetsAndOperations(t *testing.T) {
	c := newConsole(t)
	c.rollouts.rollout, c.rollouts.targets = running(), threeTargets()
	got := c.api("/rollouts/3", "viewer").json(t, http.StatusOK)
	if got["targets"] != 3.0 || got["counts"].(map[string]any)["succeeded"] != 1.0 || got["change"] != 12.0 {
		t.Errorf("rollout %v", got)
	}
	if n := len(c.api("/rollouts/3/targets?state=failed", "viewer").json(t, http.StatusOK)["items"].([]any)); n != 3 {
		t.Errorf("%d targets", n)
	}
	if d := cmp.Diff([]access.TargetState{"failed"}, c.rollouts.query.States); d != "" {
		t.Errorf("states asked for (-want +got):\n%s", d)
	}
	op := access.Operation{State: access.OperationWritten, LiveBefore: `{"a":1}`, Written: `{"a":2}`}
	c.rollouts.operations = []access.Operation{op}
	ops := c.api("/rollouts/3/targets/111122223333", "viewer").json(t, http.StatusOK)["operations"].([]any)
	if d := cmp.Diff(map[string]any{"a": 2.0}, ops[0].(map[string]any)["written"]); d != "" {
		t.Errorf("written (-want +got):\n%s", d)
	}
}

func TestAPIState(t *testing.T) {
	c := newConsole(t)
	for _, tc := range []struct{ accept, kind string }{
		{"", "application/json"},
		{"*/*", "application/json"},
		{"application/json, application/yaml", "application/json"},
		{"application/yaml", "application/yaml"},
		{"text/yaml;q=0.9, application/json;q=0.5", "application/yaml"},
	} {
		a := c.api("/state", "viewer", "Accept", tc.accept)
		if a.status != http.StatusOK || a.header.Get("ETag") != `"7"` || !strings.HasPrefix(a.header.Get("Content-Type"), tc.kind) {
			t.Errorf("Accept %q: %d, %s, ETag %s", tc.accept, a.status, a.header.Get("Content-Type"), a.header.Get("ETag"))
		}
	}
}
