package pages_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/web/webtest"
)

func someRules() change.RulesView {
	return change.RulesView{
		Rules: []access.ReviewRule{{
			ID: "rr-1", Name: "Production <b>", Scope: access.RuleScope{OUs: []string{"ou-ab12-cicd0000"}, Allowlists: []string{"al-1"}, Dangers: []access.Danger{access.DangerRules}},
			Need: []access.Requirement{{Count: 2, Teams: []string{"network", "security"}}},
		}},
		OUs:      access.NewOUs([]access.OU{{ID: "ou-ab12-cicd0000", ParentID: "r-ab12", Name: "CI/CD", Path: `Root/"CI/CD"`}}),
		Settings: access.Settings{ManyAccounts: 50, BreakGlassMappings: []string{"mp-1"}}.OrDefault(), Allowlists: map[string]string{"al-1": "office", "al-2": "vpn"}, Mappings: map[string]string{"mp-1": "Bob for all accounts"}, Teams: []string{"network"},
	}
}

func TestSettingsPage(t *testing.T) {
	c := webtest.New(t).As("viewer")
	c.Changes.RulesView = someRules()
	p := c.Page("/settings")
	p.Contains(
		"rules",
		"Production <b>",
		`Accounts in: Root/"CI/CD" (ou-ab12-cicd0000)`,
		"Allowlists: office",
		"changes review rules, strategies or settings",
		"2 approvals by team network or team security",
	)
	p.Contains("settings", "50 written accounts", "Bob for all accounts", "7 days", "24 hours", "refused")
	if p.Form("/settings/rules/rr-1/remove") != nil {
		t.Error("a viewer is offered to remove a rule")
	}
	if a := c.Get("/settings/edit"); a.Status != http.StatusForbidden {
		t.Errorf("a viewer gets the form: %d", a.Status)
	}
}

func TestRuleForm(t *testing.T) {
	c := webtest.New(t).As("editor")
	c.Changes.RulesView = someRules()
	if got := webtest.Attr(c.Page("/settings/rules/rr-1/edit").ID("need/0/teams"), "value"); got != "network, security" {
		t.Errorf("the form of a rule is filled with teams %q", got)
	}
	if text := c.Page("/settings/rules/rr-1/edit").Text("scope/ous"); text != `Root/"CI/CD" (ou-ab12-cicd0000)` {
		t.Errorf("the form of a rule is filled with OUs %q", text)
	}
	if a := c.Get("/settings/rules/rr-9/edit"); a.Status != http.StatusNotFound {
		t.Errorf("the form of a rule that is not there: %d", a.Status)
	}
	form := url.Values{
		"name": {"Both"}, "scope/allowlists": {"al-1", "vpn"}, "scope/dangers": {"whole_internet"}, "scope/tags": {"env=prod"},
		"need/0/count": {"1"}, "need/0/teams": {"Network"}, "need/1/roles": {"admin, auditor"},
	}
	if a := c.PostForm("/settings/rules/new", form); a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/changes/12" {
		t.Fatalf("answered %d: %s", a.Status, a.Body)
	}
	want := []string{fmt.Sprintf("rule 0 Both %+v %v", access.RuleScope{Allowlists: []string{"al-1", "al-2"}, Tags: map[string]string{"env": "prod"}, Dangers: []access.Danger{"whole_internet"}},
		[]access.Requirement{{Count: 1, Teams: []string{"network"}}, {Count: 1, Roles: []access.Role{access.RoleAdmin, access.RoleAuditor}}})}
	if d := cmp.Diff(want, c.Changes.Did); d != "" {
		t.Errorf("what was asked of the service (-want +got):\n%s", d)
	}
	form.Set("need/0/count", "many")
	form.Set("name", "Kept as typed")
	p := c.Parse(c.PostForm("/settings/rules/new", form), http.StatusUnprocessableEntity)
	if got := webtest.Attr(p.ID("name"), "value"); got != "Kept as typed" {
		t.Errorf("the name came back as %q", got)
	}
	p.Contains("need/0/count-problem", "not a number")
}

