package change_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
)

func (d *desk) member(name string, teams []string, roles ...access.Role) access.Actor {
	d.t.Helper()
	event := access.NewAuditEvent(access.System("test"), start, "person.add", name, nil)
	p, err := d.store.CreatePerson(d.t.Context(), access.Person{Email: name + "@example.com", Name: name, Roles: roles, Teams: teams}, "-", event)
	d.must(err)
	return access.Actor{Kind: access.ActorPerson, PersonID: p.ID, Name: p.Name, Email: p.Email, Roles: p.Roles, Teams: p.Teams}
}

func addRule(id string, scope access.RuleScope, need ...access.Requirement) access.Edit {
	return access.Edit{Op: access.EditAddRule, ID: id, Rule: &access.ReviewRule{Name: "rule " + id, Scope: scope, Need: need}}
}

func putSettings(s access.Settings) access.Edit {
	return access.Edit{Op: access.EditUpdateSettings, ID: access.SettingsID, Settings: &s}
}

func one(teams ...string) access.Requirement { return access.Requirement{Count: 1, Teams: teams} }

func TestRulesSayWhoReviews(t *testing.T) {
	d := newDesk(t)
	d.base()
	net := d.member("net", []string{"network"}, access.RoleApprover)
	sec := d.member("sec", []string{"security", "network"}, access.RoleApprover)
	d.apply("Rules", addRule("rr-office", access.RuleScope{Allowlists: []string{"al-office"}}, one("network"), one("security")))
	c := d.submit("Office", addEntry("al-office", "9.9.9.0/24"))
	if len(c.Needs) != 1 || c.Required != 2 || !strings.Contains(c.Needs[0].Why, "office") {
		t.Fatalf("needs %+v (%d), want the rule for office", c.Needs, c.Required)
	}
	for _, step := range []struct {
		who  access.Actor
		want access.ChangeState
	}{{d.approver, access.ChangeInReview}, {sec, access.ChangeInReview}, {net, access.ChangeApproved}} {
		got, err := d.Review(t.Context(), step.who, c.ID, access.VerdictApprove, c.Digest, "")
		d.must(err)
		if got.State != step.want {
			t.Errorf("after %s: %s, want %s; it lacks %s", step.who.Name, got.State, step.want, got.MissingText())
		}
	}
	if _, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c)); err != nil {
		t.Error(err)
	}
	if vpn := d.submit("VPN", addEntry("al-vpn", "9.9.9.0/24")); len(vpn.Needs) != 1 || vpn.Needs[0].Rule != "" || vpn.Required != 1 {
		t.Errorf("a change outside the rule needs %+v, want the default", vpn.Needs)
	}
}

func TestWhatARuleIsFor(t *testing.T) {
	d := newDesk(t)
	d.base()
	swap := addMapping("mp-bob", "Bob", "vpn", "alice")
	swap.Op = access.EditUpdateMapping
	for i, c := range []struct {
		name  string
		scope access.RuleScope
		edit  access.Edit
		want  bool
	}{
		{"every change", access.RuleScope{}, addEntry("al-vpn", "9.9.9.0/24"), true},
		{"the allowlist", access.RuleScope{Allowlists: []string{"al-vpn"}}, addEntry("al-vpn", "9.9.9.0/24"), true},
		{"another allowlist", access.RuleScope{Allowlists: []string{"al-office"}}, addEntry("al-vpn", "9.9.9.0/24"), false},
		{"a mapping by its allowlist", access.RuleScope{Mappings: []string{"mp-admin"}}, addEntry("al-vpn", "9.9.9.0/24"), true},
		{"an allowlist by being put into a mapping", access.RuleScope{Allowlists: []string{"al-vpn"}}, swap, true},
		{"an allowlist by being removed from one", access.RuleScope{Allowlists: []string{"al-office"}}, swap, true},
		{"the OU written to", access.RuleScope{OUs: []string{prodOU}}, addEntry("al-vpn", "9.9.9.0/24"), true},
		{"another OU", access.RuleScope{OUs: []string{"ou-ab12-test0000"}}, addEntry("al-vpn", "9.9.9.0/24"), false},
		{"an OU that is not written to", access.RuleScope{OUs: []string{prodOU}}, addList("al-x", "x", "9.9.9.9"), false},
		{"a change of the rules", access.RuleScope{Dangers: []access.Danger{access.DangerRules}}, addRule("rr-new", access.RuleScope{}, one()), true},
		{"no change of the rules", access.RuleScope{Dangers: []access.Danger{access.DangerRules}}, addEntry("al-vpn", "9.9.9.0/24"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			id := fmt.Sprintf("rr-%d", i)
			d.apply("Rule", addRule(id, c.scope, one()))
			got := d.submit("Try", c.edit)
			applies := slices.ContainsFunc(got.Needs, func(n access.Need) bool { return n.Rule == id })
			if applies != c.want {
				t.Errorf("needs %+v, want the rule: %v", got.Needs, c.want)
			}
			d.apply("No rule", access.Edit{Op: access.EditRemoveRule, ID: id})
		})
	}
}

