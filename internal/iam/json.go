package iam

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// value is a JSON value that forgets nothing: members keep their order and their
// duplicates, and raw is the text as it stood in the document. That is what lets a
// merge carry along fields that this package does not know.
type value struct {
	kind    byte // one of { [ " and l (number, true, false, null)
	raw     string
	text    string // of a string: decoded; of a literal: as written
	items   []value
	members []member
}

type member struct {
	key   string
	value value
}

var errNotJSON = errors.New("not valid JSON")

// parseJSON reads one JSON value.
func parseJSON(doc string) (value, error) {
	if !utf8.ValidString(doc) || !json.Valid([]byte(doc)) {
		return value{}, errNotJSON
	}
	r, ok := jsonReaders.Get().(*jsonReader)
	if !ok {
		r = &jsonReader{}
	}
	r.s, r.i = doc, 0
	v := r.value()
	r.s = ""
	jsonReaders.Put(r)
	return v, nil
}

// jsonReaders are readers that have read: what they have gathered objects and lists in is
// of use for the next document.
var jsonReaders sync.Pool

// jsonReader walks text that is known to be valid JSON, so it has no errors to report.
type jsonReader struct {
	s string
	i int
	// What is read of the objects and lists that are open, so that each is allocated
	// once, at its size. Nothing of a document is left there when it is read.
	openMembers []member
	openItems   []value
}

func (r *jsonReader) space() {
	for r.i < len(r.s) && strings.IndexByte(" \t\r\n", r.s[r.i]) >= 0 {
		r.i++
	}
}

func (r *jsonReader) value() value {
	r.space()
	start := r.i
	var v value
	switch r.s[r.i] {
	case '{':
		v = value{kind: '{', members: r.members()}
	case '[':
		v = value{kind: '[', items: r.items()}
	case '"':
		v = value{kind: '"', text: r.str()}
	default:
		for r.i < len(r.s) && strings.IndexByte(" \t\r\n,]}", r.s[r.i]) < 0 {
			r.i++
		}
		v = value{kind: 'l', text: r.s[start:r.i]}
	}
	v.raw = r.s[start:r.i]
	return v
}

// closes skips white space and a comma, and reports whether the closing byte was met.
func (r *jsonReader) closes(closing byte) bool {
	r.space()
	if r.s[r.i] == ',' {
		r.i++
		r.space()
	}
	if r.s[r.i] == closing {
		r.i++
		return true
	}
	return false
}

func (r *jsonReader) members() []member {
	r.i++
	first := len(r.openMembers)
	for !r.closes('}') {
		key := r.str()
		r.space()
		r.i++ // the colon
		v := r.value()
		r.openMembers = append(r.openMembers, member{key: key, value: v})
	}
	ms := append([]member(nil), r.openMembers[first:]...)
	clear(r.openMembers[first:])
	r.openMembers = r.openMembers[:first]
	return ms
}

func (r *jsonReader) items() []value {
	r.i++
	first := len(r.openItems)
	for !r.closes(']') {
		v := r.value()
		r.openItems = append(r.openItems, v)
	}
	vs := append([]value(nil), r.openItems[first:]...)
	clear(r.openItems[first:])
	r.openItems = r.openItems[:first]
	return vs
}

func (r *jsonReader) str() string {
	start := r.i
	plain := true
	for r.i++; r.s[r.i] != '"'; r.i++ {
		if r.s[r.i] == '\\' {
			plain = false
			r.i++
		}
	}
	r.i++
	if plain {
		return r.s[start+1 : r.i-1]
	}
	var s string
	if err := json.Unmarshal([]byte(r.s[start:r.i]), &s); err != nil {
		return r.s[start+1 : r.i-1] // not reached: the text is valid JSON
	}
	return s
}

// get returns the value of the first member with a key.
func (v value) get(key string) (value, bool) {
	for _, m := range v.members {
		if m.key == key {
			return m.value, true
		}
	}
	return value{}, false
}

// list returns the elements of an array, and a lone value as a list of one: in policies
// the two mean the same (docs/aws-facts.md, "Stored form of a document").
func (v value) list() []value {
	if v.kind == '[' {
		return v.items
	}
	return []value{v}
}

// hasDuplicates reports whether some object inside names a key twice.
func (v value) hasDuplicates() bool {
	if twice(v.members) {
		return true
	}
	for _, m := range v.members {
		if m.value.hasDuplicates() {
			return true
		}
	}
	for _, it := range v.items {
		if it.hasDuplicates() {
			return true
		}
	}
	return false
}

func twice(ms []member) bool {
	if len(ms) < 16 {
		for i, m := range ms {
			if hasMember(ms[:i], m.key) {
				return true
			}
		}
		return false
	}
	seen := make(map[string]bool, len(ms))
	for _, m := range ms {
		if seen[m.key] {
			return true
		}
		seen[m.key] = true
	}
	return false
}

// AppendQuoted writes a JSON string. Unlike encoding/json it leaves <, > and & alone,
// which would otherwise cost five characters each against the quota.
func AppendQuoted(b []byte, s string) []byte {
	if isPlain(s) {
		b = append(b, '"')
		b = append(b, s...)
		return append(b, '"')
	}
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < 0x20 || r == 0x7f || r == 0x2028 || r == 0x2029 || r == utf8.RuneError:
			b = append(b, `\u`...)
			h := strconv.FormatInt(int64(r), 16)
			b = append(b, "0000"[len(h):]...)
			b = append(b, h...)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// QuotedSize is the number of characters that appendQuoted writes.
func QuotedSize(s string) int {
	if isPlain(s) {
		return len(s) + 2
	}
	return utf8.RuneCount(AppendQuoted(nil, s))
}
