package rollout_test

import (
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/rollout"
)

// TestRollBackAloneRestoresAnEditThatAdmitsNoMore edits Bob by hand before a rollout that adds a network, and has the
// edit overwritten. One person may restore an edit that admits less than the rollout, but none that admits more.
func TestRollBackAloneRestoresAnEditThatAdmitsNoMore(t *testing.T) {
	for name, tt := range map[string]struct{ network, refusal string }{
		"narrower": {"103.15.250.128/25", ""},
		"wider":    {"103.15.248.0/22", "One person cannot let anyone in again"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s := w.replica(t, rollout.Config{MoveEvery: 20 * time.Millisecond})
			account := w.some(3)
			w.push(t, s, w.plan(t, desiredState(office...)), account.ID)
			w.readEverything(t)
			plan := w.plan(t, desiredState(append(office, "12.148.80.0/22")...))
			edited := strings.ReplaceAll(w.state(t, account.ID).Roles["Bob"], "103.15.250.0/24", tt.network)
			w.edit(t, account, bob, edited)
			id := w.overwritten(t, s, plan, account.ID)
			pushed := w.state(t, account.ID).Roles["Bob"]

			_, err := s.RollBack(t.Context(), operator, id, "It was the wrong day.")
			if tt.refusal != "" {
				if access.KindOf(err) != access.KindConflict || !strings.Contains(access.MessageOf(err), tt.refusal) {
					t.Errorf("rolling back: %v, want a refusal with %q", err, tt.refusal)
				}
				if got := w.state(t, account.ID).Roles["Bob"]; got != pushed {
					t.Errorf("the refused rollback wrote %s", got)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			wait(t, s, id, "rolled back", func(r access.Rollout) bool { return r.State == access.RolloutRolledBack })
			if got := w.state(t, account.ID).Roles["Bob"]; !iam.Equal(got, edited, nil) {
				t.Errorf("Bob is %s, want the edit %s", got, edited)
			}
		})
	}
}

// overwritten runs a rollout of one account whose documents were edited, and overwrites the edits.
func (w *world) overwritten(t *testing.T, s *rollout.Service, p access.Plan, account access.AccountID) int64 {
	t.Helper()
	var target access.PlannedTarget
	for found := range p.Targets() {
		if found.Account == account {
			target = found
		}
	}
	id := w.start(t, 1, access.NewPlan(p.Documents, target)).ID
	wait(t, s, id, "completed", completed)
	w.overwrite(t, s, id, account)
	wait(t, s, id, "completed", completed)
	return id
}

// overwrite decides to overwrite each conflict of a target.
func (w *world) overwrite(t *testing.T, s *rollout.Service, id int64, account access.AccountID) {
	t.Helper()
	ops, err := s.Operations(t.Context(), operator, id, account)
	if err != nil {
		t.Fatal(err)
	}
	var choices []access.ResolveConflict
	for _, op := range ops {
		if op.State == access.OperationConflict {
			choices = append(choices, access.ResolveConflict{
				OperationID: op.ID, Choice: access.ConflictOverwrite, Seen: access.DocumentDigest(op.Found),
			})
		}
	}
	if len(choices) == 0 {
		t.Fatalf("account %s has no conflict", account)
	}
	if _, err := s.Resolve(t.Context(), operator, id, account, choices); err != nil {
		t.Fatal(err)
	}
}
