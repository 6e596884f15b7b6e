package access

import (
	"fmt"
	"net/netip"
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
	if rest := moreThanANote(note); rest != "" {
		return Entry{}, Invalid("entry", "%q follows %s on the line, where only a note may stand: write a network as 203.0.113.0/24, and one entry a line", rest, key)
	}
	e.Note = note
	return e, e.Check()
}

// moreThanANote returns what a note begins with where that is the rest of a network
// ("/24", a netmask, the end of a range) or another entry. Taken for a note it would
// silently leave people out: of 203.0.113.0 255.255.255.0 only the one address would be
// admitted.
func moreThanANote(note string) string {
	rest := strings.TrimLeft(note, "-–— ")
	for _, word := range []string{"to ", "mask ", "netmask "} {
		if len(rest) > len(word) && strings.EqualFold(rest[:len(word)], word) {
			rest = strings.TrimSpace(rest[len(word):])
		}
	}
	if after, isLength := strings.CutPrefix(rest, "/"); isLength {
		bits := firstWord(strings.TrimSpace(after))
		if _, err := strconv.Atoi(bits); err == nil {
			return "/" + bits
		}
	}
	first := firstWord(rest)
	_, notAddress := netip.ParseAddr(first)
	_, notPrefix := netip.ParsePrefix(first)
	if notAddress == nil || notPrefix == nil || vpcPattern.MatchString(first) || vpcePattern.MatchString(first) {
		return first
	}
	return ""
}

// firstWord is a text up to what may part an entry from its note.
func firstWord(s string) string {
	if i := strings.IndexAny(s, " \t,;#"); i >= 0 {
		return s[:i]
	}
	return s
}
