package iam

import (
	"fmt"
	"slices"
	"strings"
)

func sortedSet(ss []string) []string {
	ss = slices.Clone(ss)
	slices.Sort(ss)
	return slices.Compact(ss)
}

// Some lists a few things and counts the rest.
func Some(ss []string) string {
	const few = 3
	if len(ss) <= few {
		return strings.Join(ss, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(ss[:few], ", "), len(ss)-few)
}
