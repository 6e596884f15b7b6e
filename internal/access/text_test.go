package access

import (
	"slices"
	"strings"
	"testing"
)

// TestCheckIdentifierNamesTheCharacter: the message says which character it is, and where.
func TestCheckIdentifierNamesTheCharacter(t *testing.T) {
	hidden := []rune{0x061c, 0x200e, 0x200f, 0x2060, 0xfeff, 0x00ad, 0x2028, 0xe0041, 0x3164, 0, '\n', '\t', 0x7f, 0x9b}
	for _, span := range [][2]rune{{0x202a, 0x202e}, {0x2066, 0x2069}, {0x200b, 0x200d}} {
		for r := span[0]; r <= span[1]; r++ {
			hidden = append(hidden, r)
		}
	}
	for _, r := range hidden {
		err := CheckIdentifier("name", "off"+string(r)+"ice")
		if err == nil || !strings.Contains(err.Error(), "character 4 of ") || !strings.Contains(err.Error(), CodePoint(r)) {
			t.Errorf("%U: got %v, want a refusal that names the code point and character 4", r, err)
		}
		if err != nil && r > 0x1f && strings.ContainsRune(err.Error(), r) {
			t.Errorf("%U: the refusal repeats the character itself", r)
		}
	}
	for name, want := range map[string]string{
		"p\u0430ypal":   "U+0430, which is a Cyrillic letter in a word of Latin letters",
		"\u0391dmin":    "U+0391, which is a Greek letter in a word of Latin letters",
		"vpn off\u0456": "character 8",
		"bad\xffbyte":   "not valid UTF-8",
	} {
		if err := CheckIdentifier("name", name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q in it", name, err, want)
		}
	}
}

func TestCheckIdentifierAcceptsOneScriptPerWord(t *testing.T) {
	for _, name := range []string{"office", "Büro Köln", "офис", "VPN-офис", "γραφείο 2", "東京 office", "日本語", "office-москва", ""} {
		if err := CheckIdentifier("name", name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestVisible(t *testing.T) {
	for text, want := range map[string]string{
		"two\nlines\tand a tab\r\n": "two\nlines\tand a tab\r\n",
		"naïve ☕ 東京":                "naïve ☕ 東京",
		"a\u202eb\u202c":            "a⟨U+202E⟩b⟨U+202C⟩",
		"off\u200bice":              "off⟨U+200B⟩ice",
		"p\u0430ypal и офис":        "p⟨U+0430⟩ypal и офис",
		"bell\x07":                  "bell⟨U+0007⟩",
	} {
		if got := Visible(text); got != want {
			t.Errorf("Visible(%q) = %q, want %q", text, got, want)
		}
	}
	if got := Suspicious("a\u202eb\u202ec\u200b"); !slices.Equal(got, []rune{0x202e, 0x200b}) {
		t.Errorf("Suspicious returned %U, want U+202E and U+200B once each", got)
	}
	if got := Suspicious("plain\ntext, naïve"); got != nil {
		t.Errorf("Suspicious returned %U for a plain text", got)
	}
}

func FuzzVisible(f *testing.F) {
	f.Add("a\u202eb")
	f.Add("p\u0430ypal\xff")
	f.Fuzz(func(t *testing.T, s string) {
		if again := Visible(s); Suspicious(again) != nil {
			t.Errorf("Visible(%q) = %q, which is still suspicious", s, again)
		}
		if CheckIdentifier("name", s) == nil && Suspicious(s) != nil {
			t.Errorf("%q is accepted as a name though a page flags it", s)
		}
	})
}

// TestNamesAreChecked: every name that people type is refused with a character that does not show.
func TestNamesAreChecked(t *testing.T) {
	const bad = "al\u202eice"
	valid := func() Mapping {
		return Mapping{Role: RoleName{Name: "Bob"}, Users: []UserName{{Name: "alice"}}, Allowlists: []string{"office"}, Accounts: Selector{All: true}}
	}
	mapping := func(edit func(*Mapping)) error { m := valid(); edit(&m); return m.Check() }
	_, role := ParseRoleName(bad)
	_, user := ParseUserName(bad)
	_, team := ParseTeam(bad)
	for what, err := range map[string]error{
		"allowlist":            CheckName(bad),
		"role":                 role,
		"user":                 user,
		"team":                 team,
		"role of a mapping":    mapping(func(m *Mapping) { m.Role.Name = bad }),
		"user of a mapping":    mapping(func(m *Mapping) { m.Users[0].Path = "/" + bad + "/" }),
		"list of a mapping":    mapping(func(m *Mapping) { m.Allowlists[0] = bad }),
		"OU of a selector":     Selector{OUs: []string{"Root/" + bad}}.Check(),
		"tag key":              Selector{Tags: map[string]string{bad: "x"}}.Check(),
		"tag value":            Selector{Tags: map[string]string{"env": bad}}.Check(),
		"exception":            Selector{All: true, Except: []string{bad}}.Check(),
		"strategy":             Strategy{Name: bad}.Check(),
		"wave":                 Strategy{Name: "slow", Waves: []WaveRule{{Name: bad, Percent: 100}}}.Check(),
		"review rule":          ReviewRule{Name: bad, Need: []Requirement{{Count: 1}}}.Check(),
		"OU of a review rule":  ReviewRule{Name: "two", Scope: RuleScope{OUs: []string{bad}}, Need: []Requirement{{Count: 1}}}.Check(),
		"tag of a review rule": ReviewRule{Name: "two", Scope: RuleScope{Tags: map[string]string{"env": bad}}, Need: []Requirement{{Count: 1}}}.Check(),
	} {
		if err == nil || !strings.Contains(err.Error(), "U+202E") {
			t.Errorf("%s: got %v, want a refusal that names U+202E", what, err)
		}
	}
}
