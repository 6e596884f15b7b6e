package view

import (
	"fmt"
	"slices"
	"testing"

	"portcullis.internal/portcullis/internal/access"
)

// tree makes OUs of paths; the id of each is its path.
func tree(paths ...string) []access.OURow {
	units, err := access.OUsAt(nil, paths...)
	if err != nil {
		panic(err)
	}
	var ous []access.OURow
	for _, ou := range units.List() {
		ous = append(ous, access.OURow{OU: ou, Total: 1})
	}
	return ous
}

func TestLargeTreeOfOUsIsFolded(t *testing.T) {
	paths := []string{"Root"}
	for i := range 10 {
		unit := fmt.Sprintf("Root/Unit%d", i)
		paths = append(paths, unit)
		for j := range 10 {
			paths = append(paths, fmt.Sprintf("%s/Team%d", unit, j), fmt.Sprintf("%s/Team%d/Site", unit, j))
		}
	}
	ous := tree(paths...)
	shown := func(chosen string) (got []string) {
		for _, ou := range ouTree(ous, unitsOf(ous), chosen) {
			got = append(got, ou.Path)
		}
		return got
	}
	if got := shown(""); len(got) != 11 || got[0] != "Root" {
		t.Errorf("nothing chosen: %d shown, want the root and its ten units", len(got))
	}
	if got := shown("Root/Unit3"); len(got) != 21 || !slices.Contains(got, "Root/Unit3/Team9") || slices.Contains(got, "Root/Unit30") {
		t.Errorf("a unit: %v", got)
	}
	if got := shown("Root/Unit3/Team4"); len(got) != 22 || !slices.Contains(got, "Root/Unit3/Team4/Site") || !slices.Contains(got, "Root/Unit3/Team5") {
		t.Errorf("a team: %v", got)
	}
	if small := tree("Root", "Root/A", "Root/A/B"); len(ouTree(small, unitsOf(small), "")) != 3 {
		t.Error("a small tree is shown whole")
	}
}

func TestTotalOfAnOrganization(t *testing.T) {
	ous := tree("Root/A", "Root/B/C")
	ous[0].Total = 7
	if n := ouTotal(ous); n != 7 {
		t.Errorf("%d, want those below the root, each once", n)
	}
}
