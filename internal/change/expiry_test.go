package change_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
)

// later is the same desk's service at another time.
func (d *desk) later(after time.Duration) *change.Service {
	return change.New(change.Config{Store: d.store, Now: func() time.Time { return start.Add(after) }})
}

func (d *desk) keepTime(after time.Duration) {
	d.t.Helper()
	d.must(d.later(after).KeepTime(d.t.Context()))
}

func expiring(list, key string, after time.Duration) access.Edit {
	e := addEntry(list, key)
	e.Entry.Expires = start.Add(after)
	return e
}

func updateEdit(e access.Edit) access.Edit {
	e.Op = access.EditUpdateEntry
	return e
}

func (d *desk) changesIn(states ...access.ChangeState) []access.Change {
	d.t.Helper()
	page, err := d.Changes(d.t.Context(), d.viewer, access.ChangeQuery{States: states})
	d.must(err)
	for i, c := range page.Items { // lists come without edits
		page.Items[i], err = d.Change(d.t.Context(), d.viewer, c.ID)
		d.must(err)
	}
	return page.Items
}

func (d *desk) state() access.State {
	d.t.Helper()
	s, err := d.State(d.t.Context(), d.viewer, change.Head)
	d.must(err)
	return s
}

const day = 24 * time.Hour

func TestAnExpiryIsComposedAheadAndRolledOutAtItsTime(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.base()
	d.apply("a visitor", expiring("al-office", "198.51.100.0/24", 10*day))

	d.keepTime(2 * day)
	if got := d.changesIn(access.ChangeExpiring); len(got) != 0 {
		t.Fatalf("composed %d changes before the days of notice", len(got))
	}
	d.keepTime(4 * day)
	d.keepTime(4 * day)
	composed := d.changesIn(access.ChangeExpiring)
	if len(composed) != 1 {
		t.Fatalf("%d expiries are composed, want 1", len(composed))
	}
	c := composed[0]
	if c.Author.Name != "system/expiry" || !strings.Contains(c.Title, "198.51.100.0/24") || !strings.Contains(c.Reason, "#2 by ") {
		t.Errorf("composed as %q by %q: %s", c.Title, c.Author.Name, c.Reason)
	}
	d.keepTime(10*day - time.Second)
	if _, there := entryOf(d.state(), "198.51.100.0/24"); !there {
		t.Fatal("the entry was removed before its time")
	}

	d.keepTime(10 * day)
	if _, there := entryOf(d.state(), "198.51.100.0/24"); there {
		t.Fatal("the entry is there after its time")
	}
	c, err := d.Change(t.Context(), d.viewer, c.ID)
	d.must(err)
	if c.State != access.ChangeApplied || c.RolloutID == 0 || !slices.Equal(c.Expiry.SetBy, []int64{2}) {
		t.Fatalf("state %s, rollout %d, set by %v", c.State, c.RolloutID, c.Expiry.SetBy)
	}
	plan, err := d.Plan(t.Context(), d.viewer, c.ID)
	d.must(err)
	if plan.Len() != 3 {
		t.Fatalf("the removal writes to %d accounts, want 3", plan.Len())
	}
	for _, op := range plan.Target(0).Operations {
		if strings.Contains(op.After, "198.51.100") {
			t.Errorf("%s still admits the expired range: %s", op.Resource, op.After)
		}
	}
}

func entryOf(s access.State, key string) (access.Entry, bool) {
	for _, a := range s.Allowlists {
		if e, there := a.Entry(key); there {
			return e, true
		}
	}
	return access.Entry{}, false
}

func TestTheExpiryRefersToTheChangeThatSetIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.base()
	d.apply("a visitor", expiring("al-office", "198.51.100.0/24", 3*day))
	noted := updateEdit(expiring("al-office", "198.51.100.0/24", 3*day))
	noted.Entry.Note = "a better note"
	d.apply("a note", noted) // does not set the expiry
	d.keepTime(3 * day)

	admin := d.person("auditor@example.com", access.RoleAuditor)
	events, err := d.Audit(t.Context(), admin, access.AuditFilter{Object: access.ChangeObject(2)})
	d.must(err)
	if !slices.ContainsFunc(events.Items, func(e access.AuditEvent) bool { return e.Action == "change.expired" && e.Kind == access.ActorSystem }) {
		t.Errorf("the change that set the expiry says nothing of the removal: %v", events.Items)
	}
	events, err = d.Audit(t.Context(), admin, access.AuditFilter{Action: "change.expire"})
	d.must(err)
	if len(events.Items) != 1 || !strings.Contains(string(events.Items[0].Detail), `"set_by":[2]`) {
		t.Errorf("the removal names another change: %v", events.Items)
	}
}

