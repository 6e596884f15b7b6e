package iam

import (
	"net/netip"
	"slices"
	"strings"
)

// DiffLine is one line of a diff. Op is ' ' for a line of both, '-' for one that goes,
// '+' for one that comes.
type DiffLine struct {
	Op   byte
	Text string
}

// DiffLines compares two documents line by line as Pretty lays them out, but for the
// order of lists, which IAM does not keep: what means the same is not shown as changed.
// An empty document has no lines.
func DiffLines(before, after string) []DiffLine {
	a, b := prettyLines(before), prettyLines(after)
	head := 0
	for head < len(a) && head < len(b) && sameLine(a[head], b[head]) {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && sameLine(a[len(a)-1-tail], b[len(b)-1-tail]) {
		tail++
	}
	lines := make([]DiffLine, 0, len(a)+len(b))
	for _, s := range b[:head] {
		lines = append(lines, DiffLine{' ', s})
	}
	lines = append(lines, middle(a[head:len(a)-tail], b[head:len(b)-tail])...)
	for _, s := range b[len(b)-tail:] {
		lines = append(lines, DiffLine{' ', s})
	}
	return lines
}

// sameLine reports whether two lines are the same but for the comma that a line gets when
// another comes after it.
func sameLine(a, b string) bool { return strings.TrimSuffix(a, ",") == strings.TrimSuffix(b, ",") }

func prettyLines(doc string) []string {
	if strings.TrimSpace(doc) == "" {
		return nil
	}
	return strings.Split(layOut(doc, true), "\n")
}

// sortTexts returns a document whose lists of texts are in one order.
func sortTexts(v value) value {
	switch v.kind {
	case '{':
		members := slices.Clone(v.members)
		for i := range members {
			members[i].value = sortTexts(members[i].value)
		}
		v.members = members
	case '[':
		items := slices.Clone(v.items)
		texts := true
		for i := range items {
			items[i] = sortTexts(items[i])
			texts = texts && items[i].kind == '"'
		}
		if texts {
			slices.SortStableFunc(items, func(a, b value) int { return compareTexts(a.text, b.text) })
		}
		if texts && len(items) == 1 {
			return items[0]
		}
		v.items = items
	}
	return v
}

// compareTexts puts networks in the order of their addresses and all else by letters.
func compareTexts(a, b string) int {
	p, errP := netip.ParsePrefix(a)
	q, errQ := netip.ParsePrefix(b)
	if errP == nil && errQ == nil {
		return p.Compare(q)
	}
	return strings.Compare(a, b)
}

// maxCells bounds the table of the longest common subsequence. Beyond it, which no
// document that IAM accepts comes near, everything in between counts as replaced.
const maxCells = 16 << 20

// middle is the longest-common-subsequence diff of what is left between equal ends.
func middle(a, b []string) []DiffLine {
	var lines []DiffLine
	if len(a)*len(b) > maxCells {
		return append(allLines('-', a), allLines('+', b)...)
	}
	// longest[i][j] is the length of the longest common subsequence of a[i:] and b[j:].
	width := len(b) + 1
	longest := make([]int32, (len(a)+1)*width)
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if sameLine(a[i], b[j]) {
				longest[i*width+j] = longest[(i+1)*width+j+1] + 1
			} else {
				longest[i*width+j] = max(longest[(i+1)*width+j], longest[i*width+j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case sameLine(a[i], b[j]):
			lines = append(lines, DiffLine{' ', b[j]})
			i, j = i+1, j+1
		case longest[(i+1)*width+j] >= longest[i*width+j+1]:
			lines = append(lines, DiffLine{'-', a[i]})
			i++
		default:
			lines = append(lines, DiffLine{'+', b[j]})
			j++
		}
	}
	lines = append(lines, allLines('-', a[i:])...)
	return append(lines, allLines('+', b[j:])...)
}

func allLines(op byte, ss []string) []DiffLine {
	lines := make([]DiffLine, len(ss))
	for i, s := range ss {
		lines[i] = DiffLine{op, s}
	}
	return lines
}