func TestDangersNeedMore(t *testing.T) {
	d := newDesk(t)
	d.base()
	two := access.Requirement{Count: 2}
	d.apply("Rules", putSettings(access.Settings{ManyAccounts: 3, AllowDangerous: true, BreakGlassMappings: []string{"mp-admin"}, Guards: access.GuardModes{BreakGlass: access.GuardConfirm}}),
		addRule("rr-net", access.RuleScope{Dangers: []access.Danger{access.DangerWholeInternet}}, two),
		addRule("rr-many", access.RuleScope{Dangers: []access.Danger{access.DangerManyAccounts}}, two),
		addRule("rr-glass", access.RuleScope{Dangers: []access.Danger{access.DangerBreakGlass}}, two))
	for name, c := range map[string]struct {
		edit access.Edit
		want string
	}{
		"the whole internet": {addEntry("al-office", "0.0.0.0/0"), "rr-many rr-net"},
		"many accounts":      {addEntry("al-office", "9.9.9.0/24"), "rr-many"},
		"break-glass":        {addEntry("al-vpn", "9.9.9.0/24"), "rr-glass rr-many"},
		"none":               {addList("al-x", "x", "9.9.9.9"), ""},
	} {
		var got []string
		for _, n := range d.submit(name, c.edit).Needs {
			got = append(got, n.Rule)
		}
		slices.Sort(got)
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s needs %q, want %q", name, got, c.want)
		}
	}
}

func TestReviewerWhoLosesTheRoleIsFoundAtApply(t *testing.T) {
	d := newDesk(t)
	d.base()
	c := d.approve(d.submit("Add", addEntry("al-vpn", "9.9.9.0/24")))
	_, err := d.store.UpdatePerson(t.Context(), d.approver.PersonID, func(p *access.Person, _ access.PersonContext) ([]access.AuditEvent, error) {
		p.Roles = []access.Role{access.RoleViewer}
		return nil, nil
	})
	d.must(err)
	if _, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c)); access.KindOf(err) != access.KindConflict || !strings.Contains(err.Error(), "back in review") {
		t.Fatalf("apply: %v, want it back in review", err)
	}
	got, err := d.Review(t.Context(), d.approver2, c.ID, access.VerdictApprove, c.Digest, "")
	d.must(err)
	if got.State != access.ChangeApproved {
		t.Errorf("after another review: %s", got.State)
	}
	if _, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c)); err != nil {
		t.Error(err)
	}
}

func TestARuleMadeSinceHoldsAtApply(t *testing.T) {
	d := newDesk(t)
	d.base()
	c := d.approve(d.submit("Add", addEntry("al-vpn", "9.9.9.0/24")))
	d.apply("Two from now on", addRule("rr-two", access.RuleScope{}, access.Requirement{Count: 2}))
	if _, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c)); access.KindOf(err) != access.KindConflict {
		t.Fatalf("apply with one review: %v, want KindConflict", err)
	}
	_, err := d.Review(t.Context(), d.approver2, c.ID, access.VerdictApprove, c.Digest, "")
	d.must(err)
	if _, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c)); err != nil {
		t.Errorf("with two: %v", err)
	}
}

