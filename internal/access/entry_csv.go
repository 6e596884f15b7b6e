package access

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// entryColumns are the columns of entries as CSV, in the order in which they are written.
var entryColumns = []string{"entry", "note", "ticket", "expires"}

// EntryCSV writes entries as CSV, one at a time, with a header line first.
type EntryCSV struct{ w *csv.Writer }

// NewEntryCSV begins a file of entries.
func NewEntryCSV(w io.Writer) (EntryCSV, error) {
	c := EntryCSV{csv.NewWriter(w)}
	return c, c.w.Write(entryColumns)
}

// Write adds an entry.
func (c EntryCSV) Write(e Entry) error {
	expires := ""
	if !e.Expires.IsZero() {
		expires = e.Expires.UTC().Format(time.RFC3339Nano)
	}
	return c.w.Write([]string{e.Key(), CSVCell(e.Note), CSVCell(e.Ticket), expires})
}

// Flush sends what was written so far on its way.
func (c EntryCSV) Flush() error {
	c.w.Flush()
	return c.w.Error()
}

// A spreadsheet takes a cell that begins with one of these for a formula, or looks past
// it for one.
const formulaStarts = "=+-@\t\r\n＝＋－＠"

// CSVCell makes a text safe to be opened in a spreadsheet: what would be run as a formula
// gets an apostrophe before it. A text that begins with apostrophes and then such a
// character gets one more, so that PlainCell always gives back the very text.
func CSVCell(s string) string {
	if startsFormula(strings.TrimLeft(s, "'")) {
		return "'" + s
	}
	return s
}

// PlainCell undoes CSVCell.
func PlainCell(s string) string {
	if strings.HasPrefix(s, "'") && startsFormula(strings.TrimLeft(s, "'")) {
		return s[1:]
	}
	return s
}

func startsFormula(s string) bool {
	for _, r := range s {
		return strings.ContainsRune(formulaStarts, r)
	}
	return false
}

// EntryFile is what a CSV of entries holds.
type EntryFile struct {
	Entries []Entry
	columns []string
}

// Over is an entry of the file as it follows one that is there: of what the file has no
// column for it takes over what was.
func (f EntryFile) Over(was, e Entry) Entry {
	if !slices.Contains(f.columns, "note") {
		e.Note = was.Note
	}
	if !slices.Contains(f.columns, "ticket") {
		e.Ticket = was.Ticket
	}
	if !slices.Contains(f.columns, "expires") {
		e.Expires = was.Expires
	}
	e.Emergency = was.Emergency && !e.Expires.IsZero()
	return e
}

// ReadEntryCSV reads entries as EntryCSV writes them, or as a spreadsheet does: with
// commas or semicolons, with or without the header, with some of its columns only. All
// wrong lines are reported at once, as fields "lines/N" with N counted from 1; then
// nothing is returned. A text that is not UTF-8 is refused with the lines in which it is not.
func ReadEntryCSV(text string) (EntryFile, error) {
	if err := checkUTF8Lines(text); err != nil {
		return EntryFile{}, err
	}
	text = strings.TrimPrefix(text, "\ufeff")
	r := entryReader{csv: csv.NewReader(strings.NewReader(text)), seen: map[string]int{}}
	first, _, _ := strings.Cut(text, "\n")
	if strings.Count(first, ";") > strings.Count(first, ",") {
		r.csv.Comma = ';'
	}
	r.csv.FieldsPerRecord = -1
	if err := r.read(); err != nil {
		return EntryFile{}, err
	}
	if len(r.wrong) > 0 {
		return EntryFile{}, InvalidFields(r.wrong)
	}
	if len(r.entries) == 0 {
		return EntryFile{}, Invalid("lines", "there is no entry in this file; it has one a line: %s", strings.Join(entryColumns, ","))
	}
	if !r.headed {
		r.columns = r.columns[:min(r.widest, len(r.columns))]
	}
	return EntryFile{Entries: r.entries, columns: r.columns}, nil
}

// checkUTF8Lines refuses lines that are not valid UTF-8. To replace the bytes would store another note than
// the one in the file.
func checkUTF8Lines(text string) error {
	r := entryReader{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		if at := invalidUTF8(line); at >= 0 {
			r.refuse(n, fmt.Sprintf(
				"byte %d (0x%02X) is not valid UTF-8; save the file in UTF-8 and choose it again", at+1, line[at]))
		}
	}
	return InvalidFields(r.wrong)
}

