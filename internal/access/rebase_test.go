package access

import "testing"

// approvedChange is a change with one review, on which the reviewer saw the warnings "w".
func approvedChange(t *testing.T) *Change {
	t.Helper()
	c := submitted(t)
	if err := c.Review(approver, VerdictApprove, c.Digest, "", noon); err != nil {
		t.Fatal(err)
	}
	c.SawWarnings("w")
	return c
}

func TestMoveBaseKeepsReviews(t *testing.T) {
	c := approvedChange(t)
	version, digest := c.Version, c.Digest
	kept, err := c.MoveBase(ChangeOnBase{Base: 9, Edits: c.Edits, Documents: "d0c5", Warnings: "w"}, nil, noon)
	if err != nil || kept != 1 {
		t.Fatalf("kept %d reviews (%v), want 1", kept, err)
	}
	if c.State != ChangeApproved || c.Base != 9 || c.Digest != digest || c.Version != version+1 || c.Approvals() != 1 {
		t.Errorf("after the rebase: %s on %d with %d approvals, version %d; want approved on 9 with one, version %d",
			c.State, c.Base, c.Approvals(), c.Version, version+1)
	}
	if r := c.Reviews[0]; r.Base != 4 || r.Void {
		t.Errorf("the review says base %d, void %v; want 4, which the reviewer saw, and valid", r.Base, r.Void)
	}
}

func TestMoveBaseRefusesADifference(t *testing.T) {
	same := approvedChange(t)
	for name, on := range map[string]ChangeOnBase{
		"edits":     {Base: 9, Documents: "d0c5", Warnings: "w"},
		"documents": {Base: 9, Edits: same.Edits, Documents: "0ther", Warnings: "w"},
		"warnings":  {Base: 9, Edits: same.Edits, Documents: "d0c5", Warnings: "x"},
		"unknown":   {Base: 9, Edits: same.Edits, Documents: "d0c5"},
	} {
		c := approvedChange(t)
		if _, err := c.MoveBase(on, nil, noon); KindOf(err) != KindConflict || c.Base != 4 || c.State != ChangeApproved {
			t.Errorf("other %s: %v, now %s on %d; want KindConflict, and the change as it was", name, err, c.State, c.Base)
		}
	}
	unknown := approvedChange(t)
	unknown.SawWarnings("")
	if _, err := unknown.MoveBase(ChangeOnBase{Base: 9, Edits: unknown.Edits, Documents: "d0c5"}, nil, noon); KindOf(err) != KindConflict {
		t.Errorf("a review without known warnings: %v, want KindConflict", err)
	}
}

// The rules of the new base decide how many reviews are needed. Those that are kept count.
func TestMoveBaseAsksTheRulesOfTheNewBase(t *testing.T) {
	c := approvedChange(t)
	on := ChangeOnBase{Base: 9, Edits: c.Edits, Documents: "d0c5", Warnings: "w"}
	two := []Need{{Name: "two", Need: []Requirement{{Count: 2}}}}
	if _, err := c.MoveBase(on, two, noon); err != nil || c.State != ChangeInReview || c.Approvals() != 1 {
		t.Errorf("with a rule for two: %s with %d approvals (%v), want in review with one", c.State, c.Approvals(), err)
	}
	on.Base = 10
	if _, err := c.MoveBase(on, []Need{DefaultNeed()}, noon); err != nil || c.State != ChangeApproved {
		t.Errorf("without that rule again: %s (%v), want approved", c.State, err)
	}
}

func TestRebaseVoidsReviews(t *testing.T) {
	c := approvedChange(t)
	if err := c.Rebase(editor, 9, c.Edits, noon); err != nil || c.State != ChangeDraft || c.Approvals() != 0 || c.Voided != 1 {
		t.Errorf("after the rebase: %s with %d approvals, %d voided (%v); want a draft, none, one", c.State, c.Approvals(), c.Voided, err)
	}
}

func plannedTarget(note string, ops ...PlannedOperation) PlannedTarget {
	return PlannedTarget{Account: "111111111111", Operations: ops, Notes: []string{note}}
}

func TestPlanDigestCoversWhatIsShown(t *testing.T) {
	op := PlannedOperation{
		Kind: OpTrustPolicy, Resource: Resource{Kind: ResourceRole, Path: "/", Name: "Bob"}, Before: "b", BeforeKnown: true,
		After: "a", OursBefore: "ob", OursAfter: "oa", Size: 1, Limit: 2, Note: "n",
	}
	other := op
	other.Resource.Name = "Admin"
	digest := func(targets ...PlannedTarget) string {
		_, plan := NewPlan("", targets...).Digests()
		return plan
	}
	base := digest(plannedTarget("", op, other))
	if again := digest(plannedTarget("another note on the account, which is a warning", op, other)); again != base {
		t.Error("the digest is not the same for the same operations")
	}
	for name, edit := range map[string]func(*PlannedOperation){
		"kind":              func(o *PlannedOperation) { o.Kind = OpUserPolicy },
		"resource":          func(o *PlannedOperation) { o.Resource.Path = "/x/" },
		"before":            func(o *PlannedOperation) { o.Before = "b2" },
		"before unknown":    func(o *PlannedOperation) { o.BeforeKnown = false },
		"after":             func(o *PlannedOperation) { o.After = "a2" },
		"ours before":       func(o *PlannedOperation) { o.OursBefore = "ob2" },
		"ours after":        func(o *PlannedOperation) { o.OursAfter = "oa2" },
		"swapped documents": func(o *PlannedOperation) { o.Before, o.After = o.After, o.Before },
		"note":              func(o *PlannedOperation) { o.Note = "n2" },
		"limit":             func(o *PlannedOperation) { o.Limit = 3 },
	} {
		changed := op
		if edit(&changed); digest(plannedTarget("", changed, other)) == base {
			t.Errorf("%s: the digest is the same", name)
		}
	}
	elsewhere := plannedTarget("", op, other)
	elsewhere.Account = "222222222222"
	for name, targets := range map[string][]PlannedTarget{
		"order of operations": {plannedTarget("", other, op)},
		"one operation less":  {plannedTarget("", op)},
		"another account":     {elsewhere},
		"one account more":    {plannedTarget("", op, other), elsewhere},
		"nothing":             nil,
	} {
		if digest(targets...) == base {
			t.Errorf("%s: the digest is the same", name)
		}
	}
	if digest(plannedTarget("", op), elsewhere) == digest(elsewhere, plannedTarget("", op)) {
		t.Error("the order of accounts is no part of the digest")
	}
}
