package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"portcullis/internal/access"
	"portcullis/internal/change"
)

func TestAccountsTree(t *testing.T) {
	c := newConsole(t).as("operator")
	c.changes.ous = []access.OURow{
		{OU: access.OU{Name: "Root", Path: "Root"}, Total: 24},
		{OU: access.OU{Name: "R & D", Path: "Root/R & D"}, Direct: 3, Total: 6},
	}
	c.changes.accounts = access.Page[access.Account]{Total: 1, Items: []access.Account{{
		ID: "111122223333", Name: `<img src=x onerror="alert(1)">`, OU: "Root/R & D", State: access.AccountSuspended, InventoryError: "AccessDenied: the deployment role",
	}}}
	a := c.get("/accounts?ou=Root%2FR+%26+D&q=pay")
	p := c.parse(a, http.StatusOK)
	p.contains("account-rows", "111122223333", "Suspended", "Cannot be read", "AccessDenied: the deployment role")
	if strings.Contains(a.body, "<img") {
		t.Error("a name came through as markup")
	}
	if !strings.Contains(a.body, `href="/accounts?ou=Root%2FR+%26+D"`) {
		t.Error("the tree does not lead to the OU")
	}
	if p.form("/accounts/sync") == nil {
		t.Error("an operator is not offered to read the organization again")
	}
	if a := c.post("/accounts/sync"); a.status != http.StatusSeeOther || c.organization.synced != 1 {
		t.Errorf("answered %d, asked %d times", a.status, c.organization.synced)
	}
}

func TestAccountPage(t *testing.T) {
	c := newConsole(t).as("viewer")
	c.changes.account = change.AccountView{
		Account: access.Account{ID: "111122223333", Name: "payments", OU: "Root/Prod", State: access.AccountActive, Tags: map[string]string{"env": "prod"}},
		Known:   true,
		Roles: []access.LiveRole{{
			LiveDocument: access.LiveDocument{Resource: access.Resource{Kind: access.ResourceRole, Path: "/team-a/", Name: "Bob"}, Document: `{"Statement":[]}`}, Managed: true, Size: 900, Limit: 2048,
		}},
		Users: []access.LiveUser{{
			LiveDocument:     access.LiveDocument{Resource: access.Resource{Kind: access.ResourceUser, Path: "/", Name: "alice"}},
			AttachedPolicies: []string{"arn:aws:iam::aws:policy/AdministratorAccess"},
		}},
	}
	p := c.page("/accounts/111122223333")
	p.contains("roles", "team-a/Bob", "Gated", "900 / 2,048")
	p.contains("users", "alice", "attached AdministratorAccess")
	p.contains("main", "env=prod")
}

func TestAuditPage(t *testing.T) {
	c := newConsole(t).as("auditor")
	c.changes.audit = access.Page[access.AuditEvent]{Total: -1, Next: "9", Items: []access.AuditEvent{
		{Seq: 10, At: noon, Kind: access.ActorToken, Name: "Edda Editor", Addr: "192.0.2.7", Action: "change.submit", Object: "change/12", Detail: json.RawMessage(`{"edits":1}`), Hash: "h1", Prev: "h0"},
	}}
	p := c.page("/audit?person=Edda&from=2027-02-01")
	p.contains("event-rows", "Edda Editor", "with an API token", "192.0.2.7", "change.submit", `"edits": 1`)
	if attr(p.id("person"), "value") != "Edda" || attr(p.id("from"), "value") != "2027-02-01" {
		t.Error("the filter does not come back as it was typed")
	}
	next := attr(p.id("event-rows-pager").LastChild, "href")
	for _, part := range []string{"cursor=9", "person=Edda", "from=2027-02-01"} {
		if !strings.Contains(next, part) {
			t.Errorf("the way on, %q, loses %s", next, part)
		}
	}
	p = c.parse(c.get("/audit?from=yesterday"), http.StatusUnprocessableEntity)
	p.contains("from-problem", "yesterday")
	c.as("editor")
	if a := c.get("/audit"); a.status != http.StatusForbidden {
		t.Errorf("an editor reads the audit log: %d", a.status)
	}
}
