package access

import (
	"fmt"
	"strings"
	"time"
)

// Schedule says when the console applies an approved change without a person. It is valid
// for the digest that the operator saw: an edit ends it. Outcome says why it was not kept;
// it is empty while the schedule waits and after it was kept.
//
//	            ┌── applied in time ──▶ (the change is applied)
//	scheduled ──┼── not approved any more, the plan moved, the time missed ────▶ outcome
//	            └── cancelled ──▶ (no schedule)
type Schedule struct {
	At      time.Time
	Until   time.Time // later it is not applied
	By      PersonRef
	Digest  string
	Outcome string

	Strategy string // the id of a strategy, DefaultStrategy or AtOnceStrategy
}

// The bounds of a schedule.
const (
	MinStartWithin     = 5 * time.Minute
	DefaultStartWithin = time.Hour
	MaxStartWithin     = 24 * time.Hour
	MaxScheduleAhead   = 90 * 24 * time.Hour
)

// Scheduled reports whether the change waits for its time.
func (c *Change) Scheduled() bool {
	return c.State == ChangeApproved && c.Schedule != nil && c.Schedule.Outcome == "" && c.Schedule.Digest == c.Digest
}

// ScheduleApply has an approved change applied at a time, or at most startWithin later.
func (c *Change) ScheduleApply(actor Actor, digest string, when time.Time, startWithin time.Duration, at time.Time) error {
	switch {
	case c.State != ChangeApproved:
		return c.refuse("scheduled")
	case digest != c.Digest:
		return errOtherDigest("schedule it")
	case actor.Kind == ActorSystem:
		return Errorf(KindForbidden, "Only people schedule changes.")
	case !when.After(at):
		return Invalid("schedule_at", "%s has passed already; choose a time to come, or apply the change now", when.UTC().Format(scheduleFormat))
	case when.Sub(at) > MaxScheduleAhead:
		return Invalid("schedule_at", "choose a time within the next %d days", int(MaxScheduleAhead.Hours()/24))
	case startWithin < MinStartWithin || startWithin > MaxStartWithin:
		return Invalid("start_within", "choose a time limit from 5 minutes to 24 hours")
	}
	if r := c.expireBy(when); len(r) > 0 {
		until := c.Expires(r[0]).UTC().Format(scheduleFormat)
		return Invalid("schedule_at", "the approval by %s expires at %s, before that time; choose an earlier time, "+
			"or have the approval taken back and given again", r[0].Reviewer.Name, until)
	}
	c.Schedule = &Schedule{At: when.UTC(), Until: when.Add(startWithin).UTC(), By: actor.Ref(), Digest: digest}
	c.touch(at)
	return nil
}

// StillScheduled refuses to remove a strategy that changes are scheduled with.
func StillScheduled(waiting []ChangeRef) error {
	if len(waiting) == 0 {
		return nil
	}
	names := make([]string, len(waiting))
	for i, c := range waiting {
		names[i] = fmt.Sprintf("#%d %s", c.ID, c.Title)
	}
	return Errorf(
		KindConflict,
		"The strategy that this change removes is scheduled for %s. "+
			"Cancel the schedule, or apply the scheduled change, then try again.",
		strings.Join(names, ", "),
	)
}

const scheduleFormat = "2006-01-02 15:04 MST"

// CancelSchedule removes the schedule. The change stays approved.
func (c *Change) CancelSchedule(at time.Time) error {
	if !c.Scheduled() {
		return Errorf(KindConflict, "This change does not wait for any time.")
	}
	c.Schedule = nil
	c.touch(at)
	return nil
}

// Unkept says why a schedule that is due cannot be kept; empty when it can.
func (c *Change) Unkept(now time.Time) string {
	switch s := c.Schedule; {
	case s == nil || now.Before(s.At):
		return "It is not time yet."
	case c.State != ChangeApproved:
		return "It is no longer approved: edits, a rebase or a verdict came between."
	case s.Digest != c.Digest:
		return "It was edited and approved again after it was scheduled."
	case now.After(s.Until):
		return "It had to start by " + s.Until.UTC().Format(scheduleFormat) + ", and the console could not apply it by then."
	default:
		return ""
	}
}

// MissSchedule notes why a schedule was not kept. The change itself stays as it is.
func (c *Change) MissSchedule(why string, at time.Time) error {
	if c.Schedule == nil || c.Schedule.Outcome != "" {
		return Errorf(KindConflict, "This change does not wait for any time.")
	}
	c.Schedule.Outcome = why
	c.touch(at)
	return nil
}