func TestBreakGlass(t *testing.T) {
	d := newDesk(t)
	d.base()
	hero := d.member("hero", nil, access.RoleBreakGlass)
	begin := func() access.Change {
		c, err := d.Draft(t.Context(), hero, change.Input{Title: "Let us in", Reason: "fire", Edits: []access.Edit{addEntry("al-vpn", "9.9.9.0/24")}})
		d.must(err)
		c, err = d.Submit(t.Context(), hero, c.ID, c.Version)
		d.must(err)
		return c
	}
	c := begin()
	if _, err := d.ApplyAlone(t.Context(), hero, c.ID, c.Digest, "fire"); access.KindOf(err) != access.KindForbidden {
		t.Fatalf("against the settings: %v, want KindForbidden", err)
	}
	d.apply("Allow it", putSettings(access.Settings{BreakGlassAllowed: true}))
	for name, who := range map[string]access.Actor{"an operator": d.operator, "the editor": d.editor} {
		if _, err := d.ApplyAlone(t.Context(), who, c.ID, c.Digest, "fire"); access.KindOf(err) != access.KindForbidden {
			t.Errorf("%s: %v, want KindForbidden", name, err)
		}
	}
	if _, err := d.ApplyAlone(t.Context(), hero, c.ID, c.Digest, ""); access.KindOf(err) != access.KindInvalid {
		t.Errorf("without a reason: %v, want KindInvalid", err)
	}
	r, err := d.ApplyAlone(t.Context(), hero, c.ID, c.Digest, "the VPN burns")
	d.must(err)
	if r.Revision != 3 || r.Counts.Total() != 3 {
		t.Errorf("rollout %+v", r)
	}
	v, err := d.View(t.Context(), d.approver, c.ID)
	d.must(err)
	if !v.Flagged() || v.Permissions.Review != nil || !slices.ContainsFunc(v.History, func(e access.AuditEvent) bool {
		return e.Action == "change.break_glass" && strings.Contains(string(e.Detail), "the VPN burns")
	}) {
		t.Errorf("flagged %v, may review: %v, history %+v", v.Flagged(), v.Permissions.Review, v.History)
	}
	o, err := d.Overview(t.Context(), d.approver)
	d.must(err)
	if !slices.ContainsFunc(o.ForYou, func(w access.Change) bool { return w.ID == c.ID }) {
		t.Error("the flagged change does not wait for the approver")
	}
	if _, err := d.Review(t.Context(), hero, c.ID, access.VerdictApprove, c.Digest, ""); access.KindOf(err) != access.KindForbidden {
		t.Errorf("reviewed by whoever was alone: %v, want KindForbidden", err)
	}
	got, err := d.Review(t.Context(), d.approver, c.ID, access.VerdictApprove, c.Digest, "it did burn")
	d.must(err)
	if got.Flagged() || got.State != access.ChangeApplied {
		t.Errorf("after the review: flagged %v, %s", got.Flagged(), got.State)
	}
}

