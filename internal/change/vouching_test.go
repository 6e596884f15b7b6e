package change_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// newLonelyDesk is a desk on which one admin has added all other people.
func newLonelyDesk(t *testing.T, single bool) (*desk, access.Actor) {
	t.Helper()
	d := &desk{t: t, store: storetest.New(t)}
	d.Service = change.New(change.Config{Store: d.store, Now: at(start), SingleAdministrator: single})
	ada := d.person("ada@example.com", access.RoleAdmin)
	d.editor, d.approver = d.addedBy(ada, "editor", access.RoleEditor), d.addedBy(ada, "approver", access.RoleApprover)
	d.operator = d.addedBy(ada, "operator", access.RoleOperator)
	d.company()
	return d, ada
}

// addedBy has an admin add a person.
func (d *desk) addedBy(admin access.Actor, name string, role access.Role) access.Actor {
	d.t.Helper()
	event := access.NewAuditEvent(admin, start, "person.add", name, nil)
	person := access.Person{Email: name + "@example.com", Name: name, Roles: []access.Role{role}}
	p, err := d.store.CreatePerson(d.t.Context(), person, "-", event)
	d.must(err)
	return access.Actor{Kind: access.ActorPerson, PersonID: p.ID, Name: p.Name, Email: p.Email, Roles: p.Roles}
}

func officeList() access.Edit { return addList("al-office", "office", "103.15.250.0/24") }

// One admin creates editor, approver and operator, and tries to push a change with them.
func TestOneAdminWithManyAccountsAppliesNothing(t *testing.T) {
	d, ada := newLonelyDesk(t, false)
	c := d.submit("Alone", officeList())
	token := d.approver
	token.Kind, token.TokenID, token.Scopes = access.ActorToken, 7, access.Scopes()
	for _, who := range []access.Actor{d.approver, token} {
		_, err := d.Review(t.Context(), who, c.ID, access.VerdictApprove, c.Digest, "")
		if access.KindOf(err) != access.KindForbidden || !strings.Contains(err.Error(), "count together") {
			t.Errorf("a review by a %s of one's own: %v, want KindForbidden and why", who.Kind, err)
		}
	}
	_, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c))
	if access.KindOf(err) != access.KindConflict {
		t.Fatalf("applied alone: %v, want KindConflict", err)
	}
	for _, want := range []string{"one group", "ada@example.com added editor", "portcullis user vouch", "--single-administrator"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the refusal %q lacks %q", err, want)
		}
	}
	o, err := d.Overview(t.Context(), ada)
	if err != nil || o.FourEyes.InForce() || o.OneGroup == "" {
		t.Errorf("the overview says %+v %q, %v; want that four eyes are not in force", o.FourEyes, o.OneGroup, err)
	}
	v, err := d.View(t.Context(), d.operator, c.ID)
	if err != nil || v.Permissions.Apply == nil || v.OneGroup == "" {
		t.Errorf("the page offers to apply it, or does not say why it cannot be (%v)", err)
	}
}

func TestSingleAdministratorAppliesFlagged(t *testing.T) {
	d, ada := newLonelyDesk(t, true)
	c := d.submit("Alone", officeList())
	v, err := d.View(t.Context(), d.operator, c.ID)
	if err != nil || v.Permissions.Apply != nil || !v.FourEyes.Single() {
		t.Errorf("the page does not offer to apply it: %v, %v", v.Permissions.Apply, err)
	}
	r, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c))
	d.must(err)
	got, err := d.Change(t.Context(), ada, c.ID)
	d.must(err)
	if got.State != access.ChangeApplied || !got.Flagged() || !got.BreakGlass.Single || r.ChangeID != c.ID {
		t.Errorf("%s, %+v; want applied and flagged", got.State, got.BreakGlass)
	}
	_, err = d.Review(t.Context(), d.approver, c.ID, access.VerdictApprove, got.Digest, "")
	if access.KindOf(err) != access.KindForbidden {
		t.Errorf("reviewed afterwards in the same group: %v, want KindForbidden", err)
	}
	dan := d.person("dan@example.com", access.RoleApprover)
	if got, err = d.Review(t.Context(), dan, c.ID, access.VerdictApprove, got.Digest, ""); err != nil || got.Flagged() {
		t.Errorf("reviewed afterwards by another group: %v, flagged %v", err, got.Flagged())
	}
	c = d.submit("With two groups", addEntry("al-office", "9.9.9.0/24"))
	if _, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c)); access.KindOf(err) != access.KindConflict {
		t.Errorf("applied alone although there are two groups: %v, want KindConflict", err)
	}
}