func TestSettingsForm(t *testing.T) {
	c := webtest.New(t).As("editor")
	c.Changes.RulesView = someRules()
	form := url.Values{
		"many_accounts": {"20"}, "large_ipv4": {"1024"}, "large_ipv6": {"2048"}, "break_glass_allowed": {"yes"}, "break_glass/mappings": {"mp-1"}, "break_glass/allowlists": {"office"},
		"guards/no_address": {"refuse"}, "guards/own_address": {"confirm"}, "guards/break_glass": {"refuse"}, "guards/nobody_applies": {"refuse"},
		"emergency_max_life": {"8h"}, "expiry_notice_days": {"3"}, "change": {"0"},
		"approvals_valid_for": {"3d"}, "outside_accounts": {"999999999999\r\n888888888888"}, "tokens": {"review", "apply"},
	}
	if a := c.PostForm("/settings/edit", form); a.Status != http.StatusSeeOther {
		t.Fatalf("answered %d: %s", a.Status, a.Body)
	}
	want := []string{
		"settings 0 20 true [mp-1] [al-1] refuse 8h0m0s 3 72h0m0s [999999999999 888888888888] tokens true,true 1h0m0s",
	}
	if d := cmp.Diff(want, c.Changes.Did); d != "" {
		t.Errorf("what was asked of the service (-want +got):\n%s", d)
	}
	form.Set("emergency_max_life", "soon")
	form.Set("many_accounts", "0")
	p := c.Parse(c.PostForm("/settings/edit", form), http.StatusUnprocessableEntity)
	p.Contains("emergency_max_life-problem", "24h")
	p.Contains("many_accounts-problem", "1 or more")
	form.Set("emergency_max_life", "8h")
	form.Set("many_accounts", "20")
	form.Set("approvals_valid_for", "a week")
	p = c.Parse(c.PostForm("/settings/edit", form), http.StatusUnprocessableEntity)
	p.Contains("approvals_valid_for-problem", "14d")
	form.Set("approvals_valid_for", "14d")
	form.Set("outside_accounts", "42")
	p = c.Parse(c.PostForm("/settings/edit", form), http.StatusUnprocessableEntity)
	p.Contains("outside_accounts-problem", "12 digits")
	if got := p.Text("outside_accounts"); got != "42" {
		t.Errorf("the account came back as %q", got)
	}
}

func TestGuardsAreShownAndOverridden(t *testing.T) {
	c := webtest.New(t).As("editor")
	v := webtest.DraftView()
	v.Guards = []access.Guard{
		{Code: access.GuardNoAddress, Object: "Bob", Message: "alice would be left without any address.", People: []string{"alice"}, Addresses: []string{"103.15.250.0/24"}, Mode: access.GuardConfirm},
		{Code: access.GuardBreakGlass, Object: "vpn", Message: "The break-glass allowlist vpn would lose 8.8.8.0/24.", Mode: access.GuardRefuse},
	}
	c.Changes.ChangeView = v
	p := c.Page("/changes/12")
	p.Contains("guards", "alice", "103.15.250.0/24", "type Bob", "would lose 8.8.8.0/24", "do not allow this guard to be overridden")
	if a := c.Post("/changes/12/override-guards", "guard", "no_address", "typed", "Bob"); a.Status != http.StatusSeeOther {
		t.Fatalf("answered %d", a.Status)
	}
	if d := cmp.Diff([]string{`override 12 no_address "Bob"`}, c.Changes.Did); d != "" {
		t.Errorf("what was asked of the service (-want +got):\n%s", d)
	}
}

