package access

import (
	"strings"
	"testing"
)

// FuzzReadEntryCSV shows that a CSV file never panics, that a refusal names a place, and
// that what is accepted comes back the same after it was written.
func FuzzReadEntryCSV(f *testing.F) {
	for _, seed := range []string{
		"entry,note,ticket,expires\n8.8.8.0/24,dns,NET-1,2027-01-01T00:00:00Z\n", "entry,note\n9.9.9.9,\"'=1+1\"\n", "8.8.8.8\n",
		"entry;note\n8.8.8.8;x\n", "\xef\xbb\xbfentry\n1.1.1.1\n", "entry,note\n\"8.8.8.8,x\n", "entry,entry\n1.1.1.1,1.1.1.1\n", "entry,expires\n1.1.1.1,tomorrow\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := ReadEntryCSV(text)
		if err != nil {
			if KindOf(err) != KindInvalid || len(FieldsOf(err)) == 0 {
				t.Fatalf("%q is refused with %v, want KindInvalid with a field", text, err)
			}
			return
		}
		entries := file.Entries
		var b strings.Builder
		w, err := NewEntryCSV(&b)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if err := w.Write(e); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		second, err := ReadEntryCSV(b.String())
		if err != nil {
			t.Fatalf("%q is accepted, and what was written of it is not: %v\n%s", text, err, b.String())
		}
		again := second.Entries
		if len(again) != len(entries) {
			t.Fatalf("%q: %d entries, %d after writing", text, len(entries), len(again))
		}
		for i := range entries {
			if !entries[i].Equal(again[i]) {
				t.Fatalf("%q: entry %d is %+v, read again %+v", text, i, entries[i], again[i])
			}
		}
	})
}
