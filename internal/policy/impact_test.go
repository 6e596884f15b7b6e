package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/access/accesstest"
)

// told writes an impact in a few lines.
func told(im Impact) string {
	var b strings.Builder
	say := func(verb string, rs []Reach) {
		for _, r := range rs {
			fmt.Fprintf(&b, "%s %s %s addresses: %s on role %s in %d accounts", r.User, verb, r.Count, strings.Join(append(prefixStrings(r.Prefixes), r.Endpoints...), " "), r.Role, len(r.Accounts))
			if r.Entire {
				b.WriteString(", entirely")
			}
			b.WriteByte('\n')
		}
	}
	say("gains", im.Gained)
	say("loses", im.Lost)
	for _, c := range im.Conditions {
		fmt.Fprintf(&b, "%s on role %s in %d accounts: %s (stricter: %v)\n", c.User, c.Role, len(c.Accounts), c.Text, c.Stricter)
	}
	fmt.Fprintf(&b, "%d roles, %d people, %d accounts\n", im.Roles, im.People, im.Accounts)
	return b.String()
}

func impactInput(t *testing.T) Input {
	in := Input{Now: testNow}
	for i := range 5 {
		in.Accounts = append(in.Accounts, accesstest.InOU(access.Account{
			ID: access.AccountID(fmt.Sprintf("11112222000%d", i)),
		}, []string{"Root/Prod", "Root/Dev"}[i/3]))
	}
	in.Accounts = append(in.Accounts,
		accesstest.InOU(access.Account{ID: "999999999999", Management: true}, "Root/Prod"),
		accesstest.InOU(access.Account{ID: "888888888888", State: access.AccountSuspended}, "Root/Prod"))
	in.State.Allowlists = []access.Allowlist{
		{ID: "al-1", Name: "office", Entries: entries(t, "103.15.250.0/24")},
		{ID: "al-2", Name: "vpn", Entries: entries(t, "8.8.8.0/24", "vpc-0a1b2c3d")},
	}
	in.State.Mappings = []access.Mapping{
		{ID: "mp-1", Role: access.RoleName{Path: "/", Name: "Bob"}, Users: []access.UserName{{Name: "carol"}, {Name: "alice"}}, Accounts: access.Selector{OUs: []string{"Root/Prod"}}, Allowlists: []string{"office"}},
		{ID: "mp-2", Role: access.RoleName{Path: "/", Name: "Eve"}, Users: []access.UserName{{Account: "111122220004", Name: "dave"}}, Accounts: access.Selector{All: true}, Allowlists: []string{"vpn"}},
	}
	return in
}

