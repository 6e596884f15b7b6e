package cidr

import (
	"math/big"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestCover(t *testing.T) {
	for name, tc := range map[string]struct{ in, want []string }{
		"nothing":           {nil, nil},
		"neighbours":        {[]string{"8.8.9.0/24", "8.8.8.0/24"}, []string{"8.8.8.0/23"}},
		"not neighbours":    {[]string{"8.8.9.0/24", "8.8.10.0/24"}, []string{"8.8.9.0/24", "8.8.10.0/24"}},
		"within":            {[]string{"8.8.8.0/24", "8.8.8.7/32"}, []string{"8.8.8.0/24"}},
		"families apart":    {[]string{"2600::/16", "8.8.8.8/32"}, []string{"8.8.8.8/32", "2600::/16"}},
		"the two halves":    {[]string{"0.0.0.0/1", "128.0.0.0/1"}, []string{"0.0.0.0/0"}},
		"sorted by address": {[]string{"103.0.0.0/8", "12.0.0.0/8"}, []string{"12.0.0.0/8", "103.0.0.0/8"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, nilIfEmpty(prefixStrings(Cover(prefixes(tc.in...))))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func nilIfEmpty(ss []string) []string {
	if len(ss) == 0 {
		return nil
	}
	return ss
}

func TestCountAddresses(t *testing.T) {
	for _, tc := range []struct {
		in   []string
		want string
	}{
		{nil, "0"},
		{[]string{"8.8.8.8/32"}, "1"},
		{[]string{"12.148.80.0/23", "12.148.80.0/24"}, "512"},
		{[]string{"0.0.0.0/0"}, "4294967296"},
		{[]string{"::/0"}, "340282366920938463463374607431768211456"},
		{[]string{"2600::/64", "8.8.8.8/32"}, "18446744073709551617"},
	} {
		if got := CountAddresses(prefixes(tc.in...)).String(); got != tc.want {
			t.Errorf("CountAddresses(%v) = %s, want %s", tc.in, got, tc.want)
		}
	}
}

func drawPrefix(t *rapid.T) netip.Prefix {
	// A small corner of both families, so that prefixes touch and overlap.
	if rapid.Bool().Draw(t, "v6") {
		a := netip.AddrFrom16([16]byte{0x26, 15: rapid.Byte().Draw(t, "byte")})
		return netip.PrefixFrom(a, rapid.IntRange(120, 128).Draw(t, "bits")).Masked()
	}
	a := netip.AddrFrom4([4]byte{8, 8, 8, rapid.Byte().Draw(t, "byte")})
	return netip.PrefixFrom(a, rapid.IntRange(24, 32).Draw(t, "bits")).Masked()
}

// TestCoverIsExactAndMinimal checks every address of the corner, and that no two
// prefixes of a cover could be one.
func TestCoverIsExactAndMinimal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SliceOfN(rapid.Custom(drawPrefix), 0, 20).Draw(t, "a")
		b := rapid.SliceOfN(rapid.Custom(drawPrefix), 0, 10).Draw(t, "b")
		cover, minus := Cover(a), Subtract(a, b)
		count := int64(0)
		for i := range 256 {
			for _, addr := range []netip.Addr{netip.AddrFrom4([4]byte{8, 8, 8, byte(i)}), netip.AddrFrom16([16]byte{0x26, 15: byte(i)})} {
				inA, inB := holds(a, addr), holds(b, addr)
				if inA {
					count++
				}
				if holds(cover, addr) != inA {
					t.Fatalf("%s: cover %v of %v", addr, cover, a)
				}
				if holds(minus, addr) != (inA && !inB) {
					t.Fatalf("%s: %v minus %v is %v", addr, a, b, minus)
				}
			}
		}
		if got := CountAddresses(a); got.Cmp(big.NewInt(count)) != 0 {
			t.Fatalf("CountAddresses(%v) = %s, want %d", a, got, count)
		}
		for _, c := range [][]netip.Prefix{cover, minus} {
			checkMinimal(t, c)
		}
	})
}

func holds(ps []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(ps, func(p netip.Prefix) bool { return p.Contains(a) })
}

func checkMinimal(t *rapid.T, cover []netip.Prefix) {
	if !slices.IsSortedFunc(cover, netip.Prefix.Compare) {
		t.Fatalf("%v is not sorted", cover)
	}
	for i := 1; i < len(cover); i++ {
		p, q := cover[i-1], cover[i]
		if p.Overlaps(q) {
			t.Fatalf("%s and %s overlap", p, q)
		}
		if p.Bits() == q.Bits() && p.Bits() > 0 && commonPrefix(p, q).Bits() == p.Bits()-1 && p.Addr().BitLen() == q.Addr().BitLen() {
			t.Fatalf("%s and %s could be one", p, q)
		}
	}
}
