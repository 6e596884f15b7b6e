package access

import (
	"strings"
	"testing"
	"time"
)

// changeWithApproval is a change with one approval, which is all that it needs.
func changeWithApproval(t *testing.T) *Change {
	t.Helper()
	c := submitted(t)
	if err := c.Review(approver, VerdictApprove, c.Digest, "", noon); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestApprovalOfAnotherDigestDoesNotCount(t *testing.T) {
	c := changeWithApproval(t)
	c.Reviews[0].Digest = "the digest of an earlier form"
	if got := c.Approvals(); got != 0 {
		t.Errorf("%d approvals count, want 0: the approval is of another digest", got)
	}
	if err := c.Apply(c.Digest, 5, noon); KindOf(err) != KindConflict || c.State != ChangeApproved {
		t.Errorf("apply: %v, state %s; want KindConflict", err, c.State)
	}
}

func TestWithdrawReviewSendsTheChangeBackIntoReview(t *testing.T) {
	c := changeWithApproval(t)
	version := c.Version
	if err := c.WithdrawReview(second, noon); KindOf(err) != KindConflict {
		t.Errorf("withdrawn by a person without an approval: %v, want KindConflict", err)
	}
	if err := c.WithdrawReview(approver, noon); err != nil {
		t.Fatal(err)
	}
	r := c.Reviews[0]
	if c.State != ChangeInReview || c.Approvals() != 0 || !r.Void || r.Because != VoidTakenBack || c.Version != version+1 {
		t.Errorf("state %s, %d approvals, review %+v; want it in review with the approval taken back", c.State, c.Approvals(), r)
	}
	if err := c.WithdrawReview(approver, noon); KindOf(err) != KindConflict {
		t.Errorf("withdrawn twice: %v, want KindConflict", err)
	}
	if err := c.Review(approver, VerdictApprove, c.Digest, "", noon); err != nil || c.State != ChangeApproved {
		t.Errorf("approved again: %v, state %s; want approved", err, c.State)
	}
}

func TestWithdrawReviewKeepsAChangeWithEnoughApprovals(t *testing.T) {
	c := submitted(t)
	c.Required = 2
	third := Actor{Kind: ActorPerson, PersonID: 4, Name: "Ute", Roles: []Role{RoleApprover}}
	for _, who := range []Actor{approver, second} {
		if err := c.Review(who, VerdictApprove, c.Digest, "", noon); err != nil {
			t.Fatal(err)
		}
	}
	c.Required = 1
	if err := c.WithdrawReview(third, noon); KindOf(err) != KindConflict {
		t.Errorf("withdrawn by a person who has not reviewed: %v, want KindConflict", err)
	}
	if err := c.WithdrawReview(second, noon); err != nil || c.State != ChangeApproved || c.Approvals() != 1 {
		t.Errorf("state %s with %d approvals (%v), want the other approval to count", c.State, c.Approvals(), err)
	}
}

func TestWithdrawReviewIsForChangesBeforeTheyAreApplied(t *testing.T) {
	for _, state := range []ChangeState{ChangeDraft, ChangeApplied, ChangeRejected, ChangeWithdrawn, ChangeConflicted, ChangeExpiring} {
		c := changeWithApproval(t)
		c.State = state
		if err := c.WithdrawReview(approver, noon); KindOf(err) != KindConflict || c.Reviews[0].Void {
			t.Errorf("a change that is %s: %v, review %+v; want KindConflict and no difference", state, err, c.Reviews[0])
		}
	}
}

func TestWithdrawReviewEndsTheSchedule(t *testing.T) {
	c := changeWithApproval(t)
	if err := c.ScheduleApply(second, c.Digest, noon.Add(time.Hour), time.Hour, noon); err != nil {
		t.Fatal(err)
	}
	if err := c.WithdrawReview(approver, noon); err != nil {
		t.Fatal(err)
	}
	if got := c.Schedule.Outcome; !strings.Contains(got, "Arno took the approval back") || !strings.Contains(got, "1 approval") {
		t.Errorf("the schedule ended with %q, want the person and the missing approval", got)
	}
	if err := c.Review(approver, VerdictApprove, c.Digest, "", noon); err != nil || c.Scheduled() {
		t.Errorf("approved again (%v) it is scheduled: %v; want the schedule to stay ended", err, c.Scheduled())
	}
}

func TestApprovalsExpire(t *testing.T) {
	for name, tc := range map[string]struct {
		valid, after time.Duration
		want         bool
	}{
		"the default, in time":   {0, DefaultApprovalsValidFor - time.Second, false},
		"the default, too late":  {0, DefaultApprovalsValidFor, true},
		"a setting, in time":     {time.Hour, 59 * time.Minute, false},
		"a setting, too late":    {time.Hour, time.Hour, true},
		"a setting of 30 days":   {30 * 24 * time.Hour, 20 * 24 * time.Hour, false},
		"a setting of 3 minutes": {3 * time.Minute, DefaultApprovalsValidFor, true},
	} {
		c := changeWithApproval(t)
		c.ApprovalsValidFor = tc.valid
		expired := c.ExpireReviews(noon.Add(tc.after))
		if got := len(expired) == 1 && c.Approvals() == 0 && c.Reviews[0].Because == VoidExpired; got != tc.want {
			t.Errorf("%s: expired %+v, %d approvals count; want expired: %v", name, expired, c.Approvals(), tc.want)
		}
	}
}

func TestExpiredApprovalCanBeGivenAgain(t *testing.T) {
	c := changeWithApproval(t)
	late := noon.Add(DefaultApprovalsValidFor)
	if text := c.ExpiredText(c.ExpireReviews(late)); !strings.Contains(text, "approval by Arno of 2026-03-03 12:00 UTC has expired") ||
		!strings.Contains(text, "14 days") {
		t.Errorf("the text is %q, want whose approval expired, when it was given, and the setting", text)
	}
	if !c.Reassess(nil, late) || c.State != ChangeInReview {
		t.Fatalf("state %s, want in_review", c.State)
	}
	if err := c.Review(approver, VerdictApprove, c.Digest, "", late); err != nil || c.State != ChangeApproved {
		t.Errorf("approved again: %v, state %s; want approved", err, c.State)
	}
}

func TestAppliedApprovalsDoNotExpire(t *testing.T) {
	c := changeWithApproval(t)
	if err := c.Apply(c.Digest, 5, noon); err != nil {
		t.Fatal(err)
	}
	if expired := c.ExpireReviews(noon.AddDate(9, 0, 0)); len(expired) != 0 || c.Reviews[0].Void {
		t.Errorf("expired %+v, want none: the change is applied", expired)
	}
}

func TestScheduleEndsBeforeTheApprovalsExpire(t *testing.T) {
	c := changeWithApproval(t)
	late := noon.Add(DefaultApprovalsValidFor)
	err := c.ScheduleApply(second, c.Digest, late, time.Hour, noon)
	if KindOf(err) != KindInvalid || !strings.Contains(err.Error(), "Arno") {
		t.Errorf("scheduled when the approval has expired: %v, want KindInvalid that names the reviewer", err)
	}
	if err := c.ScheduleApply(second, c.Digest, late.Add(-time.Second), time.Hour, noon); err != nil || c.Reviews[0].Void {
		t.Errorf("scheduled before: %v, review %+v", err, c.Reviews[0])
	}
}
