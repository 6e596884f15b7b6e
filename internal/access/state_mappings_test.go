package access

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// TestWhatNoEditTouchesIsShared: what a change costs follows from its edits.
func TestWhatNoEditTouchesIsShared(t *testing.T) {
	before := manyMappings(1000)
	e := cidr("9.9.9.0/24")
	after, err := before.Apply([]Edit{{Op: EditAddEntry, ID: "al-1", Key: e.Key(), Entry: &e}})
	if err != nil {
		t.Fatal(err)
	}
	if !sameList(before.Mappings, after.Mappings) {
		t.Error("an edit of an entry copies the mappings")
	}
	other := before.Mappings[500]
	other.RequireMFA = true
	if after, err = before.Apply([]Edit{{Op: EditUpdateMapping, ID: other.ID, Mapping: &other}}); err != nil {
		t.Fatal(err)
	}
	was, is := DifferingMappings(before.Mappings, after.Mappings)
	if len(was) != 1 || len(is) != 1 || was[0].ID != other.ID || !is[0].RequireMFA {
		t.Errorf("left are %d and %d mappings, want the one that was edited", len(was), len(is))
	}
}

func manyMappings(n int) State {
	s := sample()
	for i := range n {
		s.Mappings = append(s.Mappings, Mapping{ID: fmt.Sprintf("mp-x%d", i), Role: RoleName{"/", fmt.Sprint("Role", i%7)}, Users: []UserName{{Name: "alice"}}, Accounts: Selector{All: true}, Allowlists: []string{"office"}}.OrDefault())
	}
	s.Sort()
	return s
}

// TestDifferingMappingsMissesNothing, in whatever order the lists are.
func TestDifferingMappingsMissesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := manyMappings(8).Mappings
		draw := func(what string) []Mapping {
			var list []Mapping
			for _, i := range rapid.SliceOfDistinct(rapid.IntRange(0, len(all)-1), rapid.ID).Draw(t, what) {
				m := all[i]
				m.RequireMFA = rapid.Bool().Draw(t, "mfa")
				list = append(list, m)
			}
			return list
		}
		before, after := draw("before"), draw("after")
		was, is := DifferingMappings(before, after)
		want := EditsBetween(State{Mappings: before}, State{Mappings: after})
		if got := EditsBetween(State{Mappings: was}, State{Mappings: is}); !cmp.Equal(got, want) {
			t.Errorf("of what is left the edits are %v, want %v", got, want)
		}
		old, now := byID(before, mappingID), byID(after, mappingID)
		edits := map[string]bool{}
		for id, m := range old {
			n, stays := now[id]
			edits[id] = !stays || !m.Equal(n)
		}
		for id := range now {
			if _, there := old[id]; !there {
				edits[id] = true
			}
		}
		for _, e := range want {
			if !edits[e.ID] {
				t.Errorf("an edit of %s, which is the same", e.ID)
			}
			delete(edits, e.ID)
		}
		for id, differs := range edits {
			if differs {
				t.Errorf("no edit of %s, which differs", id)
			}
		}
	})
}