// invalidUTF8 returns the place of the first byte that is not valid UTF-8; -1 if there is none.
func invalidUTF8(s string) int {
	for at, c := range s {
		if c == utf8.RuneError && !strings.HasPrefix(s[at:], string(utf8.RuneError)) {
			return at
		}
	}
	return -1
}

type entryReader struct {
	csv     *csv.Reader
	columns []string
	headed  bool           // the columns were named
	widest  int            // the largest number of cells
	seen    map[string]int // line of each key
	entries []Entry
	wrong   []FieldError
}

func (r *entryReader) refuse(line int, message string) {
	r.wrong = append(r.wrong, FieldError{Field: "lines/" + strconv.Itoa(line), Message: fmt.Sprintf("Line %d: %s", line, message)})
}

func (r *entryReader) read() error {
	for n := 0; ; n++ {
		cells, err := r.csv.Read()
		var malformed *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &malformed):
			r.refuse(malformed.Line, "a quotation mark is out of place; one within a cell is written twice, and the whole cell between two")
			return nil // where the next line begins can only be guessed
		case err != nil:
			return Wrap(KindInvalid, err, "the file could not be read")
		case n > MaxPasteLines:
			return Invalid("lines", "these are more than %d entries, which are too many at once; import them in several parts", MaxPasteLines)
		}
		line, _ := r.csv.FieldPos(0)
		r.record(n, line, cells)
	}
}

func (r *entryReader) record(n, line int, cells []string) {
	for i, c := range cells {
		cells[i] = PlainCell(strings.Trim(c, " "))
	}
	if n == 0 {
		r.columns = entryColumns
		if slices.Contains(lowerCells(cells), "entry") && !slices.ContainsFunc(cells, isEntry) {
			r.headed = true
			r.header(line, lowerCells(cells))
			return
		}
	}
	if strings.Join(cells, "") == "" {
		return
	}
	r.widest = max(r.widest, len(cells))
	e, err := r.entry(cells)
	if err == nil {
		if first, twice := r.seen[e.Key()]; twice {
			err = Invalid("entry", "%s stands in line %d already", e.Key(), first)
		}
	}
	if err != nil {
		r.refuse(line, MessageOf(err))
		return
	}
	r.seen[e.Key()] = line
	r.entries = append(r.entries, e)
}

func isEntry(cell string) bool {
	_, err := ParseEntry(cell)
	return err == nil
}

func lowerCells(cells []string) []string {
	out := make([]string, len(cells))
	for i, c := range cells {
		out[i] = strings.ToLower(strings.TrimSpace(c))
	}
	return out
}

func (r *entryReader) header(line int, names []string) {
	r.columns = names
	for i, name := range names {
		if !slices.Contains(entryColumns, name) {
			r.refuse(line, fmt.Sprintf("%q is no column; the columns are %s", name, strings.Join(entryColumns, ", ")))
		} else if slices.Index(names, name) < i {
			r.refuse(line, fmt.Sprintf("the column %s stands there twice", name))
		}
	}
}

func (r *entryReader) entry(cells []string) (Entry, error) {
	if len(cells) > len(r.columns) {
		return Entry{}, Invalid("entry", "there are %d cells, and the columns are %s; put a note that has a comma in it between quotation marks", len(cells), strings.Join(r.columns, ", "))
	}
	cell := map[string]string{}
	for i, c := range cells {
		cell[r.columns[i]] = c
	}
	e, err := ParseEntry(cell["entry"])
	if err != nil {
		return Entry{}, err
	}
	e.Note, e.Ticket = cell["note"], cell["ticket"]
	if e.Expires, err = parseExpiry(cell["expires"]); err != nil {
		return Entry{}, err
	}
	return e, e.Check()
}

// parseExpiry reads a time, or a day, at whose beginning the entry expires.
func parseExpiry(s string) (time.Time, error) {
	if s = strings.TrimSpace(s); s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, Invalid("expires", "%q is no time; write 2027-01-31 or 2027-01-31T12:00:00Z", s)
}
