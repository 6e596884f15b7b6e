package view

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/policy"
)

func TestPeopleWhoGainTheSameShareALine(t *testing.T) {
	reach := func(user string, prefixes ...string) policy.Reach {
		r := policy.Reach{User: access.UserName{Path: "/", Name: user}, Role: access.RoleName{Path: "/", Name: "Bob"}, Accounts: []access.AccountID{"111122223333"}}
		for _, p := range prefixes {
			r.Prefixes = append(r.Prefixes, netip.MustParsePrefix(p))
		}
		return r
	}
	lines := reachLines([]policy.Reach{reach("alice", "12.148.80.0/22", "2001:db8::/48"), reach("bob", "12.148.80.0/22", "2001:db8::/48"), reach("carol", "192.0.2.1/32")}, true)
	var got []string
	for _, l := range lines {
		got = append(got, l.who(8)+" "+l.verb()+" "+l.what()+" in "+accountCount(l.accounts))
	}
	want := []string{
		"alice and bob gain 1,024 addresses and 2⁸⁰ IPv6 addresses in account 111122223333",
		"carol gains 1 address in account 111122223333",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("lines (-want +got):\n%s", d)
	}
	many := reachLine{users: strings.Split("abcdefghij", "")}
	if got := many.who(8); got != "a, b, c, d, e, f, g, h and 2 more" {
		t.Errorf("ten people are %q", got)
	}
}

func TestCompareLines(t *testing.T) {
	before := []string{"role: Bob", "user: alice", "allowlist: office", "MFA: required"}
	after := []string{"role: Bob", "user: alice", "user: carol", "allowlist: vpn", "MFA: required"}
	var got []string
	for _, l := range compareLines(before, after) {
		got = append(got, string(l.Op)+l.Text)
	}
	want := []string{" role: Bob", " user: alice", "-allowlist: office", "+user: carol", "+allowlist: vpn", " MFA: required"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("lines (-want +got):\n%s", d)
	}
}

func TestListDiffs(t *testing.T) {
	entry := func(cidr, note string) access.Entry {
		return access.Entry{Kind: access.EntryCIDR, Prefix: netip.MustParsePrefix(cidr), Note: note}
	}
	before := access.State{Allowlists: []access.Allowlist{{ID: "al-1", Name: "office", Entries: []access.Entry{entry("192.0.2.0/24", "old"), entry("198.51.100.0/24", "")}}}}
	after := access.State{Allowlists: []access.Allowlist{
		{ID: "al-2", Name: "lisbon"},
		{ID: "al-1", Name: "offices", Entries: []access.Entry{entry("192.0.2.0/24", "new"), entry("203.0.113.0/24", "")}},
	}}
	got := map[string]string{}
	for _, l := range listDiffs(policy.DiffStates(before, after)) {
		said := l.texts
		if l.created {
			said = append(said, "created")
		}
		for _, e := range l.lines {
			said = append(said, strings.TrimSpace(string(e.sign)+e.key+" "+strings.Join(e.what, ", ")))
		}
		got[l.name] = strings.Join(said, "; ")
	}
	want := map[string]string{
		"lisbon":  "created",
		"offices": "name: office → offices; ~192.0.2.0/24 note: old → new; -198.51.100.0/24; +203.0.113.0/24",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("allowlists (-want +got):\n%s", d)
	}
}

func TestObjectURL(t *testing.T) {
	for object, want := range map[string]string{
		"change/12": "/changes/12", "rollout/3": "/rollouts/3", "rollout/3/111122223333": "/rollouts/3/targets/111122223333",
		"account/111122223333": "/accounts/111122223333", "change/x": "", "person/3": "", "": "", "change/-1": "",
	} {
		if got := ObjectURL(object); got != want {
			t.Errorf("%q leads to %q, want %q", object, got, want)
		}
	}
}

