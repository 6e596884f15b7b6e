package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/change"
)

func (f *changes) Rules(context.Context, access.Actor) (change.RulesView, error) {
	return f.rules, nil
}

func (f *changes) RuleForm(context.Context, access.Actor, int) (change.RulesView, error) {
	return f.rules, nil
}

func (f *changes) SaveRule(_ context.Context, _ access.Actor, id int64, r access.ReviewRule) (access.Change, error) {
	return access.Change{ID: 12}, f.note("rule %d %s %+v %v", id, r.Name, r.Scope, r.Need)
}

func (f *changes) RemoveRule(_ context.Context, _ access.Actor, id int64, rule string) (access.Change, error) {
	return access.Change{ID: 12}, f.note("remove rule %d %s", id, rule)
}

func (f *changes) SaveSettings(_ context.Context, _ access.Actor, id int64, s access.Settings) (access.Change, error) {
	return access.Change{ID: 12}, f.note("settings %d %d %v %v %v %s %s %d", id, s.ManyAccounts, s.BreakGlassAllowed, s.BreakGlassMappings, s.BreakGlassAllowlists, s.Guards.NoAddress, s.EmergencyMaxLife, s.ExpiryNoticeDays)
}

func (f *changes) Comment(_ context.Context, _ access.Actor, id int64, body string, options ...change.Option) (access.Comment, error) {
	if err := change.Holds(f.view.Change, options...); err != nil {
		return access.Comment{}, err
	}
	return access.Comment{}, f.note("comment %d %q", id, body)
}

func (f *changes) Confirm(_ context.Context, _ access.Actor, id int64, code access.GuardCode, typed string) (access.Change, error) {
	return access.Change{ID: id}, f.note("confirm %d %s %q", id, code, typed)
}

func (f *changes) Clone(_ context.Context, _ access.Actor, id int64, options ...change.Option) (access.Change, error) {
	if err := change.Holds(f.view.Change, options...); err != nil {
		return access.Change{}, err
	}
	return access.Change{ID: 13}, f.note("clone %d", id)
}

func (f *changes) ApplyAlone(_ context.Context, _ access.Actor, id int64, digest, reason string) (access.Rollout, error) {
	return access.Rollout{ID: 5, Revision: 8}, f.note("alone %d %s %q", id, digest, reason)
}

// postForm sends a form whose fields may have several values.
func (c *console) postForm(path string, form url.Values) answer {
	c.t.Helper()
	var fields []string
	for name, values := range form {
		for _, v := range values {
			fields = append(fields, name, v)
		}
	}
	return c.post(path, fields...)
}

func someRules() change.RulesView {
	return change.RulesView{
		Rules: []access.ReviewRule{{
			ID: "rr-1", Name: "Production <b>", Scope: access.RuleScope{OUs: []string{"Root/Prod"}, Allowlists: []string{"al-1"}, Dangers: []access.Danger{access.DangerRules}},
			Need: []access.Requirement{{Count: 2, Teams: []string{"network", "security"}}},
		}},
		Settings: access.Settings{ManyAccounts: 50, BreakGlassMappings: []string{"mp-1"}}.OrDefault(), Allowlists: map[string]string{"al-1": "office", "al-2": "vpn"}, Mappings: map[string]string{"mp-1": "Bob for all accounts"}, Teams: []string{"network"},
	}
}

func TestSettingsPage(t *testing.T) {
	c := newConsole(t).as("viewer")
	c.changes.rules = someRules()
	p := c.page("/settings")
	p.contains("rules", "Production <b>", "Accounts in: Root/Prod", "Allowlists: office", "changes review rules or settings", "2 approvals by team network or team security")
	p.contains("settings", "50 written accounts", "Bob for all accounts", "7 days", "24 hours", "refused")
	if p.form("/settings/rules/rr-1/remove") != nil {
		t.Error("a viewer is offered to remove a rule")
	}
	if a := c.get("/settings/edit"); a.status != http.StatusForbidden {
		t.Errorf("a viewer gets the form: %d", a.status)
	}
}

