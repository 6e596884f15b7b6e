package change_test

import (
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
)

func (d *desk) schedule(after, within time.Duration) access.Change {
	d.t.Helper()
	c := d.approve(d.submit("grow", addEntry("al-office", "198.51.100.0/24")))
	r := change.ScheduleRequest{Digest: c.Digest, At: start.Add(after), StartWithin: within}
	c, err := d.Schedule(d.t.Context(), d.operator, c.ID, r)
	d.must(err)
	return c
}

func (d *desk) reread(c access.Change) access.Change {
	d.t.Helper()
	c, err := d.Change(d.t.Context(), d.viewer, c.ID)
	d.must(err)
	return c
}

func TestAScheduledChangeIsAppliedAtItsTimeAndOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.base()
	c := d.schedule(2*time.Hour, time.Hour)
	d.keepTime(2*time.Hour - time.Second)
	if got := d.reread(c).State; got != access.ChangeApproved {
		t.Fatalf("before its time it is %s", got)
	}
	if won := race(4, func(int) error { return d.later(2*time.Hour + time.Minute).KeepTime(t.Context()) }); won != 4 {
		t.Errorf("%d of 4 replicas kept the time without an error", won)
	}
	got := d.reread(c)
	if got.State != access.ChangeApplied || got.Schedule.Outcome != "" || got.Revision != 2 || d.state().Revision != 2 {
		t.Errorf("after its time it is %s as revision %d: %q", got.State, got.Revision, got.Schedule.Outcome)
	}
}

func TestAScheduleThatIsNotKeptSaysWhy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		between func(d *desk, c access.Change)
		after   time.Duration
		want    string
	}{
		"the time is missed": {func(*desk, access.Change) {}, 4 * time.Hour, "had to start by"},
		"edited": {func(d *desk, c access.Change) {
			d.must(second(d.AddEdits(d.t.Context(), d.editor, c.ID, "", []access.Edit{addEntry("al-office", "198.51.101.0/24")})))
		}, 2 * time.Hour, "no longer approved"},
		"the plan moved": {func(d *desk, _ access.Change) {
			d.apply("before it", addEntry("al-office", "198.51.102.0/24"))
		}, 2 * time.Hour, "no longer what was approved"},
		"the operator lost the role": {func(d *desk, _ access.Change) {
			d.must(second(d.store.UpdatePerson(d.t.Context(), d.operator.PersonID, func(p *access.Person, _ access.PersonContext) ([]access.AuditEvent, error) {
				p.Roles = []access.Role{access.RoleViewer}
				return nil, nil
			})))
		}, 2 * time.Hour, "may no longer apply"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.base()
			scheduled := d.schedule(2*time.Hour, time.Hour)
			c.between(d, scheduled)
			before := d.state().Revision
			d.keepTime(c.after)
			got := d.reread(scheduled)
			if got.State == access.ChangeApplied || got.Schedule == nil || !strings.Contains(got.Schedule.Outcome, c.want) {
				t.Fatalf("it is %s with %+v, want an outcome with %q", got.State, got.Schedule, c.want)
			}
			d.keepTime(c.after + time.Minute)
			if now := d.state().Revision; now != before {
				t.Errorf("the head moved from %d to %d", before, now)
			}
			o, err := d.Overview(t.Context(), d.viewer)
			d.must(err)
			if len(o.Missed) != 1 {
				t.Errorf("the overview reports %d missed schedules, want 1", len(o.Missed))
			}
		})
	}
}

func TestScheduleRefuses(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.base()
	c := d.submit("grow", addEntry("al-office", "198.51.100.0/24"))
	in := start.Add(time.Hour)
	if _, err := d.Schedule(t.Context(), d.operator, c.ID, startAt(c, in)); access.KindOf(err) != access.KindConflict {
		t.Errorf("a change that is not approved: %v", err)
	}
	c = d.approve(c)
	for name, try := range map[string]struct {
		actor  access.Actor
		digest string
		when   time.Time
		within time.Duration
		want   access.Kind
	}{
		"an editor":      {d.editor, c.Digest, in, 0, access.KindForbidden},
		"another digest": {d.operator, "other", in, 0, access.KindConflict},
		"the past":       {d.operator, c.Digest, start, 0, access.KindInvalid},
		"too far":        {d.operator, c.Digest, start.AddDate(1, 0, 0), 0, access.KindInvalid},
		"a long time":    {d.operator, c.Digest, in, 25 * time.Hour, access.KindInvalid},
	} {
		r := change.ScheduleRequest{Digest: try.digest, At: try.when, StartWithin: try.within}
		if _, err := d.Schedule(t.Context(), try.actor, c.ID, r); access.KindOf(err) != try.want {
			t.Errorf("%s: %v, want %s", name, err, try.want)
		}
	}
	if _, err := d.CancelSchedule(t.Context(), d.operator, c.ID); access.KindOf(err) != access.KindConflict {
		t.Errorf("cancelling what is not scheduled: %v", err)
	}
}

func TestACancelledScheduleIsNotKept(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.base()
	c := d.schedule(time.Hour, time.Hour)
	if _, err := d.CancelSchedule(t.Context(), d.operator, c.ID); err != nil {
		t.Fatal(err)
	}
	d.keepTime(time.Hour)
	if got := d.reread(c); got.State != access.ChangeApproved || got.Schedule != nil {
		t.Errorf("it is %s with %+v", got.State, got.Schedule)
	}
}

func TestExplainAsOfADate(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.base()
	d.apply("a visitor", expiring("al-office", "198.51.100.0/24", day))
	d.keepTime(2 * day)
	ask := change.ExplainRequest{Account: "111111111111", Role: "Bob", User: "alice", SourceIP: "198.51.100.7", Revision: change.Head}
	now := d.later(3 * day)
	for name, c := range map[string]struct {
		at       time.Time
		want     string
		revision int64
	}{
		"while it counted":     {start.Add(time.Hour), "allowed", 2},
		"expired, not removed": {start.Add(day + time.Hour), "denied", 2},
		"removed":              {start.Add(2*day + time.Hour), "denied", 3},
		"before there was any": {start.Add(-time.Hour), "denied", 0},
	} {
		q := ask
		q.At = c.at
		got, err := now.Explain(t.Context(), d.viewer, q)
		d.must(err)
		if string(got.Verdict) != c.want || got.Revision != c.revision || !got.At.Equal(c.at) {
			t.Errorf("%s: %s at revision %d as of %s, want %s at %d", name, got.Verdict, got.Revision, got.At, c.want, c.revision)
		}
	}
	ask.Revision = 2 // as of when it was made
	if got, err := now.Explain(t.Context(), d.viewer, ask); err != nil || got.Verdict != "allowed" {
		t.Errorf("revision 2: %s (%v)", got.Verdict, err)
	}
	ask.At = start.Add(9 * day)
	if _, err := now.Explain(t.Context(), d.viewer, ask); access.KindOf(err) != access.KindInvalid {
		t.Errorf("a date and a revision: %v", err)
	}
	ask.Revision = change.Head
	if _, err := now.Explain(t.Context(), d.viewer, ask); access.KindOf(err) != access.KindInvalid {
		t.Errorf("a date to come: %v", err)
	}
}