// The server runs in the mode, and an admin resets the only other person to be alone.
func TestModeHasNoEffectAfterOthersAreReset(t *testing.T) {
	d, ada := newLonelyDesk(t, true)
	dan := d.person("dan@example.com", access.RoleApprover)
	event := access.NewAuditEvent(ada, start, "person.reset", fmt.Sprint("person/", dan.PersonID), nil)
	d.must(d.store.MakeLink(t.Context(), dan.PersonID, make([]byte, 32), start.AddDate(0, 0, 3), event))
	c := d.submit("Alone", officeList())
	_, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c))
	if access.KindOf(err) != access.KindConflict || !strings.Contains(err.Error(), "has no effect") {
		t.Errorf("applied: %v, want KindConflict that says why the mode has no effect", err)
	}
}

// A second person who is vouched for while a change is applied in the mode stops it.
func TestApplyInModeCountsUnderTheLock(t *testing.T) {
	d, _ := newLonelyDesk(t, true)
	c := d.submit("Alone", officeList())
	s := lateStore{Store: d.store, before: func() { d.person("dan@example.com", access.RoleApprover) }}
	late := change.New(change.Config{Store: s, Now: at(start), SingleAdministrator: true})
	if _, err := late.Apply(t.Context(), d.operator, c.ID, asSeen(c)); access.KindOf(err) != access.KindConflict {
		t.Errorf("applied: %v, want KindConflict", err)
	}
}

// The author resets the reviewer's password after the review: the approval counts no more, also if that happens
// just before the change is applied.
func TestApplyCountsGroupsUnderTheLock(t *testing.T) {
	d := newDesk(t)
	d.base()
	c := d.approve(d.submit("Office", addEntry("al-office", "9.9.9.0/24")))
	event := access.NewAuditEvent(d.editor, start, "person.reset", fmt.Sprint("person/", d.approver.PersonID), nil)
	s := lateStore{Store: d.store, before: func() {
		d.must(d.store.MakeLink(t.Context(), d.approver.PersonID, make([]byte, 32), start.AddDate(0, 0, 3), event))
	}}
	late := change.New(change.Config{Store: s, Now: at(start)})
	_, err := late.Apply(t.Context(), d.operator, c.ID, asSeen(c))
	if access.KindOf(err) != access.KindConflict {
		t.Fatalf("applied: %v, want KindConflict", err)
	}
	if got := d.reread(c); got.State != access.ChangeInReview {
		t.Errorf("the change is %s, want back in review", got.State)
	}
}

// No person is altered while a transaction counts groups.
func TestPeopleStayWhileGroupsAreCounted(t *testing.T) {
	d := newDesk(t)
	d.base()
	c := d.submit("Office", addEntry("al-office", "9.9.9.0/24"))
	event := access.NewAuditEvent(d.editor, start, "person.place", "", nil)
	done := make(chan error, 1)
	var roles []access.Role
	demote := func(p *access.Person, _ access.PersonContext) ([]access.AuditEvent, error) {
		p.Roles = []access.Role{access.RoleViewer}
		return []access.AuditEvent{event}, nil
	}
	_, err := d.store.UpdateChange(t.Context(), c.ID, func(*access.Change) (access.ChangeDecision, error) {
		go func() {
			_, err := d.store.UpdatePerson(t.Context(), d.approver.PersonID, demote)
			done <- err
		}()
		d.waitForALock()
		p, err := d.store.Person(t.Context(), d.approver.PersonID)
		roles = p.Roles
		return access.ChangeDecision{}, err
	})
	d.must(err)
	d.must(<-done)
	if len(roles) != 1 || roles[0] != access.RoleApprover {
		t.Errorf("the roles changed to %v while groups were counted", roles)
	}
}

// lateStore does something just before a change is applied.
type lateStore struct {
	change.Store
	before func()
}

func (s lateStore) ApplyChange(
	ctx context.Context, id int64, decide func(c *access.Change, head int64) (change.Application, error),
) (access.Rollout, error) {
	s.before()
	return s.Store.ApplyChange(ctx, id, decide)
}

func at(when time.Time) func() time.Time { return func() time.Time { return when } }
