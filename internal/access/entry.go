package access

import (
	"net/netip"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// EntryKind says what an entry names.
type EntryKind string

// The kinds of entry.
const (
	EntryCIDR EntryKind = "cidr"
	EntryVPC  EntryKind = "vpc"
	EntryVPCE EntryKind = "vpce"
)

// Entry is one line of an allowlist: a CIDR, a VPC id or a VPC endpoint id. Prefix is
// set for EntryCIDR only, Endpoint for the other two. A zero Expires never expires.
type Entry struct {
	Kind     EntryKind    `json:"kind"`
	Prefix   netip.Prefix `json:"prefix,omitzero"`
	Endpoint string       `json:"endpoint,omitempty"`
	Note     string       `json:"note,omitempty"`
	Ticket   string       `json:"ticket,omitempty"`
	Expires  time.Time    `json:"expires,omitzero"`

	// Emergency entries are let in for as long as the settings say at most.
	Emergency bool `json:"emergency,omitempty"`
}

// Key identifies the entry within its allowlist: "103.15.250.0/24", "vpc-…", "vpce-…".
func (e Entry) Key() string {
	if e.Kind == EntryCIDR {
		return e.Prefix.String()
	}
	return e.Endpoint
}

// ExpiredAt reports whether the entry no longer counts at a time.
func (e Entry) ExpiredAt(now time.Time) bool {
	return !e.Expires.IsZero() && !now.Before(e.Expires)
}

// Equal reports whether two entries are the same in every field.
func (e Entry) Equal(o Entry) bool {
	return e.Kind == o.Kind && e.sameNotes(&o) && e.Key() == o.Key()
}

var (
	vpcPattern  = regexp.MustCompile(`^vpc-([0-9a-f]{8}|[0-9a-f]{17})$`)
	vpcePattern = regexp.MustCompile(`^vpce-([0-9a-f]{8}|[0-9a-f]{17})$`)
)

// ParseEntry reads the key of an entry: an address, a CIDR, a VPC id or an endpoint id.
// A bare address means that one address. The error says what is wrong and what to do.
func ParseEntry(s string) (Entry, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return Entry{}, Invalid("entry", "an entry is missing: give a CIDR (203.0.113.0/24), a VPC id or a VPC endpoint id")
	case !strings.HasPrefix(s, "vpc-") && !strings.HasPrefix(s, "vpce-"):
	case vpcPattern.MatchString(s):
		return Entry{Kind: EntryVPC, Endpoint: s}, nil
	case vpcePattern.MatchString(s):
		return Entry{Kind: EntryVPCE, Endpoint: s}, nil
	default:
		return Entry{}, Invalid("entry", "%q is not a VPC or endpoint id: an id has 8 or 17 lower-case hexadecimal digits after the dash", s)
	}
	p, err := ParseCIDR(s)
	if err != nil {
		return Entry{}, err
	}
	return Entry{Kind: EntryCIDR, Prefix: p}, nil
}

// ParseCIDR reads an address or a CIDR and refuses what could never match a caller's
// public address (docs/aws-facts.md, "What aws:SourceIp sees"), and what has host bits set.
func ParseCIDR(s string) (netip.Prefix, error) {
	p, err := parsePrefix(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	if p.Addr().Is4In6() {
		return netip.Prefix{}, Invalid("entry", "%q is an IPv4-mapped IPv6 address: write it as IPv4 (%s)", s, unmappedHint(p))
	}
	if m := p.Masked(); m != p {
		return netip.Prefix{}, Invalid("entry", "%q has host bits set: the network is %s; write that, or %s for the one address", s, m, netip.PrefixFrom(p.Addr(), p.Addr().BitLen()))
	}
	for _, r := range refusedRanges {
		if r.prefix.Bits() <= p.Bits() && r.prefix.Contains(p.Addr()) {
			return netip.Prefix{}, Invalid("entry", "%s is %s: %s", p, r.what, r.todo)
		}
	}
	return p, nil
}

func parsePrefix(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, Invalid("entry", "%q is not an address, a CIDR, a VPC id or a VPC endpoint id; a CIDR looks like 203.0.113.0/24 or 2001:db8:12::/48", s)
		}
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, Invalid("entry", "%q is not a CIDR: %s", s, cidrHint(s))
	}
	return p, nil
}