func TestLockOutGuards(t *testing.T) {
	d := newDesk(t)
	d.base()
	remove := func(list, key string) access.Edit {
		return access.Edit{Op: access.EditRemoveEntry, ID: list, Key: key}
	}
	d.apply("Protect", putSettings(access.Settings{BreakGlassMappings: []string{"mp-admin"}, BreakGlassAllowlists: []string{"al-vpn"}}))
	for name, c := range map[string]struct {
		edits  []access.Edit
		code   access.GuardCode
		object string
		person string
		mode   access.GuardMode
	}{
		"no address":                  {[]access.Edit{remove("al-office", "103.15.250.0/24"), remove("al-office", "12.148.72.0/23")}, access.GuardNoAddress, "Bob", "alice", access.GuardConfirm},
		"a break-glass mapping":       {[]access.Edit{{Op: access.EditRemoveMapping, ID: "mp-admin"}}, access.GuardBreakGlass, "Admin", "carol", access.GuardRefuse},
		"part of a break-glass range": {[]access.Edit{remove("al-vpn", "8.8.8.0/24"), addEntry("al-vpn", "8.8.8.0/25")}, access.GuardBreakGlass, "vpn", "carol", access.GuardRefuse},
		"a rule that nobody can meet": {[]access.Edit{addRule("rr-x", access.RuleScope{}, one("nobody"))}, access.GuardNobodyApplies, "rule rr-x", "approver2@example.com", access.GuardRefuse},
		"more than there are":         {[]access.Edit{addRule("rr-x", access.RuleScope{}, access.Requirement{Count: 3})}, access.GuardNobodyApplies, "rule rr-x", "approver2@example.com", access.GuardRefuse},
		"no address, in time":         {[]access.Edit{updateEdit(expiring("al-office", "103.15.250.0/24", 3*day)), updateEdit(expiring("al-office", "12.148.72.0/23", 5*day))}, access.GuardNoAddress, "Bob", "alice", access.GuardConfirm},
		"a break-glass range in time": {[]access.Edit{updateEdit(expiring("al-vpn", "8.8.8.0/24", day)), addEntry("al-vpn", "7.7.7.0/24")}, access.GuardBreakGlass, "vpn", "carol", access.GuardRefuse},
	} {
		draft := d.draftOf(name, c.edits...)
		v, err := d.View(t.Context(), d.editor, draft.ID)
		d.must(err)
		if len(v.Guards) != 1 || v.Guards[0].Code != c.code || v.Guards[0].Object != c.object || v.Guards[0].Mode != c.mode || !slices.Contains(v.Guards[0].People, c.person) {
			t.Errorf("%s: guards %+v", name, v.Guards)
			continue
		}
		if _, err := d.Submit(t.Context(), d.editor, draft.ID, draft.Version); access.KindOf(err) != access.KindInvalid {
			t.Errorf("%s: submitted: %v, want KindInvalid", name, err)
		}
		overridden, err := d.OverrideGuard(t.Context(), d.editor, draft.ID, c.code, c.object)
		if c.mode == access.GuardRefuse {
			if access.KindOf(err) != access.KindForbidden {
				t.Errorf("%s: overridden though refused: %v", name, err)
			}
			continue
		}
		d.must(err)
		if _, err := d.Submit(t.Context(), d.editor, draft.ID, overridden.Version); err != nil {
			t.Errorf("%s: overridden, and not submitted: %v", name, err)
		}
	}
	for name, edits := range map[string][]access.Edit{
		"one of two, in time":     {updateEdit(expiring("al-office", "103.15.250.0/24", 3*day))},
		"a visitor":               {expiring("al-office", "9.9.9.0/24", 3*day), expiring("al-vpn", "9.9.8.0/24", 3*day)},
		"one of two ranges":       {remove("al-office", "103.15.250.0/24")},
		"the same in two halves":  {remove("al-vpn", "8.8.8.0/24"), addEntry("al-vpn", "8.8.8.0/25"), addEntry("al-vpn", "8.8.8.128/25")},
		"a rule that can be met":  {addRule("rr-x", access.RuleScope{}, access.Requirement{Count: 2})},
		"a mapping that goes":     {{Op: access.EditRemoveMapping, ID: "mp-bob"}},
		"a protected list's name": {{Op: access.EditUpdateAllowlist, ID: "al-vpn", Allowlist: &access.Allowlist{Name: "vpn 2"}}},
	} {
		v, err := d.View(t.Context(), d.editor, d.draftOf(name, edits...).ID)
		d.must(err)
		if len(v.Guards) != 0 {
			t.Errorf("%s: guards %+v, want none", name, v.Guards)
		}
	}
}

