package access_test

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"portcullis.internal/portcullis/internal/access"
)

var nasty = []string{"", "=1+1", "'=1+1", "''@x", "+49", "-", "@SUM(A1)", "\tx", "plain", "a, \"b\"; c", "'quoted'", "＝1", "it's", "line\nbreak", "ü <b>"}

func TestEntryCSVRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) access.Entry {
			keys := []string{"103.15.250.0/24", "12.148.72.0/23", "2001:db8:12::/48", "vpc-0a1b2c3d4e5f60718", "vpce-0a1b2c3d4e5f60718"}
			e, err := access.ParseEntry(rapid.SampledFrom(keys).Draw(t, "key"))
			if err != nil {
				t.Fatal(err)
			}
			e.Note, e.Ticket = rapid.SampledFrom(nasty).Draw(t, "note"), rapid.SampledFrom(nasty).Draw(t, "ticket")
			if rapid.Bool().Draw(t, "expires") {
				e.Expires = time.Date(2027, 1, 1, 0, 0, 0, rapid.IntRange(0, 999999).Draw(t, "µs")*1000, time.UTC)
			}
			return e
		}), 1, 5, access.Entry.Key).Draw(t, "entries")
		text := writeCSV(t, entries)
		got, err := access.ReadEntryCSV(text)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if diff := cmp.Diff(entries, got.Entries, cmp.Comparer(access.Entry.Equal)); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
		cells, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range cells {
			for _, cell := range row {
				if strings.IndexAny(cell, "=+-@\t\r") == 0 {
					t.Fatalf("the cell %q begins as a formula does", cell)
				}
			}
		}
	})
}

func writeCSV(t interface{ Fatal(...any) }, entries []access.Entry) string {
	var b bytes.Buffer
	w, err := access.NewEntryCSV(&b)
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
	return b.String()
}

func TestCellsComeBack(t *testing.T) {
	for _, s := range append(nasty, "'", "''", "'x", "'\r=x", "\r\n") {
		if got := access.PlainCell(access.CSVCell(s)); got != s {
			t.Errorf("%q comes back as %q", s, got)
		}
	}
}

func TestReadEntryCSV(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{
			"a spreadsheet's own", "\ufeffEntry;Expires;Note\r\n103.15.250.0/24;2027-01-31;\"a;b\"\r\n\r\n12.148.72.9;;'=x\r\n",
			"entry,note,ticket,expires\n103.15.250.0/24,a;b,,2027-01-31T00:00:00Z\n12.148.72.9/32,'=x,,\n",
		},
		{"no header", "103.15.250.0/24,entry\n12.148.72.0/23\n", "entry,note,ticket,expires\n103.15.250.0/24,entry,,\n12.148.72.0/23,,,\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := access.ReadEntryCSV(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, writeCSV(t, got.Entries)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadEntryCSVNamesEveryWrongLine(t *testing.T) {
	text := "entry,note\n10.0.0.0/8,office\n103.15.250.0/24,\"two\nlines\"\n103.15.250.0/24,again\n12.148.72.0/23,a,b\n"
	_, err := access.ReadEntryCSV(text)
	got := map[string]string{}
	for _, f := range access.FieldsOf(err) {
		got[f.Field] = f.Message
	}
	for line, want := range map[string]string{"lines/2": "private", "lines/5": "stands in line 3", "lines/6": "3 cells"} {
		if !strings.Contains(got[line], want) {
			t.Errorf("%s: %q, want %q", line, got[line], want)
		}
	}
	if len(got) != 3 {
		t.Errorf("got %v, want three lines refused", got)
	}
	for text, want := range map[string]string{
		"entry,colour\n12.148.72.0/23,red": `"colour" is no column`, "entry,note,note\n": "twice", "entry\n": "no entry", "": "no entry",
		"12.148.72.0/23,\"open": "quotation mark", "12.148.72.0/23,,,tomorrow": "no time",
	} {
		if _, err := access.ReadEntryCSV(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestColumnsThatAFileDoesNotHave(t *testing.T) {
	was := access.Entry{Note: "office", Ticket: "SEC-1", Expires: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	for text, want := range map[string]access.Entry{
		"12.148.72.0/23\n":                            was,
		"12.148.72.0/23,new\n":                        {Note: "new", Ticket: was.Ticket, Expires: was.Expires},
		"entry,ticket\n12.148.72.0/23,\n":             {Note: was.Note, Expires: was.Expires},
		"entry,note,ticket,expires\n12.148.72.0/23\n": {},
	} {
		file, err := access.ReadEntryCSV(text)
		if err != nil {
			t.Fatal(err)
		}
		got := file.Over(was, file.Entries[0])
		if got.Note != want.Note || got.Ticket != want.Ticket || !got.Expires.Equal(want.Expires) {
			t.Errorf("%q: got %+v, want %+v", text, got, want)
		}
	}
}

func TestReadEntryCSVRefusesInvalidUTF8(t *testing.T) {
	_, err := access.ReadEntryCSV("\ufeffentry,note\n12.148.80.0/22,\uFFFD is UTF-8\n" +
		"12.148.84.0/22,B\xfcro\r\n12.148.88.0/22,fine\n\xff")
	const remedy = " is not valid UTF-8; save the file in UTF-8 and choose it again"
	want := []access.FieldError{
		{Field: "lines/3", Message: "Line 3: byte 17 (0xFC)" + remedy},
		{Field: "lines/5", Message: "Line 5: byte 1 (0xFF)" + remedy},
	}
	if d := cmp.Diff(want, access.FieldsOf(err)); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if _, err := access.ReadEntryCSV("entry,note\n12.148.80.0/22,\uFFFD is UTF-8\n"); err != nil {
		t.Error(err)
	}
}
