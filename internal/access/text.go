package access

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CheckIdentifier refuses a name that people could misread: one with a character that does not
// show, or with letters of two scripts in one word. field is the form field or JSON pointer of the name.
func CheckIdentifier(field, s string) error {
	if plain(s) && !strings.ContainsAny(s, "\n\r\t") {
		return nil
	}
	if !utf8.ValidString(s) {
		return Invalid(field, "%s is not valid UTF-8: type the name again", Visible(s))
	}
	marks := marksOf(s)
	for i, r := range []rune(s) {
		var why string
		switch {
		case hidden(r), r == '\n', r == '\r', r == '\t':
			why = "is " + WhySuspicious(r)
		case marks[i]:
			why = "is " + WhySuspicious(r) + " in a word of Latin letters"
		default:
			continue
		}
		return Invalid(field, "character %d of “%s” is %s, which %s: type the name again without it",
			i+1, Visible(s), CodePoint(r), why)
	}
	return nil
}

// appendIdentifierProblems adds what CheckIdentifier says of some names, each about the same field.
func appendIdentifierProblems(fields []FieldError, field string, names ...string) []FieldError {
	for _, name := range names {
		fields = append(fields, FieldsOf(CheckIdentifier(field, name))...)
	}
	return fields
}

// Suspicious returns the characters of a free text that its reader cannot see or may misread, each
// once, in order. Line breaks and tabs are not among them.
func Suspicious(s string) []rune {
	if plain(s) {
		return nil
	}
	var found []rune
	for _, p := range TextParts(s) {
		if p.Suspicious != 0 && !slices.Contains(found, p.Suspicious) {
			found = append(found, p.Suspicious)
		}
	}
	return found
}

// TextPart is a run of a text, or one suspicious character of it.
type TextPart struct {
	Text       string // empty if Suspicious is set
	Suspicious rune
}

// TextParts splits a text at its suspicious characters. An invalid byte counts as U+FFFD.
func TextParts(s string) []TextPart {
	if plain(s) {
		return []TextPart{{Text: s}}
	}
	var parts []TextPart
	var run strings.Builder
	flush := func() {
		if run.Len() > 0 {
			parts = append(parts, TextPart{Text: run.String()})
			run.Reset()
		}
	}
	marks := marksOf(s)
	for i, r := range []rune(s) {
		if !hidden(r) && !marks[i] {
			run.WriteRune(r)
			continue
		}
		flush()
		parts = append(parts, TextPart{Suspicious: r})
	}
	flush()
	return parts
}

// Visible returns a text in which each suspicious character is written as its code point: "⟨U+202E⟩".
func Visible(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	for _, p := range TextParts(s) {
		if p.Suspicious == 0 {
			b.WriteString(p.Text)
			continue
		}
		b.WriteString("⟨" + CodePoint(p.Suspicious) + "⟩")
	}
	return b.String()
}

// CodePoint names a character: "U+202E".
func CodePoint(r rune) string { return fmt.Sprintf("%U", r) }

// WhySuspicious says why a character is suspicious.
func WhySuspicious(r rune) string {
	switch {
	case unicode.Is(bidiControls, r):
		return "a control that changes the direction of the text"
	case unicode.Is(zeroWidth, r):
		return "a character without width"
	case unicode.Is(unicode.Cyrillic, r):
		return "a Cyrillic letter"
	case unicode.Is(unicode.Greek, r):
		return "a Greek letter"
	default:
		return "a control character"
	}
}

var bidiControls = unicode.Bidi_Control

// zeroWidth are characters that take no room. The last four are letters to Unicode, but show nothing.
var zeroWidth = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x00ad, Hi: 0x00ad, Stride: 1},
		{Lo: 0x115f, Hi: 0x1160, Stride: 1},
		{Lo: 0x180e, Hi: 0x180e, Stride: 1},
		{Lo: 0x200b, Hi: 0x200d, Stride: 1},
		{Lo: 0x2060, Hi: 0x2064, Stride: 1},
		{Lo: 0x3164, Hi: 0x3164, Stride: 1},
		{Lo: 0xfeff, Hi: 0xfeff, Stride: 1},
		{Lo: 0xffa0, Hi: 0xffa0, Stride: 1},
	},
	LatinOffset: 1,
}

// hidden reports whether a character does not show, or changes how others show. Line breaks and tabs
// are part of a free text; some format characters of Arabic and Syriac do show.
func hidden(r rune) bool {
	switch {
	case r == '\n', r == '\t', r == '\r', unicode.Is(unicode.Prepended_Concatenation_Mark, r):
		return false
	default:
		return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, zeroWidth)
	}
}

// plain reports whether a text is ASCII without control characters, as nearly all are.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || c < ' ' && c != '\n' && c != '\t' && c != '\r' || c == 0x7f {
			return false
		}
	}
	return true
}

// marksOf marks the Cyrillic and Greek letters in words that also have Latin ones, by the number of
// the character. A word is a run of letters, digits and what combines with them.
func marksOf(s string) map[int]bool {
	if plain(s) {
		return nil
	}
	marks := map[int]bool{}
	var others []int
	latin := false
	end := func() {
		if latin {
			for _, i := range others {
				marks[i] = true
			}
		}
		others, latin = others[:0], false
	}
	for i, r := range []rune(s) {
		switch {
		case unicode.Is(unicode.Latin, r):
			latin = true
		case unicode.In(r, unicode.Cyrillic, unicode.Greek) && unicode.IsLetter(r):
			others = append(others, i)
		case unicode.IsLetter(r), unicode.IsDigit(r), unicode.IsMark(r), hidden(r):
		default:
			end()
		}
	}
	end()
	return marks
}