func TestOwnAddressIsGuardedForEachActor(t *testing.T) {
	d := newDesk(t)
	d.base()
	at := netip.MustParseAddr("103.15.250.7")
	alice := d.member("alice", nil, access.RoleApprover)
	alice.Addr, d.editor.Addr = at, at
	c := d.submit("Leave", access.Edit{Op: access.EditRemoveEntry, ID: "al-office", Key: "103.15.250.0/24"}) // the editor is not mapped
	if _, err := d.Review(t.Context(), alice, c.ID, access.VerdictApprove, c.Digest, ""); access.KindOf(err) != access.KindInvalid || !strings.Contains(err.Error(), "103.15.250.7") {
		t.Fatalf("approved without a word: %v, want the address named", err)
	}
	if _, err := d.OverrideGuard(t.Context(), d.editor, c.ID, access.GuardOwnAddress, "Bob"); err == nil {
		t.Error("overridden by a person who is not affected")
	}
	if _, err := d.OverrideGuard(t.Context(), alice, c.ID, access.GuardOwnAddress, "bob"); access.KindOf(err) != access.KindInvalid {
		t.Errorf("typed wrongly: %v, want KindInvalid", err)
	}
	_, err := d.OverrideGuard(t.Context(), alice, c.ID, access.GuardOwnAddress, "Bob")
	d.must(err)
	got, err := d.Review(t.Context(), alice, c.ID, access.VerdictApprove, c.Digest, "")
	d.must(err)
	if got.State != access.ChangeApproved {
		t.Errorf("state %s", got.State)
	}
}

// carol is an operator who is mapped to the role Admin, and reaches the console from a network of al-vpn.
func (d *desk) carol() access.Actor {
	carol := d.member("carol", nil, access.RoleOperator)
	carol.Addr = netip.MustParseAddr("8.8.8.8")
	return carol
}

func TestGuardsAreAskedAgainAtApply(t *testing.T) {
	d := newDesk(t)
	d.base()
	c := d.approve(d.submit("Leave", access.Edit{Op: access.EditRemoveEntry, ID: "al-vpn", Key: "8.8.8.0/24"}, addEntry("al-vpn", "7.7.7.0/24")))
	_, err := d.Apply(t.Context(), d.carol(), c.ID, asSeen(c))
	if access.KindOf(err) != access.KindInvalid || !strings.Contains(err.Error(), "8.8.8.8") {
		t.Errorf("apply by an operator who would be locked out: %v, want a refusal that names the address", err)
	}
}

func TestCommentsAndHistory(t *testing.T) {
	d := newDesk(t)
	c := d.submit("One", addList("al-1", "one", "8.8.8.8"))
	_, err := d.Comment(t.Context(), d.viewer, c.ID, "why <b>now</b>?")
	d.must(err)
	if _, err := d.Comment(t.Context(), d.viewer, c.ID, "  "); access.KindOf(err) != access.KindInvalid {
		t.Errorf("an empty comment: %v", err)
	}
	if _, err := d.Comment(t.Context(), d.viewer, 999, "x"); access.KindOf(err) != access.KindNotFound {
		t.Errorf("a comment on nothing: %v", err)
	}
	c, err = d.Review(t.Context(), d.approver, c.ID, access.VerdictReject, c.Digest, "too wide")
	d.must(err)
	v, err := d.View(t.Context(), d.viewer, c.ID)
	d.must(err)
	if len(v.Comments) != 1 || v.Comments[0].Body != "why <b>now</b>?" || v.Comments[0].Author.ID != d.viewer.PersonID {
		t.Errorf("comments %+v", v.Comments)
	}
	var steps []string
	for _, e := range v.History {
		steps = append(steps, e.Action)
	}
	if got, want := strings.Join(steps, " "), "change.draft change.submit change.comment change.reject"; got != want {
		t.Errorf("history %q, want %q", got, want)
	}
}