func TestSentence(t *testing.T) {
	for s, want := range map[string]string{
		"": "", "no mapping uses it": "No mapping uses it.", "203.0.113.0/24 is reserved": "203.0.113.0/24 is reserved.", "Done.": "Done.",
	} {
		if got := sentence(s); got != want {
			t.Errorf("%q became %q, want %q", s, got, want)
		}
	}
}

func TestIssueTextNamesItsObject(t *testing.T) {
	for _, tc := range []struct {
		issue policy.Issue
		want  string
	}{
		{policy.Issue{Object: "allowlist lisbon", Message: "no mapping uses the allowlist lisbon", Advice: "use it"}, "No mapping uses the allowlist lisbon. Use it."},
		{policy.Issue{Object: "allowlist lisbon", Message: "the list has IPv4 ranges only"}, "Allowlist lisbon: the list has IPv4 ranges only."},
	} {
		if got := issueText(tc.issue); got != tc.want {
			t.Errorf("%+v reads %q, want %q", tc.issue, got, tc.want)
		}
	}
}

// Two who gain as many networks, in as many accounts, but not the same, have lines of
// their own.
func TestReachLinesAreNotMixed(t *testing.T) {
	of := func(user, account, prefix, endpoint string, entire bool) policy.Reach {
		return policy.Reach{
			User: access.UserName{Path: "/", Name: user}, Role: access.RoleName{Path: "/", Name: "Admin"}, Accounts: []access.AccountID{access.AccountID(account)},
			Prefixes: []netip.Prefix{netip.MustParsePrefix(prefix)}, Endpoints: []string{endpoint}, Entire: entire,
		}
	}
	var got []string
	for _, l := range reachLines([]policy.Reach{
		of("a", "1", "9.9.9.9/32", "vpc-1", false),
		of("b", "2", "9.9.9.9/32", "vpc-1", false),
		of("c", "1", "9.9.9.8/32", "vpc-1", false),
		of("d", "1", "9.9.9.9/32", "vpc-2", false),
		of("e", "1", "9.9.9.9/32", "vpc-1", true),
		of("f", "1", "9.9.9.9/32", "vpc-1", false),
	}, true) {
		got = append(got, strings.Join(l.users, " "))
	}
	if want := []string{"a f", "b", "c", "d", "e"}; !cmp.Equal(got, want) {
		t.Errorf("lines of %q, want %q", got, want)
	}
}

// A reviewer must see which OU is meant, and by which name AWS has it now.
func TestMappingDiffNamesOUs(t *testing.T) {
	ous := access.NewOUs([]access.OU{
		{ID: "r-ab12", Name: "Root", Path: "Root"},
		{ID: "ou-ab12-cicd0000", ParentID: "r-ab12", Name: "CI/CD", Path: `Root/"CI/CD"`},
		{ID: "ou-ab12-old00000", ParentID: "r-ab12", Name: "Old", Path: "Root/Old", GoneAt: time.Unix(1, 0)},
	})
	before := access.Mapping{Role: access.RoleName{Path: "/", Name: "Bob"}, Accounts: access.Selector{OUs: []string{"ou-ab12-cicd0000"}}}
	after := before
	after.Accounts = access.Selector{OUs: []string{"ou-ab12-cicd0000", "ou-ab12-old00000"}}
	d := mappingDiffFor(policy.MappingChange{Kind: policy.Changed, Before: before, After: after}, ous)
	var got []string
	for _, l := range d.lines {
		if l.Op != ' ' {
			got = append(got, string(l.Op)+l.Text)
		}
	}
	want := []string{
		`-accounts: OU Root/"CI/CD" (ou-ab12-cicd0000)`,
		`+accounts: OU Root/"CI/CD" (ou-ab12-cicd0000), Root/Old (ou-ab12-old00000, no longer in the organization)`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if d.title != `Bob for OU Root/"CI/CD", Root/Old (no longer in the organization)` {
		t.Errorf("title %s", d.title)
	}
}
