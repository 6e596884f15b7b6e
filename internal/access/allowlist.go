package access

import (
	"cmp"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Allowlist is a named list of entries. ID stays the same for ever, also when the name
// changes. Entries are sorted by SortEntries.
type Allowlist struct {
	ID          string  `json:"id,omitempty"`
	Name        string  `json:"name"`
	Description string  `json:"description,omitempty"`
	Entries     []Entry `json:"entries,omitempty"`
}

var namePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9 ._-]{0,61}[a-z0-9])?$`)

// CheckName refuses a name that is no good for an allowlist.
func CheckName(name string) error {
	if namePattern.MatchString(name) {
		return nil
	}
	if err := CheckIdentifier("name", name); err != nil {
		return err
	}
	return Invalid("name", "%q is no name for an allowlist: use 1 to 63 lower-case letters, digits, spaces, dots, dashes or underscores, beginning and ending with a letter or digit", name)
}

// Active returns the entries that have not expired at a time.
func (a Allowlist) Active(now time.Time) []Entry {
	active := make([]Entry, 0, len(a.Entries))
	for _, e := range a.Entries {
		if !e.ExpiredAt(now) {
			active = append(active, e)
		}
	}
	return active
}

// CountActive is how many entries Active returns.
func (a Allowlist) CountActive(now time.Time) int {
	n := 0
	for i := range a.Entries {
		if !a.Entries[i].ExpiredAt(now) {
			n++
		}
	}
	return n
}

// Entry finds an entry by its key.
func (a Allowlist) Entry(key string) (Entry, bool) {
	p, err := netip.ParsePrefix(key)
	cidr := err == nil && p.String() == key
	i := slices.IndexFunc(a.Entries, func(e Entry) bool {
		if e.Kind == EntryCIDR {
			return cidr && e.Prefix == p
		}
		return e.Endpoint == key
	})
	if i < 0 {
		return Entry{}, false
	}
	return a.Entries[i], true
}

// SortEntries puts entries in the one order used everywhere: IPv4, IPv6, VPCs,
// endpoints; within a kind by value.
func SortEntries(entries []Entry) { slices.SortFunc(entries, CompareEntries) }

// CompareEntries says which of two entries stands first in that order. The names of the
// kinds happen to sort like the kinds.
func CompareEntries(a, b Entry) int { return compareEntries(&a, &b) }

func compareEntries(a, b *Entry) int {
	if a.Kind != b.Kind {
		return strings.Compare(string(a.Kind), string(b.Kind))
	}
	return cmp.Or(a.Prefix.Compare(b.Prefix), strings.Compare(a.Endpoint, b.Endpoint))
}
