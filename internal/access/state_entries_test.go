package access

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func manyEntries(n int) State {
	a := Allowlist{ID: "al-1", Name: "large"}
	for i := range n {
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte{50, byte(i >> 8), byte(i), 0}), 24)
		a.Entries = append(a.Entries, Entry{Kind: EntryCIDR, Prefix: p, Note: fmt.Sprint("office ", i)})
	}
	return State{Allowlists: []Allowlist{a}}
}

// TestOneEntryOfManyCostsLittle: what is not edited is not even named.
func TestOneEntryOfManyCostsLittle(t *testing.T) {
	before, e := manyEntries(10_000), cidr("9.9.9.0/24")
	edits := []Edit{{Op: EditAddEntry, ID: "al-1", Key: e.Key(), Entry: &e}}
	made := testing.AllocsPerRun(3, func() {
		after, err := before.Apply(edits)
		if err != nil {
			t.Fatal(err)
		}
		if got := EditsBetween(before, after); !cmp.Equal(got, edits, cmp.Comparer(samePrefix)) {
			t.Fatalf("edits between = %v, want the one", got)
		}
	})
	if made > 200 {
		t.Errorf("one entry more among 10,000 takes %.0f allocations", made)
	}
}

func samePrefix(a, b netip.Prefix) bool { return a == b }

var entryPool = []Entry{
	cidr("8.8.8.0/24"), cidr("8.8.8.0/25"), cidr("9.9.9.0/24"), cidr("103.15.250.0/24"), cidr("2a00:1450::/32"), cidr("10.0.0.0/8"),
	{Kind: EntryVPC, Endpoint: "vpc-0a1b2c3d"},
	{Kind: EntryVPCE, Endpoint: "vpce-0a1b2c3d"},
}

// drawEntries draws entries in any order; some stand twice where that is asked for.
func drawEntries(t *rapid.T, label string, twice bool) []Entry {
	var list []Entry
	for _, i := range rapid.SliceOfDistinct(rapid.IntRange(0, len(entryPool)-1), rapid.ID).Draw(t, label) {
		e := entryPool[i]
		e.Note = rapid.SampledFrom([]string{"", "note"}).Draw(t, "note")
		e.Emergency = rapid.Bool().Draw(t, "emergency")
		list = append(list, e)
		if twice && rapid.Bool().Draw(t, "twice") {
			list = append(list, e)
		}
	}
	if rapid.Bool().Draw(t, "sorted") {
		SortEntries(list)
	}
	return list
}

// TestDifferingEntriesMissesNothing, in whatever order the lists are, held against keys.
func TestDifferingEntriesMissesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		twice := rapid.Bool().Draw(t, "some twice")
		before, after := drawEntries(t, "before", twice), drawEntries(t, "after", twice)
		was, is := DifferingEntries(before, after)
		got, want := byID(was, Entry.Key), byID(before, Entry.Key)
		for key, e := range byID(after, Entry.Key) {
			old, there := want[key]
			if there && old.Equal(e) {
				delete(want, key)
			}
			if now, left := byID(is, Entry.Key)[key]; !left && (!there || !old.Equal(e)) || left && !now.Equal(e) {
				t.Fatalf("of %s is left %v (%v)", key, now, left)
			}
		}
		for key := range want {
			if _, left := got[key]; !left {
				t.Fatalf("%s differs and is not left of what was", key)
			}
		}
	})
}

// TestEditedEntriesAreThoseOfTheirKeys holds many edits of a list against the same on a map.
func TestEditedEntriesAreThoseOfTheirKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := drawEntries(t, "base", false)
		list, model := newEditedEntries(base), byID(base, Entry.Key)
		for range rapid.IntRange(1, 6).Draw(t, "edits") {
			e := rapid.SampledFrom(entryPool).Draw(t, "entry")
			if _, there := model[e.Key()]; there != list.has(e.Key()) {
				t.Fatalf("%s is there: %v", e.Key(), there)
			}
			if e.Note = rapid.SampledFrom([]string{"", "new"}).Draw(t, "to"); rapid.Bool().Draw(t, "remove") {
				delete(model, e.Key())
				list.put(e.Key(), nil)
			} else {
				model[e.Key()] = e
				list.put(e.Key(), &e)
			}
		}
		var want []Entry
		for _, e := range model {
			want = append(want, e)
		}
		SortEntries(want)
		if got := list.list(); len(got) != len(want) || !cmp.Equal(byID(got, Entry.Key), model, cmp.Comparer(samePrefix)) || !inOrder(got) {
			t.Fatalf("entries are %v, want %v", got, want)
		}
	})
}

func TestEntryIsFoundByItsKey(t *testing.T) {
	a := Allowlist{Entries: entryPool}
	for _, e := range entryPool {
		if got, ok := a.Entry(e.Key()); !ok || !got.Equal(e) {
			t.Errorf("Entry(%q) = %v, %v", e.Key(), got, ok)
		}
	}
	for _, key := range []string{"", "8.8.8.0", "8.8.8.1/24", "vpc-", "1.1.1.0/24"} {
		if got, ok := a.Entry(key); ok {
			t.Errorf("Entry(%q) = %v", key, got)
		}
	}
}
