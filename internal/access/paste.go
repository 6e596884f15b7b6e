package access

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxPasteLines is the largest number of lines that one paste may have.
const MaxPasteLines = 10000

// ParseEntries reads entries pasted as text, one a line: an address, a CIDR, a VPC id or
// an endpoint id, then a note after a space, a tab, a comma, a semicolon or a #. Empty
// lines and lines that begin with # are passed over. All wrong lines are reported at
// once, as fields "lines/N" with N counted from 1; then no entry is returned.
func ParseEntries(text string) ([]Entry, error) {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	if len(lines) > MaxPasteLines {
		return nil, Invalid("lines", "%d lines are too many at once; paste at most %d", len(lines), MaxPasteLines)
	}
	var entries []Entry
	var wrong []FieldError
	seen := map[string]int{}
	for i, line := range lines {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		e, err := parseLine(line)
		if err == nil {
			if first, dup := seen[e.Key()]; dup {
				err = Invalid("entry", "%s stands in line %d already", e.Key(), first)
			}
			seen[e.Key()] = i + 1
		}
		if err != nil {
			wrong = append(wrong, FieldError{Field: "lines/" + strconv.Itoa(i+1), Message: fmt.Sprintf("Line %d: %s", i+1, MessageOf(err))})
			continue
		}
		entries = append(entries, e)
	}
	if len(wrong) > 0 {
		return nil, InvalidFields(wrong)
	}
	if len(entries) == 0 {
		return nil, Invalid("lines", "nothing to add: give one CIDR, VPC id or VPC endpoint id a line")
	}
	return entries, nil
}

func parseLine(line string) (Entry, error) {
	key, note := line, ""
	if i := strings.IndexAny(line, " \t,;#"); i >= 0 {
		key, note = line[:i], strings.TrimSpace(strings.TrimLeft(line[i:], " \t,;#"))
	}
	e, err := ParseEntry(key)
	if err != nil {
		return Entry{}, err
	}
	e.Note = note
	return e, e.Check()
}