func cidrHint(s string) string {
	addr, bits, _ := strings.Cut(s, "/")
	switch a, err := netip.ParseAddr(addr); {
	case err != nil:
		return "the address " + quote(addr) + " does not exist (IPv4 has four numbers from 0 to 255, without leading zeros)"
	case strings.Contains(bits, "."):
		return "write the prefix length in place of a netmask, for example /24 for 255.255.255.0"
	case a.Is4():
		return "the prefix length after the slash is a number from 0 to 32"
	default:
		return "the prefix length after the slash is a number from 0 to 128"
	}
}

func quote(s string) string { return `"` + s + `"` }

func unmappedHint(p netip.Prefix) string {
	if p.Bits() < 96 {
		return "four numbers and a prefix length up to 32"
	}
	return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96).String()
}

type refusedRange struct {
	prefix netip.Prefix
	what   string
	todo   string
}

const publicHint = "AWS sees only public addresses, so it can never match; list the public address that your network leaves by (its NAT or proxy)"

// More texts that several ranges share.
const (
	privateRange = "a private range (RFC 1918)"
	unusedHint   = "nobody calls from there; remove it"
)

var refusedRanges = []refusedRange{
	{netip.MustParsePrefix("0.0.0.0/8"), "an unspecified range", publicHint},
	{netip.MustParsePrefix("10.0.0.0/8"), privateRange, publicHint},
	{netip.MustParsePrefix("172.16.0.0/12"), privateRange, publicHint},
	{netip.MustParsePrefix("192.168.0.0/16"), privateRange, publicHint},
	{netip.MustParsePrefix("100.64.0.0/10"), "a shared range (RFC 6598, carrier-grade NAT)", publicHint},
	{netip.MustParsePrefix("127.0.0.0/8"), "a loopback range", publicHint},
	{netip.MustParsePrefix("169.254.0.0/16"), "a link-local range", publicHint},
	{netip.MustParsePrefix("224.0.0.0/4"), "a multicast range", unusedHint},
	{netip.MustParsePrefix("240.0.0.0/4"), "a reserved range", unusedHint},
	{netip.MustParsePrefix("::/128"), "the unspecified address", publicHint},
	{netip.MustParsePrefix("::1/128"), "the loopback address", publicHint},
	{netip.MustParsePrefix("fc00::/7"), "a unique local range (ULA)", publicHint},
	{netip.MustParsePrefix("fe80::/10"), "a link-local range", publicHint},
	{netip.MustParsePrefix("fec0::/10"), "a site-local range", publicHint},
	{netip.MustParsePrefix("ff00::/8"), "a multicast range", unusedHint},
}

// The longest note and ticket that are stored.
const (
	MaxNote   = 500
	MaxTicket = 100
)

// Check refuses an entry whose texts are too long or hold what cannot be shown.
func (e Entry) Check() error {
	switch {
	case len(e.Note) > MaxNote:
		return Invalid("note", "the note of %s has %d characters; at most %d are kept", e.Key(), len(e.Note), MaxNote)
	case len(e.Ticket) > MaxTicket:
		return Invalid("ticket", "the ticket of %s has %d characters; at most %d are kept", e.Key(), len(e.Ticket), MaxTicket)
	case strings.ContainsFunc(e.Note+e.Ticket, unprintable):
		return Invalid("note", "the note or ticket of %s has a control character in it; remove it", e.Key())
	case e.Emergency && e.Expires.IsZero():
		return Invalid("expires", "%s is an emergency entry, so say when it expires", e.Key())
	}
	return nil
}

// unprintable is a character that no file and no page gives back as it was.
func unprintable(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }
