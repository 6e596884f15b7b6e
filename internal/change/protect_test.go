package change_test

import (
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
)

// TestRemovingARuleNeedsItsApprovals, also together with edits that the rule is not about.
func TestRemovingARuleNeedsItsApprovals(t *testing.T) {
	d := newDesk(t)
	d.base()
	sec := d.member("sec", []string{"security"}, access.RoleApprover)
	d.apply("Protect the office", addRule("rr-office", access.RuleScope{Allowlists: []string{"al-office"}}, one("security")))
	c := d.submit("Away with it", access.Edit{Op: access.EditRemoveRule, ID: "rr-office"}, addEntry("al-vpn", "9.9.9.0/24"))
	got, err := d.Review(t.Context(), d.approver, c.ID, access.VerdictApprove, c.Digest, "")
	d.must(err)
	if got.State != access.ChangeInReview || !strings.Contains(got.MissingText(), "team security") {
		t.Fatalf("with the approval of another person it is %s and lacks %q, want the team of the rule", got.State, got.MissingText())
	}
	if _, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c)); access.KindOf(err) != access.KindConflict {
		t.Errorf("applied without the team: %v, want KindConflict", err)
	}
	got, err = d.Review(t.Context(), sec, c.ID, access.VerdictApprove, c.Digest, "")
	d.must(err)
	if got.State != access.ChangeApproved {
		t.Errorf("with the approval of the team it is %s", got.State)
	}
	if _, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c)); err != nil {
		t.Error(err)
	}
}

// TestSettingNeedsTheApprovalsOfTheRulesThatDependOnIt: a threshold cannot be raised past a rule about the danger.
func TestSettingNeedsTheApprovalsOfTheRulesThatDependOnIt(t *testing.T) {
	d := newDesk(t)
	d.base()
	d.apply("Many accounts", putSettings(access.Settings{ManyAccounts: 3}),
		addRule("rr-many", access.RuleScope{Dangers: []access.Danger{access.DangerManyAccounts}}, access.Requirement{Count: 2}))
	c := d.submit("Not so many", putSettings(access.Settings{ManyAccounts: 1000}))
	if len(c.Needs) != 1 || c.Needs[0].Rule != "rr-many" || !strings.Contains(c.Needs[0].Why, "many_accounts") {
		t.Errorf("the change needs %+v, want the rule about many accounts", c.Needs)
	}
	if c := d.approve(c); c.State != access.ChangeInReview {
		t.Errorf("with one of two approvals it is %s", c.State)
	}
}
