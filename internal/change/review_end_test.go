package change_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/internal/store"
)

// meddler lets another person act on a change between the moment in which apply reads it and that in which it locks it.
type meddler struct {
	*store.Store
	meddle func()
}

func (m meddler) ApplyChange(
	ctx context.Context, id int64, decide func(c *access.Change, head int64) (access.Application, error),
) (access.Rollout, error) {
	m.meddle()
	return m.Store.ApplyChange(ctx, id, decide)
}

func TestApplyRefusesAChangeThatOthersActedOnMeanwhile(t *testing.T) {
	for name, tc := range map[string]struct {
		options func(access.Change) []change.Option
		want    access.Kind
	}{
		"without a version": {func(access.Change) []change.Option { return nil }, access.KindConflict},
		"for a version": {func(c access.Change) []change.Option {
			return []change.Option{change.IfVersion(c.Version)}
		}, access.KindStale},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.base()
			c := d.approve(d.submit("Add", addEntry("al-vpn", "9.9.9.0/24")))
			between := meddler{d.store, func() {
				d.must(second(d.Schedule(t.Context(), d.operator, c.ID, startAt(c, start.Add(time.Hour)))))
			}}
			racing := change.New(change.Config{Store: between, Now: func() time.Time { return start }})
			_, err := racing.Apply(t.Context(), d.operator, c.ID, asSeen(c), tc.options(c)...)
			if access.KindOf(err) != tc.want {
				t.Errorf("apply of a change that was scheduled meanwhile: %v, want %s", err, tc.want)
			}
			if got := d.reread(c); got.State != access.ChangeApproved || d.state().Revision != 1 {
				t.Errorf("it is %s, and the head %d; want it not applied", got.State, d.state().Revision)
			}
		})
	}
}

func (d *desk) lastEvent(c access.Change, action string) string {
	d.t.Helper()
	history, err := d.store.History(d.t.Context(), access.ChangeObject(c.ID))
	d.must(err)
	for _, e := range slices.Backward(history) {
		if e.Action == action {
			return string(e.Detail)
		}
	}
	d.t.Fatalf("the history of change %d has no %s", c.ID, action)
	return ""
}

func TestWithdrawReview(t *testing.T) {
	d := newDesk(t)
	d.base()
	c := d.approve(d.submit("Add", addEntry("al-vpn", "9.9.9.0/24")))
	if v, err := d.View(t.Context(), d.approver, c.ID); err != nil || v.Permissions.WithdrawReview != nil {
		t.Errorf("the approver may not take the approval back: %v, %v", v.Permissions.WithdrawReview, err)
	}
	for name, try := range map[string]struct {
		who     access.Actor
		options []change.Option
		want    access.Kind
	}{
		"an editor":        {d.editor, nil, access.KindForbidden},
		"another approver": {d.approver2, nil, access.KindConflict},
		"an old version":   {d.approver, []change.Option{change.IfVersion(c.Version - 1)}, access.KindStale},
	} {
		if _, err := d.WithdrawReview(t.Context(), try.who, c.ID, try.options...); access.KindOf(err) != try.want {
			t.Errorf("%s: %v, want %s", name, err, try.want)
		}
	}
	got, err := d.WithdrawReview(t.Context(), d.approver, c.ID, change.IfVersion(c.Version))
	d.must(err)
	if got.State != access.ChangeInReview || d.reread(c).Reviews[0].Because != access.VoidTakenBack {
		t.Errorf("it is %s with %+v, want it in review with the approval taken back", got.State, d.reread(c).Reviews)
	}
	if detail := d.lastEvent(c, "change.withdraw_review"); !strings.Contains(detail, `"approvals":0`) {
		t.Errorf("the event says %s", detail)
	}
	if _, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c)); access.KindOf(err) != access.KindConflict {
		t.Errorf("applied without the approval: %v, want KindConflict", err)
	}
	d.approve(got)
	if _, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c)); err != nil {
		t.Errorf("approved again: %v", err)
	}
	if _, err := d.WithdrawReview(t.Context(), d.approver, c.ID); access.KindOf(err) != access.KindConflict {
		t.Errorf("after it was applied: %v, want KindConflict", err)
	}
}

