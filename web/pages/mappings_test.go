package pages_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/web/webtest"
)

func TestMappingListFilters(t *testing.T) {
	c := webtest.Office(t).As("viewer")
	p := c.Page("/mappings?role=team-a%2FBob&user=alice&q=x")
	want := access.MappingQuery{Role: "team-a/Bob", User: "alice", PageQuery: access.PageQuery{Search: "x"}}
	if diff := cmp.Diff(want, c.Changes.Desired.Mapping); diff != "" {
		t.Errorf("asked of the service (-want +got):\n%s", diff)
	}
	p.Contains("list", "team-a/Bob", "alice", "444455556666:ops/dave", "OU Root/Prod", "except 111122223333", "office", "MFA")
	p.Contains("main", "role team-a/Bob", "user alice")
}

func TestMappingFormRoundTrip(t *testing.T) {
	c := webtest.Office(t).As("editor")
	p := c.Page("/mappings/mp-1/edit")
	if webtest.Attr(p.ID("role"), "value") != "team-a/Bob" || p.Text("users") != "alice 444455556666:ops/dave" || p.Text("ous") != "Root/Prod (ou-ab12-prod0000)" || p.Text("except") != "111122223333" {
		t.Error("the form does not hold the mapping")
	}
	a := c.Post("/mappings/mp-1/edit", "role", "team-a/Bob", "users", "alice\r\n444455556666:ops/dave\r\nalice", "accounts", "ous", "ous", "Root/Prod (ou-ab12-prod0000)\r\nRoot/\"R, D\"", "except", "111122223333",
		"allowlists", "office", "allowlists", "vpn\noffice", "enforcement", "everyone", "require_mfa", "yes", "mfa_max_age", "1h", "session_name", "username")
	c.Went(a, "/changes/12")
	want := access.Mapping{
		ID: "mp-1", Role: access.RoleName{Path: "/team-a/", Name: "Bob"}, Users: []access.UserName{{Path: "/", Name: "alice"}, {Account: "444455556666", Path: "/ops/", Name: "dave"}},
		Accounts: access.Selector{OUs: []string{"Root/Prod (ou-ab12-prod0000)", `Root/"R, D"`}, Except: []string{"111122223333"}}, Allowlists: []string{"office", "vpn"}, Enforcement: access.EnforceEveryone,
		RequireMFA: true, MFAMaxAge: time.Hour, SessionName: access.NamingUsername, SourceIdentity: access.NamingAny,
	}
	if diff := cmp.Diff(want, c.Changes.Desired.Saved); diff != "" {
		t.Errorf("saved (-want +got):\n%s", diff)
	}
}

func TestMappingFormTellsAllAtOnce(t *testing.T) {
	c := webtest.Office(t).As("editor")
	a := c.Post("/mappings/new", "users", "alice\nnot a user", "accounts", "ids", "account_ids", "111122223333\n12", "mfa_max_age", "soon")
	p := c.Parse(a, http.StatusUnprocessableEntity)
	p.Contains("role-problem", "Name the role")
	p.Contains("users-problem", `"not a user" is not a user`)
	p.Contains("accounts-problem", `"12" is not an account id`)
	p.Contains("allowlists-problem", "Choose at least one allowlist")
	p.Contains("mfa_max_age-problem", `"soon" is not a length of time`)
	if p.Text("users") != "alice not a user" || p.Text("account_ids") != "111122223333 12" || webtest.Attr(p.ID("mfa_max_age"), "value") != "soon" {
		t.Error("the form did not come back as it was sent")
	}
	c.Did()
}

func TestMappingFormWaysOfSelecting(t *testing.T) {
	for _, test := range []struct {
		name   string
		fields []string
		want   access.Selector
		wrong  string
	}{
		{"all", []string{"accounts", "all", "account_ids", "111122223333"}, access.Selector{All: true}, ""},
		{"ids", []string{"accounts", "ids", "account_ids", "111122223333, 444455556666"}, access.Selector{IDs: []access.AccountID{"111122223333", "444455556666"}}, ""},
		{"tags", []string{"accounts", "tags", "tags", "env = prod"}, access.Selector{Tags: map[string]string{"env": "prod"}}, ""},
		{"no ids", []string{"accounts", "ids"}, access.Selector{}, "Give at least one account id"},
		{"no OUs", []string{"accounts", "ous"}, access.Selector{}, "Give the id or the path of at least one OU"},
		{"no tag", []string{"accounts", "tags", "tags", "prod"}, access.Selector{}, `"prod" is not a tag`},
		{"no way", nil, access.Selector{}, "Choose accounts in exactly one way"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := webtest.Office(t).As("editor")
			a := c.Post("/mappings/new", append([]string{"role", "Bob", "users", "alice", "allowlists", "office"}, test.fields...)...)
			if test.wrong != "" {
				c.Parse(a, http.StatusUnprocessableEntity).Contains("accounts-problem", test.wrong)
				return
			}
			c.Went(a, "/changes/12")
			if diff := cmp.Diff(test.want, c.Changes.Desired.Saved.Accounts); diff != "" {
				t.Errorf("selector (-want +got):\n%s", diff)
			}
		})
	}
}

func TestARefusalOfTheServiceKeepsTheForm(t *testing.T) {
	c := webtest.Office(t).As("editor")
	c.Changes.Refuse = access.Errorf(access.KindConflict, "Somebody else keeps editing this change. Try again in a moment.")
	a := c.Post("/mappings/new", "role", "Bob", "users", "alice", "accounts", "all", "allowlists", "office")
	p := c.Parse(a, http.StatusConflict)
	p.Contains("problems", "Somebody else keeps editing")
	if got := webtest.Attr(p.ID("role"), "value"); got != "Bob" {
		t.Errorf("the role came back as %q", got)
	}
}

func TestMappingPageAndRemoval(t *testing.T) {
	c := webtest.Office(t).As("editor")
	c.Page("/mappings/mp-1").Contains("main", "team-a/Bob", "OU Root/Prod (ou-ab12-prod0000), except 111122223333", "444455556666:ops/dave", "required")
	c.Page("/mappings/mp-1/remove").Contains("main", "2 users will no longer be able")
	c.Went(c.Post("/mappings/mp-1/remove", "change", "12"), "/changes/12")
	c.Did("remove mapping mp-1 in 12")
	if got := c.Get("/mappings/mp-9").Status; got != http.StatusNotFound {
		t.Errorf("a mapping that is not there: status %d, want 404", got)
	}
}

// A mapping that names an OU which was deleted in AWS must say so, wherever its accounts are shown.
func TestMappingOfADeletedOU(t *testing.T) {
	c := webtest.Office(t).As("editor")
	c.Changes.OUList = c.Changes.OUList[:1]
	c.Changes.GoneOUs = []access.OU{{ID: "ou-ab12-prod0000", ParentID: "r-ab12", Name: "Prod", Path: "Root/Prod", GoneAt: time.Unix(1, 0)}}
	c.Page("/mappings").Contains("list", "OU Root/Prod (no longer in the organization)")
	c.Page("/mappings/mp-1").Contains("main", "OU Root/Prod (ou-ab12-prod0000, no longer in the organization)")
	c.Page("/allowlists/al-1").Contains("dependents", "OU Root/Prod (no longer in the organization)")
	if text := c.Page("/mappings/mp-1/edit").Text("ous"); text != "ou-ab12-prod0000" {
		t.Errorf("the form holds %q, want the id alone", text)
	}
}