func TestNeedsCommentsAndRulesOnTheChangePage(t *testing.T) {
	c := webtest.New(t).As("approver")
	v := webtest.ViewInReview()
	need := access.Need{Name: "Office", Why: "the change touches the allowlist office", Need: []access.Requirement{{Count: 1, Teams: []string{"network"}}, {Count: 1, Teams: []string{"security"}}}}
	v.Needs = []access.NeedStatus{{Need: need, Missing: need.Need[1:]}}
	v.Comments = []access.Comment{{Author: webtest.Author(), Body: "<i>why</i>", At: webtest.Noon}}
	v.Rules = []access.RuleChange{{After: &access.ReviewRule{Name: "Two", Need: []access.Requirement{{Count: 2}}}}}
	v.Settings = []access.SettingChange{{Name: "Break-glass is allowed", Before: "no", After: "yes"}}
	c.Changes.ChangeView = v
	p := c.Page("/changes/12")
	p.Contains("needs", "Office", "1 approval by team network, and 1 approval by team security", "Missing: 1 approval by team security", "touches the allowlist office")
	p.Contains("comments", "<i>why</i>")
	p.Contains("rules", "Two", "New", "2 approvals by any approver")
	p.Contains("settings", "Break-glass is allowed", "no", "yes")
	if a := c.Post("/changes/12/comment", "body", "because"); a.Status != http.StatusSeeOther {
		t.Errorf("answered %d", a.Status)
	}
	if d := cmp.Diff([]string{`comment 12 "because"`}, c.Changes.Did); d != "" {
		t.Errorf("what was asked of the service (-want +got):\n%s", d)
	}
}

func TestAppliedAloneIsFlagged(t *testing.T) {
	c := webtest.New(t).As("approver")
	v := webtest.ViewInReview()
	v.State, v.BreakGlass = access.ChangeApplied, &access.BreakGlass{By: access.PersonRef{ID: 9, Name: "Hero"}, Reason: "the VPN burns", At: webtest.Noon}
	v.Permissions.Clone = access.Errorf(access.KindConflict, "no")
	c.Changes.ChangeView = v
	p := c.Page("/changes/12")
	p.Contains("", "Applied alone by Hero", "the VPN burns", "needs a review afterwards")
	if p.Form("/changes/12/review") == nil {
		t.Error("a flagged change cannot be reviewed on its page")
	}
}

func TestBreakTheGlassAndClone(t *testing.T) {
	c := webtest.New(t).As("hero")
	c.Changes.ChangeView = webtest.ViewInReview()
	p := c.Page("/changes/12")
	if p.Form("/changes/12/alone") == nil {
		t.Fatal("the page has no form to break the glass")
	}
	if a := c.Post("/changes/12/alone", "digest", "d1", "alone_reason", "fire"); a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/rollouts/5" {
		t.Errorf("answered %d to %s", a.Status, a.Header.Get("Location"))
	}
	if a := c.Post("/changes/12/clone"); a.Header.Get("Location") != "/changes/13" {
		t.Errorf("cloned to %s", a.Header.Get("Location"))
	}
	if d := cmp.Diff([]string{`alone 12 d1 "fire"`, "clone 12"}, c.Changes.Did); d != "" {
		t.Errorf("what was asked of the service (-want +got):\n%s", d)
	}
	operator := webtest.New(t).As("operator")
	operator.Changes.ChangeView = webtest.ViewInReview()
	if a := operator.Post("/changes/12/alone", "digest", "d1", "alone_reason", "fire"); a.Status != http.StatusForbidden {
		t.Errorf("an operator broke the glass: %d", a.Status)
	}
}

func TestEntriesAreAddedOnTheChangePage(t *testing.T) {
	c := webtest.New(t).As("editor")
	c.Changes.ChangeView = webtest.DraftView()
	p := c.Parse(c.Post("/changes/12/entries", "allowlist", "nowhere", "lines", "9.9.9.9 kept"), http.StatusUnprocessableEntity)
	p.Contains("allowlist-problem", "nowhere")
	p.Contains("lines", "9.9.9.9 kept")
	if len(c.Changes.Did) != 0 {
		t.Errorf("asked of the service: %s", strings.Join(c.Changes.Did, "; "))
	}
}
