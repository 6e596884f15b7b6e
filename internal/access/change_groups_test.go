package access

import (
	"strings"
	"testing"
)

// grouped is a submitted change of the editor (person 1) among people of whom some count together.
func grouped(t *testing.T, w *town) *Change {
	t.Helper()
	c := submitted(t)
	c.Groups = w.groups()
	return c
}

func reviewer(id int64) Actor {
	return Actor{Kind: ActorPerson, PersonID: id, Name: string(rune('A' + id)), Roles: []Role{RoleApprover}}
}

func TestReviewerOfTheAuthorsGroupDoesNotCount(t *testing.T) {
	w := founded("Edda", "Arno", "Ada")
	bound := w.add(1, "Bound")
	c := grouped(t, w)
	err := c.Review(reviewer(bound), VerdictApprove, c.Digest, "", noon)
	if KindOf(err) != KindForbidden || !strings.Contains(err.Error(), "Edda added Bound") {
		t.Errorf("a review in the author's group: %v, want KindForbidden and why", err)
	}
	if err := c.Review(reviewer(2), VerdictApprove, c.Digest, "", noon); err != nil || c.State != ChangeApproved {
		t.Fatalf("a review of another group: %s, %v", c.State, err)
	}
	w.act(ActReset, 1, 2)
	c.Groups = w.groups()
	if !c.Reassess(c.Needs, noon) || c.Approvals() != 0 {
		t.Errorf("%s with %d approvals after the author reset the reviewer's password, want back in review", c.State, c.Approvals())
	}
	if why := c.Uncounted(c.Reviews[0]); !strings.Contains(why, "counts together") {
		t.Errorf("the review does not count because %q", why)
	}
}

func TestEditorsGroupDoesNotReview(t *testing.T) {
	w := founded("Edda", "Arno", "Ada")
	bound := w.add(3, "Bound")
	c := grouped(t, w)
	if _, err := c.Compose(second, c.Version, c.Title, c.Reason, c.Edits, noon); err != nil {
		t.Fatal(err)
	}
	if err := c.Submit("d0c5", noon); err != nil {
		t.Fatal(err)
	}
	if err := c.CanReview(reviewer(bound)); KindOf(err) != KindForbidden {
		t.Errorf("a review in an editor's group: %v, want KindForbidden", err)
	}
}

func TestOneGroupCountsOnceAmongReviewers(t *testing.T) {
	w := founded("Edda", "Arno", "Ada")
	bound := w.add(2, "Bound")
	c := grouped(t, w)
	c.SetNeeds([]Need{{Name: "two", Need: []Requirement{{Count: 2}}}})
	for _, who := range []int64{2, bound} {
		if err := c.Review(reviewer(who), VerdictApprove, c.Digest, "", noon); err != nil {
			t.Fatal(err)
		}
	}
	if c.State != ChangeInReview || c.Approvals() != 1 || c.Repeats(c.Reviews[1]) != c.Reviews[0].Reviewer.Name {
		t.Errorf("%s with %d approvals of one group, want one that counts", c.State, c.Approvals())
	}
	if err := c.Review(reviewer(3), VerdictApprove, c.Digest, "", noon); err != nil || c.State != ChangeApproved {
		t.Errorf("with a second group: %s, %v", c.State, err)
	}
}

// A vouching that comes later does not make two humans of one in hindsight.
func TestLaterVouchingDoesNotFreeEarlierDeeds(t *testing.T) {
	w := founded("Edda", "Arno", "Ada")
	puppet := w.add(2, "Puppet")
	c := grouped(t, w)
	c.SetNeeds([]Need{{Name: "two", Need: []Requirement{{Count: 2}}}})
	if err := c.Review(reviewer(puppet), VerdictApprove, c.Digest, "", noon); err != nil {
		t.Fatal(err)
	}
	w.act(ActVouch, 3, puppet)
	c.Groups = w.groups()
	if err := c.Review(reviewer(2), VerdictApprove, c.Digest, "", noon); err != nil {
		t.Fatal(err)
	}
	if c.State != ChangeInReview {
		t.Errorf("%s: Arno reviewed as Puppet, and once more as himself", c.State)
	}

	w = founded("Edda", "Arno", "Ada")
	puppet = w.add(2, "Puppet")
	c = grouped(t, w)
	again := Actor{Kind: ActorPerson, PersonID: puppet, Name: "Puppet"}
	if _, err := c.Compose(again, c.Version, c.Title, c.Reason, c.Edits, noon); err != nil {
		t.Fatal(err)
	}
	if err := c.Submit("d0c5", noon); err != nil {
		t.Fatal(err)
	}
	w.act(ActVouch, 3, puppet)
	c.Groups = w.groups()
	if err := c.CanReview(reviewer(2)); KindOf(err) != KindForbidden {
		t.Errorf("Arno reviews what he wrote as Puppet: %v, want KindForbidden", err)
	}
}

func TestFlaggedChangeNeedsAnotherGroup(t *testing.T) {
	w := founded("Edda", "Arno", "Ada")
	bound := w.add(2, "Bound")
	c := grouped(t, w)
	if err := c.ApplySingle(reviewer(2), c.Digest, 5, noon); err != nil {
		t.Fatal(err)
	}
	if !c.Flagged() || !c.BreakGlass.Single {
		t.Errorf("applied in the mode: %+v, want flagged", c.BreakGlass)
	}
	w.act(ActVouch, 3, bound)
	c.Groups = w.groups()
	if err := c.CanReview(reviewer(bound)); KindOf(err) != KindForbidden {
		t.Errorf("a review by an account of the person who applied it: %v, want KindForbidden", err)
	}
	if err := c.CanReview(reviewer(3)); err != nil {
		t.Errorf("a review of another group: %v", err)
	}
}

func TestUnmetCountsGroups(t *testing.T) {
	w := founded("Edda", "Arno")
	w.add(2, "Bound")
	people := w.people
	people[0].Roles = []Role{RoleEditor}
	for i := range people[1:] {
		people[i+1].Roles = []Role{RoleApprover}
	}
	two := Need{Need: []Requirement{{Count: 2}}}
	if left := two.Unmet(people, w.groups()); len(left) == 0 {
		t.Error("two reviewers of one group meet a need for two")
	}
	if left := two.Unmet(people, Groups{}); len(left) != 0 {
		t.Errorf("two reviewers apart leave %v", left)
	}
}
