package view

import (
	"fmt"
	"slices"
	"testing"

	"portcullis.internal/portcullis/internal/access"
)

func tree(paths ...string) []access.OURow {
	ous := make([]access.OURow, len(paths))
	for i, p := range paths {
		ous[i] = access.OURow{OU: access.OU{Path: p}, Total: 1}
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
	shown := func(chosen string) (got []string) {
		for _, ou := range ouTree(tree(paths...), chosen) {
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
	if small := tree("Root", "Root/A", "Root/A/B"); len(ouTree(small, "")) != 3 {
		t.Error("a small tree is shown whole")
	}
}

func TestTotalOfAnOrganization(t *testing.T) {
	if n := ouTotal(tree("Root/A", "Root/B", "Root/B/C")); n != 2 {
		t.Errorf("%d, want those below nothing, each once", n)
	}
}
