package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/web/webtest"
)

// An address of the API says which methods it takes; one that there is not says that.
func TestMethodsThatAnAddressDoesNotTake(t *testing.T) {
	c := webtest.New(t)
	for _, v := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{http.MethodDelete, "/changes/12", http.StatusMethodNotAllowed, "GET, PUT"},
		{http.MethodPut, "/changes", http.StatusMethodNotAllowed, "GET, POST"},
		{http.MethodPost, "/nothing", http.StatusNotFound, ""},
	} {
		a := c.Send(c.Request(v.method, "/api/v1"+v.path, nil))
		if a.Status != v.status || a.Header.Get("Allow") != v.allow || a.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: status %d, Allow %q, %q; want %d, %q as a problem", v.method, v.path, a.Status, a.Header.Get("Allow"), a.Header.Get("Content-Type"), v.status, v.allow)
		}
	}
}

func TestAPINeedsAToken(t *testing.T) {
	c := webtest.New(t).As("operator") // a session counts for nothing here
	for _, path := range []string{"/accounts", "/changes/12", "/state", "/audit", "/rollouts/3/targets"} {
		for _, who := range []string{"", "nobody"} {
			a := c.API(path, who)
			got := a.JSON(t, http.StatusUnauthorized)
			if got["type"] != "/problems/unauthenticated" || a.Header.Get("Content-Type") != "application/problem+json" || a.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s as %q: %v, %v", path, who, got, a.Header)
			}
		}
	}
}

func TestAPIAuditNeedsTheAuditor(t *testing.T) {
	c := webtest.New(t)
	c.Changes.AuditPage = access.Page[access.AuditEvent]{Total: -1, Items: []access.AuditEvent{{Seq: 4, At: webtest.Noon, Action: "change.submit", Object: "change/12", Detail: json.RawMessage(`{"edits":1}`)}}}
	if got := c.API("/audit", "editor").JSON(t, http.StatusForbidden); got["type"] != "/problems/forbidden" {
		t.Errorf("problem %v", got)
	}
	got := c.API("/audit?from=2027-02-01&action=change.submit", "auditor").JSON(t, http.StatusOK)
	item := got["items"].([]any)[0].(map[string]any)
	if d := cmp.Diff(map[string]any{"edits": 1.0}, item["detail"]); d != "" {
		t.Errorf("detail (-want +got):\n%s", d)
	}
	if c.Changes.Filter.Action != "change.submit" || c.Changes.Filter.From.Format("2006-01-02") != "2027-02-01" {
		t.Errorf("filter %+v", c.Changes.Filter)
	}
}

