package judge

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Condition is one operator on one key: "NotIpAddressIfExists aws:SourceIp [...]".
type Condition struct {
	Operator string // without prefix and IfExists, in lower case
	Negated  bool
	IfExists bool
	ForAll   bool
	Key      string // in lower case
	Values   []string
}

// operator compares a value of the request with a value of the policy.
type operator func(got, want string) bool

// operators holds the positive form of each; the negated names point to their positive
// ones in negations.
var operators = map[string]operator{
	"stringequals":             func(got, want string) bool { return got == want },
	"stringequalsignorecase":   strings.EqualFold,
	"stringlike":               func(got, want string) bool { return wild(want, got) },
	"arnequals":                func(got, want string) bool { return wildARN(want, got) },
	"arnlike":                  func(got, want string) bool { return wildARN(want, got) },
	"bool":                     strings.EqualFold,
	"binaryequals":             func(got, want string) bool { return got == want },
	"ipaddress":                inRange,
	"numericequals":            numeric(func(a, b float64) bool { return a == b }),
	"numericlessthan":          numeric(func(a, b float64) bool { return a < b }),
	"numericlessthanequals":    numeric(func(a, b float64) bool { return a <= b }),
	"numericgreaterthan":       numeric(func(a, b float64) bool { return a > b }),
	"numericgreaterthanequals": numeric(func(a, b float64) bool { return a >= b }),
	"dateequals":               dated(func(c int) bool { return c == 0 }),
	"datelessthan":             dated(func(c int) bool { return c < 0 }),
	"datelessthanequals":       dated(func(c int) bool { return c <= 0 }),
	"dategreaterthan":          dated(func(c int) bool { return c > 0 }),
	"dategreaterthanequals":    dated(func(c int) bool { return c >= 0 }),
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

// parseOperator splits an operator's name; ok is false for a name that AWS has not.
func parseOperator(name string) (c Condition, ok bool) {
	name = strings.ToLower(name)
	if rest, found := strings.CutPrefix(name, "forallvalues:"); found {
		name, c.ForAll = rest, true
	} else {
		name = strings.TrimPrefix(name, "foranyvalue:")
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
	return c, operators[c.Operator] != nil
}

// holds decides the condition for a request. A key that is absent makes a positive
// operator false and a negated one true (aws-facts §3.3).
func (c Condition) holds(keys map[string]string, variables bool) bool {
	got, present := keys[c.Key]
	switch {
	case c.Operator == "null":
		return c.Values[0] == strconv.FormatBool(!present)
	case !present:
		return c.IfExists || c.ForAll || c.Negated
	default:
		return c.anyMatches(got, keys, variables) != c.Negated
	}
}

func (c Condition) anyMatches(got string, keys map[string]string, variables bool) bool {
	compare := operators[c.Operator]
	for _, want := range c.Values {
		if variables && strings.Contains(want, "${") {
			expanded, ok := expand(want, keys)
			if !ok {
				continue
			}
			want = expanded
		}
		if compare(got, want) {
			return true
		}
	}
	return false
}

func inRange(got, want string) bool {
	addr, err := netip.ParseAddr(got)
	if err != nil {
		return false
	}
	p, ok := parseRange(want)
	return ok && p.Contains(addr.Unmap())
}

// parseRange reads a CIDR or an address, ignoring host bits as AWS does.
func parseRange(s string) (netip.Prefix, bool) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		return netip.PrefixFrom(a, a.BitLen()), err == nil
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err == nil
}

func numeric(compare func(a, b float64) bool) operator {
	return func(got, want string) bool {
		a, errA := strconv.ParseFloat(got, 64)
		b, errB := strconv.ParseFloat(want, 64)
		return errA == nil && errB == nil && compare(a, b)
	}
}

func dated(compare func(c int) bool) operator {
	return func(got, want string) bool {
		a, okA := parseDate(got)
		b, okB := parseDate(want)
		return okA && okB && compare(a.Compare(b))
	}
}

func parseDate(s string) (time.Time, bool) {
	if seconds, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.Unix(seconds, 0), true
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
