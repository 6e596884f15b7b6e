package rollout_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/rollout"
)

// attacks are statements that the owner of the tables runs, with triggers and constraints off, on one account of a
// paused rollout. Each has an account to itself.
var attacks = []struct{ name, sql string }{
	{"another document", "UPDATE operations SET after_doc = before_doc, ours_after = ours_before WHERE seq = 0 AND account_id = $1"},
	{"another role", "UPDATE operations SET resource_name = 'Admin' WHERE seq = 0 AND account_id = $1"},
	{"another order", "UPDATE operations SET seq = 10 WHERE seq = 0 AND account_id = $1"},
	{"a write left out", "DELETE FROM operations WHERE seq = 0 AND account_id = $1"},
	{"a write added", `INSERT INTO operations (rollout_id, account_id, seq, kind, resource_kind, resource_path, resource_name, before_known, after_doc, ours_after, size, size_limit, note)
		SELECT rollout_id, account_id, 9, 'user_policy', 'user', '/', 'mallory', true, after_doc, ours_after, size, size_limit, note FROM operations WHERE kind = 'user_policy' AND account_id = $1 LIMIT 1`},
	{"a deletion", "UPDATE operations SET kind = 'delete_user_policy', after_doc = NULL, ours_after = NULL WHERE kind = 'user_policy' AND account_id = $1"},
	{"another state before", "UPDATE operations SET ours_before = ours_after WHERE seq = 0 AND account_id = $1"},
	{"another text under the name of a document", `UPDATE documents SET body = '[]'
		WHERE sha256 = (SELECT ours_after FROM operations WHERE seq = 0 AND account_id = $1)`},
	{"no digest", "DELETE FROM target_digests WHERE account_id = $1"},
	{"another digest", "UPDATE target_digests SET digest = repeat('0', 64) WHERE account_id = $1"},
}

func TestAlteredOperationsAreNotWritten(t *testing.T) {
	w := newWorld(t)
	p := w.plan(t, desiredState("198.51.100.0/24"))
	r := w.start(t, 4, p)
	control := rollout.New(rollout.Config{Store: w.store, Cloud: w.calls})
	if _, err := control.Pause(t.Context(), operator, r.ID); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		"ALTER TABLE operations DISABLE TRIGGER USER", "ALTER TABLE documents DISABLE TRIGGER USER", "ALTER TABLE target_digests DISABLE TRIGGER USER",
		"ALTER TABLE documents DROP CONSTRAINT documents_check",
	} {
		if _, err := w.store.Pool().Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	attacked := map[access.AccountID]string{}
	for i, a := range attacks {
		id := w.some(i).ID
		tag, err := w.store.Pool().Exec(t.Context(), a.sql, id)
		if err != nil || tag.RowsAffected() == 0 {
			t.Fatalf("%s: %d rows (%v)", a.name, tag.RowsAffected(), err)
		}
		attacked[id] = a.name
	}
	before := len(w.org.Calls())
	if _, err := control.Resume(t.Context(), operator, r.ID); err != nil {
		t.Fatal(err)
	}
	s := w.replica(t, rollout.Config{Lease: time.Minute})
	wait(t, s, r.ID, "completed", completed)
	writes := w.writes(before)
	for id, target := range w.targetsOf(t, r.ID) {
		name, is := attacked[id]
		if !is {
			if target.Class == access.CloudPlanChanged || w.reachable(id) && target.State != access.TargetSucceeded {
				t.Errorf("account %s with unaltered rows: %s: %s", id, target.State, target.Message)
			}
			continue
		}
		if target.State != access.TargetFailed || target.Class != access.CloudPlanChanged || !strings.Contains(target.Advice, "altered the database") || writes[id] != 0 {
			t.Errorf("%s: %s as %q with %d writes (%s); want failed as plan_changed with none, and advice", name, target.State, target.Class, writes[id], target.Message)
		}
		w.checkMismatchOnRecord(t, r.ID, id, name)
	}
}

// checkMismatchOnRecord fails unless an audit event has the digest that was approved and the one of the rows.
func (w *world) checkMismatchOnRecord(t *testing.T, id int64, account access.AccountID, name string) {
	t.Helper()
	events, err := w.store.History(t.Context(), access.RolloutObject(id)+"/"+string(account))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if strings.HasPrefix(e.Action, "operation.") {
			t.Errorf("%s: the audit log has %s", name, e.Action)
		}
		if e.Action != "target.plan_changed" {
			continue
		}
		var got struct{ Approved, Found string }
		if err := json.Unmarshal(e.Detail, &got); err != nil || got.Approved == got.Found || len(got.Found) != 64 || name != "no digest" && len(got.Approved) != 64 {
			t.Errorf("%s: the event says %s (%v), want two digests", name, e.Detail, err)
		}
		return
	}
	t.Errorf("%s: no audit event has the digests", name)
}

// A target that failed because its rows were altered fails again while they are, and succeeds once they are restored.
func TestRetryComparesTheOperationsAgain(t *testing.T) {
	w := newWorld(t)
	p := w.plan(t, desiredState("198.51.100.0/24"))
	id := w.some(0).ID
	if _, err := w.store.Pool().Exec(t.Context(), "ALTER TABLE operations DISABLE TRIGGER USER"); err != nil {
		t.Fatal(err)
	}
	rename := func(from, to string) {
		t.Helper()
		const sql = "UPDATE operations SET resource_name = $2 WHERE resource_name = $1 AND account_id = $3"
		if _, err := w.store.Pool().Exec(t.Context(), sql, from, to, id); err != nil {
			t.Fatal(err)
		}
	}
	r := w.start(t, 4, p)
	rename("Bob", "Admin")
	s := w.replica(t, rollout.Config{Lease: time.Minute})
	wait(t, s, r.ID, "completed", completed)
	for _, want := range []access.TargetState{access.TargetFailed, access.TargetSucceeded} {
		if want == access.TargetSucceeded {
			rename("Admin", "Bob")
		}
		if _, err := s.RetryTarget(t.Context(), operator, r.ID, id); err != nil {
			t.Fatal(err)
		}
		wait(t, s, r.ID, "completed again", completed)
		if got := w.targetsOf(t, r.ID)[id]; got.State != want {
			t.Errorf("after the retry: %s (%s), want %s", got.State, got.Message, want)
		}
	}
}
