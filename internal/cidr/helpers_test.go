package cidr

import (
	"net/netip"

	"portcullis.internal/portcullis/internal/access/accesstest"
)

var prefixes = accesstest.Prefixes

func prefixStrings(ps []netip.Prefix) []string {
	ss := make([]string, len(ps))
	for i, p := range ps {
		ss[i] = p.String()
	}
	return ss
}

func commonPrefix(a, b netip.Prefix) netip.Prefix {
	for bits := min(a.Bits(), b.Bits()); bits > 0; bits-- {
		p := netip.PrefixFrom(a.Addr(), bits).Masked()
		if p.Contains(b.Addr()) {
			return p
		}
	}
	return netip.PrefixFrom(a.Addr(), 0).Masked()
}
