package cidr

import (
	"math/big"
	"net/netip"
	"slices"

	"go4.org/netipx"
)

// Cover returns the smallest exact cover of the prefixes: the same addresses in the
// fewest prefixes, IPv4 before IPv6, sorted. Prefixes with host bits count as their
// network; invalid ones are left out.
func Cover(prefixes []netip.Prefix) []netip.Prefix {
	return prefixesOf(setOf(prefixes))
}

// Subtract returns the addresses that are in a and not in b, as a cover.
func Subtract(a, b []netip.Prefix) []netip.Prefix {
	var sb netipx.IPSetBuilder
	for _, p := range a {
		addPrefix(&sb, p)
	}
	for _, p := range b {
		if p.IsValid() {
			sb.RemovePrefix(p.Masked())
		}
	}
	set, err := sb.IPSet()
	if err != nil {
		return nil // not reached: only valid prefixes were given to the builder
	}
	return prefixesOf(set)
}

// CountAddresses counts the addresses of the union, exactly.
func CountAddresses(prefixes []netip.Prefix) *big.Int {
	n := new(big.Int)
	for _, p := range Cover(prefixes) {
		n.Add(n, AddressesIn(p))
	}
	return n
}

// AddressesIn counts the addresses of one network.
func AddressesIn(p netip.Prefix) *big.Int {
	return new(big.Int).Lsh(big.NewInt(1), uint(p.Addr().BitLen()-p.Bits()))
}

func setOf(prefixes []netip.Prefix) *netipx.IPSet {
	var b netipx.IPSetBuilder
	for _, p := range prefixes {
		addPrefix(&b, p)
	}
	set, err := b.IPSet()
	if err != nil {
		return &netipx.IPSet{} // not reached: only valid prefixes were given to the builder
	}
	return set
}

func addPrefix(b *netipx.IPSetBuilder, p netip.Prefix) {
	if p.IsValid() {
		b.AddPrefix(p.Masked())
	}
}

func prefixesOf(set *netipx.IPSet) []netip.Prefix {
	ps := set.Prefixes()
	slices.SortFunc(ps, netip.Prefix.Compare)
	return ps
}

// Families splits a cover.
func Families(cover []netip.Prefix) (v4, v6 []netip.Prefix) {
	i, _ := slices.BinarySearchFunc(cover, 128, func(p netip.Prefix, bits int) int { return p.Addr().BitLen() - bits })
	return cover[:i], cover[i:]
}
