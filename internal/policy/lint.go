package policy

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/cidr"
)

// Lint looks through a whole desired state for what is wrong, dangerous or odd. It
// compiles every account's documents, so that what does not fit is found before a change
// is submitted. The result is sorted by severity, object and code; the codes stand in
// codes.go.
func Lint(in Input) []Issue {
	c, err := NewCompiler(in)
	if err != nil {
		return []Issue{{Code: CodeInvalid, Severity: SeverityError, Object: "desired state", Message: access.MessageOf(err), Advice: "correct it; nothing else can be checked until then"}}
	}
	l := &linter{c: c, in: in}
	l.allowlists()
	l.mappings()
	l.usersWithoutAccess()
	l.issues = append(l.issues, c.Issues()...)
	l.documents()
	l.issues = append(l.issues, c.roleUnions()...)
	sortIssues(l.issues)
	return l.issues
}

func sortIssues(is []Issue) {
	rank := map[Severity]int{SeverityError: 0, SeverityWarning: 1, SeverityInfo: 2}
	slices.SortStableFunc(is, func(a, b Issue) int {
		return cmp.Or(rank[a.Severity]-rank[b.Severity], cmp.Compare(a.Object, b.Object), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Message, b.Message))
	})
}

type linter struct {
	c      *Compiler
	in     Input
	issues []Issue
}

func (l *linter) add(code string, severity Severity, object, position, advice, format string, args ...any) {
	l.issues = append(l.issues, Issue{Code: code, Severity: severity, Object: object, Position: position, Message: fmt.Sprintf(format, args...), Advice: advice})
}

// list is an allowlist being looked at.
type list struct {
	access.Allowlist
	object string
	cidrs  []access.Entry // active ones
}

func (l *linter) allowlists() {
	used := map[string]bool{}
	for _, m := range l.in.State.Mappings {
		for _, name := range m.Allowlists {
			used[name] = true
		}
	}
	for _, a := range l.in.State.Allowlists {
		l.allowlist(a, used[a.Name])
	}
}

func (l *linter) allowlist(a access.Allowlist, used bool) {
	x := list{Allowlist: a, object: "allowlist " + a.Name}
	at := l.in.Positions["allowlist/"+a.Name]
	if !used {
		l.add(CodeAllowlistUnused, SeverityWarning, x.object, at, "use it in a mapping, or remove it", "no mapping uses the allowlist %s", a.Name)
	}
	if !slices.ContainsFunc(a.Entries, func(e access.Entry) bool { return !e.ExpiredAt(l.in.Now) }) {
		l.add(CodeAllowlistEmpty, SeverityWarning, x.object, at, "add an entry; a mapping with empty lists only denies everybody", "the allowlist %s has no entry that counts now", a.Name)
	}
	l.entries(&x)
	l.union(x, at)
}

// entries looks at each entry on its own and collects those that count.
func (l *linter) entries(x *list) {
	seen := make(map[string]bool, len(x.Entries))
	for _, e := range x.Entries {
		key, at := e.Key(), ""
		if len(l.in.Positions) > 0 {
			at = l.in.Positions["entry/"+x.Name+"/"+key]
		}
		if seen[key] {
			l.add(CodeEntryDuplicate, SeverityWarning, x.object, at, "remove one of them", "%s stands in it twice", key)
			continue
		}
		seen[key] = true
		if _, err := access.ParseEntry(key); err != nil {
			l.add(CodeEntryRefused, SeverityError, x.object, at, "correct or remove the entry", "%s", access.MessageOf(err))
			continue
		}
		l.expiry(*x, e, at)
		if e.ExpiredAt(l.in.Now) {
			continue
		}
		if e.Kind != access.EntryCIDR {
			if e.Kind == access.EntryVPC {
				l.add(CodeVPCRegion, SeverityInfo, x.object, at, "prefer an endpoint id where the Region matters", "%s is unique within its Region only, and the condition does not name the Region", e.Key())
			}
			continue
		}
		x.cidrs = append(x.cidrs, e)
		l.rangeOf(*x, e, at)
	}
	l.findCovered(*x)
}

func (l *linter) expiry(x list, e access.Entry, at string) {
	switch {
	case e.Expires.IsZero():
	case e.ExpiredAt(l.in.Now):
		l.add(CodeEntryExpired, SeverityInfo, x.object, at, "remove it, or set a new expiry", "%s expired on %s and is not compiled any more", e.Key(), e.Expires.UTC().Format("2006-01-02 15:04 MST"))
	case e.Expires.Before(l.in.Now.Add(l.c.opts.ExpiringWithin)):
		l.add(CodeEntryExpiring, SeverityWarning, x.object, at, "set a new expiry in time, or let it go", "%s expires on %s", e.Key(), e.Expires.UTC().Format("2006-01-02 15:04 MST"))
	}
}

