package store_test

import (
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store/storetest"
)

func TestChangeComesBackAsItWas(t *testing.T) {
	s := storetest.New(t)
	mapping := access.Mapping{Role: access.RoleName{Path: "/", Name: "Bob"}, Users: []access.UserName{{Path: "/", Name: "alice"}}, Accounts: access.Selector{All: true}, Allowlists: []string{"office"}, RequireMFA: true, MFAMaxAge: time.Hour}
	e := entry(t, "103.15.250.0/24")
	e.Expires, e.Note = t0, "ünïcode \"quoted\" <b>"
	c := access.Change{
		Title: "A title", Reason: "A reason", State: access.ChangeDraft, Author: editor.Ref(), Editors: []access.PersonRef{operator.Ref()}, Version: 1, Required: 2,
		Edits: []access.Edit{
			{Op: access.EditAddAllowlist, ID: "a1", Allowlist: &access.Allowlist{Name: "office", Entries: []access.Entry{e}}},
			{Op: access.EditAddMapping, ID: "m1", Mapping: &mapping},
		},
		CreatedAt: t0, UpdatedAt: t0,
	}
	digest := must[string](t)(access.ChangeDigest(c.Edits, "docs"))
	created := must[access.Change](t)(s.CreateChange(t.Context(), c, event("change.draft", "")))
	c.ID = created.ID
	diff(t, "created", c, created)
	got := must[access.Change](t)(s.Change(t.Context(), c.ID))
	diff(t, "read", c, got)
	if again := must[string](t)(access.ChangeDigest(got.Edits, "docs")); again != digest {
		t.Error("the edits that come back have another digest: reviews would be void")
	}
	if h := must[[]access.AuditEvent](t)(s.History(t.Context(), access.ChangeObject(c.ID))); len(h) != 1 || h[0].Action != "change.draft" {
		t.Errorf("history %+v, want the draft under the change's number", h)
	}
	_, err := s.Change(t.Context(), 99)
	wantKind(t, err, access.KindNotFound, "change 99")
}

func TestUpdateChangeKeepsReviewsApart(t *testing.T) {
	s := storetest.New(t)
	c := approve(t, s, []access.Edit{{Op: access.EditAddAllowlist, ID: "a1", Allowlist: &access.Allowlist{Name: "office"}}}, planFor(2))
	if c.State != access.ChangeApproved || len(c.Reviews) != 1 || c.Reviews[0].ID == 0 {
		t.Fatalf("change %+v", c)
	}
	edited := must[access.Change](t)(s.UpdateChange(t.Context(), c.ID, func(c *access.Change) (access.ChangeDecision, error) {
		_, err := c.Compose(editor, c.Version, "Another title", c.Reason, c.Edits, t0.Add(time.Hour))
		return access.ChangeDecision{}, err
	}))
	got := must[access.Change](t)(s.Change(t.Context(), c.ID))
	if edited.Voided != 1 {
		t.Errorf("%d reviews are said to be void, want 1", edited.Voided)
	}
	edited.Voided = 0 // it is about this edit, and not kept
	diff(t, "as returned and as read", edited, got)
	if got.State != access.ChangeDraft || got.Title != "Another title" || got.Digest != "" || got.Version != c.Version+1 || !got.Reviews[0].Void {
		t.Errorf("edited %+v", got)
	}
	if !got.CreatedAt.Equal(t0) {
		t.Errorf("created %s, want unmoved", got.CreatedAt)
	}
}

