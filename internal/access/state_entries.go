package access

import (
	"net/netip"
	"slices"
	"strings"
)

// editedEntries are the entries of an allowlist with edits laid over them. What no edit
// touches is neither named nor looked at twice: a list has many more entries than a change
// has edits.
type editedEntries struct {
	base    []Entry           // in order
	changed map[string]*Entry // by key; nil for one that is removed
}

// newEditedEntries lays no edit over entries yet. Entries that are not in order are all
// taken for edited: nothing can be found among them but by their keys.
func newEditedEntries(entries []Entry) *editedEntries {
	l := &editedEntries{base: entries, changed: map[string]*Entry{}}
	if !inOrder(entries) {
		l.base = nil
		for i := range entries {
			l.changed[entries[i].Key()] = &entries[i]
		}
	}
	return l
}

func (l *editedEntries) has(key string) bool {
	if c, touched := l.changed[key]; touched {
		return c != nil
	}
	_, there := slices.BinarySearchFunc(l.base, entryOfKey(key), CompareEntries)
	return there
}

func (l *editedEntries) put(key string, c *Entry) { l.changed[key] = c }

// list returns the entries in the order that Allowlist promises.
func (l *editedEntries) list() []Entry {
	if len(l.changed) == 0 {
		return l.base
	}
	var fresh, touched []Entry
	for key, c := range l.changed {
		touched = append(touched, entryOfKey(key))
		if c != nil {
			fresh = append(fresh, *c)
		}
	}
	SortEntries(fresh)
	SortEntries(touched)
	out := make([]Entry, 0, len(l.base)+len(fresh))
	for i := range l.base {
		e := &l.base[i]
		for len(touched) > 0 && compareEntries(&touched[0], e) < 0 {
			touched = touched[1:]
		}
		if len(touched) > 0 && compareEntries(&touched[0], e) == 0 {
			continue
		}
		for len(fresh) > 0 && compareEntries(&fresh[0], e) < 0 {
			out, fresh = append(out, fresh[0]), fresh[1:]
		}
		out = append(out, *e)
	}
	return append(out, fresh...)
}

// entryOfKey returns the entry that a key names, without its note and expiry. A text that is no key names
// no valid entry.
func entryOfKey(key string) Entry {
	if p, err := netip.ParsePrefix(key); err == nil && p.String() == key {
		return Entry{Kind: EntryCIDR, Prefix: p}
	}
	if strings.HasPrefix(key, "vpce-") {
		return Entry{Kind: EntryVPCE, Endpoint: key}
	}
	return Entry{Kind: EntryVPC, Endpoint: key}
}

// inOrder reports whether entries stand as SortEntries puts them, each key once, so that
// order and key say the same.
func inOrder(entries []Entry) bool {
	for i := range entries {
		if !entries[i].regular() || i > 0 && compareEntries(&entries[i-1], &entries[i]) >= 0 {
			return false
		}
	}
	return true
}

// regular reports whether an entry is what its key says, and nothing besides.
func (e *Entry) regular() bool {
	switch e.Kind {
	case EntryCIDR:
		return e.Prefix.IsValid() && e.Endpoint == ""
	case EntryVPC:
		return e.Prefix == netip.Prefix{} && strings.HasPrefix(e.Endpoint, "vpc-")
	case EntryVPCE:
		return e.Prefix == netip.Prefix{} && strings.HasPrefix(e.Endpoint, "vpce-")
	default:
		return false
	}
}

// DifferingEntries returns what is left of two lists of entries when those are taken out
// that both have, as they are. Lists that are not in order are left whole.
func DifferingEntries(before, after []Entry) (was, is []Entry) {
	if sameList(before, after) {
		return nil, nil
	}
	if !inOrder(before) || !inOrder(after) {
		return before, after
	}
	i, j := 0, 0
	for i < len(before) && j < len(after) {
		a, b := &before[i], &after[j]
		switch n := compareEntries(a, b); {
		case n < 0:
			was, i = append(was, *a), i+1
		case n > 0:
			is, j = append(is, *b), j+1
		default:
			if !a.sameNotes(b) {
				was, is = append(was, *a), append(is, *b)
			}
			i, j = i+1, j+1
		}
	}
	return append(was, before[i:]...), append(is, after[j:]...)
}

// sameNotes reports whether two entries of one key are the same in every other field.
func (e *Entry) sameNotes(o *Entry) bool {
	return e.Note == o.Note && e.Ticket == o.Ticket && e.Expires.Equal(o.Expires) && e.Emergency == o.Emergency
}