func TestWithdrawnReviewEndsTheSchedule(t *testing.T) {
	d := newDesk(t)
	d.base()
	c := d.schedule(2*time.Hour, time.Hour)
	_, err := d.WithdrawReview(t.Context(), d.approver, c.ID)
	d.must(err)
	d.approve(d.reread(c))
	d.keepTime(2 * time.Hour)
	if got := d.reread(c); got.State != access.ChangeApproved || !strings.Contains(got.Schedule.Outcome, "took the approval back") {
		t.Errorf("it is %s with %+v, want it approved, not applied, and the schedule ended", got.State, got.Schedule)
	}
}

func TestExpiredApprovalIsFoundAtApply(t *testing.T) {
	d := newDesk(t)
	d.base()
	d.apply("A short life", putSettings(access.Settings{ApprovalsValidFor: time.Hour}))
	c := d.approve(d.submit("Add", addEntry("al-vpn", "9.9.9.0/24")))
	late := d.later(time.Hour)
	_, err := late.Apply(t.Context(), d.operator, c.ID, asSeen(c))
	if access.KindOf(err) != access.KindConflict || !strings.Contains(err.Error(), d.approver.Name) ||
		!strings.Contains(err.Error(), "1h") {
		t.Fatalf("apply with an expired approval: %v, want KindConflict that says whose approval expired", err)
	}
	if got := d.reread(c); got.State != access.ChangeInReview || got.Reviews[0].Because != access.VoidExpired {
		t.Errorf("it is %s with %+v, want it in review with an expired approval", got.State, got.Reviews)
	}
	if detail := d.lastEvent(c, "change.reopen"); !strings.Contains(detail, d.approver.Name) {
		t.Errorf("the event says %s, want whose approval expired", detail)
	}
	d.must(second(late.Review(t.Context(), d.approver, c.ID, access.VerdictApprove, c.Digest, "")))
	if _, err := late.Apply(t.Context(), d.operator, c.ID, asSeen(c)); err != nil {
		t.Errorf("approved again: %v", err)
	}
}

func TestExpiredApprovalIsFoundAtTheScheduledStart(t *testing.T) {
	d := newDesk(t)
	d.base()
	c := d.schedule(2*time.Hour, time.Hour)
	d.must(second(d.later(time.Minute).View(t.Context(), d.viewer, c.ID)))
	d.apply("A short life", putSettings(access.Settings{ApprovalsValidFor: time.Hour}))
	d.keepTime(2 * time.Hour)
	got := d.reread(c)
	if got.State != access.ChangeInReview || !strings.Contains(got.Schedule.Outcome, "has expired") {
		t.Errorf("it is %s with %+v, want it in review with an outcome about the expired approval", got.State, got.Schedule)
	}
}

func TestReviewAfterAnotherExpired(t *testing.T) {
	d := newDesk(t)
	d.base()
	d.apply("Two, who last for an hour", putSettings(access.Settings{ApprovalsValidFor: time.Hour}),
		addRule("rr-two", access.RuleScope{}, access.Requirement{Count: 2}))
	c := d.approve(d.submit("Add", addEntry("al-vpn", "9.9.9.0/24")))
	late := d.later(time.Hour)
	got, err := late.Review(t.Context(), d.approver2, c.ID, access.VerdictApprove, c.Digest, "")
	d.must(err)
	if got.State != access.ChangeInReview || got.Approvals() != 1 {
		t.Errorf("it is %s with %d approvals, want the expired one not to count", got.State, got.Approvals())
	}
	got, err = late.Review(t.Context(), d.approver, c.ID, access.VerdictApprove, c.Digest, "")
	d.must(err)
	if got.State != access.ChangeApproved {
		t.Errorf("approved again it is %s", got.State)
	}
}
