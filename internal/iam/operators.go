package iam

import (
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/cidr"
)

// test is one operator on one key, parsed.
type test struct {
	operator string // as written, for people
	key      string // as written
	name     string // lower case
	compare  comparer
	negated  bool
	ifExists bool
	null     bool
	forAll   bool // ForAllValues: true for an absent key
	forAny   bool // ForAnyValue: false for an absent key, negated or not
	values   []string
	vars     bool
	prefixes []netip.Prefix
	wider    []netip.Prefix // what bare IPv6 addresses may stand for as well
}

// comparer compares the request's value with one of the policy's.
type comparer func(have, want string) tri

func newTest(operator, key string, v value, variables bool) (test, bool) {
	t := test{operator: operator, key: key, name: foldASCII(key)}
	for _, it := range v.list() {
		if it.kind == '{' || it.kind == '[' {
			return test{}, false
		}
		t.values = append(t.values, it.text)
		t.vars = t.vars || variables && strings.Contains(it.text, "${")
	}
	if len(t.values) == 0 {
		return t, true // what an empty list means is not documented: it is never told
	}
	op := foldASCII(operator)
	op, t.forAll = strings.CutPrefix(op, "forallvalues:")
	op, t.forAny = strings.CutPrefix(op, "foranyvalue:")
	op, t.ifExists = strings.CutSuffix(op, "ifexists")
	switch op {
	case "null":
		t.null = true
	case "ipaddress", "notipaddress":
		t.negated = op == "notipaddress"
		t.prefixes, t.wider = parsePrefixes(t.values), bareIPv6(t.values)
	default:
		t.compare, t.negated = comparerFor(op)
	}
	return t, true
}

// parsePrefixes reads the values of an address operator; nil when one of them is not
// an address, so that the test cannot be told.
func parsePrefixes(values []string) []netip.Prefix {
	ps := make([]netip.Prefix, 0, len(values))
	for _, v := range values {
		if a, err := netip.ParseAddr(v); err == nil && a.Is6() {
			v = netip.PrefixFrom(a, a.BitLen()).String()
		}
		p, err := netip.ParsePrefix(CanonicalCIDR(v))
		if err != nil {
			return nil
		}
		ps = append(ps, p)
	}
	return cidr.Cover(ps)
}

// bareIPv6 returns the /32 of each IPv6 address without a prefix length: IAM's
// documentation speaks of /32 as the default and does not say for which family
// (docs/aws-facts.md, "Address formats").
func bareIPv6(values []string) []netip.Prefix {
	var ps []netip.Prefix
	for _, v := range values {
		if a, err := netip.ParseAddr(v); err == nil && a.Is6() {
			ps = append(ps, netip.PrefixFrom(a.WithZone(""), 32).Masked())
		}
	}
	return ps
}

func comparerFor(op string) (compare comparer, negated bool) {
	switch op {
	case "stringequals", "stringnotequals":
		return func(have, want string) tri { return is(have == showWildcards.Replace(want)) }, op == "stringnotequals"
	case "stringequalsignorecase", "stringnotequalsignorecase":
		return func(have, want string) tri { return is(equalFoldASCII(have, showWildcards.Replace(want))) }, op == "stringnotequalsignorecase"
	case "stringlike", "stringnotlike":
		return func(have, want string) tri { return is(match(want, have)) }, op == "stringnotlike"
	case "arnequals", "arnlike", "arnnotequals", "arnnotlike":
		return matchARN, strings.HasPrefix(op, "arnnot")
	case "bool":
		return func(have, want string) tri { return is(equalFoldASCII(have, want)) }, false
	case "numericequals", "numericnotequals", "datenotequals", "dateequals":
		return orderComparer(op, func(c int) bool { return c == 0 }), strings.Contains(op, "not")
	case "numericlessthan", "datelessthan":
		return orderComparer(op, func(c int) bool { return c < 0 }), false
	case "numericlessthanequals", "datelessthanequals":
		return orderComparer(op, func(c int) bool { return c <= 0 }), false
	case "numericgreaterthan", "dategreaterthan":
		return orderComparer(op, func(c int) bool { return c > 0 }), false
	case "numericgreaterthanequals", "dategreaterthanequals":
		return orderComparer(op, func(c int) bool { return c >= 0 }), false
	default:
		return nil, false
	}
}