func TestAPILists(t *testing.T) {
	c := webtest.New(t)
	c.Changes.Accounts = access.Page[access.Account]{Next: "n", Total: 24, Items: []access.Account{{ID: "111122223333", Name: "payments", OU: "Root/Prod", OUIDs: []string{"r-ab12", "ou-ab12-prod0000"}}}}
	want := map[string]any{
		"items": []any{map[string]any{
			"id": "111122223333", "name": "payments", "ou": "Root/Prod", "ou_ids": []any{"r-ab12", "ou-ab12-prod0000"}, "state": "", "tags": map[string]any{}, "partition": "aws",
			"management": false, "pushed_revision": 0.0,
		}},
		"next": "n", "total": 24.0,
	}
	if d := cmp.Diff(want, c.API("/accounts", "viewer").JSON(t, http.StatusOK)); d != "" {
		t.Errorf("accounts (-want +got):\n%s", d)
	}
	c.Changes.Listed = access.Page[access.Change]{Total: -1}
	want = map[string]any{"items": []any{}, "next": nil}
	if d := cmp.Diff(want, c.API("/changes?state=draft,approved&author=2", "viewer").JSON(t, http.StatusOK)); d != "" {
		t.Errorf("an empty list (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]access.ChangeState{"draft", "approved"}, c.Changes.Query.States); d != "" || c.Changes.Query.Author != 2 {
		t.Errorf("asked for %+v", c.Changes.Query)
	}
}

func TestAPINamesEveryWrongParameter(t *testing.T) {
	c := webtest.New(t)
	got := c.API("/changes?state=open&author=me&limit=-3", "viewer").JSON(t, http.StatusUnprocessableEntity)
	var pointers []string
	for _, e := range got["errors"].([]any) {
		pointers = append(pointers, e.(map[string]any)["pointer"].(string))
	}
	if d := cmp.Diff([]string{"/state", "/author", "/limit"}, pointers); d != "" || got["type"] != "/problems/invalid" {
		t.Errorf("problem %v", got)
	}
	unknown := c.API("/accounts?ou=Root&stat=SUSPENDED", "viewer").JSON(t, http.StatusUnprocessableEntity)
	first := unknown["errors"].([]any)[0].(map[string]any)
	if first["pointer"] != "/stat" || !strings.Contains(fmt.Sprint(first["detail"]), "cursor, limit, ou, q") {
		t.Errorf("a parameter that there is not: %v", unknown)
	}
}

func TestAPIChangeAndPlan(t *testing.T) {
	c := webtest.New(t)
	c.Changes.ChangeView = webtest.ViewInReview()
	a := c.API("/changes/12", "viewer")
	got := a.JSON(t, http.StatusOK)
	if a.Header.Get("ETag") != `"3"` || got["state"] != "in_review" || got["digest"] != c.Changes.ChangeView.Digest || got["targets"] != 2.0 {
		t.Errorf("ETag %s, change %v", a.Header.Get("ETag"), got)
	}
	entry := got["edits"].([]any)[0].(map[string]any)["entry"].(map[string]any)
	if entry["cidr"] != "12.148.80.0/22" {
		t.Errorf("the edit's entry is %v", entry)
	}
	op := func(before, after string) access.PlannedOperation {
		return access.PlannedOperation{Kind: access.OpUserPolicy, Resource: access.Resource{Kind: access.ResourceUser, Path: "/", Name: "alice"}, Before: before, After: after}
	}
	c.Changes.ChangePlan = access.NewPlan("d",
		access.PlannedTarget{Account: "111122223333", Operations: []access.PlannedOperation{op("", `{"Version":"2012-10-17"}`)}},
		access.PlannedTarget{Account: "111122224444", Operations: []access.PlannedOperation{op("{not json", "")}},
	)
	targets := c.API("/changes/12/plan", "viewer").JSON(t, http.StatusOK)["targets"].([]any)
	first := targets[0].(map[string]any)["operations"].([]any)[0].(map[string]any)
	if first["before"] != nil || cmp.Diff(map[string]any{"Version": "2012-10-17"}, first["after"]) != "" {
		t.Errorf("operation %v", first)
	}
	second := targets[1].(map[string]any)["operations"].([]any)[0].(map[string]any)
	if second["before"] != "{not json" || second["after"] != nil {
		t.Errorf("operation %v", second)
	}
	one := c.API("/changes/12/plan?account=111122224444", "viewer").JSON(t, http.StatusOK)["targets"].([]any)
	if len(one) != 1 {
		t.Errorf("one account's plan has %d targets", len(one))
	}
	if got := c.API("/changes/99", "viewer").JSON(t, http.StatusNotFound); got["type"] != "/problems/not_found" {
		t.Errorf("problem %v", got)
	}
}

func TestAPIRolloutTargetsAndOperations(t *testing.T) {
	c := webtest.New(t)
	c.Rollouts.Shown, c.Rollouts.TargetPage = webtest.RunningRollout(), webtest.ThreeTargets()
	got := c.API("/rollouts/3", "viewer").JSON(t, http.StatusOK)
	if got["targets"] != 3.0 || got["counts"].(map[string]any)["succeeded"] != 1.0 || got["change"] != 12.0 {
		t.Errorf("rollout %v", got)
	}
	if n := len(c.API("/rollouts/3/targets?state=failed", "viewer").JSON(t, http.StatusOK)["items"].([]any)); n != 3 {
		t.Errorf("%d targets", n)
	}
	if d := cmp.Diff([]access.TargetState{"failed"}, c.Rollouts.Query.States); d != "" {
		t.Errorf("states asked for (-want +got):\n%s", d)
	}
	op := access.Operation{State: access.OperationWritten, LiveBefore: `{"a":1}`, Written: `{"a":2}`}
	c.Rollouts.OperationList = []access.Operation{op}
	ops := c.API("/rollouts/3/targets/111122223333", "viewer").JSON(t, http.StatusOK)["operations"].([]any)
	if d := cmp.Diff(map[string]any{"a": 2.0}, ops[0].(map[string]any)["written"]); d != "" {
		t.Errorf("written (-want +got):\n%s", d)
	}
}

func TestAPIState(t *testing.T) {
	c := webtest.New(t)
	for _, tc := range []struct{ accept, kind string }{
		{"", "application/json"},
		{"*/*", "application/json"},
		{"application/json, application/yaml", "application/json"},
		{"application/yaml", "application/yaml"},
		{"text/yaml;q=0.9, application/json;q=0.5", "application/yaml"},
	} {
		a := c.API("/state", "viewer", "Accept", tc.accept)
		if a.Status != http.StatusOK || a.Header.Get("ETag") != `"7"` || !strings.HasPrefix(a.Header.Get("Content-Type"), tc.kind) {
			t.Errorf("Accept %q: %d, %s, ETag %s", tc.accept, a.Status, a.Header.Get("Content-Type"), a.Header.Get("ETag"))
		}
	}
}