func TestCloneOfWhatCameToNothing(t *testing.T) {
	d := newDesk(t)
	d.base()
	c := d.submit("Open", addEntry("al-vpn", "9.9.9.0/24"), addEntry("al-office", "9.9.8.0/24"))
	if _, err := d.Clone(t.Context(), d.editor2, c.ID); access.KindOf(err) != access.KindConflict {
		t.Errorf("clone of a change in review: %v, want KindConflict", err)
	}
	_, err := d.Review(t.Context(), d.approver, c.ID, access.VerdictReject, c.Digest, "no")
	d.must(err)
	d.apply("Half of it", addEntry("al-vpn", "9.9.9.0/24"))
	got, err := d.Clone(t.Context(), d.editor2, c.ID)
	d.must(err)
	if got.State != access.ChangeDraft || got.ClonedFrom != c.ID || got.Author.ID != d.editor2.PersonID || got.Title != "Open" || got.Base != 2 || len(got.Edits) != 1 || got.Edits[0].Key != "9.9.8.0/24" {
		t.Errorf("clone %+v, want a draft of what is left", got)
	}
	if len(got.Reviews) != 0 {
		t.Error("the clone has the reviews of the first")
	}
}

func TestWhoWroteAChangeDoesNotReviewItsClone(t *testing.T) {
	d := newDesk(t)
	d.base()
	c := d.submit("Open", addEntry("al-vpn", "9.9.9.0/24"))
	helped, err := d.AddEdits(t.Context(), d.editor2, c.ID, "", []access.Edit{addEntry("al-office", "9.9.8.0/24")})
	d.must(err)
	_, err = d.Describe(t.Context(), d.editor, c.ID, helped.Version, "Open", "SEC-1: needed")
	d.must(err)
	_, err = d.Withdraw(t.Context(), d.editor, c.ID)
	d.must(err)
	third := d.approver
	third.Roles = append(slices.Clone(third.Roles), access.RoleEditor)
	clone, err := d.Clone(t.Context(), third, c.ID)
	d.must(err)
	clone, err = d.Clone(t.Context(), third, d.withdrawn(third, clone))
	d.must(err)
	clone, err = d.Submit(t.Context(), third, clone.ID, clone.Version)
	d.must(err)
	for _, writer := range []access.Actor{d.editor, d.editor2, third} {
		writer.Roles = append(slices.Clone(writer.Roles), access.RoleApprover)
		if _, err := d.Review(t.Context(), writer, clone.ID, access.VerdictApprove, clone.Digest, ""); access.KindOf(err) != access.KindForbidden {
			t.Errorf("%s, whose edits a clone repeats, approves it: %v, want KindForbidden", writer.Name, err)
		}
	}
	if clone, err = d.Review(t.Context(), d.approver2, clone.ID, access.VerdictApprove, clone.Digest, ""); err != nil || clone.State != access.ChangeApproved {
		t.Errorf("somebody who wrote none of it: %v, the clone is %s", err, clone.State)
	}
}

func (d *desk) withdrawn(actor access.Actor, c access.Change) int64 {
	d.t.Helper()
	_, err := d.Withdraw(d.t.Context(), actor, c.ID)
	d.must(err)
	return c.ID
}

