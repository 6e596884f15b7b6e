package store_test

import (
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// Postgres holds no zero byte and nothing but UTF-8. A live document with either is recorded with a
// replacement character, so that it cannot keep the end of a target or an inventory from being stored.
func TestDocumentsThatPostgresRefusesAreStored(t *testing.T) {
	const bad, stored = "{\"x\":\"\x00\xff\"}", "{\"x\":\"\uFFFD\uFFFD\"}"
	s := storetest.New(t)
	r := start(t, s, 1, 1, 0)
	ctx := t.Context()
	c := claim(t, s, r, accountID(0))
	first, second := c.Operations[0], c.Operations[1]
	if err := s.RecordIntents(ctx, c, []access.Intent{{OperationID: first.ID, LiveBefore: bad, Document: `{"new":1}`}}, nil); err != nil {
		t.Fatal("recording an intent:", err)
	}
	if err := s.RecordOutcome(ctx, c, access.Outcome{OperationID: second.ID, State: access.OperationConflict, LiveBefore: bad}, lease); err != nil {
		t.Fatal("recording an outcome:", err)
	}
	live := access.LiveDocument{Resource: first.Resource, ID: "AROA1", Exists: true, Document: bad}
	if _, err := s.FinishTarget(ctx, c, []access.Outcome{{OperationID: first.ID, State: access.OperationFailed}}, access.TargetResult{State: access.TargetFailed, Live: []access.LiveDocument{live}}, nil); err != nil {
		t.Fatal("ending the target:", err)
	}
	for i, o := range must[[]access.Operation](t)(s.Operations(ctx, r.ID, accountID(0))) {
		if got := []string{o.LiveBefore, o.Found}[i]; got != stored {
			t.Errorf("operation %d holds %q, want %q", i, got, stored)
		}
	}
	inventory := access.Inventory{Account: accountID(0), ReadAt: time.Now().Add(time.Minute), Roles: []access.LiveDocument{live}}
	if err := s.SaveInventory(ctx, inventory); err != nil {
		t.Fatal("saving the inventory:", err)
	}
	found, _ := must[*access.Inventories](t)(s.Inventories(ctx, []access.AccountID{accountID(0)})).Of(accountID(0))
	role, _ := found.Role(access.RoleName{Path: live.Resource.Path, Name: live.Resource.Name})
	if !strings.Contains(role.Document, "\uFFFD") {
		t.Errorf("the inventory holds %q", role.Document)
	}
}
