package view

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/policy"
)

func TestImpactInShort(t *testing.T) {
	reach := func(user, role string, entire bool) policy.Reach {
		return policy.Reach{User: access.UserName{Path: "/", Name: user}, Role: access.RoleName{Path: "/", Name: role}, Entire: entire}
	}
	for _, c := range []struct {
		impact policy.Impact
		want   string
	}{
		{policy.Impact{}, ""},
		{policy.Impact{Gained: []policy.Reach{reach("alice", "Bob", false)}}, "nobody loses; 1 person gains addresses"},
		{
			policy.Impact{Lost: []policy.Reach{reach("alice", "Bob", false), reach("alice", "Eve", true), reach("carol", "Bob", false)}},
			"2 people lose addresses, 1 of them a whole role; nobody gains",
		},
	} {
		if got := impactInShort(c.impact); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestPeopleWithTheSameConditionShareALine(t *testing.T) {
	bob := access.RoleName{Path: "/", Name: "Bob"}
	in := []access.AccountID{"111122223333"}
	alice, carol := access.UserName{Path: "/", Name: "alice"}, access.UserName{Path: "/", Name: "carol"}
	var got []string
	for _, l := range conditionLines([]policy.ConditionChange{
		{User: alice, Role: bob, Accounts: in, Text: "MFA is required from now on", Stricter: true},
		{User: carol, Role: bob, Accounts: in, Text: "MFA is required from now on", Stricter: true},
		{Role: bob, Accounts: in, Text: "people who are not mapped are no longer restricted"},
	}) {
		got = append(got, l.subject(8)+" role "+l.role+": "+l.text)
	}
	want := []string{
		"alice and carol on role Bob: MFA is required from now on",
		"On role Bob: people who are not mapped are no longer restricted",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("lines (-want +got):\n%s", d)
	}
}

func TestAReviewShowsConditionsThatChange(t *testing.T) {
	p := ChangePage{
		Change: access.Change{Edits: []access.Edit{{}}},
		Impact: policy.Impact{Conditions: []policy.ConditionChange{{
			User: access.UserName{Path: "/", Name: "alice"}, Role: access.RoleName{Path: "/", Name: "Bob"}, Accounts: []access.AccountID{"111122223333"}, Text: "MFA is no longer required",
		}}},
	}
	var b strings.Builder
	if err := changeImpact(p).Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Nobody gains or loses an address", "alice on role <strong>Bob</strong>", "MFA is no longer required", "Looser"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the review does not say %q:\n%s", want, b.String())
		}
	}
}
