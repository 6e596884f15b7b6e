package change_test

import (
	"slices"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
)

// pushed makes the inventories hold what a change writes.
func (d *desk) pushed(id int64) {
	d.t.Helper()
	plan, err := d.store.Plan(d.t.Context(), id)
	d.must(err)
	for target := range plan.Targets() {
		all, err := d.store.Inventories(d.t.Context(), []access.AccountID{target.Account})
		d.must(err)
		inv, _ := all.Of(target.Account)
		inv.ReadAt = inv.ReadAt.Add(1)
		inv.Roles, inv.Users = slices.Clone(inv.Roles), slices.Clone(inv.Users)
		for _, op := range target.Operations {
			for i := range inv.Roles {
				if inv.Roles[i].Resource == op.Resource {
					inv.Roles[i].Document = op.After
				}
			}
			for i := range inv.Users {
				if inv.Users[i].Resource == op.Resource {
					inv.Users[i].Document = op.After
				}
			}
		}
		d.must(d.store.SaveInventory(d.t.Context(), inv))
	}
}

// applied applies edits and returns the change, whose documents are in the accounts then.
func (d *desk) applied(title string, edits ...access.Edit) (access.Change, access.Rollout) {
	d.t.Helper()
	r := d.apply(title, edits...)
	d.pushed(r.ChangeID)
	c, err := d.Change(d.t.Context(), d.viewer, r.ChangeID)
	d.must(err)
	return c, r
}

func removeEntry(list, key string) access.Edit {
	return access.Edit{Op: access.EditRemoveEntry, ID: list, Key: key}
}

func TestRevertUndoesAnAppliedChange(t *testing.T) {
	d := newDesk(t)
	d.base()
	grown, _ := d.applied("Grow "+strings.Repeat("ü", 50), addEntry("al-office", "9.9.9.0/24"))
	d.applied("Others", addEntry("al-office", "7.7.7.0/24"))
	c, err := d.Revert(t.Context(), d.editor2, grown.ID, "It was too much.")
	d.must(err)
	if c.State != access.ChangeDraft || c.Reverts != grown.ID || c.Author.ID != d.editor2.PersonID || c.Reason != "It was too much." {
		t.Errorf("the revert is %+v, want a draft of its editor", c)
	}
	if len(c.Title) > access.MaxTitle || !strings.HasPrefix(c.Title, "Revert change 2: Grow") {
		t.Errorf("its title is %q (%d bytes)", c.Title, len(c.Title))
	}
	if len(c.Edits) != 1 || c.Edits[0].Op != access.EditRemoveEntry || c.Edits[0].Key != "9.9.9.0/24" {
		t.Errorf("its edits are %+v, want the entry removed", c.Edits)
	}
	c, err = d.Submit(t.Context(), d.editor2, c.ID, c.Version)
	d.must(err)
	if _, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c)); access.KindOf(err) != access.KindConflict {
		t.Errorf("applied without a review: %v, want KindConflict", err)
	}
	c = d.approve(c)
	if _, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c)); err != nil {
		t.Fatal(err)
	}
	office, _ := d.state().Allowlist("al-office")
	if _, there := office.Entry("9.9.9.0/24"); there || len(office.Entries) != 3 {
		t.Errorf("the allowlist holds %+v, want the entry of the others alone to stay", office.Entries)
	}
}

func TestRevertRefusals(t *testing.T) {
	d := newDesk(t)
	d.base()
	grown, _ := d.applied("Grow", addEntry("al-office", "9.9.9.0/24"))
	draft := d.draftOf("Later", addEntry("al-vpn", "6.6.6.0/24"))
	d.applied("Shrink", removeEntry("al-office", "9.9.9.0/24"))
	for name, tt := range map[string]struct {
		who  access.Actor
		id   int64
		kind access.Kind
		want string
	}{
		"a viewer":           {d.viewer, grown.ID, access.KindForbidden, ""},
		"a draft":            {d.editor, draft.ID, access.KindConflict, "draft"},
		"no change":          {d.editor, 99, access.KindNotFound, ""},
		"an entry edited on": {d.editor, grown.ID, access.KindConflict, "entry 9.9.9.0/24 of allowlist office"},
	} {
		_, err := d.Revert(t.Context(), tt.who, tt.id, "")
		if access.KindOf(err) != tt.kind || !strings.Contains(access.MessageOf(err), tt.want) {
			t.Errorf("%s: %v, want %v with %q", name, err, tt.kind, tt.want)
		}
	}
}

