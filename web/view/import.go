package view

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// wrongLine is a line of a file that was refused, with what it says.
type wrongLine struct {
	Line    int
	Text    string
	Message string
}

const (
	maxWrongLines = 200
	maxLineShown  = 160
)

// wrongLines puts the messages beside the lines that they are about.
func wrongLines(text string, p Problems) []wrongLine {
	lines := strings.Split(text, "\n")
	var wrong []wrongLine
	for _, f := range p.Fields {
		rest, ok := strings.CutPrefix(f.Field, "lines/")
		n, err := strconv.Atoi(rest)
		if !ok || err != nil || n < 1 {
			continue
		}
		text := "" // of a file that is not UTF-8, which does not come back
		if n <= len(lines) {
			text = shortened(strings.TrimRight(lines[n-1], "\r"))
		}
		message := strings.TrimPrefix(f.Message, "Line "+rest+": ")
		wrong = append(wrong, wrongLine{Line: n, Text: text, Message: message})
	}
	slices.SortStableFunc(wrong, func(a, b wrongLine) int { return a.Line - b.Line })
	return wrong
}

func shortened(s string) string {
	if utf8.RuneCountInString(s) <= maxLineShown {
		return s
	}
	return string([]rune(s)[:maxLineShown]) + "…"
}
