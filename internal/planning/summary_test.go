package planning

import (
	"testing"

	"portcullis.internal/portcullis/internal/access"
)

// The digest covers what an operation requires, so documents that differ in it alone are shown apart.
func TestOperationsThatRequireOtherThingsAreNotFolded(t *testing.T) {
	role := access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}
	var plan access.Plan
	add := func(account access.AccountID, revoked ...access.UserName) {
		plan.Add(access.PlannedTarget{Account: account, Operations: []access.PlannedOperation{{
			Kind: access.OpTrustPolicy, Resource: role, After: `{"a":1}`, Requires: access.Requirements{Revoked: revoked}.Encode(),
		}}})
	}
	add("111122223333", access.UserName{Account: "111122223333", Path: "/", Name: "alice"})
	add("111122224444", access.UserName{Account: "111122224444", Path: "/", Name: "alice"})
	add("111122225555", access.UserName{Account: "111122225555", Path: "/", Name: "carol"})
	add("111122226666")
	var accounts []int
	for _, f := range Summarize(plan).Folded {
		accounts = append(accounts, len(f.Accounts))
	}
	if len(accounts) != 3 || accounts[0] != 2 {
		t.Errorf("documents in so many accounts: %v, want 2, 1 and 1", accounts)
	}
}
