package change_test

import (
	"slices"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/internal/policy"
)

const (
	suspended access.AccountID = "444444444444"
	unknown   access.AccountID = "555555555555"
)

// addMappingIn maps alice to Bob in some accounts.
func addMappingIn(ids ...access.AccountID) access.Edit {
	e := addMapping("mp-new", "Bob", "office", "alice")
	e.Mapping.Accounts = access.Selector{IDs: ids}
	return e
}

func issuesOf(issues []policy.Issue, code string) []policy.Issue {
	return slices.DeleteFunc(slices.Clone(issues), func(i policy.Issue) bool { return i.Code != code })
}

// TestMappingOfSuspendedAccountIsReviewed: nothing is written, and the reviewer sees the mapping and why.
func TestMappingOfSuspendedAccountIsReviewed(t *testing.T) {
	d := newDesk(t)
	for name, ids := range map[string][]access.AccountID{
		"alone": {suspended}, "with an active account": {"111111111111", suspended},
	} {
		c := d.submit(name, addList("al-office", "office", "8.8.8.0/24"), addMappingIn(ids...))
		v, err := d.View(t.Context(), d.approver, c.ID)
		d.must(err)
		if len(v.Diff.Mappings) != 1 || !slices.Equal(v.Diff.Mappings[0].After.Accounts.IDs, ids) {
			t.Errorf("%s: the reviewer sees the mappings %+v, want the new one", name, v.Diff.Mappings)
		}
		if v.Targets != len(ids)-1 {
			t.Errorf("%s: %d targets, want %d", name, v.Targets, len(ids)-1)
		}
		said := issuesOf(v.Issues, policy.CodeUntargetable)
		if len(said) != 1 || said[0].Severity != policy.SeverityWarning ||
			!strings.Contains(said[0].Message, "nothing is written to account 444444444444 (acct-4)") {
			t.Errorf("%s: got the issues %+v, want a warning that nothing is written", name, v.Issues)
		}
	}
}

// TestSelectorOfInactiveAccountsIsReviewed: a selector without ids says which inactive accounts it leaves out.
func TestSelectorOfInactiveAccountsIsReviewed(t *testing.T) {
	d := newDesk(t)
	c := d.submit("All", addList("al-office", "office", "8.8.8.0/24"), addMapping("mp-all", "Bob", "office", "alice"))
	v, err := d.View(t.Context(), d.approver, c.ID)
	d.must(err)
	said := issuesOf(v.Issues, policy.CodeUntargetable)
	if len(said) != 1 || said[0].Severity != policy.SeverityInfo || !strings.Contains(said[0].Message, string(suspended)) {
		t.Errorf("got %+v, want the suspended account named", v.Issues)
	}
}

func TestUnknownAccountIsRefusedAtEdit(t *testing.T) {
	d := newDesk(t)
	d.base()
	except := addMapping("mp-new", "Bob", "office", "alice")
	except.Mapping.Accounts.Except = []string{string(unknown)}
	for name, c := range map[string]struct {
		edit  access.Edit
		field string
	}{
		"an id":        {addMappingIn("111111111111", unknown), "edits/1/accounts/ids"},
		"an exclusion": {except, "edits/1/accounts/except"},
	} {
		_, err := d.Draft(t.Context(), d.editor, inputOf(addEntry("al-office", "9.9.9.0/24"), c.edit))
		fields := access.FieldsOf(err)
		if len(fields) != 1 || fields[0].Field != c.field ||
			!strings.Contains(fields[0].Message, "no account 555555555555 in the organization. Correct the id, or synchronize") {
			t.Errorf("%s: got %v with %+v, want the id and the remedy at %s", name, err, fields, c.field)
		}
	}
}