func TestAnExtensionCancelsTheExpiry(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.base()
	d.apply("visitors", expiring("al-office", "198.51.100.0/24", 3*day), expiring("al-office", "198.51.101.0/24", 3*day))
	d.keepTime(0)
	d.apply("one stays", updateEdit(expiring("al-office", "198.51.100.0/24", 30*day)))
	d.keepTime(day)
	composed := d.changesIn(access.ChangeExpiring)
	if len(composed) != 1 || len(composed[0].Edits) != 1 || composed[0].Edits[0].Key != "198.51.101.0/24" {
		t.Fatalf("composed %+v, want the removal of the one that was not extended", composed)
	}
	d.apply("both stay", updateEdit(expiring("al-office", "198.51.101.0/24", 30*day)))
	d.keepTime(3 * day)
	if got := d.changesIn(access.ChangeExpiring); len(got) != 0 {
		t.Errorf("%d expiries are left", len(got))
	}
	if lapsed := d.changesIn(access.ChangeWithdrawn); len(lapsed) != 1 || lapsed[0].Note == "" {
		t.Errorf("the expiry did not lapse with a note: %+v", lapsed)
	}
	if _, there := entryOf(d.state(), "198.51.100.0/24"); !there {
		t.Error("the extended entry is gone")
	}
}

// The clock job may be days late.
func TestAnExpiryThatNobodySawComing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.base()
	d.apply("a visitor", expiring("al-office", "198.51.100.0/24", time.Hour))
	d.keepTime(5 * day)
	if _, there := entryOf(d.state(), "198.51.100.0/24"); there {
		t.Fatal("the entry is there after its time")
	}
	rollouts := d.changesIn(access.ChangeApplied)
	plan, err := d.Plan(t.Context(), d.viewer, rollouts[0].ID)
	d.must(err)
	if plan.Len() == 0 {
		t.Error("the removal of what was written and has expired writes nothing")
	}
}

func TestNobodyMeddlesWithAnExpiry(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.base()
	d.apply("a visitor", expiring("al-office", "198.51.100.0/24", 3*day))
	d.keepTime(0)
	c := d.changesIn(access.ChangeExpiring)[0]
	admin := d.person("admin@example.com", access.RoleAdmin)
	for name, err := range map[string]error{
		"edit":     second(d.AddEdits(t.Context(), d.editor, c.ID, "", []access.Edit{addEntry("al-office", "8.8.8.0/24")})),
		"describe": second(d.Describe(t.Context(), d.editor, c.ID, c.Version, "mine", "mine")),
		"submit":   second(d.Submit(t.Context(), d.editor, c.ID, c.Version)),
		"review":   second(d.Review(t.Context(), d.approver, c.ID, access.VerdictApprove, c.Digest, "")),
		"apply":    second(d.Apply(t.Context(), d.operator, c.ID, asSeen(c))),
		"withdraw": second(d.Withdraw(t.Context(), admin, c.ID)),
		"rebase":   second(d.Rebase(t.Context(), d.editor, c.ID)),
		"schedule": second(d.Schedule(t.Context(), d.operator, c.ID, startAt(c, start.Add(time.Hour)))),
	} {
		if access.KindOf(err) != access.KindConflict {
			t.Errorf("%s: %v, want a conflict", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestReplicasRollOutAnExpiryOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.base()
	d.apply("a visitor", expiring("al-office", "198.51.100.0/24", day))
	won := race(4, func(int) error { return d.later(day).KeepTime(t.Context()) })
	if won != 4 {
		t.Errorf("%d of 4 replicas kept the time without an error", won)
	}
	if got := d.state().Revision; got != 3 {
		t.Errorf("the head is revision %d, want 3", got)
	}
	if got := len(d.changesIn(access.ChangeApplied)); got != 3 {
		t.Errorf("%d changes are applied, want 3", got)
	}
}

func TestAnOpenChangeThatAnExpiryMovedConflictsOpenly(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.base()
	d.apply("a visitor", expiring("al-office", "198.51.100.0/24", day))
	extension := d.approve(d.submit("stay", updateEdit(expiring("al-office", "198.51.100.0/24", 30*day))))
	d.keepTime(day)
	_, err := d.later(day).Apply(t.Context(), d.operator, extension.ID, asSeen(extension))
	if access.KindOf(err) != access.KindConflict || !strings.Contains(err.Error(), "198.51.100.0/24") {
		t.Errorf("applying an extension that came too late: %v", err)
	}
}

func TestUntimelyExpiriesAreRefusedAtSubmit(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.base()
	emergency := func(after time.Duration) access.Edit {
		e := expiring("al-office", "198.51.100.0/24", after)
		e.Entry.Emergency = true
		return e
	}
	for name, c := range map[string]struct {
		edit access.Edit
		want string
	}{
		"expired":          {expiring("al-office", "198.51.100.0/24", -time.Hour), "expired at 2026-11-02 08:00 UTC"},
		"a long emergency": {emergency(25 * time.Hour), "24 hours at most"},
	} {
		draft := d.draftOf(name, c.edit)
		_, err := d.Submit(t.Context(), d.editor, draft.ID, draft.Version)
		if access.KindOf(err) != access.KindInvalid || !strings.Contains(access.MessageOf(err), c.want) {
			t.Errorf("%s: %v, want a refusal with %q", name, err, c.want)
		}
	}
	forever := emergency(0)
	forever.Entry.Expires = time.Time{}
	if _, err := d.Draft(t.Context(), d.editor, change.Input{Edits: []access.Edit{forever}}); access.KindOf(err) != access.KindInvalid {
		t.Errorf("an emergency for ever: %v", err)
	}
	d.apply("a short emergency", emergency(23*time.Hour))
	if e, _ := entryOf(d.state(), "198.51.100.0/24"); !e.Emergency {
		t.Error("the entry is no emergency any more")
	}
}