// matchARN compares ARNs part by part: a wildcard never reaches beyond a colon, save in
// the last part. AWS does not document the meaning of a pattern with fewer than six parts,
// for example "arn:aws:*", so such a pattern is unsure.
func matchARN(have, want string) tri {
	h, w := strings.SplitN(have, ":", 6), strings.SplitN(want, ":", 6)
	switch {
	case len(w) != 6:
		return unsure
	case len(h) != 6:
		return no
	}
	for i := range h {
		if !match(w[i], h[i]) {
			return no
		}
	}
	return yes
}

func orderComparer(op string, holds func(int) bool) comparer {
	read := readNumber
	if strings.HasPrefix(op, "date") {
		read = readDate
	}
	return func(have, want string) tri {
		a, okA := read(have)
		b, okB := read(want)
		if !okA || !okB {
			return unsure
		}
		return is(holds(a.Cmp(b)))
	}
}

// readNumber reads an integer or a decimal without loss of digits. AWS documents no other spelling.
func readNumber(s string) (*big.Rat, bool) {
	if !decimal.MatchString(s) {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

// readDate reads seconds since 1970, or a time of ISO 8601, as seconds.
func readDate(s string) (*big.Rat, bool) {
	if !strings.Contains(s, ".") && decimal.MatchString(s) {
		return readNumber(s)
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return new(big.Rat).Add(big.NewRat(t.Unix(), 1), big.NewRat(int64(t.Nanosecond()), 1e9)), true
		}
	}
	return nil, false
}

// holds decides the test for a call, as IAM does with keys that are missing: a missing
// key makes a positive operator false, a negated one true, and IfExists true.
func (t *test) holds(c *call) tri {
	have, p := c.key(t.name)
	switch p {
	case unknown:
		return unsure
	case absentOrFalse:
		a, b := t.whenMissing(), t.matches(c, have)
		if a == b {
			return a
		}
		return unsure
	case absent:
		return t.whenMissing()
	default:
		return t.matches(c, have)
	}
}

func (t *test) whenMissing() tri {
	switch {
	case t.null:
		return t.nullIs(true)
	case t.compare == nil && t.prefixes == nil:
		return unsure // an operator that is not known
	case t.ifExists || t.forAll:
		return yes
	case t.forAny:
		return no
	default:
		return is(t.negated)
	}
}

func (t *test) nullIs(missing bool) tri {
	result := no
	for _, v := range t.values {
		result = or(result, is(equalFoldASCII(v, "true") == missing))
	}
	return result
}

// matches decides the test for a value that is there: a positive operator needs one of
// the policy's values, a negated one none of them.
func (t *test) matches(c *call, have string) tri {
	var result tri
	switch {
	case t.null:
		return t.nullIs(false)
	case t.prefixes != nil:
		result = t.contains(c, have)
	case t.compare == nil:
		return unsure
	default:
		for _, want := range t.values {
			sure := yes
			if t.vars {
				want, sure = c.expand(want)
			}
			one := t.compare(have, want)
			if sure != yes {
				one = unsure
			}
			result = or(result, one)
		}
	}
	if t.negated {
		return not(result)
	}
	return result
}

func (t *test) contains(c *call, have string) tri {
	addr := c.SourceIP
	if t.name != "aws:sourceip" && t.name != "aws:vpcsourceip" {
		var err error
		if addr, err = netip.ParseAddr(have); err != nil {
			return unsure
		}
	}
	// The prefixes are a cover: sorted, and none within another.
	i, found := slices.BinarySearchFunc(t.prefixes, addr, func(p netip.Prefix, a netip.Addr) int { return p.Addr().Compare(a) })
	if found || i > 0 && t.prefixes[i-1].Contains(addr) {
		return yes
	}
	if slices.ContainsFunc(t.wider, func(p netip.Prefix) bool { return p.Contains(addr) }) {
		return unsure
	}
	return no
}
