package drift_test

import (
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
)

// leftBehind lists the documents that are left behind, as "account document".
func (w *world) leftBehind() []string {
	w.t.Helper()
	page, err := w.drift.LeftBehind(w.t.Context(), w.viewer, access.PageQuery{})
	w.must(err)
	var out []string
	for _, l := range page.Items {
		for _, d := range l.Documents {
			out = append(out, string(l.Account.ID)+" "+d.Resource.String())
			if d.WrittenAt.IsZero() || !l.Read || l.Inventory.ReadAt.IsZero() {
				w.t.Errorf("of %s in %s it is not known when it was written or read", d.Resource, l.Account.ID)
			}
		}
	}
	return out
}

// A revocation cannot reach an account that has left, and must not look complete.
func TestDocumentsInGoneAccountsAreListed(t *testing.T) {
	w := newWorld(t)
	w.apply(w.edits()...)
	if left := w.leftBehind(); len(left) != 0 {
		t.Fatalf("left behind in active accounts: %q", left)
	}
	w.org.SetAccountState(w.account.ID, access.AccountLeft)
	w.must(w.drift.ReadOrganization(t.Context()))
	id := string(w.account.ID)
	want := []string{id + " role Bob", id + " user alice", id + " user carol"}
	if got := w.leftBehind(); len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("left behind are %q, want %q", got, want)
	}

	revoke := access.Edit{Op: access.EditRemoveMapping, ID: "mp-1"}
	c, err := w.changes.Draft(t.Context(), w.editor, change.Input{
		Title: "Revoke", Reason: "SEC-2",
		Edits: []access.Edit{revoke},
	})
	w.must(err)
	c, err = w.changes.Submit(t.Context(), w.editor, c.ID, c.Version)
	w.must(err)
	view, err := w.changes.View(t.Context(), w.approver, c.ID)
	w.must(err)
	if len(view.LeftBehind) != 1 || view.LeftBehind[0].ID != w.account.ID {
		t.Errorf("the review shows %+v left behind, want the account", view.LeftBehind)
	}
	c, err = w.changes.Review(t.Context(), w.approver, c.ID, access.VerdictApprove, c.Digest, "")
	w.must(err)
	r, err := w.changes.Apply(t.Context(), w.operator, c.ID, change.ApplyRequest{Digest: c.Digest})
	w.must(err)
	if r, err = w.store.Rollout(t.Context(), r.ID); err != nil || r.LeftBehind != 1 {
		t.Errorf("the rollout says that %d accounts keep documents (%v), want 1", r.LeftBehind, err)
	}

	w.org.SetAccountState(w.account.ID, access.AccountActive)
	w.must(w.drift.ReadOrganization(t.Context()))
	if left := w.leftBehind(); len(left) != 0 {
		t.Errorf("left behind in an account that is back: %q", left)
	}
}

// A change that does not concern the account says nothing about it.
func TestOtherChangesLeaveNothingBehind(t *testing.T) {
	w := newWorld(t)
	w.apply(w.edits()...)
	w.org.SetAccountState(w.account.ID, access.AccountClosed)
	w.must(w.drift.ReadOrganization(t.Context()))
	entry, err := access.ParseEntry("12.148.72.0/23")
	w.must(err)
	add := access.Edit{Op: access.EditAddAllowlist, ID: "al-2", Allowlist: &access.Allowlist{
		ID:   "al-2",
		Name: "home", Entries: []access.Entry{entry},
	}}
	c, err := w.changes.Draft(t.Context(), w.editor, change.Input{
		Title: "Home", Reason: "SEC-3",
		Edits: []access.Edit{add},
	})
	w.must(err)
	view, err := w.changes.View(t.Context(), w.editor, c.ID)
	w.must(err)
	if len(view.LeftBehind) != 0 {
		t.Errorf("an unused allowlist leaves %+v behind", view.LeftBehind)
	}
	if len(w.leftBehind()) != 3 {
		t.Errorf("left behind are %q, want the documents of the closed account", w.leftBehind())
	}
}