func TestRolloutSaysWhatItRevokes(t *testing.T) {
	d := newDesk(t)
	d.base()
	update := func(id, role, list string, users ...string) access.Edit {
		e := addMapping(id, role, list, users...)
		e.Op = access.EditUpdateMapping
		return e
	}
	mfa := update("mp-bob", "Bob", "office", "alice")
	mfa.Mapping.RequireMFA = true
	steps := []struct {
		title string
		want  string // part of the sentence; "" if the change only grants
		edits []access.Edit
	}{
		{"a wider list", "", []access.Edit{addEntry("al-office", "9.9.9.0/24")}},
		{"the same in two halves", "", []access.Edit{
			removeEntry("al-office", "9.9.9.0/24"), addEntry("al-office", "9.9.9.0/25"), addEntry("al-office", "9.9.9.128/25"),
		}},
		{"a narrower list", "alice loses networks on role Bob in 3 accounts", []access.Edit{removeEntry("al-office", "9.9.9.0/25")}},
		{"grants and revokes", "alice loses networks", []access.Edit{
			removeEntry("al-office", "9.9.9.128/25"), addEntry("al-office", "7.7.7.0/24"),
		}},
		{"another user", "", []access.Edit{update("mp-bob", "Bob", "office", "alice", "carol")}},
		{"a user less", "carol loses role Bob", []access.Edit{update("mp-bob", "Bob", "office", "alice")}},
		{"stricter", "MFA", []access.Edit{mfa}},
		{"a mapping less", "carol loses role Admin", []access.Edit{{Op: access.EditRemoveMapping, ID: "mp-admin"}}},
		{"settings", "review rules, strategies or settings", []access.Edit{putSettings(access.Settings{ManyAccounts: 7})}},
		{"an expiry", "9.9.8.0/24 of allowlist office", nil},
	}
	for _, s := range steps {
		if s.edits == nil && s.title == "an expiry" {
			d.applied("more", addEntry("al-office", "9.9.8.0/24"))
			e, err := access.ParseEntry("9.9.8.0/24")
			d.must(err)
			e.Expires = start.AddDate(0, 1, 0)
			s.edits = []access.Edit{{Op: access.EditUpdateEntry, ID: "al-office", Key: e.Key(), Entry: &e}}
		}
		if s.edits == nil {
			continue
		}
		_, r := d.applied(s.title, s.edits...)
		if s.want == "" && r.Revokes != "" || !strings.Contains(r.Revokes, s.want) {
			t.Errorf("%s: the rollout revokes %q, want %q", s.title, r.Revokes, s.want)
		}
		if again, err := d.store.Rollout(t.Context(), r.ID); err != nil || again.Revokes != r.Revokes {
			t.Errorf("%s: read again, it revokes %q (%v)", s.title, again.Revokes, err)
		}
	}
}

func TestBreakGlassRevertsForThePeopleLockedOut(t *testing.T) {
	d := newDesk(t)
	d.base()
	d.pushed(1)
	d.applied("Allow it", putSettings(access.Settings{BreakGlassAllowed: true}))
	hero := d.member("hero", nil, access.RoleBreakGlass)
	narrow, _ := d.applied("Narrow", removeEntry("al-office", "12.148.72.0/23"))
	alone := func(more ...access.Edit) error {
		c, err := d.Revert(t.Context(), hero, narrow.ID, "The office is locked out.")
		d.must(err)
		if len(more) > 0 {
			c, err = d.AddEdits(t.Context(), hero, c.ID, "", more)
			d.must(err)
		}
		c, err = d.Submit(t.Context(), hero, c.ID, c.Version)
		d.must(err)
		_, err = d.ApplyAlone(t.Context(), hero, c.ID, c.Digest, "fire")
		return err
	}
	err := alone(addMapping("mp-more", "Bob", "office", "carol"))
	if access.KindOf(err) != access.KindForbidden || !strings.Contains(access.MessageOf(err), "user/carol") {
		t.Errorf("a revert that lets in carol, too: %v, want a refusal that names her", err)
	}
	if err := alone(); err != nil {
		t.Errorf("a revert for alice, who was locked out: %v", err)
	}
	c, err := d.Draft(t.Context(), hero, change.Input{
		Title: "More", Reason: "fire", Edits: []access.Edit{addEntry("al-vpn", "9.9.9.0/24")},
	})
	d.must(err)
	c, err = d.Submit(t.Context(), hero, c.ID, c.Version)
	d.must(err)
	_, err = d.ApplyAlone(t.Context(), hero, c.ID, c.Digest, "fire again")
	if access.KindOf(err) != access.KindConflict || !strings.Contains(access.MessageOf(err), "Revert change") {
		t.Errorf("another act alone before the review: %v, want a conflict that names the change", err)
	}
}
