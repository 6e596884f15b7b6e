package rollout_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/internal/rollout"
)

// TestAnEditAfterARecordedWriteIsAConflict: a worker dies after it recorded that it wrote Bob, and
// another person edits our part of Bob. The next claim ends the target as a conflict, and a retry
// after the edit is undone succeeds.
func TestAnEditAfterARecordedWriteIsAConflict(t *testing.T) {
	w := newWorld(t)
	account, bob := w.some(3), access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}
	plan := w.plan(t, desiredState(office...))
	var died atomic.Bool
	die := func(p rollout.Point) error {
		live := w.state(t, account.ID).Roles["Bob"]
		if ours, err := iam.Ours(live); err != nil || ours == "" || p != rollout.PointRecorded || died.Swap(true) {
			return err
		}
		w.edit(t, account, bob, strings.ReplaceAll(live, "103.15.250.0/24", "0.0.0.0/1"))
		return errKilled
	}
	cfg := rollout.Config{Lease: 600 * time.Millisecond, RequeueEvery: 100 * time.Millisecond, ConfirmClaimEvery: -1, Fault: die}
	s := w.replica(t, cfg)
	r := wait(t, s, w.start(t, 1, plan).ID, "completed", completed)
	if target := w.targetsOf(t, r.ID)[account.ID]; !died.Load() || target.State != access.TargetConflict {
		t.Fatalf("died: %v; the target is %s (%s), want a conflict", died.Load(), target.State, target.Message)
	}
	ops, err := s.Operations(t.Context(), operator, r.ID, account.ID)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(ops[0].Found, "0.0.0.0/1") || ops[0].State != access.OperationConflict {
		t.Errorf("Bob is %s, found as %s; want a conflict with the edit", ops[0].State, ops[0].Found)
	}
	w.edit(t, account, bob, strings.ReplaceAll(w.state(t, account.ID).Roles["Bob"], "0.0.0.0/1", "103.15.250.0/24"))
	if _, err := s.Retry(t.Context(), operator, r.ID); err != nil {
		t.Fatal(err)
	}
	healed := func(r access.Rollout) bool { return completed(r) && r.Counts.Conflict == 0 }
	wait(t, s, r.ID, "completed without a conflict", healed)
	w.checkHolds(t, plan)
}
