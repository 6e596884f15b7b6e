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
	first, _ := kept.of(all, 7)
	if len(first) != 2 || first[0].ID != "1" {
		t.Fatalf("got %+v, want both accounts by id", first)
	}
	if again, _ := kept.of(append([]access.Account(nil), all...), 7); &again[0] != &first[0] {
		t.Error("a version was worked out twice")
	}
	all[0].State, all[0].KeepsDocuments = access.AccountSuspended, true
	if next, gone := kept.of(all, 8); len(next) != 1 || len(gone) != 1 || gone[0].ID != "2" {
		t.Errorf("got %+v and %+v for another version, want the account that is active, and the other as gone",
			next, gone)
	}
	if none, _ := kept.of(nil, 9); len(none) != 0 {
		t.Errorf("got %+v of no accounts", none)
	}
}
