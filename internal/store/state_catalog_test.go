package store_test

import (
	"fmt"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// TestStateRelevantTo makes mappings that select accounts in every way, and that name users of
// other accounts.
func TestStateRelevantTo(t *testing.T) {
	s := storetest.New(t)
	role := func(name string) access.RoleName { return access.RoleName{Path: "/", Name: name} }
	alice, carol := access.UserName{Path: "/", Name: "alice"}, access.UserName{Account: accountID(3), Path: "/", Name: "carol"}
	mappings := []access.Mapping{
		{Role: role("All"), Users: []access.UserName{alice}, Accounts: access.Selector{All: true, Except: []string{string(accountID(2))}}},
		{Role: role("One"), Users: []access.UserName{alice}, Accounts: access.Selector{IDs: []access.AccountID{accountID(1)}}},
		{Role: role("Two"), Users: []access.UserName{alice}, Accounts: access.Selector{IDs: []access.AccountID{accountID(1), accountID(2)}}},
		{Role: role("Unit"), Users: []access.UserName{alice}, Accounts: access.Selector{OUs: []string{prodOU}}},
		{Role: role("Tagged"), Users: []access.UserName{alice}, Accounts: access.Selector{Tags: map[string]string{"env": "dev"}}},
		{Role: role("Cross"), Users: []access.UserName{carol}, Accounts: access.Selector{IDs: []access.AccountID{accountID(2)}}},
		{Role: role("Cross"), Users: []access.UserName{alice}, Accounts: access.Selector{IDs: []access.AccountID{accountID(4)}}},
	}
	edits := []access.Edit{{Op: access.EditAddAllowlist, ID: "a1", Allowlist: &access.Allowlist{Name: "office"}}, {Op: access.EditAddAllowlist, ID: "a2", Allowlist: &access.Allowlist{Name: "spare"}}}
	for i, m := range mappings {
		m.Allowlists = []string{"office"}
		edits = append(edits, access.Edit{Op: access.EditAddMapping, ID: fmt.Sprint("m", i), Mapping: &m})
	}
	must[access.Rollout](t)(apply(t.Context(), s, approve(t, s, edits, access.Plan{}), 1, 1))
	whole := must[access.State](t)(s.State(t.Context(), 1))
	seen := map[int]bool{}
	for _, ids := range [][]int{{1}, {2}, {3}, {4}, {1, 3}, {5}} {
		var accounts []access.Account
		for _, i := range ids {
			accounts = append(accounts, access.Account{ID: accountID(i), OUIDs: []string{"r-ab12", prodOU, "ou-ab12-web00000"}, Tags: map[string]string{"env": "dev"}})
		}
		got := must[access.State](t)(s.StateRelevantTo(t.Context(), 1, accounts))
		diff(t, fmt.Sprintf("relevant to %v", ids), whole.RelevantTo(accounts), got)
		seen[len(got.Mappings)] = true
	}
	if len(seen) < 3 {
		t.Errorf("sizes %v: want more and less of them", seen)
	}
	diff(t, "roles", []access.RoleName{role("All"), role("Cross"), role("One")}, must[[]access.RoleName](t)(s.RolesUsing(t.Context(), 1, "office", 3)))
	if roles := must[[]access.RoleName](t)(s.RolesUsing(t.Context(), 1, "spare", 3)); len(roles) != 0 {
		t.Errorf("roles %v of a list that nothing uses", roles)
	}
}

// Lists follow the head: what was kept of the revision before does not show through.
func TestListsFollowTheHead(t *testing.T) {
	s := desired(t)
	titles := func() (names []string) {
		for _, m := range must[access.Page[access.Mapping]](t)(s.Mappings(t.Context(), access.MappingQuery{})).Items {
			names = append(names, m.ID)
		}
		return names
	}
	diff(t, "before", []string{"m3", "m1", "m2"}, titles())
	must[access.Rollout](t)(apply(t.Context(), s, approve(t, s, []access.Edit{
		{Op: access.EditRemoveMapping, ID: "m1"}, {Op: access.EditUpdateAllowlist, ID: "a1", Allowlist: &access.Allowlist{Name: "head office"}},
	}, access.Plan{}), 1, 1))
	diff(t, "after", []string{"m3", "m2"}, titles())
	if page := must[access.Page[access.Mapping]](t)(s.Mappings(t.Context(), access.MappingQuery{Allowlist: "head office"})); page.Total != 2 {
		t.Errorf("%d mappings use the renamed list, want 2", page.Total)
	}
	if page := must[access.Page[access.Mapping]](t)(s.Mappings(t.Context(), access.MappingQuery{Allowlist: "office"})); page.Total != 0 {
		t.Errorf("%d mappings use a name that is gone", page.Total)
	}
	totals := must[access.Totals](t)(s.Totals(t.Context()))
	diff(t, "totals", access.Totals{Revision: 2, Allowlists: 2, Entries: 8, Mappings: 2}, totals)
}
