package transport

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"portcullis.internal/portcullis/internal/access"
)

// Query reads the parameters of a URL and gathers what is wrong with them, so that one
// answer names it all.
type Query struct {
	values url.Values
	asked  map[string]bool // names that the route reads
	wrong  []access.FieldError
}

// NewQuery reads the parameters of a URL.
func NewQuery(values url.Values) *Query { return &Query{values: values, asked: map[string]bool{}} }

// Unknown refuses parameters that the route does not read: a filter that is misspelled must
// not look like one that everything passes.
func (q *Query) Unknown() error {
	var wrong []access.FieldError
	for _, name := range slices.Sorted(maps.Keys(q.values)) {
		if !q.asked[name] {
			wrong = append(wrong, access.FieldError{Field: name, Message: "there is no parameter " + strconv.Quote(name) + " here" + q.known()})
		}
	}
	return access.InvalidFields(wrong)
}

// known names the parameters that there are.
func (q *Query) known() string {
	if len(q.asked) == 0 {
		return ""
	}
	return "; there are " + strings.Join(slices.Sorted(maps.Keys(q.asked)), ", ")
}

// all are the values of a parameter that may be repeated.
func (q *Query) all(name string) []string {
	q.asked[name] = true
	return q.values[name]
}

// Err is nil when every parameter that was asked for could be read.
func (q *Query) Err() error { return access.InvalidFields(q.wrong) }

func (q *Query) refuse(name, message string) {
	q.wrong = append(q.wrong, access.FieldError{Field: name, Message: message})
}

// Text reads a parameter; "" where it is missing.
func (q *Query) Text(name string) string {
	q.asked[name] = true
	return strings.TrimSpace(q.values.Get(name))
}

// Number reads a whole number from 0 up; without one it is the given default.
func (q *Query) Number(name string, missing int64) int64 {
	s := q.Text(name)
	if s == "" {
		return missing
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		q.refuse(name, name+" is a whole number from 0 up, not "+strconv.Quote(s))
		return missing
	}
	return n
}

// Bool reads a parameter that is yes or no.
func (q *Query) Bool(name string) bool {
	s := q.Text(name)
	if s == "" {
		return false
	}
	b, err := strconv.ParseBool(s)
	if err != nil {
		q.refuse(name, name+" is true or false, not "+strconv.Quote(s))
	}
	return b
}

// Moment reads a time with its zone, or a day, which begins at midnight UTC.
func (q *Query) Moment(name string) time.Time {
	s := q.Text(name)
	if s == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	q.refuse(name, name+" is a day (2027-03-01) or a time (2027-03-01T12:00:00Z), not "+strconv.Quote(s))
	return time.Time{}
}

// MaxSearch is the length of the longest search text, in characters.
const MaxSearch = 200

// CheckSearch refuses a search text that is too long: each search compares it with every row.
func CheckSearch(text string) error {
	if n := utf8.RuneCountInString(text); n > MaxSearch {
		return access.Invalid("q", "the search text has %d characters, and at most %d are allowed: shorten it", n,
			MaxSearch)
	}
	return nil
}

// search reads the search text.
func (q *Query) search() string {
	text := q.Text("q")
	if err := CheckSearch(text); err != nil {
		q.wrong = append(q.wrong, access.FieldsOf(err)...)
		return ""
	}
	return text
}

// Page reads search, limit and cursor.
func (q *Query) Page() access.PageQuery {
	return access.PageQuery{
		Search: q.search(), Limit: int(min(q.Number("limit", 0), access.MaxPageSize)),
		Cursor: q.Text("cursor"),
	}
}

// States reads a parameter that may be repeated or hold a list with commas, and refuses
// what is none of the known values.
func States[T ~string](q *Query, name string, known []T) []T {
	var out []T
	for _, v := range q.all(name) {
		for s := range strings.SplitSeq(v, ",") {
			s = strings.TrimSpace(s)
			switch {
			case s == "":
			case slices.Contains(known, T(s)):
				out = append(out, T(s))
			default:
				q.refuse(name, strconv.Quote(s)+" is no "+name+"; there are "+list(known))
			}
		}
	}
	return out
}

func list[T ~string](values []T) string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = string(v)
	}
	return strings.Join(names, ", ")
}

// AuditFilter reads the filter of the audit log; the page and the API share it.
func AuditFilter(q *Query) access.AuditFilter {
	return access.AuditFilter{
		Person: q.Text("person"), Action: q.Text("action"), Object: q.Text("object"), Addr: q.Text("addr"),
		From: q.Moment("from"), To: q.Moment("to"), PageQuery: q.Page(),
	}
}

// FindingQuery reads the filter of the findings; the page and the API share it.
func FindingQuery(q *Query) access.FindingQuery {
	return access.FindingQuery{
		States: States(q, "state", access.FindingStates()), Kinds: States(q, "kind", access.FindingKinds()),
		Account: access.AccountID(q.Text("account")), Group: q.Text("group"), PageQuery: q.Page(),
	}
}
