package change

import (
	"testing"

	"portcullis.internal/portcullis/internal/access"
)

// TestTargetableIsKeptByVersion: the same version is worked out once, another version again,
// whatever the slice in which the accounts come.
func TestTargetableIsKeptByVersion(t *testing.T) {
	var kept targetable
	all := []access.Account{{ID: "2", State: access.AccountActive}, {ID: "1", State: access.AccountActive}}
	first := kept.of(all, 7).targets
	if len(first) != 2 || first[0].ID != "1" {
		t.Fatalf("got %+v, want both accounts by id", first)
	}
	if again := kept.of(append([]access.Account(nil), all...), 7).targets; &again[0] != &first[0] {
		t.Error("a version was worked out twice")
	}
	all[0].State = access.AccountSuspended
	if next := kept.of(all, 8); len(next.targets) != 1 || len(next.closed) != 1 || next.closed[0].ID != "2" {
		t.Errorf("got %+v for another version, want the active account and the suspended one", next)
	}
	if none := kept.of(nil, 9).targets; len(none) != 0 {
		t.Errorf("got %+v of no accounts", none)
	}
}