func TestRuleForm(t *testing.T) {
	c := newConsole(t).as("editor")
	c.changes.rules = someRules()
	if got := attr(c.page("/settings/rules/rr-1/edit").id("need/0/teams"), "value"); got != "network, security" {
		t.Errorf("the form of a rule is filled with teams %q", got)
	}
	if a := c.get("/settings/rules/rr-9/edit"); a.status != http.StatusNotFound {
		t.Errorf("the form of a rule that is not there: %d", a.status)
	}
	form := url.Values{
		"name": {"Both"}, "scope/allowlists": {"al-1", "vpn"}, "scope/dangers": {"whole_internet"}, "scope/tags": {"env=prod"},
		"need/0/count": {"1"}, "need/0/teams": {"Network"}, "need/1/roles": {"admin, auditor"},
	}
	if a := c.postForm("/settings/rules/new", form); a.status != http.StatusSeeOther || a.header.Get("Location") != "/changes/12" {
		t.Fatalf("answered %d: %s", a.status, a.body)
	}
	want := []string{fmt.Sprintf("rule 0 Both %+v %v", access.RuleScope{Allowlists: []string{"al-1", "al-2"}, Tags: map[string]string{"env": "prod"}, Dangers: []access.Danger{"whole_internet"}},
		[]access.Requirement{{Count: 1, Teams: []string{"network"}}, {Count: 1, Roles: []access.Role{access.RoleAdmin, access.RoleAuditor}}})}
	if d := cmp.Diff(want, c.changes.did); d != "" {
		t.Errorf("what was asked of the service (-want +got):\n%s", d)
	}
	form.Set("need/0/count", "many")
	form.Set("name", "Kept as typed")
	p := c.parse(c.postForm("/settings/rules/new", form), http.StatusUnprocessableEntity)
	if got := attr(p.id("name"), "value"); got != "Kept as typed" {
		t.Errorf("the name came back as %q", got)
	}
	p.contains("need/0/count-problem", "not a number")
}

func TestSettingsForm(t *testing.T) {
	c := newConsole(t).as("editor")
	c.changes.rules = someRules()
	form := url.Values{
		"many_accounts": {"20"}, "break_glass_allowed": {"yes"}, "break_glass/mappings": {"mp-1"}, "break_glass/allowlists": {"office"},
		"guards/no_address": {"refuse"}, "guards/own_address": {"confirm"}, "guards/break_glass": {"refuse"}, "guards/nobody_applies": {"refuse"},
		"emergency_max_life": {"8h"}, "expiry_notice_days": {"3"}, "change": {"0"},
	}
	if a := c.postForm("/settings/edit", form); a.status != http.StatusSeeOther {
		t.Fatalf("answered %d: %s", a.status, a.body)
	}
	if d := cmp.Diff([]string{"settings 0 20 true [mp-1] [al-1] refuse 8h0m0s 3"}, c.changes.did); d != "" {
		t.Errorf("what was asked of the service (-want +got):\n%s", d)
	}
	form.Set("emergency_max_life", "soon")
	form.Set("many_accounts", "0")
	p := c.parse(c.postForm("/settings/edit", form), http.StatusUnprocessableEntity)
	p.contains("emergency_max_life-problem", "24h")
	p.contains("many_accounts-problem", "1 or more")
}

func TestGuardsAreShownAndConfirmed(t *testing.T) {
	c := newConsole(t).as("editor")
	v := draft()
	v.Guards = []access.Guard{
		{Code: access.GuardNoAddress, Object: "Bob", Message: "alice would be left without any address.", People: []string{"alice"}, Addresses: []string{"103.15.250.0/24"}, Mode: access.GuardConfirm},
		{Code: access.GuardBreakGlass, Object: "vpn", Message: "The break-glass allowlist vpn would lose 8.8.8.0/24.", Mode: access.GuardRefuse},
	}
	c.changes.view = v
	p := c.page("/changes/12")
	p.contains("guards", "alice", "103.15.250.0/24", "type Bob", "would lose 8.8.8.0/24", "do not let this be confirmed")
	if a := c.post("/changes/12/confirm", "guard", "no_address", "typed", "Bob"); a.status != http.StatusSeeOther {
		t.Fatalf("answered %d", a.status)
	}
	if d := cmp.Diff([]string{`confirm 12 no_address "Bob"`}, c.changes.did); d != "" {
		t.Errorf("what was asked of the service (-want +got):\n%s", d)
	}
}