// TestUnknownAccountIsRefusedAtSubmit: the organization was not known yet when the draft was written.
func TestUnknownAccountIsRefusedAtSubmit(t *testing.T) {
	d := newEmptyDesk(t)
	c := d.draftOf("Try", addList("al-office", "office", "8.8.8.0/24"), addMappingIn("111111111111", unknown))
	d.company()
	_, err := d.Submit(t.Context(), d.editor, c.ID, c.Version)
	if access.KindOf(err) != access.KindInvalid || !strings.Contains(err.Error(), "ccount 555555555555 does not exist in the organization") {
		t.Errorf("got %v, want a refusal that names the id", err)
	}
	if _, err := d.Describe(t.Context(), d.editor, c.ID, c.Version, "Another title", "SEC-1"); err != nil {
		t.Errorf("the title of such a draft cannot be changed: %v", err)
	}
}

// TestActivatedAccountVoidsTheApproval: an account that becomes active or joins after the approval is not
// written on the strength of it.
func TestActivatedAccountVoidsTheApproval(t *testing.T) {
	for name, c := range map[string]struct {
		edit access.Edit
		read bool
	}{
		"named":              {addMappingIn(suspended), true},
		"named, not read":    {addMappingIn(suspended), false},
		"by a selector":      {addMapping("mp-new", "Bob", "office", "alice"), true},
		"selector, not read": {addMapping("mp-new", "Bob", "office", "alice"), false},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			approved := d.approve(d.submit("Map", addList("al-office", "office", "8.8.8.0/24"), c.edit))
			d.saveOrganization(access.AccountActive)
			if c.read {
				d.must(d.store.SaveInventory(t.Context(), inventory(suspended)))
			}
			_, err := d.Apply(t.Context(), d.operator, approved.ID, asSeen(approved))
			if access.KindOf(err) != access.KindConflict || !strings.Contains(err.Error(), "reviewed again") {
				t.Fatalf("got %v, want a refusal that asks for another review", err)
			}
			if rollouts, err := d.store.Rollouts(t.Context(), access.RolloutQuery{}); err != nil || len(rollouts.Items) != 0 {
				t.Errorf("%d rollouts (%v), want none", len(rollouts.Items), err)
			}
			got, err := d.Change(t.Context(), d.editor, approved.ID)
			d.must(err)
			if got.State != access.ChangeConflicted || got.Approvals() != 0 {
				t.Errorf("the change is %s with %d approvals, want conflicted with none", got.State, got.Approvals())
			}
		})
	}
}

// TestExpiryLeavesActivatedAccountsAlone: an expiry is not reviewed, so it brings no documents to an account
// that became active after the last review.
func TestExpiryLeavesActivatedAccountsAlone(t *testing.T) {
	d := newDesk(t)
	d.base()
	d.apply("a visitor", expiring("al-office", "198.51.100.0/24", 3*day))
	d.keepTime(0)
	d.saveOrganization(access.AccountActive)
	d.must(d.store.SaveInventory(t.Context(), inventory(suspended)))
	composed := d.changesIn(access.ChangeExpiring)
	if len(composed) != 1 {
		t.Fatalf("%d expiries are composed, want 1", len(composed))
	}
	d.keepTime(4 * day)
	c, err := d.Change(t.Context(), d.viewer, composed[0].ID)
	d.must(err)
	plan, err := d.Plan(t.Context(), d.viewer, c.ID)
	d.must(err)
	var ids []access.AccountID
	for target := range plan.Accounts() {
		ids = append(ids, target.Account)
	}
	if !slices.Equal(ids, []access.AccountID{"111111111111", "222222222222", "333333333333"}) {
		t.Errorf("the removal writes to %v, want the accounts of the reviewed changes", ids)
	}
	if !strings.Contains(c.Note, "1 account is left out, because no reviewed change has been rolled out there") {
		t.Errorf("the note is %q, want the account that is left out", c.Note)
	}
}

func inputOf(edits ...access.Edit) change.Input {
	return change.Input{Title: "Try", Reason: "SEC-1", Edits: edits}
}
