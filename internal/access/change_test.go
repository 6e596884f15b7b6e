package access

import (
	"testing"
	"time"
)

var (
	noon     = time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)
	editor   = Actor{Kind: ActorPerson, PersonID: 1, Name: "Edda", Roles: []Role{RoleEditor, RoleApprover}}
	approver = Actor{Kind: ActorPerson, PersonID: 2, Name: "Arno", Roles: []Role{RoleApprover}}
	second   = Actor{Kind: ActorPerson, PersonID: 3, Name: "Ada", Roles: []Role{RoleApprover, RoleEditor}}
)

func submitted(t *testing.T) *Change {
	t.Helper()
	c := &Change{ID: 7, State: ChangeDraft, Author: editor.Ref(), Base: 4, Required: 1}
	e := Entry{Kind: EntryVPC, Endpoint: "vpc-0a1b2c3d"}
	if _, err := c.Compose(editor, 0, "Open Tokyo", "SEC-12", []Edit{{Op: EditAddEntry, ID: "al-1", Entry: &e}}, noon); err != nil {
		t.Fatal(err)
	}
	if err := c.Submit("d0c5", noon); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAuthorNeverReviews(t *testing.T) {
	c := submitted(t)
	token := Actor{Kind: ActorToken, PersonID: editor.PersonID, Name: "another name", Roles: editor.Roles}
	for _, who := range []Actor{editor, token, System("x")} {
		if err := c.Review(who, VerdictApprove, c.Digest, "", noon); KindOf(err) != KindForbidden {
			t.Errorf("%s by %s: %v, want KindForbidden", who.Name, who.Kind, err)
		}
	}
	if c.State != ChangeInReview || len(c.Reviews) != 0 {
		t.Errorf("a refused review left %d reviews and state %s", len(c.Reviews), c.State)
	}
}

func TestEditorsNeverReview(t *testing.T) {
	c := submitted(t)
	if _, err := c.Compose(second, c.Version, c.Title, c.Reason, c.Edits, noon); err != nil {
		t.Fatal(err)
	}
	if err := c.Submit("d0c5", noon); err != nil {
		t.Fatal(err)
	}
	if err := c.Review(second, VerdictApprove, c.Digest, "", noon); KindOf(err) != KindForbidden {
		t.Errorf("review by an editor of the change: %v, want KindForbidden", err)
	}
}

func TestReviewBindsToTheDigest(t *testing.T) {
	c := submitted(t)
	if err := c.Review(approver, VerdictApprove, "something else", "", noon); KindOf(err) != KindConflict {
		t.Errorf("review of another digest: %v, want KindConflict", err)
	}
	if err := c.Review(approver, VerdictApprove, c.Digest, "", noon); err != nil {
		t.Fatal(err)
	}
	if c.State != ChangeApproved {
		t.Errorf("state %s after the one approval needed, want approved", c.State)
	}
	if err := c.Apply("something else", 5, noon); KindOf(err) != KindConflict {
		t.Errorf("apply of another digest: %v, want KindConflict", err)
	}
}

func TestEveryEditChangesTheDigest(t *testing.T) {
	c := submitted(t)
	before := c.Digest
	for name, digest := range map[string]func() (string, error){
		"documents": func() (string, error) { return ChangeDigest(c.Edits, "other") },
		"edits":     func() (string, error) { return ChangeDigest(nil, "d0c5") },
	} {
		if got, err := digest(); err != nil || got == before {
			t.Errorf("other %s: digest %s (%v), want another than %s", name, got, err, before)
		}
	}
}

func TestEditVoidsReviews(t *testing.T) {
	c := submitted(t)
	c.Required = 2
	if err := c.Review(approver, VerdictApprove, c.Digest, "", noon); err != nil {
		t.Fatal(err)
	}
	voided, err := c.Compose(editor, c.Version, "Open Tokyo and Osaka", c.Reason, c.Edits, noon)
	if err != nil || voided != 1 || c.Voided != 1 {
		t.Fatalf("voided %d (%v), want 1", voided, err)
	}
	if c.State != ChangeDraft || c.Digest != "" || c.Approvals() != 0 {
		t.Errorf("after the edit: %s, digest %q, %d approvals; want a draft without either", c.State, c.Digest, c.Approvals())
	}
}

func TestStaleEditIsRefused(t *testing.T) {
	c := submitted(t)
	if _, err := c.Compose(editor, c.Version-1, "x", "y", nil, noon); KindOf(err) != KindConflict {
		t.Errorf("edit of an older version: %v, want KindConflict", err)
	}
}

func TestTransitionsRefuse(t *testing.T) {
	steps := map[string]func(*Change) error{
		"submit":   func(c *Change) error { return c.Submit("d", noon) },
		"review":   func(c *Change) error { return c.Review(approver, VerdictApprove, c.Digest, "", noon) },
		"apply":    func(c *Change) error { return c.Apply(c.Digest, 5, noon) },
		"withdraw": func(c *Change) error { return c.Withdraw(editor, noon) },
		"rebase":   func(c *Change) error { return c.Rebase(editor, 5, nil, noon) },
		"conflict": func(c *Change) error { return c.Conflict("moved", noon) },
		"compose": func(c *Change) error {
			_, err := c.Compose(editor, c.Version, "t", "r", c.Edits, noon)
			return err
		},
	}
	allowed := map[ChangeState]string{
		ChangeDraft:      "submit withdraw rebase conflict compose",
		ChangeInReview:   "review withdraw rebase conflict compose",
		ChangeApproved:   "apply withdraw rebase conflict compose",
		ChangeApplied:    "",
		ChangeRejected:   "",
		ChangeWithdrawn:  "",
		ChangeConflicted: "withdraw rebase compose",
	}
	for state, names := range allowed {
		for name, step := range steps {
			c := submitted(t)
			if state == ChangeApproved {
				if err := c.Review(approver, VerdictApprove, c.Digest, "", noon); err != nil {
					t.Fatal(err)
				}
			}
			c.State = state
			want := containsWord(names, name)
			if err := step(c); (err == nil) != want {
				t.Errorf("%s of a change that is %s: %v, want allowed=%v", name, state, err, want)
			}
		}
	}
}

func containsWord(list, word string) bool {
	for len(list) > 0 {
		i := 0
		for i < len(list) && list[i] != ' ' {
			i++
		}
		if list[:i] == word {
			return true
		}
		list = list[min(i+1, len(list)):]
	}
	return false
}

func TestSubmitNeedsTitleReasonAndEdits(t *testing.T) {
	c := &Change{State: ChangeDraft}
	err := c.Submit("d", noon)
	var got []string
	for _, f := range FieldsOf(err) {
		got = append(got, f.Field)
	}
	if len(got) != 3 || got[0] != "title" || got[1] != "reason" || got[2] != "edits" {
		t.Errorf("fields %v, want title, reason and edits", got)
	}
}

func TestRejectNeedsAReason(t *testing.T) {
	c := submitted(t)
	if err := c.Review(approver, VerdictReject, c.Digest, " ", noon); KindOf(err) != KindInvalid {
		t.Errorf("rejection without a comment: %v, want KindInvalid", err)
	}
	if err := c.Review(approver, VerdictReject, c.Digest, "too wide", noon); err != nil || c.State != ChangeRejected {
		t.Errorf("state %s (%v), want rejected", c.State, err)
	}
}

func TestNobodyReviewsTwice(t *testing.T) {
	c := submitted(t)
	c.Required = 2
	if err := c.Review(approver, VerdictApprove, c.Digest, "", noon); err != nil {
		t.Fatal(err)
	}
	if err := c.Review(approver, VerdictApprove, c.Digest, "", noon); KindOf(err) != KindConflict {
		t.Errorf("second review by the same person: %v, want KindConflict", err)
	}
}

func TestWithdrawIsForTheAuthorAndAdmins(t *testing.T) {
	if err := submitted(t).Withdraw(approver, noon); KindOf(err) != KindForbidden {
		t.Errorf("withdrawn by somebody else: %v, want KindForbidden", err)
	}
	admin := Actor{Kind: ActorPerson, PersonID: 9, Roles: []Role{RoleAdmin}}
	if err := submitted(t).Withdraw(admin, noon); err != nil {
		t.Errorf("withdrawn by an admin: %v", err)
	}
}