func TestNeedsCommentsAndRulesOnTheChangePage(t *testing.T) {
	c := newConsole(t).as("approver")
	v := inReview()
	need := access.Need{Name: "Office", Why: "the change touches the allowlist office", Need: []access.Requirement{{Count: 1, Teams: []string{"network"}}, {Count: 1, Teams: []string{"security"}}}}
	v.Needs = []access.NeedStatus{{Need: need, Missing: need.Need[1:]}}
	v.Comments = []access.Comment{{Author: author(), Body: "<i>why</i>", At: noon}}
	v.Rules = []access.RuleChange{{After: &access.ReviewRule{Name: "Two", Need: []access.Requirement{{Count: 2}}}}}
	v.Settings = []access.SettingChange{{Name: "Break-glass is allowed", Before: "no", After: "yes"}}
	c.changes.view = v
	p := c.page("/changes/12")
	p.contains("needs", "Office", "1 approval by team network, and 1 approval by team security", "Missing: 1 approval by team security", "touches the allowlist office")
	p.contains("comments", "<i>why</i>")
	p.contains("rules", "Two", "New", "2 approvals by any approver")
	p.contains("settings", "Break-glass is allowed", "no", "yes")
	if a := c.post("/changes/12/comment", "body", "because"); a.status != http.StatusSeeOther {
		t.Errorf("answered %d", a.status)
	}
	if d := cmp.Diff([]string{`comment 12 "because"`}, c.changes.did); d != "" {
		t.Errorf("what was asked of the service (-want +got):\n%s", d)
	}
}

func TestAppliedAloneIsFlagged(t *testing.T) {
	c := newConsole(t).as("approver")
	v := inReview()
	v.State, v.BreakGlass = access.ChangeApplied, &access.BreakGlass{By: access.PersonRef{ID: 9, Name: "Hero"}, Reason: "the VPN burns", At: noon}
	v.Permissions.Clone = access.Errorf(access.KindConflict, "no")
	c.changes.view = v
	p := c.page("/changes/12")
	p.contains("", "Applied alone by Hero", "the VPN burns", "needs a review afterwards")
	if p.form("/changes/12/review") == nil {
		t.Error("a flagged change cannot be reviewed on its page")
	}
}

func TestBreakTheGlassAndClone(t *testing.T) {
	c := newConsole(t).as("hero")
	c.changes.view = inReview()
	p := c.page("/changes/12")
	if p.form("/changes/12/alone") == nil {
		t.Fatal("the page has no form to break the glass")
	}
	if a := c.post("/changes/12/alone", "digest", "d1", "alone_reason", "fire"); a.status != http.StatusSeeOther || a.header.Get("Location") != "/rollouts/5" {
		t.Errorf("answered %d to %s", a.status, a.header.Get("Location"))
	}
	if a := c.post("/changes/12/clone"); a.header.Get("Location") != "/changes/13" {
		t.Errorf("cloned to %s", a.header.Get("Location"))
	}
	if d := cmp.Diff([]string{`alone 12 d1 "fire"`, "clone 12"}, c.changes.did); d != "" {
		t.Errorf("what was asked of the service (-want +got):\n%s", d)
	}
	operator := newConsole(t).as("operator")
	operator.changes.view = inReview()
	if a := operator.post("/changes/12/alone", "digest", "d1", "alone_reason", "fire"); a.status != http.StatusForbidden {
		t.Errorf("an operator broke the glass: %d", a.status)
	}
}

func TestEntriesAreAddedOnTheChangePage(t *testing.T) {
	c := newConsole(t).as("editor")
	c.changes.view = draft()
	p := c.parse(c.post("/changes/12/entries", "allowlist", "nowhere", "lines", "9.9.9.9 kept"), http.StatusUnprocessableEntity)
	p.contains("allowlist-problem", "nowhere")
	p.contains("lines", "9.9.9.9 kept")
	if len(c.changes.did) != 0 {
		t.Errorf("asked of the service: %s", strings.Join(c.changes.did, "; "))
	}
}