func TestPlanIsFrozenAndReplaced(t *testing.T) {
	s := storetest.New(t)
	c := approve(t, s, []access.Edit{{Op: access.EditAddAllowlist, ID: "a1", Allowlist: &access.Allowlist{Name: "office"}}}, planFor(3))
	diff(t, "plan", unpack(planFor(3)), unpack(must[access.Plan](t)(s.Plan(t.Context(), c.ID))))
	smaller := planFor(1)
	must[access.Change](t)(s.UpdateChange(t.Context(), c.ID, func(*access.Change) (access.ChangeDecision, error) { return access.ChangeDecision{Plan: &smaller}, nil }))
	diff(t, "plan after it was replaced", unpack(smaller), unpack(must[access.Plan](t)(s.Plan(t.Context(), c.ID))))
	var docs int
	if err := s.Pool().QueryRow(t.Context(), "SELECT count(*) FROM documents").Scan(&docs); err != nil {
		t.Fatal(err)
	}
	if docs != 8 { // {"before":1} [] [1] [2] {"user":1} and three documents after
		t.Errorf("%d documents, want each once", docs)
	}
	_, err := s.Plan(t.Context(), 99)
	wantKind(t, err, access.KindNotFound, "99")
}

func TestTwoUpdatesOfOneChangeComeOneAfterTheOther(t *testing.T) {
	s := storetest.New(t)
	c := must[access.Change](t)(s.CreateChange(t.Context(), access.Change{State: access.ChangeDraft, Author: editor.Ref(), Version: 1, CreatedAt: t0, UpdatedAt: t0}, event("change.draft", "")))
	const n = 10
	errs := make(chan error)
	for range n {
		go func() { // all have read version 1
			_, err := s.UpdateChange(t.Context(), c.ID, func(c *access.Change) (access.ChangeDecision, error) {
				_, err := c.Compose(editor, 1, "Mine", "", nil, t0)
				return access.ChangeDecision{Events: []access.AuditEvent{event("change.edit", "change/1")}}, err
			})
			errs <- err
		}()
	}
	won := 0
	for range n {
		if err := <-errs; err == nil {
			won++
		} else {
			wantKind(t, err, access.KindConflict, "Somebody else has edited")
		}
	}
	if events := must[int64](t)(s.VerifyAudit(t.Context())); won != 1 || events != 2 {
		t.Errorf("%d won and %d events, want 1 and 2", won, events)
	}
}

func TestChangeList(t *testing.T) {
	s := storetest.New(t)
	titles := []string{"one", "50% more", "three", "four", "five"}
	for i, title := range titles {
		author := editor.Ref()
		if i == 2 {
			author = operator.Ref()
		}
		must[access.Change](t)(s.CreateChange(t.Context(), access.Change{Title: title, State: access.ChangeDraft, Author: author, Version: 1, CreatedAt: t0, UpdatedAt: t0}, event("change.draft", "")))
	}
	must[access.Change](t)(s.UpdateChange(t.Context(), 5, func(c *access.Change) (access.ChangeDecision, error) {
		return access.ChangeDecision{}, c.Withdraw(editor, t0)
	}))
	list := func(q access.ChangeQuery) []string {
		t.Helper()
		var got []string
		for _, c := range must[access.Page[access.Change]](t)(s.Changes(t.Context(), q)).Items {
			got = append(got, c.Title)
		}
		return got
	}
	diff(t, "drafts", []string{"four", "three", "50% more", "one"}, list(access.ChangeQuery{States: []access.ChangeState{access.ChangeDraft, access.ChangeApproved}}))
	diff(t, "by author", []string{"three"}, list(access.ChangeQuery{Author: operator.PersonID}))
	diff(t, "search takes % as it is", []string{"50% more"}, list(access.ChangeQuery{PageQuery: access.PageQuery{Search: "% M"}}))
	ids := pages(t, func(q access.PageQuery) access.Page[access.Change] {
		return must[access.Page[access.Change]](t)(s.Changes(t.Context(), access.ChangeQuery{PageQuery: q}))
	}, 2, func(c access.Change) int64 { return c.ID })
	diff(t, "paged", []int64{5, 4, 3, 2, 1}, ids)
}

func TestTextThatCannotBeStored(t *testing.T) {
	s := storetest.New(t)
	for _, title := range []string{"a\x00b", "a\xffb"} {
		_, err := s.CreateChange(t.Context(), access.Change{Title: title, State: access.ChangeDraft, Author: editor.Ref(), CreatedAt: t0, UpdatedAt: t0}, event("change.draft", ""))
		wantKind(t, err, access.KindInvalid, "cannot be stored")
	}
}
