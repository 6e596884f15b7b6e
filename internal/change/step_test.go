package change_test

import (
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
)

// TestSubmitWithGuardOverride: a program overrides a guard in the same request.
func TestSubmitWithGuardOverride(t *testing.T) {
	d := newDesk(t)
	d.base()
	remove := func(key string) access.Edit {
		return access.Edit{Op: access.EditRemoveEntry, ID: "al-office", Key: key}
	}
	c := d.draftOf("Nobody", remove("103.15.250.0/24"), remove("12.148.72.0/23"))
	if _, err := d.Submit(t.Context(), d.editor, c.ID, c.Version, change.OverrideGuards(change.GuardOverride{Guard: access.GuardNoAddress, Object: "Admin"})); access.KindOf(err) != access.KindInvalid {
		t.Errorf("overrode a guard that has no finding: %v, want KindInvalid", err)
	}
	override := change.OverrideGuards(change.GuardOverride{Guard: access.GuardNoAddress, Object: "Bob"})
	c, err := d.Submit(t.Context(), d.editor, c.ID, c.Version, override)
	d.must(err)
	if len(c.GuardOverrides) != 1 || c.GuardOverrides[0].ByID != d.editor.PersonID || c.State != access.ChangeInReview {
		t.Errorf("submitted is %s with %+v, want the override of the editor", c.State, c.GuardOverrides)
	}
	var said []string
	history, err := d.store.History(t.Context(), access.ChangeObject(c.ID))
	d.must(err)
	for _, e := range history {
		said = append(said, e.Action)
	}
	if got := strings.Join(said, " "); got != "change.draft change.override_guard change.submit" {
		t.Errorf("the history says %s", got)
	}
	c = d.approve(c)
	if _, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c), override); err != nil {
		t.Errorf("overridden twice: %v", err)
	}
}

func TestOverrideGuardsAtApply(t *testing.T) {
	d := newDesk(t)
	d.base()
	carol := d.carol()
	c := d.approve(d.submit("Leave", access.Edit{Op: access.EditRemoveEntry, ID: "al-vpn", Key: "8.8.8.0/24"}, addEntry("al-vpn", "7.7.7.0/24")))
	if _, err := d.Apply(t.Context(), carol, c.ID, asSeen(c)); access.KindOf(err) != access.KindInvalid {
		t.Fatalf("not overridden: %v, want KindInvalid", err)
	}
	override := change.OverrideGuards(change.GuardOverride{Guard: access.GuardOwnAddress, Object: "Admin"})
	r, err := d.Apply(t.Context(), carol, c.ID, asSeen(c), override)
	d.must(err)
	if c, err = d.store.Change(t.Context(), c.ID); err != nil || c.RolloutID != r.ID || len(c.GuardOverrides) != 1 {
		t.Errorf("applied with %+v, %v", c.GuardOverrides, err)
	}
	if v, err := d.View(t.Context(), d.approver, c.ID); err != nil || v.Rollout == nil || v.Rollout.ID != r.ID {
		t.Errorf("the view of the applied change has the rollout %+v (%v), want %d", v.Rollout, err, r.ID)
	}
}

// TestAStepIsForWhatWasRead asks each step for a version that is no longer there.
func TestAStepIsForWhatWasRead(t *testing.T) {
	d := newDesk(t)
	d.base()
	ctx := t.Context()
	c := d.draftOf("One", addEntry("al-office", "9.9.9.9/32"))
	old := change.IfVersion(c.Version)
	c, err := d.Describe(ctx, d.editor, c.ID, c.Version, "Two", "SEC-2")
	d.must(err)
	refused := func(what string, err error) {
		t.Helper()
		if access.KindOf(err) != access.KindStale {
			t.Errorf("%s: %v, want KindStale", what, err)
		}
	}
	_, err = d.Submit(ctx, d.editor, c.ID, c.Version, old)
	refused("submit", err)
	_, err = d.Rebase(ctx, d.editor, c.ID, old)
	refused("rebase", err)
	_, err = d.Withdraw(ctx, d.editor, c.ID, old)
	refused("withdraw", err)
	c, err = d.Submit(ctx, d.editor, c.ID, c.Version, change.IfVersion(c.Version))
	d.must(err)
	_, err = d.Review(ctx, d.approver, c.ID, access.VerdictApprove, c.Digest, "", old)
	refused("review", err)
	c = d.approve(c)
	_, err = d.Apply(ctx, d.operator, c.ID, asSeen(c), old)
	refused("apply", err)
	_, err = d.Schedule(ctx, d.operator, c.ID, startAt(c, start.AddDate(0, 0, 1)), old)
	refused("schedule", err)
	c, err = d.Schedule(ctx, d.operator, c.ID, startAt(c, start.AddDate(0, 0, 1)), change.IfVersion(c.Version))
	d.must(err)
	_, err = d.CancelSchedule(ctx, d.operator, c.ID, old)
	refused("unschedule", err)
	if _, err = d.Apply(ctx, d.operator, c.ID, asSeen(c), change.IfVersion(c.Version)); err != nil {
		t.Errorf("apply as it was read: %v", err)
	}
}

