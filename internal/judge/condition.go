package judge

import (
	"math/big"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Condition is one operator on one condition key with its values, for example
// NotIpAddressIfExists on aws:SourceIp.
type Condition struct {
	// Operator is the positive operator in lower case, without ForAllValues, ForAnyValue and
	// IfExists: "ipaddress" for NotIpAddress.
	Operator string
	Negated  bool // for example NotIpAddress
	IfExists bool
	ForAll   bool   // ForAllValues
	ForAny   bool   // ForAnyValue
	Key      string // in lower case
	Values   []string
}

// comparison compares the value of the request with a value of the policy.
type comparison func(got, want string) bool

// comparisons holds the positive operators. negations maps each negated operator to its
// positive one. Source: IAM User Guide, "IAM JSON policy elements: Condition operators".
var comparisons = map[string]comparison{
	"stringequals":             func(got, want string) bool { return got == want },
	"stringequalsignorecase":   equalFold,
	"stringlike":               func(got, want string) bool { return wild(want, got) },
	"arnequals":                func(got, want string) bool { return wildARN(want, got) },
	"arnlike":                  func(got, want string) bool { return wildARN(want, got) },
	"bool":                     equalFold,
	"binaryequals":             func(got, want string) bool { return got == want },
	"ipaddress":                inNetwork,
	"numericequals":            compareNumbers(func(c int) bool { return c == 0 }),
	"numericlessthan":          compareNumbers(func(c int) bool { return c < 0 }),
	"numericlessthanequals":    compareNumbers(func(c int) bool { return c <= 0 }),
	"numericgreaterthan":       compareNumbers(func(c int) bool { return c > 0 }),
	"numericgreaterthanequals": compareNumbers(func(c int) bool { return c >= 0 }),
	"dateequals":               compareDates(func(c int) bool { return c == 0 }),
	"datelessthan":             compareDates(func(c int) bool { return c < 0 }),
	"datelessthanequals":       compareDates(func(c int) bool { return c <= 0 }),
	"dategreaterthan":          compareDates(func(c int) bool { return c > 0 }),
	"dategreaterthanequals":    compareDates(func(c int) bool { return c >= 0 }),
}

var negations = map[string]string{
	"stringnotequals":           "stringequals",
	"stringnotequalsignorecase": "stringequalsignorecase",
	"stringnotlike":             "stringlike",
	"arnnotequals":              "arnequals",
	"arnnotlike":                "arnlike",
	"notipaddress":              "ipaddress",
	"numericnotequals":          "numericequals",
	"datenotequals":             "dateequals",
}

// parseOperator parses the name of an operator. ok is false if there is no such operator.
func parseOperator(name string) (c Condition, ok bool) {
	name = lower(name)
	if rest, found := strings.CutPrefix(name, "forallvalues:"); found {
		name, c.ForAll = rest, true
	} else {
		name, c.ForAny = strings.CutPrefix(name, "foranyvalue:")
	}
	if name == "null" {
		c.Operator = name
		return c, true
	}
	name, c.IfExists = strings.CutSuffix(name, "ifexists")
	c.Operator = name
	if positive, found := negations[name]; found {
		c.Operator, c.Negated = positive, true
	}
	return c, comparisons[c.Operator] != nil
}

// holds reports whether the condition matches. A key that is absent makes a positive
// operator false and a negated operator true, so that NotIpAddress matches a call through a
// VPC endpoint. IfExists and ForAllValues match an absent key. ForAnyValue does not, even
// with a negated operator: there is no value that could match.
func (c Condition) holds(keys Keys, variables bool) bool {
	got, present := keys[c.Key]
	switch {
	case c.Operator == "null":
		return slices.Contains(c.Values, strconv.FormatBool(!present))
	case !present:
		return c.IfExists || c.ForAll || c.Negated && !c.ForAny
	default:
		return c.anyMatches(got, keys, variables) != c.Negated
	}
}

// anyMatches compares with each value. A value with a policy variable that the request
// does not have matches nothing.
func (c Condition) anyMatches(got string, keys Keys, variables bool) bool {
	compare := comparisons[c.Operator]
	for _, want := range c.Values {
		if variables && strings.Contains(want, "${") {
			expanded, ok := expand(want, keys)
			if !ok {
				continue
			}
			want = expanded
			if !c.hasWildcards() {
				want = showWildcards.Replace(want)
			}
		}
		if compare(got, want) {
			return true
		}
	}
	return false
}

// hasWildcards reports whether * and ? in the values of the policy are wildcards.
func (c Condition) hasWildcards() bool {
	return c.Operator == "stringlike" || c.Operator == "arnequals" || c.Operator == "arnlike"
}

func inNetwork(got, want string) bool {
	addr, err := netip.ParseAddr(got)
	if err != nil {
		return false
	}
	p, ok := parseNetwork(want)
	return ok && p.Contains(addr.Unmap())
}

// parseNetwork parses a CIDR or an address. Host bits are ignored, as in AWS.
func parseNetwork(s string) (netip.Prefix, bool) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		return netip.PrefixFrom(a, a.BitLen()), err == nil
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err == nil
}

func compareNumbers(compare func(c int) bool) comparison {
	return func(got, want string) bool {
		a, okA := parseNumber(got)
		b, okB := parseNumber(want)
		return okA && okB && compare(a.Cmp(b))
	}
}

// number is what AWS documents as the value of a numeric operator: an integer or a decimal. Go also
// reads 0x10, 1_000, 1e3 and inf. Leading zeros and a plus have no documented meaning.
var number = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?$`)

// parseNumber parses an integer or a decimal without loss of digits.
func parseNumber(s string) (*big.Rat, bool) {
	if !number.MatchString(s) {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

func compareDates(compare func(c int) bool) comparison {
	return func(got, want string) bool {
		a, okA := parseDate(got)
		b, okB := parseDate(want)
		return okA && okB && compare(a.Compare(b))
	}
}

func parseDate(s string) (time.Time, bool) {
	if number.MatchString(s) && !strings.Contains(s, ".") {
		seconds, err := strconv.ParseInt(s, 10, 64)
		return time.Unix(seconds, 0), err == nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
