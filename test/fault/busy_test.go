package fault

import (
	"net/http"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/test/harness"
)

// TestBusyDocuments refuses writes since something else is changing the same role or user.
func TestBusyDocuments(t *testing.T) {
	t.Parallel()
	const accounts = 12
	c := tell(t, "Roles and users that something else is changing", "the write is snoozed and tried again; the rest of the account is written meanwhile; nothing fails")
	f := newFleet(t, accounts)
	recreated, changed := f.accounts[:accounts/3], f.accounts[accounts/3:2*accounts/3]
	f.box.SetFaults(
		sandbox.Fault{Actions: harness.WriteActions, Accounts: recreated, Fail: 1, Count: len(recreated), Status: http.StatusConflict, Code: "EntityTemporarilyUnmodifiable"},
		sandbox.Fault{Actions: harness.WriteActions, Accounts: changed, Fail: 1, Count: 6 * len(changed), Status: http.StatusConflict, Code: "ConcurrentModification"},
	)
	r := f.endsAsDesired(f.mapRole("Bob"))
	refused := f.struck("failed")
	if refused != len(recreated)+6*len(changed) || r.Counts[string(access.TargetFailed)] != 0 {
		t.Errorf("%d writes were refused and the rollout has %v; want %d refused and none failed", refused, r.Counts, len(recreated)+6*len(changed))
	}
	c.fact("%d accounts, %d writes refused with EntityTemporarilyUnmodifiable or ConcurrentModification; lost: 0", accounts, refused)
	f.box.SetFaults()
	f.pushAgainWritesNothing()
}
