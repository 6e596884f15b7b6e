package change

import "slices"

func unique(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