// vacant are ranges that nobody calls from (RFC 6890 and its registry). They stand in
// examples and trials, so they are warned of and not refused.
var vacant = []struct {
	prefix    netip.Prefix
	code, why string
}{
	{netip.MustParsePrefix("192.0.2.0/24"), CodeDocumentationRange, "examples"},
	{netip.MustParsePrefix("198.51.100.0/24"), CodeDocumentationRange, "examples"},
	{netip.MustParsePrefix("203.0.113.0/24"), CodeDocumentationRange, "examples"},
	{netip.MustParsePrefix("2001:db8::/32"), CodeDocumentationRange, "examples"},
	{netip.MustParsePrefix("3fff::/20"), CodeDocumentationRange, "examples"},
	{netip.MustParsePrefix("198.18.0.0/15"), CodeSpecialRange, "benchmarks of network devices (RFC 2544)"},
	{netip.MustParsePrefix("2001:2::/48"), CodeSpecialRange, "benchmarks of network devices (RFC 5180)"},
	{netip.MustParsePrefix("192.0.0.0/24"), CodeSpecialRange, "protocols within a network (RFC 6890)"},
	{netip.MustParsePrefix("100::/64"), CodeSpecialRange, "what is to be thrown away (RFC 6666)"},
}

func (l *linter) rangeOf(x list, e access.Entry, at string) {
	if e.Prefix.Bits() == 0 {
		l.add(CodeWholeInternet, l.c.opts.dangerous(), x.object, at, "list the networks that people really come from", "%s is the whole internet: the allowlist keeps nobody out", e.Key())
	}
	for _, v := range vacant {
		if v.prefix.Overlaps(e.Prefix) && v.prefix.Bits() <= e.Prefix.Bits() {
			l.add(v.code, SeverityWarning, x.object, at, "replace it by a range of your own", "%s is reserved for %s; nobody calls from there", e.Key(), v.why)
		}
	}
}

// findCovered finds entries within other entries. Sorted by address and length, an entry can
// only lie within one that was met before and is still open. None stands there twice.
func (l *linter) findCovered(x list) {
	cidrs := slices.Clone(x.cidrs)
	slices.SortFunc(cidrs, func(a, b access.Entry) int { return a.Prefix.Compare(b.Prefix) })
	var outer access.Entry
	for _, e := range cidrs {
		if outer.Prefix.IsValid() && outer.Prefix.Overlaps(e.Prefix) {
			if !outer.Expires.IsZero() && (e.Expires.IsZero() || e.Expires.After(outer.Expires)) {
				continue // it will count when the outer one has expired
			}
			l.add(CodeEntryCovered, SeverityWarning, x.object, l.in.Positions["entry/"+x.Name+"/"+e.Key()], "remove it, unless its note is worth keeping", "%s lies within %s of the same list and adds nothing", e.Key(), outer.Key())
			continue
		}
		outer = e
	}
}

// union looks at the list as a whole: 256 × /8 is the whole internet too.
func (l *linter) union(x list, at string) {
	prefixes := make([]netip.Prefix, len(x.cidrs))
	for i, e := range x.cidrs {
		prefixes[i] = e.Prefix
	}
	cover := cidr.Cover(prefixes)
	v4, v6 := cidr.Families(cover)
	over := l.c.opts.tooLarge(cover)
	for _, f := range over {
		l.add(CodeUnionTooLarge, l.c.opts.dangerous(), x.object, at, "list smaller ranges", "the list admits more %s addresses than one /%d holds", f.name, f.bits)
	}
	if size := sizeOf(cover).large(l.c.opts); len(over) == 0 && size != (reachSize{}) {
		l.add(CodeAllowlistLarge, SeverityWarning, x.object, at, "check that all these networks are yours, or list smaller ranges",
			"the list admits %s", size)
	}
	if len(v4) > 0 && len(v6) == 0 {
		l.add(CodeOneFamily, SeverityWarning, x.object, at, "add the IPv6 ranges of these networks if people may use dual-stack endpoints", "the list has IPv4 ranges only: who calls over IPv6 is denied")
	}
	if len(v6) > 0 && len(v4) == 0 {
		l.add(CodeOneFamily, SeverityWarning, x.object, at, "add the IPv4 ranges of these networks: the usual endpoints are IPv4", "the list has IPv6 ranges only: who calls over IPv4 is denied")
	}
}
