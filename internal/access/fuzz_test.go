package access

import (
	"strings"
	"testing"
)

// FuzzParseEntries shows that a paste never panics, that every wrong line is named, and
// that what is accepted can be written down and read again as the same.
func FuzzParseEntries(f *testing.F) {
	for _, seed := range []string{
		"12.148.80.0/22 Tokyo", "8.8.8.8,dns\r\n9.9.9.9;x", "# remark\n\n", "10.0.0.0/8", "vpc-0a1b2c3d\nvpce-0a1b2c3d4e5f60718 # note",
		"::ffff:1.2.3.4/128", "300.1.1.1/24", "2001:db8::/32\t", "010.0.0.1", "1.2.3.4/255.255.255.0", "fe80::1%eth0/64",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := ParseEntries(text)
		if err != nil {
			if KindOf(err) != KindInvalid || len(FieldsOf(err)) == 0 {
				t.Fatalf("%q is refused with %v, want KindInvalid with a field", text, err)
			}
			return
		}
		lines := make([]string, len(entries))
		for i, e := range entries {
			lines[i] = e.Key() + " " + e.Note
			if e.Kind == EntryCIDR && e.Prefix != e.Prefix.Masked() {
				t.Fatalf("%q is accepted as %s, which has host bits set", text, e.Prefix)
			}
		}
		again, err := ParseEntries(strings.Join(lines, "\n"))
		if err != nil {
			t.Fatalf("%q is accepted, and what it says is not: %v", text, err)
		}
		for i := range entries {
			if !entries[i].Equal(again[i]) {
				t.Fatalf("%q: entry %d is %+v, read again %+v", text, i, entries[i], again[i])
			}
		}
	})
}
