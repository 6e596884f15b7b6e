package store_test

import (
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

func TestRulesAndSettingsArePartOfEachRevision(t *testing.T) {
	url := storetest.NewURL(t)
	s := must[*store.Store](t)(store.Open(t.Context(), store.Config{URL: url, MaxConns: 4}))
	defer s.Close()
	rule := access.ReviewRule{
		Name: "Network", Scope: access.RuleScope{OUs: []string{prodOU}, Tags: map[string]string{"env": "prod"}, Dangers: []access.Danger{access.DangerRules}},
		Need: []access.Requirement{{Count: 2, Teams: []string{"network"}, Roles: []access.Role{access.RoleAdmin}}},
	}
	settings := access.Settings{ManyAccounts: 5, BreakGlassMappings: []string{"mp-1"}, EmergencyMaxLife: time.Hour, Guards: access.GuardModes{NoAddress: access.GuardRefuse}}
	renamed := rule
	renamed.Name = "Network and admins"
	var want []access.State
	state := access.State{}
	for _, edits := range [][]access.Edit{
		{{Op: access.EditAddRule, ID: "rr-1", Rule: &rule}, {Op: access.EditAddRule, ID: "rr-2", Rule: &access.ReviewRule{Name: "All", Need: []access.Requirement{{Count: 1}}}}},
		{{Op: access.EditUpdateSettings, ID: access.SettingsID, Settings: &settings}, {Op: access.EditUpdateRule, ID: "rr-1", Rule: &renamed}},
		{{Op: access.EditRemoveRule, ID: "rr-2"}, {Op: access.EditUpdateSettings, ID: access.SettingsID, Settings: &access.Settings{ManyAccounts: 7}}},
	} {
		state = revise(t, s, state, edits)
		want = append(want, state)
	}
	fresh := must[*store.Store](t)(store.Open(t.Context(), store.Config{URL: url, MaxConns: 1}))
	defer fresh.Close()
	for _, w := range want {
		diff(t, "state, read anew", w, must[access.State](t)(fresh.State(t.Context(), w.Revision)))
	}
	for _, sql := range []string{"UPDATE review_rules SET body = '{}'", "DELETE FROM settings", "UPDATE settings SET removed_in = NULL", "INSERT INTO settings (body, added_in) VALUES ('{}', 1)"} {
		if _, err := s.Pool().Exec(t.Context(), sql); err == nil {
			t.Errorf("%s: done, want a refusal", sql)
		}
	}
}

func TestReviewersCountWithCurrentRoles(t *testing.T) {
	s := storetest.New(t)
	c := approve(t, s, []access.Edit{{Op: access.EditAddAllowlist, ID: "a1", Allowlist: &access.Allowlist{Name: "office"}}}, planFor(1))
	must[access.Person](t)(s.UpdatePerson(t.Context(), approver.PersonID, func(p *access.Person, _ access.PersonContext) ([]access.AuditEvent, error) {
		p.Roles, p.Teams = []access.Role{access.RoleViewer}, []string{"network"}
		return []access.AuditEvent{event("person.update", "")}, nil
	}))
	got := must[access.Change](t)(s.Change(t.Context(), c.ID))
	diff(t, "roles and teams", access.Standing{Roles: []access.Role{access.RoleViewer}, Teams: []string{"network"}}, got.Reviews[0].Standing)
	_, err := apply(t.Context(), s, c, 1, 1)
	wantKind(t, err, access.KindConflict, "approvals")
	_, err = s.UpdatePerson(t.Context(), 99, func(*access.Person, access.PersonContext) ([]access.AuditEvent, error) { return nil, nil })
	wantKind(t, err, access.KindNotFound, "99")
}

// The role is removed while the change is being applied: either the apply comes first, or it is
// refused. A review of a person who had lost the role before must never count.
func TestLosingTheRoleWaitsForTheApply(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 1)
	c := approve(t, s, []access.Edit{{Op: access.EditAddAllowlist, ID: "a1", Allowlist: &access.Allowlist{Name: "office"}}}, planFor(1))
	inside, lost := make(chan struct{}), make(chan error, 1)
	go func() {
		<-inside
		_, err := s.UpdatePerson(t.Context(), approver.PersonID, func(p *access.Person, _ access.PersonContext) ([]access.AuditEvent, error) {
			p.Roles = nil
			return nil, nil
		})
		lost <- err
	}()
	digests := digestsOf(t, s, c.ID)
	_, err := s.ApplyChange(t.Context(), c.ID, func(c *access.Change, head int64) (access.Application, error) {
		close(inside)
		select {
		case <-lost:
			t.Error("the role was lost within the apply")
		case <-time.After(50 * time.Millisecond): // the other one waits for our lock
		}
		made := access.Application{Rollout: access.Rollout{MaxInFlight: 1, StartedBy: operator.Ref()}, Digests: digests}
		return made, c.Apply(c.Digest, head+1, t0)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-lost; err != nil {
		t.Error(err)
	}
}

func TestBreakGlassAndConfirmationsComeBack(t *testing.T) {
	s := storetest.New(t)
	organization(t, s, 1)
	c := approve(t, s, []access.Edit{{Op: access.EditAddAllowlist, ID: "a1", Allowlist: &access.Allowlist{Name: "office"}}}, planFor(1))
	digests := digestsOf(t, s, c.ID)
	_, err := s.ApplyChange(t.Context(), c.ID, func(c *access.Change, head int64) (access.Application, error) {
		c.GuardOverrides = []access.GuardOverride{{Code: access.GuardNoAddress, Object: "Bob", ByID: 1, By: "Edi", At: t0}}
		c.SetNeeds([]access.Need{{Rule: "rr-1", Name: "Two", Why: "it says so", Need: []access.Requirement{{Count: 2}}}})
		made := access.Application{Rollout: access.Rollout{MaxInFlight: 1, StartedBy: editor.Ref()}, Digests: digests}
		return made, c.ApplyAlone(editor, c.Digest, "fire", head+1, t0)
	})
	if err != nil {
		t.Fatal(err)
	}
	got := must[access.Change](t)(s.Change(t.Context(), c.ID))
	if !got.Flagged() || got.BreakGlass.Reason != "fire" || got.BreakGlass.By != editor.Ref() || len(got.GuardOverrides) != 1 || got.GuardOverrides[0].Object != "Bob" || len(got.Needs) != 1 || got.Required != 2 {
		t.Errorf("read %+v", got)
	}
	page := must[access.Page[access.Change]](t)(s.Changes(t.Context(), access.ChangeQuery{Flagged: true}))
	if len(page.Items) != 1 || page.Items[0].ID != c.ID {
		t.Errorf("flagged: %+v", page.Items)
	}
	for _, sql := range []string{"UPDATE changes SET break_glass_reason = ''", "UPDATE changes SET break_glass_reviewed = break_glass_at - interval '1 s'", "UPDATE changes SET break_glass_at = NULL"} {
		if _, err := s.Pool().Exec(t.Context(), sql); err == nil {
			t.Errorf("%s: done, want a refusal", sql)
		}
	}
}

func TestComments(t *testing.T) {
	s := storetest.New(t)
	c := must[access.Change](t)(s.CreateChange(t.Context(), access.Change{State: access.ChangeDraft, Author: editor.Ref(), Version: 1, CreatedAt: t0, UpdatedAt: t0}, event("change.draft", "")))
	for _, body := range []string{"first <b>", "second"} {
		must[access.Comment](t)(s.AddComment(t.Context(), c.ID, access.Comment{Author: approver.Ref(), Body: body, At: t0}, anyVersion, event("change.comment", "")))
	}
	got := must[[]access.Comment](t)(s.Comments(t.Context(), c.ID))
	if len(got) != 2 || got[0].Body != "first <b>" || got[0].Author != approver.Ref() || !got[0].At.Equal(t0) {
		t.Errorf("comments %+v", got)
	}
	_, err := s.AddComment(t.Context(), 99, access.Comment{Author: approver.Ref(), Body: "x", At: t0}, anyVersion, event("change.comment", ""))
	wantKind(t, err, access.KindNotFound, "change 99")
	if _, err := s.Pool().Exec(t.Context(), "UPDATE change_comments SET body = 'other'"); err == nil {
		t.Error("a comment was altered")
	}
}

func anyVersion(int64) error { return nil }
