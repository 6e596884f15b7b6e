package change

import (
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
)

// Asking what may be done changes nothing: a conflicted change can be withdrawn, and it
// can be rebased.
func TestMayOfAConflictedChange(t *testing.T) {
	author := access.Actor{Kind: access.ActorPerson, PersonID: 1, Name: "Edda", Roles: []access.Role{access.RoleEditor}}
	got := permissionsOf(access.Change{State: access.ChangeConflicted, Author: author.Ref()}, author)
	if got.Withdraw != nil || got.Rebase != nil || got.Edit != nil {
		t.Errorf("withdraw: %v, rebase: %v, edit: %v; want all to be possible", got.Withdraw, got.Rebase, got.Edit)
	}
	if got.Submit == nil || !strings.Contains(got.Submit.Error(), "conflicted") {
		t.Errorf("submit: %v, want a refusal that names the state", got.Submit)
	}
}
