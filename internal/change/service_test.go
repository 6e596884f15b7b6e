package change_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/internal/policy"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// desk is a service with its own database and a small company: three accounts with the role Bob and
// the users alice and carol, and one suspended account.
type desk struct {
	t     *testing.T
	store *store.Store
	*change.Service
	editor, editor2, approver, approver2, operator, viewer access.Actor
}

var start = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := newEmptyDesk(t)
	d.company()
	return d
}

// newEmptyDesk is a desk whose organization has not been read.
func newEmptyDesk(t *testing.T) *desk {
	t.Helper()
	s := storetest.New(t)
	d := &desk{t: t, store: s, Service: change.New(change.Config{Store: s, Now: func() time.Time { return start }})}
	for i, p := range []struct {
		who  *access.Actor
		role access.Role
	}{{&d.editor, access.RoleEditor}, {&d.editor2, access.RoleEditor}, {&d.approver, access.RoleApprover}, {&d.approver2, access.RoleApprover}, {&d.operator, access.RoleOperator}, {&d.viewer, access.RoleViewer}} {
		*p.who = d.person(fmt.Sprintf("%s%d@example.com", p.role, i), p.role)
	}
	return d
}

func (d *desk) person(email string, role access.Role) access.Actor {
	d.t.Helper()
	event := access.NewAuditEvent(access.System("test"), start, "person.add", email, nil)
	p, err := d.store.CreatePerson(d.t.Context(), access.Person{Email: email, Name: email, Roles: []access.Role{role}}, "-", event)
	d.must(err)
	return access.Actor{Kind: access.ActorPerson, PersonID: p.ID, Name: p.Name, Email: p.Email, Roles: p.Roles}
}

// asSeen applies a change as it was just read, by the default strategy.
func asSeen(c access.Change) change.ApplyRequest { return change.ApplyRequest{Digest: c.Digest} }

// startAt schedules a change as it was just read, by the default strategy.
func startAt(c access.Change, when time.Time) change.ScheduleRequest {
	return change.ScheduleRequest{Digest: c.Digest, At: when}
}

// pasteEntries makes entries without an expiry.
func pasteEntries(text string) change.NewEntries { return change.NewEntries{Text: text} }

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

