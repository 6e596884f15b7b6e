package access

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// VoidReason says why a review counts no more.
type VoidReason string

// The reasons.
const (
	VoidChanged   VoidReason = "changed"    // the change was edited, rebased with a difference, or is in conflict
	VoidTakenBack VoidReason = "taken_back" // its reviewer took the approval back
	VoidExpired   VoidReason = "expired"    // it was older than the settings allow when the change was to be applied
)

func (r *Review) end(why VoidReason) { r.Void, r.Because = true, why }

// Expires is when an approval of the change counts no more. It is zero for a rejection and for a void review.
func (c *Change) Expires(r Review) time.Time {
	if r.Void || r.Verdict != VerdictApprove || !c.awaitsApply() {
		return time.Time{}
	}
	return r.At.Add(cmp.Or(c.ApprovalsValidFor, DefaultApprovalsValidFor))
}

// awaitsApply reports whether approvals of the change still decide whether it is applied.
func (c *Change) awaitsApply() bool { return c.State == ChangeInReview || c.State == ChangeApproved }

// CanWithdrawReview says whether an actor has an approval of the change to take back, and if not, why.
func (c *Change) CanWithdrawReview(actor Actor) error {
	if !c.awaitsApply() {
		return Errorf(KindConflict, "An approval of a change that is %s cannot be taken back.",
			strings.ReplaceAll(string(c.State), "_", " "))
	}
	if c.approvalOf(actor) == nil {
		return Errorf(KindConflict, "You have no approval of this change that counts, so there is none to take back.")
	}
	return nil
}

func (c *Change) approvalOf(actor Actor) *Review {
	i := slices.IndexFunc(c.Reviews, func(r Review) bool {
		return !r.Void && r.Verdict == VerdictApprove && actor.Is(r.Reviewer)
	})
	if i < 0 {
		return nil
	}
	return &c.Reviews[i]
}

// WithdrawReview takes the actor's own approval back, as long as the change is not applied. A change that then lacks
// approvals goes back into review, and its schedule ends with an outcome that says so.
func (c *Change) WithdrawReview(actor Actor, at time.Time) error {
	if err := c.CanWithdrawReview(actor); err != nil {
		return err
	}
	scheduled := c.Scheduled()
	c.approvalOf(actor).end(VoidTakenBack)
	if c.State == ChangeApproved && len(c.Missing()) > 0 {
		c.State = ChangeInReview
		if scheduled {
			c.Schedule.Outcome = fmt.Sprintf(
				"%s took the approval back, and the change lacks %s. Schedule it again once it is approved.",
				actor.Name, c.MissingText())
		}
	}
	c.touch(at)
	return nil
}

// ExpireReviews voids the approvals that are too old at a time, and returns them.
func (c *Change) ExpireReviews(at time.Time) []Review {
	var expired []Review
	for i := range c.Reviews {
		if until := c.Expires(c.Reviews[i]); !until.IsZero() && !at.Before(until) {
			expired = append(expired, c.Reviews[i])
			c.Reviews[i].end(VoidExpired)
		}
	}
	return expired
}

// ExpiredText says whose approvals have expired; "" if there is none.
func (c *Change) ExpiredText(expired []Review) string {
	if len(expired) == 0 {
		return ""
	}
	names := make([]string, len(expired))
	for i, r := range expired {
		names[i] = r.Reviewer.Name + " of " + r.At.UTC().Format(scheduleFormat)
	}
	approvals, verb := "approvals by ", "have"
	if len(expired) == 1 {
		approvals, verb = "approval by ", "has"
	}
	return fmt.Sprintf("The %s%s %s expired: an approval is valid for %s.", approvals, strings.Join(names, ", "), verb,
		LifeText(cmp.Or(c.ApprovalsValidFor, DefaultApprovalsValidFor)))
}

// expireBy returns the approvals whose expiry leaves the change without the approvals that it needs at a later time.
func (c *Change) expireBy(when time.Time) []Review {
	then := *c
	then.Reviews = slices.Clone(c.Reviews)
	expired := then.ExpireReviews(when)
	if len(then.Missing()) == 0 {
		return nil
	}
	return expired
}
