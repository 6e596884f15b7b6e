package change_test

import (
	"fmt"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/policy"
)

// applyByTwo applies edits with two approvals.
func (d *desk) applyByTwo(title string, edits ...access.Edit) {
	d.t.Helper()
	c := d.approve(d.submit(title, edits...))
	d.must(second(d.Review(d.t.Context(), d.approver2, c.ID, access.VerdictApprove, c.Digest, "")))
	d.must(second(d.Apply(d.t.Context(), d.operator, c.ID, asSeen(c))))
}

// TestLargeReachIsADanger: a rule about large reach holds where an addition is large or makes the total
// large, and not for a small addition to a reach that is large already.
func TestLargeReachIsADanger(t *testing.T) {
	d := newDesk(t)
	d.base()
	d.apply("Rules", addRule("rr-reach", access.RuleScope{Dangers: []access.Danger{access.DangerLargeReach}}, access.Requirement{Count: 2}))
	needs := func(c access.Change) bool { return len(c.Needs) == 1 && c.Needs[0].Rule == "rr-reach" }
	large := d.submit("Large", addEntry("al-office", "52.0.0.0/9"))
	if !needs(large) {
		t.Errorf("52.0.0.0/9 needs %+v, want the rule", large.Needs)
	}
	v, err := d.View(t.Context(), d.approver, large.ID)
	d.must(err)
	said := ""
	for _, i := range v.Issues {
		if i.Code == policy.CodeLargeReach {
			said += i.Message
		}
	}
	if !strings.Contains(said, "this change adds 8.4 million addresses, 0.2 % of IPv4") {
		t.Errorf("the reviewer reads %q", said)
	}
	if c := d.submit("Small", addEntry("al-office", "52.0.0.0/24")); needs(c) {
		t.Errorf("52.0.0.0/24 needs %+v", c.Needs)
	}
	d.applyByTwo("Remove the rule", access.Edit{Op: access.EditRemoveRule, ID: "rr-reach"})
	d.apply("Open", addEntry("al-office", "52.0.0.0/9"))
	d.apply("Rules", addRule("rr-reach", access.RuleScope{Dangers: []access.Danger{access.DangerLargeReach}}, access.Requirement{Count: 2}))
	if c := d.submit("Small again", addEntry("al-office", "9.9.9.0/24")); needs(c) {
		t.Errorf("a small addition to a large reach needs %+v", c.Needs)
	}
	if c := d.submit("Large again", addEntry("al-office", "54.0.0.0/10")); !needs(c) {
		t.Errorf("a large addition to a large reach needs %+v, want the rule", c.Needs)
	}
	d.applyByTwo("Settings", putSettings(access.Settings{LargeIPv4: 256}))
	if c := d.submit("By the settings", addEntry("al-office", "9.9.9.0/24")); !needs(c) {
		t.Errorf("with 256 addresses as large, 9.9.9.0/24 needs %+v, want the rule", c.Needs)
	}
}

// TestUnionOfManyListsIsRefused: no list is too large, but one mapping opens most of the internet.
func TestUnionOfManyListsIsRefused(t *testing.T) {
	d := newDesk(t)
	d.base()
	var edits []access.Edit
	mapping := addMapping("mp-wide", "Bob", "office", "alice")
	for i := 11; i < 224 && len(edits) < 200; i++ {
		if i == 127 || i == 169 || i == 172 || i == 192 || i == 100 {
			continue
		}
		name := fmt.Sprintf("net-%d", i)
		edits = append(edits, addList("al-"+name, name, fmt.Sprintf("%d.0.0.0/8", i)))
		mapping.Mapping.Allowlists = append(mapping.Mapping.Allowlists, name)
	}
	c := d.draftOf("Wide", append(edits, mapping)...)
	_, err := d.Submit(t.Context(), d.editor, c.ID, c.Version)
	if err == nil || !strings.Contains(err.Error(), "more IPv4 addresses together than one /8 holds") {
		t.Errorf("got %v, want a refusal of the union", err)
	}
}
