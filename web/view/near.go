package view

import (
	"portcullis.internal/portcullis/internal/iam"
)

// skipped marks a line that stands for several that are as before.
const skipped = '@'

// contextLines is how many lines around a change are shown.
const contextLines = 4

// nearChanges leaves out the lines that are far from any change, so that a reviewer sees
// what differs without searching for it. A document that stays as it is comes whole.
func nearChanges(lines []iam.DiffLine) []iam.DiffLine {
	near := make([]bool, len(lines))
	changed := false
	for i, l := range lines {
		if l.Op == ' ' {
			continue
		}
		changed = true
		for j := max(0, i-contextLines); j <= min(len(lines)-1, i+contextLines); j++ {
			near[j] = true
		}
	}
	if !changed {
		return lines
	}
	var out []iam.DiffLine
	for i := 0; i < len(lines); i++ {
		if near[i] {
			out = append(out, lines[i])
			continue
		}
		from := i
		for i+1 < len(lines) && !near[i+1] {
			i++
		}
		out = append(out, iam.DiffLine{Op: skipped, Text: Count(i-from+1, "line") + " as before"})
	}
	return out
}
