package pages_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/web/webtest"
)

func TestAccountsTree(t *testing.T) {
	c := webtest.New(t).As("operator")
	c.Changes.OUList = []access.OURow{
		{OU: access.OU{ID: "r-ab12", Name: "Root", Path: "Root"}, Total: 24},
		{OU: access.OU{ID: "ou-ab12-rnd00000", ParentID: "r-ab12", Name: "R & D", Path: "Root/R & D"}, Direct: 3, Total: 6},
		{OU: access.OU{ID: "ou-ab12-cicd0000", ParentID: "ou-ab12-rnd00000", Name: "CI/CD", Path: `Root/R & D/"CI/CD"`}, Total: 2},
	}
	c.Changes.Accounts = access.Page[access.Account]{Total: 1, Items: []access.Account{{
		ID: "111122223333", Name: `<img src=x onerror="alert(1)">`, OU: "Root/R & D", State: access.AccountSuspended, InventoryError: "AccessDenied: the deployment role",
	}}}
	a := c.Get("/accounts?ou=Root%2FR+%26+D&q=pay")
	p := c.Parse(a, http.StatusOK)
	p.Contains("account-rows", "111122223333", "Suspended", "Cannot be read", "AccessDenied: the deployment role")
	if strings.Contains(a.Body, "<img") {
		t.Error("a name came through as markup")
	}
	p.Contains("main", "Root/R & D")
	for _, line := range []string{
		`pc-depth-2"><a href="/accounts?ou=ou-ab12-rnd00000" aria-current="page"><span>R &amp; D<`,
		`pc-depth-3"><a href="/accounts?ou=ou-ab12-cicd0000"><span>CI/CD<`,
	} {
		if !strings.Contains(a.Body, line) {
			t.Errorf("the tree has no line %s", line)
		}
	}
	if p.Form("/accounts/sync") == nil {
		t.Error("an operator is not offered to read the organization again")
	}
	if a := c.Post("/accounts/sync"); a.Status != http.StatusSeeOther || c.Organization.Synced != 1 {
		t.Errorf("answered %d, asked %d times", a.Status, c.Organization.Synced)
	}
}

func TestAccountPage(t *testing.T) {
	c := webtest.New(t).As("viewer")
	c.Changes.AccountView = change.AccountView{
		Account: access.Account{ID: "111122223333", Name: "payments", OU: "Root/Prod", OUIDs: []string{"r-ab12", "ou-ab12-prod0000"}, State: access.AccountActive, Tags: map[string]string{"env": "prod"}},
		Known:   true,
		Roles: []access.LiveRole{{
			LiveDocument: access.LiveDocument{Resource: access.Resource{Kind: access.ResourceRole, Path: "/team-a/", Name: "Bob"}, Document: `{"Statement":[]}`}, Managed: true, Size: 900, Limit: 2048,
		}},
		Users: []access.LiveUser{{
			LiveDocument:     access.LiveDocument{Resource: access.Resource{Kind: access.ResourceUser, Path: "/", Name: "alice"}},
			AttachedPolicies: []string{"arn:aws:iam::aws:policy/AdministratorAccess"},
		}},
	}
	p := c.Page("/accounts/111122223333")
	p.Contains("roles", "team-a/Bob", "Managed", "900 / 2,048")
	p.Contains("users", "alice", "attached AdministratorAccess")
	p.Contains("main", "env=prod")
}

func TestAuditPage(t *testing.T) {
	c := webtest.New(t).As("auditor")
	c.Changes.AuditPage = access.Page[access.AuditEvent]{Total: -1, Next: "9", Items: []access.AuditEvent{
		{Seq: 10, At: webtest.Noon, Kind: access.ActorToken, Name: "Edda Editor", Addr: "192.0.2.7", Action: "change.submit", Object: "change/12", Detail: json.RawMessage(`{"edits":1}`), Hash: "h1", Prev: "h0"},
	}}
	p := c.Page("/audit?person=Edda&from=2027-02-01")
	p.Contains("event-rows", "Edda Editor", "with an API token", "192.0.2.7", "change.submit", `"edits": 1`)
	if webtest.Attr(p.ID("person"), "value") != "Edda" || webtest.Attr(p.ID("from"), "value") != "2027-02-01" {
		t.Error("the filter does not come back as it was typed")
	}
	next := webtest.Attr(p.ID("event-rows-pager").LastChild, "href")
	for _, part := range []string{"cursor=9", "person=Edda", "from=2027-02-01"} {
		if !strings.Contains(next, part) {
			t.Errorf("the way on, %q, loses %s", next, part)
		}
	}
	p = c.Parse(c.Get("/audit?from=yesterday"), http.StatusUnprocessableEntity)
	p.Contains("from-problem", "yesterday")
	c.As("editor")
	if a := c.Get("/audit"); a.Status != http.StatusForbidden {
		t.Errorf("an editor reads the audit log: %d", a.Status)
	}
}
