package access

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func cidr(s string) Entry { return Entry{Kind: EntryCIDR, Prefix: netip.MustParsePrefix(s)} }

func sample() State {
	s := State{
		Revision: 3,
		Allowlists: []Allowlist{
			{ID: "al-1", Name: "office", Entries: []Entry{cidr("12.148.72.0/23"), cidr("103.15.250.0/24")}},
			{ID: "al-2", Name: "vpn", Entries: []Entry{cidr("8.8.8.0/24")}},
		},
		Mappings: []Mapping{
			Mapping{ID: "mp-1", Role: RoleName{"/", "Bob"}, Users: []UserName{{Name: "alice"}}, Accounts: Selector{All: true}, Allowlists: []string{"office"}}.OrDefault(),
		},
	}
	s.Sort()
	return s
}

func TestApplyLeavesTheReceiverAlone(t *testing.T) {
	before, same := sample(), sample()
	e := cidr("9.9.9.0/24")
	if _, err := before.Apply([]Edit{
		{Op: EditAddEntry, ID: "al-1", Entry: &e},
		{Op: EditRemoveEntry, ID: "al-2", Key: "8.8.8.0/24"},
		{Op: EditUpdateAllowlist, ID: "al-1", Allowlist: &Allowlist{Name: "headquarters"}},
		{Op: EditRemoveMapping, ID: "mp-1"},
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(same, before, cmpPrefixes); diff != "" {
		t.Errorf("Apply changed its receiver:\n%s", diff)
	}
}

var cmpPrefixes = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

func TestRenameFollowsIntoMappings(t *testing.T) {
	after, err := sample().Apply([]Edit{{Op: EditUpdateAllowlist, ID: "al-1", Allowlist: &Allowlist{Name: "headquarters"}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := after.Mappings[0].Allowlists; !cmp.Equal(got, []string{"headquarters"}) {
		t.Errorf("the mapping names %v after the rename", got)
	}
	if edits := EditsBetween(sample(), after); len(edits) != 1 || edits[0].Op != EditUpdateAllowlist {
		t.Errorf("a rename is %d edits, want 1: %+v", len(edits), edits)
	}
}

func TestApplyRefuses(t *testing.T) {
	e, private := cidr("8.8.8.0/24"), cidr("10.0.0.0/8")
	for name, c := range map[string]struct {
		edit Edit
		want string
	}{
		"a second entry with the same key": {Edit{Op: EditAddEntry, ID: "al-2", Entry: &e}, "already"},
		"an entry in a list that is gone":  {Edit{Op: EditAddEntry, ID: "al-9", Entry: &e}, "no longer there"},
		"a private range":                  {Edit{Op: EditAddEntry, ID: "al-1", Entry: &private}, "private range"},
		"removing what is not there":       {Edit{Op: EditRemoveEntry, ID: "al-1", Key: "1.1.1.1/32"}, "no longer"},
		"a list that a mapping needs":      {Edit{Op: EditRemoveAllowlist, ID: "al-1"}, "needs the allowlist"},
		"a second list of the same name":   {Edit{Op: EditAddAllowlist, ID: "al-3", Allowlist: &Allowlist{Name: "vpn"}}, "exists already"},
		"a bad name":                       {Edit{Op: EditAddAllowlist, ID: "al-3", Allowlist: &Allowlist{Name: "<b>"}}, "no name for an allowlist"},
		"a mapping that is gone":           {Edit{Op: EditRemoveMapping, ID: "mp-9"}, "no longer there"},
		"an edit without an object":        {Edit{Op: EditRemoveMapping}, "names no object"},
		"an unknown edit":                  {Edit{Op: "drop", ID: "x"}, "not an edit; the edits are allowlist.add, "},
		"an unknown edit without an id":    {Edit{Op: "entry.ad"}, "entry.add, entry.update, entry.remove, "},
		"a mapping of nobody":              {Edit{Op: EditAddMapping, ID: "mp-2", Mapping: &Mapping{Role: RoleName{"/", "Bob"}, Accounts: Selector{All: true}, Allowlists: []string{"vpn"}}}, "at least one user"},
	} {
		if _, err := sample().Apply([]Edit{c.edit}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
}

// The message of an unknown edit lists those that Apply knows, and no others.
func TestApplyKnowsAllEdits(t *testing.T) {
	for _, op := range EditOps() {
		_, err := sample().Apply([]Edit{{Op: op, ID: "x"}})
		if err != nil && strings.Contains(err.Error(), "is not an edit") {
			t.Errorf("%s is listed, and Apply does not know it", op)
		}
	}
	_, err := sample().Apply([]Edit{{Op: "drop"}})
	for _, e := range []string{
		"rule.add", "rule.update", "rule.remove", "settings.update", "mapping.update", "mapping.remove", "allowlist.remove",
	} {
		if err == nil || !strings.Contains(err.Error(), e) {
			t.Errorf("%v does not name %s", err, e)
		}
	}
}

// TestEditsBetweenLeadsThere draws two random states and shows that the edits between
// them lead from one to the other, and that none is left over.
func TestEditsBetweenLeadsThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before, after := drawState(t, "before"), drawState(t, "after")
		edits := EditsBetween(before, after)
		got, err := before.Apply(edits)
		if err != nil {
			t.Fatalf("applying %d edits: %v", len(edits), err)
		}
		if left := EditsBetween(got, after); len(left) != 0 {
			t.Fatalf("after applying them, %d edits are left: %+v", len(left), left)
		}
		if n := len(EditsBetween(after, after)); n != 0 {
			t.Fatalf("%d edits between a state and itself", n)
		}
	})
}

func drawState(t *rapid.T, label string) State {
	var s State
	pool := []string{"8.8.8.0/24", "9.9.9.0/24", "103.15.250.0/24", "2a00:1450::/32", "4.4.4.4/32"}
	for i, id := range []string{"al-1", "al-2", "al-3"} {
		if !rapid.Bool().Draw(t, label+" has "+id) {
			continue
		}
		a := Allowlist{ID: id, Name: []string{"one", "two", "three"}[i], Description: rapid.SampledFrom([]string{"", "x"}).Draw(t, label)}
		for _, p := range pool {
			if rapid.Bool().Draw(t, label+p) {
				e := cidr(p)
				e.Note = rapid.SampledFrom([]string{"", "note"}).Draw(t, label)
				a.Entries = append(a.Entries, e)
			}
		}
		SortEntries(a.Entries)
		s.Allowlists = append(s.Allowlists, a)
	}
	for _, id := range []string{"mp-1", "mp-2"} {
		if len(s.Allowlists) == 0 || !rapid.Bool().Draw(t, label+id) {
			continue
		}
		list := rapid.SampledFrom(s.Allowlists).Draw(t, label)
		m := Mapping{ID: id, Role: RoleName{"/", rapid.SampledFrom([]string{"Bob", "Admin"}).Draw(t, label)}, Users: []UserName{{Name: "alice"}}, Accounts: Selector{All: true}, Allowlists: []string{list.Name}, RequireMFA: rapid.Bool().Draw(t, label)}
		s.Mappings = append(s.Mappings, m.OrDefault())
	}
	s.Sort()
	return s
}
