package policy

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
)

// slashEights are allowlists of one /8 each, none of which is private or reserved.
func slashEights(n int) (lists []access.Allowlist, names []string) {
	for i := 1; i < 224 && len(lists) < n; i++ {
		if i == 10 || i == 100 || i == 127 || i == 169 || i == 172 || i == 192 {
			continue
		}
		name := fmt.Sprintf("net-%03d", i)
		entry := access.Entry{Kind: access.EntryCIDR, Prefix: netip.MustParsePrefix(fmt.Sprintf("%d.0.0.0/8", i))}
		lists = append(lists, access.Allowlist{ID: name, Name: name, Entries: []access.Entry{entry}})
		names = append(names, name)
	}
	return lists, names
}

func unionInput(mappings ...access.Mapping) Input {
	lists, _ := slashEights(215)
	return Input{State: access.State{Allowlists: lists, Mappings: mappings}, Accounts: []access.Account{{ID: "111122223333"}}, Now: testNow}
}

func unionMapping(id string, names ...string) access.Mapping {
	return access.Mapping{
		ID: id, Role: access.RoleName{Name: "Bob"}, Users: []access.UserName{{Name: "alice"}},
		Accounts: access.Selector{All: true}, Allowlists: names,
	}
}

func unionErrors(in Input) []string {
	var found []string
	for _, i := range Lint(in) {
		if i.Code == CodeUnionTooLarge && i.Severity == SeverityError {
			found = append(found, i.Object+": "+i.Message)
		}
	}
	return found
}

// TestUnionOfAllowlistsIsLimited: many allowlists, none too large, are too large together.
func TestUnionOfAllowlistsIsLimited(t *testing.T) {
	_, names := slashEights(215)
	got := unionErrors(unionInput(unionMapping("mp-1", names...)))
	if len(got) != 1 || !strings.Contains(got[0], "mapping Bob for all accounts: ") || !strings.Contains(got[0], "3.6 billion addresses, 84.0 % of IPv4") {
		t.Errorf("215 lists of one /8 in one mapping: got %q, want one error with 84 %% of IPv4", got)
	}
	if got := unionErrors(unionInput(unionMapping("mp-1", names[0]))); len(got) != 0 {
		t.Errorf("one list of one /8: got %q", got)
	}
}

// TestUnionOfMappingsIsLimited: what counts is all that a user gets on a role, also from several mappings.
func TestUnionOfMappingsIsLimited(t *testing.T) {
	_, names := slashEights(2)
	got := unionErrors(unionInput(unionMapping("mp-1", names[0]), unionMapping("mp-2", names[1])))
	if len(got) != 1 || !strings.Contains(got[0], "role Bob: the mappings of role Bob admit alice") {
		t.Errorf("two mappings of one user: got %q, want one error about role Bob", got)
	}
	other := unionMapping("mp-2", names[1])
	other.Users = []access.UserName{{Name: "carol"}}
	if got := unionErrors(unionInput(unionMapping("mp-1", names[0]), other)); len(got) != 0 {
		t.Errorf("two mappings of different users: got %q", got)
	}
}

// TestLargeReach: an addition is large, or makes the total large; a small one to a large total is not.
func TestLargeReach(t *testing.T) {
	state := func(cidrs ...string) Input {
		list := access.Allowlist{ID: "al-1", Name: "office"}
		for _, c := range cidrs {
			list.Entries = append(list.Entries, access.Entry{Kind: access.EntryCIDR, Prefix: netip.MustParsePrefix(c)})
		}
		return Input{
			State:    access.State{Allowlists: []access.Allowlist{list}, Mappings: []access.Mapping{unionMapping("mp-1", "office")}},
			Accounts: []access.Account{{ID: "111122223333"}}, Now: testNow,
		}
	}
	for name, tc := range map[string]struct {
		before, after []string
		want          string
	}{
		"52.0.0.0/9":                       {[]string{"8.8.8.0/24"}, []string{"8.8.8.0/24", "52.0.0.0/9"}, "this change adds 8.4 million addresses, 0.2 % of IPv4"},
		"just enough":                      {nil, []string{"52.0.0.0/10"}, "role Bob will admit alice from 4.2 million addresses, 0.1 % of IPv4"},
		"just not enough":                  {nil, []string{"52.0.0.0/11", "52.32.0.0/12"}, ""},
		"past the threshold":               {[]string{"52.0.0.0/11"}, []string{"52.0.0.0/11", "54.0.0.0/11"}, "from 4.2 million addresses, 0.1 % of IPv4; this change adds 2.1 million"},
		"a small one to a large reach":     {[]string{"52.0.0.0/9"}, []string{"52.0.0.0/9", "8.8.8.0/24"}, ""},
		"a large one to a large reach":     {[]string{"52.0.0.0/9"}, []string{"52.0.0.0/9", "54.0.0.0/10"}, "this change adds 4.2 million"},
		"less than before":                 {[]string{"52.0.0.0/9", "54.0.0.0/9"}, []string{"52.0.0.0/9"}, ""},
		"IPv6":                             {nil, []string{"2600::/28"}, "68.7 billion /64 networks of IPv6"},
		"IPv6 below":                       {nil, []string{"2600::/29"}, ""},
		"small IPv6 to large IPv4":         {[]string{"52.0.0.0/9"}, []string{"52.0.0.0/9", "2600::/48"}, ""},
		"one large address after the next": {[]string{"52.0.0.0/9"}, []string{"54.0.0.0/9"}, "this change adds 8.4 million"},
	} {
		impact, err := Diff(state(tc.before...), state(tc.after...))
		if err != nil {
			t.Fatal(err)
		}
		got := LargeReach(impact, Options{})
		switch {
		case tc.want == "" && len(got) > 0:
			t.Errorf("%s: got %q, want nothing", name, got[0].Message)
		case tc.want != "" && (len(got) != 1 || !strings.Contains(got[0].Message, tc.want) || got[0].Severity != SeverityWarning):
			t.Errorf("%s: got %+v, want one warning with %q", name, got, tc.want)
		}
	}
}