func TestRulesAreSavedThroughAChange(t *testing.T) {
	d := newDesk(t)
	d.base()
	r := access.ReviewRule{Name: "Office", Scope: access.RuleScope{Allowlists: []string{"al-office"}}, Need: []access.Requirement{{Count: 2}}}
	c, err := d.SaveRule(t.Context(), d.editor, 0, r)
	d.must(err)
	c, err = d.SaveSettings(t.Context(), d.editor, c.ID, access.Settings{ManyAccounts: 7, BreakGlassMappings: []string{"mp-bob"}})
	d.must(err)
	v, err := d.View(t.Context(), d.editor, c.ID)
	d.must(err)
	if len(v.Rules) != 1 || v.Rules[0].Before != nil || v.Rules[0].After.Name != "Office" || len(v.Settings) != 2 || v.Settings[0].After != "7 and more" {
		t.Errorf("the change shows rules %+v and settings %+v", v.Rules, v.Settings)
	}
	if rules, err := d.Rules(t.Context(), d.viewer); err != nil || len(rules.Rules) != 0 {
		t.Errorf("before it is applied: %+v (%v)", rules.Rules, err)
	}
	r.Scope.Allowlists = []string{"al-missing"}
	if _, err := d.SaveRule(t.Context(), d.editor, 0, r); access.KindOf(err) != access.KindInvalid {
		t.Errorf("a rule for an allowlist that is not there: %v", err)
	}
	for name, call := range map[string]func(access.Actor) error{
		"SaveRule":     func(a access.Actor) error { _, err := d.SaveRule(t.Context(), a, 0, r); return err },
		"RemoveRule":   func(a access.Actor) error { _, err := d.RemoveRule(t.Context(), a, 0, "x"); return err },
		"SaveSettings": func(a access.Actor) error { _, err := d.SaveSettings(t.Context(), a, 0, access.Settings{}); return err },
		"Clone":        func(a access.Actor) error { _, err := d.Clone(t.Context(), a, c.ID); return err },
		"Confirm": func(a access.Actor) error {
			_, err := d.OverrideGuard(t.Context(), a, c.ID, access.GuardNoAddress, "x")
			return err
		},
		"ApplyAlone": func(a access.Actor) error { _, err := d.ApplyAlone(t.Context(), a, c.ID, "x", "x"); return err },
	} {
		if err := call(d.viewer); access.KindOf(err) != access.KindForbidden {
			t.Errorf("%s as a viewer: %v, want KindForbidden", name, err)
		}
		if err := call(access.Actor{}); access.KindOf(err) != access.KindUnauthenticated {
			t.Errorf("%s as nobody: %v, want KindUnauthenticated", name, err)
		}
	}
}

// Everybody edits the same change at once: every edit arrives, or its author is told.
func TestManyEditAtOnce(t *testing.T) {
	d := newDesk(t)
	d.base()
	c := d.draftOf("Shared", addEntry("al-vpn", "9.9.9.0/24"))
	ctx := context.WithoutCancel(t.Context())
	added := race(5, func(i int) error {
		_, err := d.AddEntries(ctx, []access.Actor{d.editor, d.editor2}[i%2], c.ID, "al-vpn", pasteEntries(fmt.Sprintf("7.7.%d.0/24", i)))
		return err
	})
	got, err := d.Change(t.Context(), d.viewer, c.ID)
	d.must(err)
	if len(got.Edits) != 1+added || added == 0 {
		t.Errorf("%d edits after %d that were said to be added to the one, want all of them", len(got.Edits), added)
	}
	if won := race(4, func(i int) error {
		_, err := d.Describe(ctx, d.editor, c.ID, got.Version, fmt.Sprintf("Title %d", i), "SEC-1")
		return err
	}); won != 1 {
		t.Errorf("%d of 4 who had read the same version saved, want 1", won)
	}
}

// An edit and an approval at once: never is something approved that nobody has seen.
func TestEditAndApproveAtOnce(t *testing.T) {
	d := newDesk(t)
	d.base()
	ctx := context.WithoutCancel(t.Context())
	for i := range 3 {
		c := d.submit("Add", addEntry("al-vpn", fmt.Sprintf("9.9.%d.0/24", i)))
		race(2, func(who int) error {
			if who == 0 {
				_, err := d.AddEntries(ctx, d.editor2, c.ID, "al-vpn", pasteEntries(fmt.Sprintf("7.7.%d.0/24", i)))
				return err
			}
			_, err := d.Review(ctx, d.approver, c.ID, access.VerdictApprove, c.Digest, "")
			return err
		})
		got, err := d.Change(t.Context(), d.viewer, c.ID)
		d.must(err)
		if got.State == access.ChangeApproved && len(got.Edits) != 1 || got.State == access.ChangeDraft && got.Approvals() != 0 {
			t.Errorf("%s with %d edits and %d approvals", got.State, len(got.Edits), got.Approvals())
		}
	}
}