// TestACommentAndACloneAreOfWhatWasRead, also where the change moves on in the moment between the
// reading and the writing: both wait for the transaction that has locked it.
func TestACommentAndACloneAreOfWhatWasRead(t *testing.T) {
	d := newDesk(t)
	d.base()
	c := d.submit("One", addEntry("al-office", "9.9.9.9/32"))
	c, err := d.Review(t.Context(), d.approver, c.ID, access.VerdictReject, c.Digest, "not now")
	d.must(err)
	comment := func(asRead int64) error {
		_, err := d.Comment(t.Context(), d.viewer, c.ID, "Why not?", change.IfVersion(asRead))
		return err
	}
	clone := func(asRead int64) error {
		_, err := d.Clone(t.Context(), d.editor, c.ID, change.IfVersion(asRead))
		return err
	}
	for what, step := range map[string]func(asRead int64) error{"a comment": comment, "a clone": clone} {
		d.must(step(c.Version))
		done := make(chan error, 1)
		c, err = d.store.UpdateChange(t.Context(), c.ID, func(locked *access.Change) (change.Decision, error) {
			version := locked.Version
			go func() { done <- step(version) }()
			d.waitForALock()
			locked.Version++
			return change.Decision{}, nil
		})
		d.must(err)
		if err := <-done; access.KindOf(err) != access.KindStale {
			t.Errorf("%s, while the change moves on: %v, want KindStale", what, err)
		}
		if err := step(c.Version - 1); access.KindOf(err) != access.KindStale {
			t.Errorf("%s, after the change moved on: %v, want KindStale", what, err)
		}
	}
}

// waitForALock returns when a transaction waits for a row that another has locked.
func (d *desk) waitForALock() {
	d.t.Helper()
	for waits, deadline := false, time.Now().Add(10*time.Second); !waits; {
		if time.Now().After(deadline) {
			d.t.Fatal("nobody waits for a lock")
		}
		const query = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')"
		d.must(d.store.Pool().QueryRow(d.t.Context(), query).Scan(&waits))
	}
}

// TestSinceTellsWhatOthersApplied, before a rebase and after it.
func TestSinceTellsWhatOthersApplied(t *testing.T) {
	d := newDesk(t)
	d.base()
	c := d.draftOf("Mine", addEntry("al-office", "9.9.9.9/32"))
	d.apply("Theirs", addEntry("al-vpn", "7.7.7.0/24"))
	d.apply("The same", addEntry("al-office", "9.9.9.9/32"))
	v, err := d.View(t.Context(), d.editor, c.ID)
	d.must(err)
	var told []string
	for _, a := range v.ChangedSince.Applied {
		told = append(told, a.Title)
		if a.Same != (a.Title == "The same") {
			t.Errorf("%s touches the same: %v", a.Title, a.Same)
		}
	}
	if got := strings.Join(told, ", "); got != "Theirs, The same" || v.ChangedSince.From != 1 || v.ChangedSince.To != 3 || v.ChangedSince.More != 0 {
		t.Errorf("since %d to %d %q was applied", v.ChangedSince.From, v.ChangedSince.To, got)
	}
	c, err = d.Rebase(t.Context(), d.editor, c.ID)
	d.must(err)
	since, err := d.ChangedSince(t.Context(), d.viewer, c.ID)
	d.must(err)
	if since.From != 1 || since.To != 3 || len(since.Applied) != 2 || len(c.Edits) != 0 {
		t.Errorf("after the rebase: %d edits are left, since %d to %d %d were applied", len(c.Edits), since.From, since.To, len(since.Applied))
	}
	if _, err := d.ChangedSince(t.Context(), access.Actor{}, c.ID); access.KindOf(err) != access.KindUnauthenticated {
		t.Errorf("as nobody: %v", err)
	}
}
