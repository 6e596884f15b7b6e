package change_test

import (
	"slices"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/internal/policy"
)

// withUsers is an edit of the mapping mp-bob, or of another id a new mapping of the role Admin, with users in accounts.
func withUsers(id string, users ...string) access.Edit {
	e := addMapping(id, "Admin", "office")
	if id == "mp-bob" {
		e = addMapping(id, "Bob", "office")
		e.Op = access.EditUpdateMapping
	}
	for _, text := range users {
		u, err := access.ParseUserName(text)
		if err != nil {
			panic(err)
		}
		e.Mapping.Users = append(e.Mapping.Users, u)
	}
	return e
}

func (d *desk) tryDraft(edits ...access.Edit) error {
	_, err := d.Draft(d.t.Context(), d.editor, change.Input{Title: "Try", Reason: "SEC-1", Edits: edits})
	return err
}

func outsideIssues(v change.View) []policy.Issue {
	return slices.DeleteFunc(slices.Clone(v.Issues), func(i policy.Issue) bool { return i.Code != policy.CodeUserOutside })
}

func TestUserOfAnAccountOutsideIsRefused(t *testing.T) {
	d := newDesk(t)
	d.base()
	err := d.tryDraft(withUsers("mp-new", "carol", "999999999999:zoe"))
	fields := access.FieldsOf(err)
	if len(fields) != 1 || fields[0].Field != "edits/0/users" || !strings.Contains(fields[0].Message, "999999999999") ||
		!strings.Contains(fields[0].Message, "outside_accounts") {
		t.Fatalf("a user of a strange account: %v, want one field with the account and the remedy", err)
	}
	d.must(d.tryDraft(withUsers("mp-new", "carol", "444444444444:dave"))) // suspended, and in the organization
	d.apply("Partners", putSettings(access.Settings{OutsideAccounts: []access.AccountID{"999999999999"}}))
	c := d.submit("With a partner", withUsers("mp-new", "carol", "999999999999:zoe"))
	v, err := d.View(t.Context(), d.viewer, c.ID)
	d.must(err)
	if got := outsideIssues(v); len(got) != 1 || got[0].Severity != policy.SeverityInfo {
		t.Errorf("the issues are %+v, want one that is good to know", got)
	}
	d.approve(c)
	if _, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c)); err != nil {
		t.Error(err)
	}
	d.apply("No more partners", putSettings(access.Settings{}))
	if err := d.tryDraft(withUsers("mp-other", "999999999999:zoe")); access.KindOf(err) != access.KindInvalid {
		t.Errorf("after the setting is gone: %v, want KindInvalid", err)
	}
}

func TestUserOfAnAccountThatLeft(t *testing.T) {
	d := newDesk(t)
	d.saveOrganization(access.AccountActive)
	d.base()
	d.apply("Dave", withUsers("mp-bob", "alice", "444444444444:dave"))
	draft := d.draftOf("Composed before", withUsers("mp-early", "444444444444:dave"))
	approved := d.approve(d.submit("Approved before", withUsers("mp-admin2", "444444444444:dave")))
	d.saveOrganization(access.AccountLeft)

	kept := d.submit("Others of the mapping", withUsers("mp-bob", "alice", "carol", "444444444444:dave"))
	v, err := d.View(t.Context(), d.viewer, kept.ID)
	d.must(err)
	if got := outsideIssues(v); len(got) != 1 || got[0].Severity != policy.SeverityWarning ||
		!strings.Contains(got[0].Message, "has left") {
		t.Errorf("an edit that keeps the user: issues %+v, want one warning", got)
	}
	d.submit("Without Dave", withUsers("mp-bob", "alice"))

	err = d.tryDraft(withUsers("mp-late", "444444444444:dave"))
	if access.KindOf(err) != access.KindInvalid || !strings.Contains(err.Error(), "has left") {
		t.Errorf("a new mapping with the user: %v, want KindInvalid", err)
	}
	_, err = d.Submit(t.Context(), d.editor, draft.ID, draft.Version)
	if access.KindOf(err) != access.KindInvalid || !strings.Contains(err.Error(), "444444444444") {
		t.Errorf("submitted after the account left: %v, want KindInvalid", err)
	}
	_, err = d.Apply(t.Context(), d.operator, approved.ID, asSeen(approved))
	if err == nil || d.reread(approved).State == access.ChangeApplied {
		t.Errorf("applied after the account left: %v", err)
	}
}
