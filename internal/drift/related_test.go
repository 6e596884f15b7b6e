package drift

import (
	"slices"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/access/accesstest"
)

// TestRelatedAccounts: to judge an account it has to be known where the users of its
// roles are, and what the roles of its users are; nothing else.
func TestRelatedAccounts(t *testing.T) {
	accounts := []access.Account{
		accesstest.InOU(access.Account{ID: "111111111111"}, "Root/Prod"),
		accesstest.InOU(access.Account{ID: "222222222222"}, "Root/Prod"),
		accesstest.InOU(access.Account{ID: "333333333333"}, "Root/Dev"),
		accesstest.InOU(access.Account{ID: "444444444444"}, "Root/People"),
	}
	mapping := func(ou string, users ...access.UserName) access.Mapping {
		return access.Mapping{Role: access.RoleName{Path: "/", Name: "Bob"}, Users: users, Accounts: access.Selector{OUs: []string{ou}}}
	}
	state := access.State{Mappings: []access.Mapping{
		mapping("Root/Prod", access.UserName{Account: "444444444444", Path: "/", Name: "dave"}, access.UserName{Path: "/", Name: "alice"}),
		mapping("Root/Dev", access.UserName{Path: "/", Name: "alice"}),
	}}
	for asked, want := range map[access.AccountID][]access.AccountID{
		"111111111111": {"444444444444"},
		"444444444444": {"111111111111", "222222222222"},
		"333333333333": nil,
	} {
		if got := relatedAccounts(state, accounts, []access.AccountID{asked}); !slices.Equal(got, want) {
			t.Errorf("account %s has to do with %v, want %v", asked, got, want)
		}
	}
}
