package iam

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/cidr"
)

// comparisonRule says which values of some condition operators mean the same.
type comparisonRule struct {
	operators []string // in lower case, without IfExists; a prefix ForAllValues or ForAnyValue never has a rule
	keys      []string // in lower case; nil for every key
	literals  bool     // true, false and decimal numbers mean the same without quotes
	spell     func(value string) string
	cover     bool // the whole list counts as the addresses that it covers
}

// comparisonRules is the whole list of conditions whose values are compared by meaning:
//
//	operator                                 key               equal values
//	IpAddress, NotIpAddress                  aws:SourceIp      lists that cover the same addresses
//	IpAddress, NotIpAddress                  aws:VpcSourceIp   spellings of one network
//	Bool                                     every key         "true", "True" and true; the same for false
//	Null                                     every key         "true" and true; "false" and false
//	NumericEquals and its relatives          every key         spellings of one decimal number: 60, "60", "60.0"
//	DateEquals and its relatives             every key         spellings of one instant in ISO 8601
//
// An operator with IfExists follows the rule of the operator. Every other value is compared byte by byte, after the
// JSON escapes are decoded: other operators and keys, ForAllValues and ForAnyValue, values with a policy variable,
// numbers with an exponent, dates in seconds, and IPv6 addresses without a prefix length. AWS's meaning of those is
// not documented or is uncertain (docs/aws-facts.md, "Address formats"), and a difference that is reported in vain
// costs less than one that is missed.
var comparisonRules = []comparisonRule{
	{operators: addressOperators, keys: []string{"aws:sourceip"}, spell: CanonicalCIDR, cover: true},
	{operators: addressOperators, keys: []string{"aws:vpcsourceip"}, spell: CanonicalCIDR},
	{operators: []string{"bool"}, literals: true, spell: spellBool},
	{operators: []string{"null"}, literals: true, spell: verbatim},
	{operators: []string{
		"numericequals", "numericnotequals", "numericlessthan", "numericlessthanequals", "numericgreaterthan",
		"numericgreaterthanequals",
	}, literals: true, spell: spellNumber},
	{operators: []string{
		"dateequals", "datenotequals", "datelessthan", "datelessthanequals", "dategreaterthan",
		"dategreaterthanequals",
	}, spell: spellDate},
}

var addressOperators = []string{"ipaddress", "notipaddress"}

// byBytes is the rule of values that comparisonRules does not name.
var byBytes = comparisonRule{spell: verbatim}

func verbatim(s string) string { return s }

// ruleFor returns how the values of an operator on a key are compared.
func ruleFor(operator, key string) comparisonRule {
	op, _ := strings.CutSuffix(foldASCII(operator), "ifexists")
	key = foldASCII(key)
	for _, r := range comparisonRules {
		if slices.Contains(r.operators, op) && (r.keys == nil || slices.Contains(r.keys, key)) {
			return r
		}
	}
	return byBytes
}

// item is one value of a list as it is written canonically.
type item struct {
	text    string
	literal bool // written without quotes
}

// apply spells the values of a list.
func (r comparisonRule) apply(items []item) []item {
	if r.cover {
		if covered, ok := coverOf(items); ok {
			return covered
		}
	}
	for i, it := range items {
		if r.literals && (it.text == "true" || it.text == "false" || decimal.MatchString(it.text)) {
			it.literal = false
		}
		if !it.literal && !hasVariable(it.text) {
			it.text = r.spell(it.text)
		}
		items[i] = it
	}
	return items
}

// coverOf returns the smallest list of CIDRs that covers the same addresses. ok is false if a value is not a CIDR
// whose meaning is certain.
func coverOf(items []item) (covered []item, ok bool) {
	prefixes := make([]netip.Prefix, len(items))
	for i, it := range items {
		p, err := netip.ParsePrefix(CanonicalCIDR(it.text))
		if it.literal || err != nil || p.Addr().Is4In6() {
			return nil, false
		}
		prefixes[i] = p
	}
	for _, p := range cidr.Cover(prefixes) {
		covered = append(covered, item{text: p.String()})
	}
	return covered, true
}

// CanonicalCIDR returns the one spelling of a CIDR that IAM reads as the same network: "10.0.0.7" becomes
// "10.0.0.7/32". Every other text comes back as it is, and so does an IPv6 address without a prefix length, whose
// meaning is uncertain (docs/aws-facts.md, "Address formats").
func CanonicalCIDR(s string) string {
	if a, err := netip.ParseAddr(s); err == nil && a.Is4() {
		return netip.PrefixFrom(a, a.BitLen()).String()
	}
	if p, err := netip.ParsePrefix(s); err == nil && !p.Addr().Is4In6() {
		return p.Masked().String()
	}
	return s
}

func spellBool(s string) string {
	if folded := foldASCII(s); folded == "true" || folded == "false" {
		return folded
	}
	return s
}

// decimal is a number that every reader takes for the same: no exponent, no leading zero, no sign but a minus.
var decimal = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)

// spellNumber leaves out zeros at the end of a fraction. It never computes, so no digit is lost.
func spellNumber(s string) string {
	if !decimal.MatchString(s) || !strings.Contains(s, ".") {
		return s
	}
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// instant is a time of ISO 8601 with a zone, no finer than time.Time.
var instant = regexp.MustCompile(
	`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$`)

func spellDate(s string) string {
	if !instant.MatchString(s) {
		return s
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00"} {
		// A year outside of four digits has no spelling in ISO 8601.
		if t, err := time.Parse(layout, s); err == nil && t.UTC().Year() >= 0 && t.UTC().Year() <= 9999 {
			return t.UTC().Format(time.RFC3339Nano)
		}
	}
	return s
}

// hasVariable reports whether a decoded text holds a policy variable.
func hasVariable(s string) bool { return strings.Contains(s, "${") }

// foldASCII folds the case of ASCII letters. strings.ToLower also folds letters outside of ASCII, for example the
// Kelvin sign into k.
func foldASCII(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for k := i; k < len(b); k++ {
				if 'A' <= b[k] && b[k] <= 'Z' {
					b[k] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// equalFoldASCII compares texts without regard to the case of ASCII letters.
func equalFoldASCII(a, b string) bool { return a == b || foldASCII(a) == foldASCII(b) }