func TestDiff(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(t *testing.T, s *access.State, in *Input)
		want   string
	}{
		{"nothing", func(*testing.T, *access.State, *Input) {}, "0 roles, 0 people, 0 accounts\n"},
		{"a range more", func(t *testing.T, s *access.State, _ *Input) {
			s.Allowlists[0].Entries = entries(t, "103.15.250.0/24", "12.148.80.0/23", "12.148.80.0/24")
		}, "alice gains 512 addresses: 12.148.80.0/23 on role Bob in 3 accounts\ncarol gains 512 addresses: 12.148.80.0/23 on role Bob in 3 accounts\n1 roles, 2 people, 3 accounts\n"},
		{"a range less and a VPC less", func(t *testing.T, s *access.State, _ *Input) {
			s.Allowlists[1].Entries = entries(t, "8.8.8.0/25")
		}, "111122220004:dave loses 128 addresses: 8.8.8.128/25 vpc-0a1b2c3d on role Eve in 5 accounts\n1 roles, 1 people, 5 accounts\n"},
		{"the same addresses in other words", func(t *testing.T, s *access.State, _ *Input) {
			s.Allowlists[0].Entries = entries(t, "103.15.250.0/25", "103.15.250.128/25")
		}, "0 roles, 0 people, 0 accounts\n"},
		{
			"a user less", func(_ *testing.T, s *access.State, _ *Input) { s.Mappings[0].Users = s.Mappings[0].Users[:1] },
			"alice loses 256 addresses: 103.15.250.0/24 on role Bob in 3 accounts, entirely\n1 roles, 1 people, 3 accounts\n",
		},
		{"other accounts", func(_ *testing.T, s *access.State, _ *Input) {
			s.Mappings[0].Accounts = access.Selector{OUs: []string{"Root/Prod", "Root/Dev"}, Except: []string{"111122220000"}}
		}, "alice gains 256 addresses: 103.15.250.0/24 on role Bob in 2 accounts, entirely\ncarol gains 256 addresses: 103.15.250.0/24 on role Bob in 2 accounts, entirely\n" +
			"alice loses 256 addresses: 103.15.250.0/24 on role Bob in 1 accounts, entirely\ncarol loses 256 addresses: 103.15.250.0/24 on role Bob in 1 accounts, entirely\n1 roles, 2 people, 3 accounts\n"},
		{"conditions", func(_ *testing.T, s *access.State, _ *Input) {
			s.Mappings[1].RequireMFA, s.Mappings[1].MFAMaxAge, s.Mappings[1].SessionName, s.Mappings[1].Enforcement = true, time.Hour, access.NamingUsername, access.EnforceEveryone
		}, " on role Eve in 5 accounts: people who are not mapped are restricted by the allowlists from now on (stricter: true)\n" +
			"111122220004:dave on role Eve in 5 accounts: MFA is required from now on (stricter: true)\n" +
			"111122220004:dave on role Eve in 5 accounts: the user's name as session name is required from now on (stricter: true)\n1 roles, 1 people, 5 accounts\n"},
		{"a second mapping joins, in one account by the user's full name", func(_ *testing.T, s *access.State, _ *Input) {
			s.Mappings = append(s.Mappings, access.Mapping{ID: "mp-3", Role: access.RoleName{Path: "/", Name: "Bob"}, Users: []access.UserName{{Account: "111122220001", Name: "alice"}}, Accounts: access.Selector{All: true}, Allowlists: []string{"vpn"}})
		}, "alice gains 256 addresses: 8.8.8.0/24 vpc-0a1b2c3d on role Bob in 1 accounts\n" +
			"111122220001:alice gains 256 addresses: 8.8.8.0/24 vpc-0a1b2c3d on role Bob in 4 accounts, entirely\n1 roles, 2 people, 5 accounts\n"},
		{"an entry expires", func(_ *testing.T, _ *access.State, in *Input) {
			in.Now = testNow.Add(2 * time.Hour)
		}, "0 roles, 0 people, 0 accounts\n"},
		{
			"everything goes", func(_ *testing.T, s *access.State, _ *Input) { s.Mappings, s.Allowlists = nil, nil },
			"alice loses 256 addresses: 103.15.250.0/24 on role Bob in 3 accounts, entirely\ncarol loses 256 addresses: 103.15.250.0/24 on role Bob in 3 accounts, entirely\n" +
				"111122220004:dave loses 256 addresses: 8.8.8.0/24 vpc-0a1b2c3d on role Eve in 5 accounts, entirely\n2 roles, 3 people, 5 accounts\n",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before, after := impactInput(t), impactInput(t)
			tc.change(t, &after.State, &after)
			im, err := Diff(before, after)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, told(im)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestDiffByTimeAlone(t *testing.T) {
	before := impactInput(t)
	before.State.Allowlists[0].Entries[0].Expires = testNow.Add(time.Hour)
	after := before
	after.Now = testNow.Add(time.Hour)
	im, err := Diff(before, after)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := told(im), "alice loses 256 addresses: 103.15.250.0/24 on role Bob in 3 accounts, entirely\ncarol loses 256 addresses: 103.15.250.0/24 on role Bob in 3 accounts, entirely\n1 roles, 2 people, 3 accounts\n"; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestDiffKnowsWhoExists(t *testing.T) {
	before := impactInput(t)
	before.Inventory = access.InventoriesOf(map[access.AccountID]access.Inventory{
		"111122220000": {Roles: []access.LiveDocument{{Resource: access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}, Exists: true}}},
		"111122220001": {},
	})
	after := before
	after.State = impactInput(t).State
	after.State.Allowlists[0].Entries = entries(t, "103.15.250.0/23")
	im, err := Diff(before, after)
	if err != nil {
		t.Fatal(err)
	}
	// Account 0 has the role but no user, 1 has neither, of 2 nothing is known.
	want := "alice gains 256 addresses: 103.15.251.0/24 on role Bob in 1 accounts\ncarol gains 256 addresses: 103.15.251.0/24 on role Bob in 1 accounts\n1 roles, 2 people, 1 accounts\n"
	if got := told(im); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestDiffStates(t *testing.T) {
	before, after := impactInput(t).State, impactInput(t).State
	after.Allowlists[0].Name = "hq"
	after.Mappings[0].Allowlists = []string{"hq"}
	after.Allowlists[0].Entries = entries(t, "103.15.250.0/24", "12.148.80.0/23")
	after.Allowlists[0].Entries[1].Note = "moved"
	after.Allowlists[1].Entries = after.Allowlists[1].Entries[1:]
	d := DiffStates(before, after)
	var got []string
	for _, a := range d.Allowlists {
		got = append(got, fmt.Sprintf("%s allowlist %s → %s", a.Kind, a.Before.Name, a.After.Name))
	}
	for _, e := range d.Entries {
		got = append(got, fmt.Sprintf("%s %s in %s", e.Kind, e.Key, e.Allowlist))
	}
	for _, m := range d.Mappings {
		got = append(got, fmt.Sprintf("%s mapping %s: %s", m.Kind, m.ID, strings.Join(m.Fields, ", ")))
	}
	want := []string{"changed allowlist office → hq", "added 12.148.80.0/23 in hq", "changed 103.15.250.0/24 in hq", "removed 8.8.8.0/24 in vpn", "changed mapping mp-1: allowlists"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if !DiffStates(before, before).Empty() {
		t.Error("a state differs from itself")
	}
	one, other := impactInput(t).State, impactInput(t).State
	one.Mappings[0].Accounts = access.Selector{OUs: []string{"Root/Dev", "Root/Prod"}}
	other.Mappings[0].Accounts = access.Selector{OUs: []string{"Root/Prod", "Root/Dev"}}
	if d := DiffStates(one, other); !d.Empty() {
		t.Errorf("the same accounts in another order: %+v", d.Mappings)
	}
}

// TestListsOfAccountsAreShared: rows about the same accounts share one list of them, and
// lists with the same beginning, end and length only are different lists.
func TestListsOfAccountsAreShared(t *testing.T) {
	in := wholeOrganization(6, 1, 1, 1)
	l := newAccountLists(in.Accounts)
	first, again, other := l.of([]int{4, 1, 2}), l.of([]int{1, 2, 4}), l.of([]int{1, 3, 4})
	if diff := cmp.Diff([]access.AccountID{"000000000002", "000000000003", "000000000005"}, first); diff != "" {
		t.Errorf("the list (-want +got):\n%s", diff)
	}
	if &first[0] != &again[0] {
		t.Error("the same accounts are listed twice")
	}
	if diff := cmp.Diff([]access.AccountID{"000000000002", "000000000004", "000000000005"}, other); diff != "" {
		t.Errorf("another list (-want +got):\n%s", diff)
	}
	if none := l.of(nil); len(none) != 0 || l.count() != 4 {
		t.Errorf("%d accounts in an empty list, %d in all lists; want 0 and 4", len(none), l.count())
	}
}