const foreign = `{"Version":"2012-10-17","Statement":[{"Sid":"Vendor","Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

// prodOU is the OU of the accounts of the desk's company.
const prodOU = "ou-ab12-prod0000"

func (d *desk) company() {
	d.t.Helper()
	d.saveOrganization(access.AccountSuspended)
	for _, id := range []access.AccountID{"111111111111", "222222222222", "333333333333"} {
		d.must(d.store.SaveInventory(d.t.Context(), inventory(id)))
	}
}

// saveOrganization saves the company with its fourth account in a state.
func (d *desk) saveOrganization(fourth access.AccountState) {
	d.t.Helper()
	ou := []access.OU{
		{ID: "r-ab12", Name: "Root", Path: "Root"},
		{ID: prodOU, ParentID: "r-ab12", Name: "Prod", Path: "Root/Prod"},
		{ID: "ou-ab12-test0000", ParentID: "r-ab12", Name: "Test", Path: "Root/Test"},
		{ID: "ou-ab12-cicd0000", ParentID: "r-ab12", Name: "CI/CD", Path: `Root/"CI/CD"`},
	}
	org := access.Organization{ID: "o-1", ManagementAccountID: "999999999999", OUs: ou}
	for i, id := range []access.AccountID{"111111111111", "222222222222", "333333333333", "444444444444"} {
		state := access.AccountActive
		if i == 3 {
			state = fourth
		}
		org.Accounts = append(org.Accounts, access.Account{
			ID: id, Name: fmt.Sprintf("acct-%d", i+1), State: state, OU: "Root/Prod", OUIDs: []string{"r-ab12", prodOU}, Partition: "aws",
		})
	}
	d.must(d.store.SaveOrganization(d.t.Context(), org, false, nil))
}

func inventory(id access.AccountID) access.Inventory {
	inv := access.Inventory{Account: id, ReadAt: start}
	for _, name := range []string{"Bob", "Admin"} {
		r := access.Resource{Kind: access.ResourceRole, Path: "/", Name: name}
		inv.Roles = append(inv.Roles, access.LiveDocument{Resource: r, ID: "AROA" + name + string(id), Exists: true, Document: foreign})
	}
	for _, name := range []string{"alice", "carol"} {
		u := access.Resource{Kind: access.ResourceUser, Path: "/", Name: name}
		inv.Users = append(inv.Users, access.LiveUser{LiveDocument: access.LiveDocument{Resource: u, ID: "AIDA" + name + string(id), Exists: true}})
	}
	return inv
}

// apply applies edits with all steps before.
func (d *desk) apply(title string, edits ...access.Edit) access.Rollout {
	d.t.Helper()
	c := d.submit(title, edits...)
	c = d.approve(c)
	r, err := d.Apply(d.t.Context(), d.operator, c.ID, asSeen(c))
	d.must(err)
	return r
}

func (d *desk) draftOf(title string, edits ...access.Edit) access.Change {
	d.t.Helper()
	c, err := d.Draft(d.t.Context(), d.editor, change.Input{Title: title, Reason: "SEC-1", Edits: edits})
	d.must(err)
	return c
}

func (d *desk) submit(title string, edits ...access.Edit) access.Change {
	d.t.Helper()
	c := d.draftOf(title, edits...)
	c, err := d.Submit(d.t.Context(), d.editor, c.ID, c.Version)
	d.must(err)
	return c
}

func (d *desk) approve(c access.Change) access.Change {
	d.t.Helper()
	c, err := d.Review(d.t.Context(), d.approver, c.ID, access.VerdictApprove, c.Digest, "")
	d.must(err)
	return c
}

func addList(id, name string, entries ...string) access.Edit {
	a := access.Allowlist{ID: id, Name: name}
	for _, e := range entries {
		entry, err := access.ParseEntry(e)
		if err != nil {
			panic(err)
		}
		a.Entries = append(a.Entries, entry)
	}
	return access.Edit{Op: access.EditAddAllowlist, ID: id, Allowlist: &a}
}

func addMapping(id, role, list string, users ...string) access.Edit {
	m := access.Mapping{ID: id, Role: access.RoleName{Path: "/", Name: role}, Accounts: access.Selector{All: true}, Allowlists: []string{list}}
	for _, u := range users {
		m.Users = append(m.Users, access.UserName{Path: "/", Name: u})
	}
	return access.Edit{Op: access.EditAddMapping, ID: id, Mapping: &m}
}

func addEntry(list, key string) access.Edit {
	e, err := access.ParseEntry(key)
	if err != nil {
		panic(err)
	}
	return access.Edit{Op: access.EditAddEntry, ID: list, Key: key, Entry: &e}
}

func (d *desk) base() {
	d.t.Helper()
	d.apply("Begin", addList("al-office", "office", "103.15.250.0/24", "12.148.72.0/23"), addList("al-vpn", "vpn", "8.8.8.0/24"),
		addMapping("mp-bob", "Bob", "office", "alice"), addMapping("mp-admin", "Admin", "vpn", "carol"))
}

func TestFromDraftToRollout(t *testing.T) {
	d := newDesk(t)
	d.base()
	c, err := d.AddEntries(t.Context(), d.editor, 0, "al-office", pasteEntries("12.148.80.0/22 Tokyo\n9.9.9.9 dns\n"))
	d.must(err)
	if len(c.Edits) != 2 || c.Title == "" || c.State != access.ChangeDraft {
		t.Fatalf("draft %+v, want two edits and a suggested title", c)
	}
	c, err = d.Describe(t.Context(), d.editor, c.ID, c.Version, "Open Tokyo", "SEC-12")
	d.must(err)
	v, err := d.View(t.Context(), d.editor, c.ID)
	d.must(err)
	if v.Targets != 3 || v.Problem != "" {
		t.Errorf("the draft reaches %d accounts (%s), want 3", v.Targets, v.Problem)
	}
	if len(v.Folded) != 1 || len(v.Folded[0].Accounts) != 3 {
		t.Errorf("%d folded documents, want one for three accounts", len(v.Folded))
	}
	c, err = d.Submit(t.Context(), d.editor, c.ID, c.Version)
	d.must(err)
	c = d.approve(c)
	r, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c))
	d.must(err)
	if r.Counts.Total() != 3 || r.Revision != 2 || r.ChangeID != c.ID {
		t.Errorf("rollout %+v, want 3 targets of revision 2", r)
	}
	state, err := d.State(t.Context(), d.viewer, change.Head)
	d.must(err)
	if a, _ := state.Allowlist("al-office"); len(a.Entries) != 4 {
		t.Errorf("%d entries at the head, want 4", len(a.Entries))
	}
	old, err := d.State(t.Context(), d.viewer, 1)
	d.must(err)
	if a, _ := old.Allowlist("al-office"); len(a.Entries) != 2 {
		t.Errorf("%d entries at revision 1, want 2: the past has moved", len(a.Entries))
	}
}

func TestPlanKeepsWhatOthersWrote(t *testing.T) {
	d := newDesk(t)
	c := d.submit("Begin", addList("al-office", "office", "103.15.250.0/24"), addMapping("mp-bob", "Bob", "office", "alice"))
	plan, err := d.Plan(t.Context(), d.approver, c.ID)
	d.must(err)
	for target := range plan.Targets() {
		for i, op := range target.Operations {
			if op.Kind == access.OpTrustPolicy && (!strings.Contains(op.After, "Vendor") || op.Before != foreign || i != 0) {
				t.Errorf("operation %d in %s: before %q after %q, want the vendor's statement kept and the trust policy first", i, target.Account, op.Before, op.After)
			}
		}
		if len(target.Operations) != 2 {
			t.Errorf("%d operations in %s, want the role and the user", len(target.Operations), target.Account)
		}
	}
}

func TestAuthorCannotReviewByAnyPath(t *testing.T) {
	d := newDesk(t)
	both := d.person("both@example.com", access.RoleEditor)
	both.Roles = []access.Role{access.RoleEditor, access.RoleApprover, access.RoleOperator, access.RoleAdmin}
	c, err := d.Draft(t.Context(), both, change.Input{Title: "Mine", Reason: "x", Edits: []access.Edit{addList("al-1", "one", "8.8.8.8")}})
	d.must(err)
	c, err = d.Submit(t.Context(), both, c.ID, c.Version)
	d.must(err)
	token := both
	token.Kind, token.TokenID = access.ActorToken, 5
	for _, who := range []access.Actor{both, token} {
		if _, err := d.Review(t.Context(), who, c.ID, access.VerdictApprove, c.Digest, ""); access.KindOf(err) != access.KindForbidden {
			t.Errorf("self-review as %s: %v, want KindForbidden", who.Kind, err)
		}
	}
	if _, err := d.Apply(t.Context(), both, c.ID, asSeen(c)); access.KindOf(err) != access.KindConflict {
		t.Errorf("apply without a review: %v, want KindConflict", err)
	}
}

func TestEveryMethodAuthorises(t *testing.T) {
	d := newDesk(t)
	d.base()
	c := d.submit("Add", addEntry("al-vpn", "9.9.9.9/32"))
	ctx := t.Context()
	writes := map[string]func(access.Actor) error{
		"Draft":    func(a access.Actor) error { _, err := d.Draft(ctx, a, change.Input{}); return err },
		"Edit":     func(a access.Actor) error { _, err := d.Edit(ctx, a, c.ID, c.Version, change.Input{}); return err },
		"Describe": func(a access.Actor) error { _, err := d.Describe(ctx, a, c.ID, c.Version, "", ""); return err },
		"AddEdits": func(a access.Actor) error { _, err := d.AddEdits(ctx, a, c.ID, "", nil); return err },
		"DropEdit": func(a access.Actor) error { _, err := d.DropEdit(ctx, a, c.ID, c.Version, 0); return err },
		"AddEntries": func(a access.Actor) error {
			_, err := d.AddEntries(ctx, a, 0, "al-vpn", pasteEntries("1.1.1.1"))
			return err
		},
		"RemoveEntries": func(a access.Actor) error {
			_, err := d.RemoveEntries(ctx, a, 0, "al-vpn", []string{"8.8.8.0/24"})
			return err
		},
		"SaveEntry": func(a access.Actor) error { _, err := d.SaveEntry(ctx, a, 0, "al-vpn", access.Entry{}); return err },
		"SaveAllowlist": func(a access.Actor) error {
			_, err := d.SaveAllowlist(ctx, a, 0, access.Allowlist{Name: "x"})
			return err
		},
		"RemoveAllowlist": func(a access.Actor) error { _, err := d.RemoveAllowlist(ctx, a, 0, "al-vpn"); return err },
		"SaveMapping":     func(a access.Actor) error { _, err := d.SaveMapping(ctx, a, 0, access.Mapping{}); return err },
		"RemoveMapping":   func(a access.Actor) error { _, err := d.RemoveMapping(ctx, a, 0, "mp-bob"); return err },
		"Submit":          func(a access.Actor) error { _, err := d.Submit(ctx, a, c.ID, c.Version); return err },
		"Review": func(a access.Actor) error {
			_, err := d.Review(ctx, a, c.ID, access.VerdictApprove, c.Digest, "")
			return err
		},
		"AddEntriesUntil": func(a access.Actor) error {
			_, err := d.AddEntries(ctx, a, 0, "al-vpn", change.NewEntries{
				Text: "1.1.1.1", Expires: start.Add(time.Hour), Emergency: true,
			})
			return err
		},
		"Schedule": func(a access.Actor) error {
			_, err := d.Schedule(ctx, a, c.ID, startAt(c, start.Add(time.Hour)))
			return err
		},
		"CancelSchedule": func(a access.Actor) error { _, err := d.CancelSchedule(ctx, a, c.ID); return err },
		"Apply": func(a access.Actor) error {
			_, err := d.Apply(ctx, a, c.ID, asSeen(c))
			return err
		},
		"Withdraw":  func(a access.Actor) error { _, err := d.Withdraw(ctx, a, c.ID); return err },
		"Rebase":    func(a access.Actor) error { _, err := d.Rebase(ctx, a, c.ID); return err },
		"PushAgain": func(a access.Actor) error { _, err := d.PushAgain(ctx, a); return err },
		"Audit":     func(a access.Actor) error { _, err := d.Audit(ctx, a, access.AuditFilter{}); return err },
	}
	for name, call := range writes {
		if err := call(d.viewer); access.KindOf(err) != access.KindForbidden {
			t.Errorf("%s as a viewer: %v, want KindForbidden", name, err)
		}
		if err := call(access.Actor{}); access.KindOf(err) != access.KindUnauthenticated {
			t.Errorf("%s as nobody: %v, want KindUnauthenticated", name, err)
		}
	}
	if got, err := d.Change(ctx, d.viewer, c.ID); err != nil || got.Version != c.Version {
		t.Errorf("the refused calls left version %d, want %d (%v)", got.Version, c.Version, err)
	}
}

func TestSameObjectConflicts(t *testing.T) {
	d := newDesk(t)
	d.base()
	first := d.approve(d.submit("Remove it", access.Edit{Op: access.EditRemoveEntry, ID: "al-vpn", Key: "8.8.8.0/24"}, addEntry("al-vpn", "7.7.7.0/24")))
	e, _ := access.ParseEntry("8.8.8.0/24")
	e.Note = "still needed"
	second := d.approve(d.submit("Note it", access.Edit{Op: access.EditUpdateEntry, ID: "al-vpn", Key: e.Key(), Entry: &e}))
	_, err := d.Apply(t.Context(), d.operator, first.ID, asSeen(first))
	d.must(err)
	if _, err := d.Apply(t.Context(), d.operator, second.ID, asSeen(second)); access.KindOf(err) != access.KindConflict {
		t.Fatalf("apply of the second: %v, want KindConflict", err)
	}
	got, err := d.Change(t.Context(), d.viewer, second.ID)
	d.must(err)
	if got.State != access.ChangeConflicted || got.Approvals() != 0 || got.Note == "" {
		t.Errorf("the second is %s with %d approvals and note %q; want conflicted, none, and why", got.State, got.Approvals(), got.Note)
	}
	if _, err := d.Rebase(t.Context(), d.editor, second.ID); access.KindOf(err) != access.KindConflict || !strings.Contains(err.Error(), "8.8.8.0/24") {
		t.Errorf("rebase of an edit whose entry is gone: %v, want it named", err)
	}
}

func TestUnrelatedChangesDoNotConflict(t *testing.T) {
	d := newDesk(t)
	d.base()
	first := d.approve(d.submit("Office", addEntry("al-office", "9.9.9.0/24")))
	second := d.approve(d.submit("VPN", addEntry("al-vpn", "7.7.7.0/24")))
	for _, c := range []access.Change{first, second} {
		if _, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c)); err != nil {
			t.Errorf("apply of %s: %v", c.Title, err)
		}
	}
}

func TestDocumentsThatMovedAreNotApplied(t *testing.T) {
	d := newDesk(t)
	d.base()
	first := d.approve(d.submit("One more", addEntry("al-office", "9.9.9.0/24")))
	second := d.approve(d.submit("Another", addEntry("al-office", "7.7.7.0/24")))
	_, err := d.Apply(t.Context(), d.operator, first.ID, asSeen(first))
	d.must(err)
	if _, err := d.Apply(t.Context(), d.operator, second.ID, asSeen(second)); access.KindOf(err) != access.KindConflict {
		t.Fatalf("apply of documents that nobody approved: %v, want KindConflict", err)
	}
	c, err := d.Rebase(t.Context(), d.editor, second.ID)
	d.must(err)
	c, err = d.Submit(t.Context(), d.editor, c.ID, c.Version)
	d.must(err)
	c = d.approve(c)
	if _, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c)); err != nil {
		t.Errorf("apply after rebase and a new review: %v", err)
	}
}

// The rows of a plan are copied into the rollout. Rows that someone has altered in the database since
// the approval are not applied, and the audit log says so.
func TestAlteredPlanIsNotApplied(t *testing.T) {
	for name, sql := range map[string]string{
		"other statements": "UPDATE plan_operations SET ours_after = after_doc",
		"another role":     "UPDATE plan_operations SET resource_name = 'Admin'",
		"left out":         "DELETE FROM plan_operations",
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.base()
			c := d.approve(d.submit("One more", addEntry("al-office", "9.9.9.0/24")))
			_, err := d.store.Pool().Exec(t.Context(), "ALTER TABLE plan_operations DISABLE TRIGGER USER")
			d.must(err)
			tag, err := d.store.Pool().Exec(t.Context(), sql+" WHERE change_id = $1", c.ID)
			if d.must(err); tag.RowsAffected() == 0 {
				t.Fatal("no row was altered")
			}
			if _, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c)); access.KindOf(err) != access.KindConflict || !strings.Contains(err.Error(), "have been altered") {
				t.Fatalf("apply of a plan that was altered: %v, want KindConflict", err)
			}
			got, err := d.store.Change(t.Context(), c.ID)
			if d.must(err); got.State != access.ChangeConflicted {
				t.Errorf("the change is %s, want conflicted", got.State)
			}
			events, err := d.store.History(t.Context(), access.ChangeObject(c.ID))
			if d.must(err); !slices.ContainsFunc(events, func(e access.AuditEvent) bool { return e.Action == "change.conflict" }) {
				t.Error("no audit event says that the plan was altered")
			}
		})
	}
}

func TestSubmitRefuses(t *testing.T) {
	d := newDesk(t)
	d.base()
	many := addList("al-many", "many")
	for i := range 4_200 { // too long for either side
		e, err := access.ParseEntry(fmt.Sprintf("%d.%d.%d.0/24", 20+i/100, i%100, i*2%200))
		d.must(err)
		many.Allowlist.Entries = append(many.Allowlist.Entries, e)
	}
	for name, c := range map[string]struct {
		edits []access.Edit
		want  string
	}{
		"a list that does not fit":   {[]access.Edit{many, addMapping("mp-x", "Admin", "many", "alice")}, "2048"},
		"a mapping of an empty list": {[]access.Edit{addList("al-none", "none"), addMapping("mp-x", "Admin", "none", "alice")}, "none"},
		"the whole internet":         {[]access.Edit{addEntry("al-office", "0.0.0.0/0")}, "0.0.0.0/0"},
	} {
		draft := d.draftOf("Try", c.edits...)
		_, err := d.Submit(t.Context(), d.editor, draft.ID, draft.Version)
		if access.KindOf(err) != access.KindInvalid || !strings.Contains(strings.ReplaceAll(err.Error(), ",", ""), c.want) {
			t.Errorf("%s: %v, want KindInvalid with %q", name, err, c.want)
		}
		if got, err := d.Change(t.Context(), d.editor, draft.ID); err != nil || got.State != access.ChangeDraft || len(got.Edits) != len(draft.Edits) {
			t.Errorf("%s: after the refusal the draft is %s with %d edits (%v), want it kept", name, got.State, len(got.Edits), err)
		}
	}
}

func TestMappingThatCannotWorkIsRefusedAtOnce(t *testing.T) {
	d := newDesk(t)
	d.base()
	good := access.Mapping{Role: access.RoleName{Path: "/", Name: "Bob"}, Users: []access.UserName{{Path: "/", Name: "alice"}}, Accounts: access.Selector{All: true}, Allowlists: []string{"office"}}
	for name, c := range map[string]struct {
		alter func(*access.Mapping)
		field string
	}{
		"an unknown role":      {func(m *access.Mapping) { m.Role.Name = "Nobody" }, "role"},
		"an unknown user":      {func(m *access.Mapping) { m.Users[0].Name = "mallory" }, "users"},
		"an unknown exclusion": {func(m *access.Mapping) { m.Accounts.Except = []string{"555555555555"} }, "accounts/except"},
		"an unknown account":   {func(m *access.Mapping) { m.Accounts = access.Selector{IDs: []access.AccountID{"555555555555"}} }, "accounts/ids"},
		"an OU without any":    {func(m *access.Mapping) { m.Accounts = access.Selector{OUs: []string{"Root/Test"}} }, "accounts"},
		"an unknown OU":        {func(m *access.Mapping) { m.Accounts = access.Selector{OUs: []string{"Root/Missing"}} }, "accounts/ous"},
		"an unknown OU id":     {func(m *access.Mapping) { m.Accounts = access.Selector{OUs: []string{"ou-ab12-missing0"}} }, "accounts/ous"},
		"an unknown exception": {func(m *access.Mapping) { m.Accounts.Except = []string{"Root/Missing"} }, "accounts/except"},
		"an unknown allowlist": {func(m *access.Mapping) { m.Allowlists = []string{"offfice"} }, "allowlists"},
	} {
		m := good
		m.Users = append([]access.UserName(nil), good.Users...)
		c.alter(&m)
		_, err := d.SaveMapping(t.Context(), d.editor, 0, m)
		fields := access.FieldsOf(err)
		if len(fields) != 1 || fields[0].Field != c.field {
			t.Errorf("%s: %v with fields %+v, want one field %s", name, err, fields, c.field)
		}
	}
	if _, err := d.SaveMapping(t.Context(), d.editor, 0, good); err != nil {
		t.Errorf("a good mapping: %v", err)
	}
}

func TestEditsOfOneObjectMerge(t *testing.T) {
	d := newDesk(t)
	d.base()
	c, err := d.AddEntries(t.Context(), d.editor, 0, "al-vpn", pasteEntries("9.9.9.0/24"))
	d.must(err)
	c, err = d.RemoveEntries(t.Context(), d.editor, c.ID, "al-vpn", []string{"9.9.9.0/24"})
	d.must(err)
	if len(c.Edits) != 0 {
		t.Errorf("adding and removing the same entry leaves %d edits, want none", len(c.Edits))
	}
	if _, err := d.AddEntries(t.Context(), d.editor, c.ID, "al-vpn", pasteEntries("8.8.8.0/24")); access.FieldsOf(err) == nil || access.FieldsOf(err)[0].Field != "lines" {
		t.Errorf("adding what is there: %v, want it beside the lines", err)
	}
}

func TestEditVoidsTheReview(t *testing.T) {
	d := newDesk(t)
	d.base()
	c := d.approve(d.submit("Add", addEntry("al-vpn", "9.9.9.0/24")))
	c, err := d.AddEntries(t.Context(), d.editor2, c.ID, "al-vpn", pasteEntries("7.7.7.0/24"))
	d.must(err)
	if c.State != access.ChangeDraft || c.Approvals() != 0 {
		t.Errorf("after an edit: %s with %d approvals, want a draft with none", c.State, c.Approvals())
	}
	if _, err := d.Apply(t.Context(), d.operator, c.ID, asSeen(c)); access.KindOf(err) != access.KindConflict {
		t.Errorf("apply after the edit: %v, want KindConflict", err)
	}
}

func TestOneOfManyAtOnceWins(t *testing.T) {
	d := newDesk(t)
	d.base()
	c := d.submit("Add", addEntry("al-vpn", "9.9.9.0/24"))
	if won := race(6, func(i int) error {
		who := d.approver
		if i%2 == 1 {
			who = d.approver2
		}
		_, err := d.Review(context.WithoutCancel(t.Context()), who, c.ID, access.VerdictApprove, c.Digest, "")
		return err
	}); won != 1 {
		t.Errorf("%d of 6 approvals at once counted, want 1", won)
	}
	if won := race(6, func(int) error {
		_, err := d.Apply(context.WithoutCancel(t.Context()), d.operator, c.ID, asSeen(c))
		return err
	}); won != 1 {
		t.Errorf("%d of 6 applications at once went through, want 1", won)
	}
	if head, err := d.store.Head(t.Context()); err != nil || head != 2 {
		t.Errorf("the head is %d (%v), want 2", head, err)
	}
}

func race(n int, try func(i int) error) (won int) {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = try(i) })
	}
	all.Wait()
	for _, err := range errs {
		if err == nil {
			won++
		}
	}
	return won
}

func TestPushAgainPlansEverything(t *testing.T) {
	d := newDesk(t)
	d.base()
	r, err := d.PushAgain(t.Context(), d.operator)
	d.must(err)
	if r.ChangeID != 0 || r.Counts.Total() != 3 || r.Revision != 1 {
		t.Errorf("rollout %+v, want three targets of revision 1 without a change", r)
	}
}

// readStore notes of which accounts everything is read, and how often a plan is.
type readStore struct {
	*store.Store
	whole []access.AccountID
	plans int
}

func (s *readStore) Plan(ctx context.Context, id int64) (access.Plan, error) {
	s.plans++
	return s.Store.Plan(ctx, id)
}

func (s *readStore) Inventories(ctx context.Context, ids []access.AccountID) (*access.Inventories, error) {
	s.whole = append(s.whole, ids...)
	return s.Store.Inventories(ctx, ids)
}

func TestPushOfOneAccountReadsNoOther(t *testing.T) {
	d := newDesk(t)
	d.base()
	watched := &readStore{Store: d.store}
	s := change.New(change.Config{Store: watched, Now: func() time.Time { return start }})
	const one = access.AccountID("222222222222")
	r, err := s.PushAccounts(t.Context(), d.operator, []access.AccountID{one}, "a finding")
	d.must(err)
	if r.Counts.Total() != 1 || len(watched.whole) != 1 || watched.whole[0] != one {
		t.Errorf("%d targets, read whole: %v; want %s alone", r.Counts.Total(), watched.whole, one)
	}
}

// TestTheFirstReviewReadsNoPlan where the change was submitted: what was frozen is known.
func TestTheFirstReviewReadsNoPlan(t *testing.T) {
	d := newDesk(t)
	d.base()
	watched := &readStore{Store: d.store}
	submitting := change.New(change.Config{Store: watched, Now: func() time.Time { return start }})
	c := d.draftOf("One", addEntry("al-office", "9.9.9.9/32"))
	c, err := submitting.Submit(t.Context(), d.editor, c.ID, c.Version)
	d.must(err)
	known, err := submitting.View(t.Context(), d.approver, c.ID)
	d.must(err)
	if watched.plans != 0 {
		t.Errorf("the plan was read %d times, want not at all", watched.plans)
	}
	read, err := d.View(t.Context(), d.approver, c.ID)
	d.must(err)
	if diff := cmp.Diff(read.Folded, known.Folded, cmpopts.EquateEmpty()); diff != "" || known.Targets != read.Targets || known.Writes != read.Writes {
		t.Errorf("what was frozen, as read (-) and as known (+), %d and %d accounts:\n%s", read.Targets, known.Targets, diff)
	}
}

func TestExplainNowAndThen(t *testing.T) {
	d := newDesk(t)
	d.base()
	d.apply("Open Tokyo", addEntry("al-office", "12.148.80.0/22"))
	ask := change.ExplainRequest{Account: "111111111111", Role: "Bob", User: "alice", SourceIP: "12.148.80.9", Revision: change.Head}
	now, err := d.Explain(t.Context(), d.viewer, ask)
	d.must(err)
	ask.Revision = 1
	then, err := d.Explain(t.Context(), d.viewer, ask)
	d.must(err)
	if now.Verdict != "allowed" || then.Verdict != "denied" {
		t.Errorf("from 12.148.80.9: %s now, %s at revision 1; want allowed, denied", now.Verdict, then.Verdict)
	}
	ask.SourceIP, ask.Account = "12.148.80", "11"
	if _, err := d.Explain(t.Context(), d.viewer, ask); len(access.FieldsOf(err)) != 2 {
		t.Errorf("a bad question: %v, want two fields", err)
	}
}

// TestAReviewerSeesWhatAChangeClears: a reviewer sees a warning that goes away, and no warning
// about foreign statements in a role that the change stops managing.
func TestAReviewerSeesWhatAChangeClears(t *testing.T) {
	d := newDesk(t)
	inv := inventory("111111111111")
	inv.Roles[0].Document = `{"Version":"2012-10-17","Statement":[{"Sid":"Old","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:user/carol"},"Action":"sts:AssumeRole"}]}`
	d.must(d.store.SaveInventory(t.Context(), inv))
	d.base()
	d.apply("Twice", addEntry("al-office", "103.15.250.7/32"))
	cleared := func(edits ...access.Edit) string {
		c := d.submit("Less", edits...)
		v, err := d.View(t.Context(), d.approver, c.ID)
		d.must(err)
		_, err = d.Withdraw(t.Context(), d.editor, c.ID)
		d.must(err)
		var codes []string
		for _, i := range v.Cleared {
			codes = append(codes, i.Code)
		}
		return strings.Join(codes, " ")
	}
	m := *addMapping("mp-bob", "Bob", "office", "alice").Mapping
	m.Enforcement = access.EnforceEveryone
	for want, edit := range map[string]access.Edit{
		policy.CodeEntryCovered: {Op: access.EditRemoveEntry, ID: "al-office", Key: "103.15.250.7/32"},
		policy.CodeBypass:       {Op: access.EditUpdateMapping, ID: "mp-bob", Mapping: &m},
		"":                      addEntry("al-office", "9.9.9.9/32"),
	} {
		if got := cleared(edit); got != want {
			t.Errorf("%s clears %q, want %q", edit.Op, got, want)
		}
	}
	if got := cleared(access.Edit{Op: access.EditRemoveMapping, ID: "mp-bob"}); strings.Contains(got, policy.CodeBypass) {
		t.Errorf("removing the mapping clears %q, and the foreign statement is still there", got)
	}
}
