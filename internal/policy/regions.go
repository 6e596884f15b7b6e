package policy

import (
	"net/netip"
	"slices"

	"go4.org/netipx"
)

// The address space in one line: IPv4 before IPv6, as netip.Addr compares.
var (
	firstAddr = netip.AddrFrom4([4]byte{})
	lastIPv4  = netip.AddrFrom4([4]byte{255, 255, 255, 255})
	firstIPv6 = netip.IPv6Unspecified()
	lastAddr  = netip.AddrFrom16([16]byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255})
)

// region is a stretch of the address space, from an address up to and without another;
// a to that is not valid is the end of all addresses.
type region struct{ from, to netip.Addr }

// everywhere is all addresses.
var everywhere = region{from: firstAddr}

// prefixes writes the region in the fewest prefixes.
func (r region) prefixes() []netip.Prefix {
	last := lastAddr
	if r.to.IsValid() {
		last = before(r.to)
	}
	if r.from.Is4() && last.Is6() {
		ps := netipx.IPRangeFrom(r.from, lastIPv4).Prefixes()
		return append(ps, netipx.IPRangeFrom(firstIPv6, last).Prefixes()...)
	}
	return netipx.IPRangeFrom(r.from, last).Prefixes()
}

// before is the last address in front of another, across the families.
func before(a netip.Addr) netip.Addr {
	if a == firstIPv6 {
		return lastIPv4
	}
	return a.Prev()
}

// of picks the prefixes of a sorted cover that reach into the region. One at its end may
// reach beyond it.
func (r region) of(cover []netip.Prefix) []netip.Prefix {
	start := startOf(cover, r.from)
	if start > 0 && cover[start-1].Contains(r.from) {
		start--
	}
	end := len(cover)
	if r.to.IsValid() {
		end = startOf(cover, r.to)
	}
	return cover[start:max(start, end)]
}

// startOf is the index of the first prefix that begins at an address or after it.
func startOf(cover []netip.Prefix, at netip.Addr) int {
	i, _ := slices.BinarySearchFunc(cover, at, func(p netip.Prefix, a netip.Addr) int { return p.Addr().Compare(a) })
	return i
}

// seams are where regions may begin: one for each prefix of the covers but the first, in
// order. Each is the roundest address between the end of what comes before and the
// beginning of the prefix, so that regions are written in few prefixes.
func seams(covers [][]netip.Prefix) []netip.Addr {
	all := slices.Concat(covers...)
	slices.SortFunc(all, func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) })
	var at []netip.Addr
	last := firstAddr
	for i, p := range all {
		if i > 0 && p.Addr() != all[i-1].Addr() {
			at = append(at, roundest(last, p.Addr()))
		}
		if end := netipx.PrefixLastIP(p); end.Compare(last) > 0 {
			last = end
		}
	}
	return at
}

// roundest is the address with the most zero bits at its end of those after one and up
// to another; the other itself where there is none between.
func roundest(after, upTo netip.Addr) netip.Addr {
	if after.Is4() && upTo.Is6() {
		return firstIPv6
	}
	for bits := range upTo.BitLen() {
		if a := netip.PrefixFrom(upTo, bits).Masked().Addr(); a.Compare(after) > 0 {
			return a
		}
	}
	return upTo
}
