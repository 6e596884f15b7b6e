package policy

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// reachSize is how much a cover admits: addresses of IPv4, and /64 networks of IPv6.
type reachSize struct{ v4, v6 int64 }

// sizeOf counts a cover. A part of a /64 network counts as one.
func sizeOf(cover []netip.Prefix) reachSize {
	var s reachSize
	for _, p := range cover {
		switch {
		case p.Addr().Is4():
			s.v4 += 1 << (32 - p.Bits())
		case p.Bits() > 64:
			s.v6++
		case p.Bits() < 2:
			s.v6 = math.MaxInt64 / 2 // more than any threshold
		default:
			s.v6 = min(s.v6+1<<(64-p.Bits()), math.MaxInt64/2)
		}
	}
	return s
}

// large is what of the size reaches the thresholds of the settings; the rest is 0.
func (s reachSize) large(o Options) reachSize {
	if s.v4 < o.LargeIPv4 {
		s.v4 = 0
	}
	if s.v6 < o.LargeIPv6 {
		s.v6 = 0
	}
	return s
}

// String writes the size in words: "8.4 million addresses, 0.2 % of IPv4".
func (s reachSize) String() string {
	var parts []string
	if s.v4 > 0 {
		parts = append(parts, roundNumber(s.v4)+" addresses, "+percent(float64(s.v4)/(1<<32))+" of IPv4")
	}
	if s.v6 > 0 {
		parts = append(parts, roundNumber(s.v6)+" /64 networks of IPv6")
	}
	if len(parts) == 0 {
		return "no addresses"
	}
	return strings.Join(parts, ", and ")
}

func roundNumber(n int64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e12, " trillion"}, {1e9, " billion"}, {1e6, " million"}} {
		if float64(n) >= unit.size {
			return strconv.FormatFloat(float64(n)/unit.size, 'f', 1, 64) + unit.name
		}
	}
	return strconv.FormatInt(n, 10)
}

func percent(share float64) string {
	switch p := share * 100; {
	case p >= 0.05:
		return strconv.FormatFloat(p, 'f', 1, 64) + " %"
	default:
		return "less than 0.1 %"
	}
}

// LargeReach reports users who gain many addresses on a role by a change, and those whose addresses on
// a role together become many by it. Options say how many are many.
func LargeReach(im Impact, o Options) []Issue {
	o = o.withDefaults()
	type subject struct {
		role          access.RoleName
		gained, after reachSize
	}
	users := map[subject][]string{}
	for _, r := range im.Gained {
		s := subject{role: r.Role, gained: sizeOf(r.Prefixes), after: sizeOf(r.After)}
		before, after := sizeOf(r.Before).large(o), s.after.large(o)
		grows := before.v4 == 0 && after.v4 > 0 || before.v6 == 0 && after.v6 > 0
		if grows || s.gained.large(o) != (reachSize{}) {
			users[s] = append(users[s], r.User.String())
		}
	}
	var is []Issue
	for s, names := range users {
		is = append(is, Issue{
			Code: CodeLargeReach, Severity: SeverityWarning, Object: "role " + s.role.String(),
			Message: fmt.Sprintf("role %s will admit %s from %s; this change adds %s", s.role, iam.Some(sortedSet(names)), s.after, s.gained),
			Advice:  "check that all these networks are yours, or list smaller ranges",
		})
	}
	slices.SortFunc(is, func(a, b Issue) int {
		return cmp.Or(cmp.Compare(a.Object, b.Object), cmp.Compare(a.Message, b.Message))
	})
	return is
}

// WithLargeReach adds what LargeReach says of a change to the other issues of it.
func WithLargeReach(issues []Issue, im Impact, o Options) []Issue {
	issues = append(issues, LargeReach(im, o)...)
	sortIssues(issues)
	return issues
}

// tooLarge are the families of which a cover holds more than the size limit, each with its limit.
func (o Options) tooLarge(cover []netip.Prefix) []familyLimit {
	size := sizeOf(cover)
	var over []familyLimit
	if size.v4 > 1<<(32-o.MaxIPv4Bits) {
		over = append(over, familyLimit{"IPv4", o.MaxIPv4Bits})
	}
	if o.MaxIPv6Bits <= 64 && size.v6 > 1<<min(64-o.MaxIPv6Bits, 62) {
		over = append(over, familyLimit{"IPv6", o.MaxIPv6Bits})
	}
	return over
}

type familyLimit struct {
	name string
	bits int
}

// mappingUnion reports the allowlists of a mapping where they admit too much together. One list that
// does so alone is an issue of the list.
func (c *Compiler) mappingUnion(p *resolvedMapping, nets *Networks) []Issue {
	var is []Issue
	for _, f := range c.opts.tooLarge(nets.Prefixes) {
		c.mu.Lock()
		alone := slices.ContainsFunc(p.lists, func(name string) bool {
			return slices.Equal(c.networksOf([]string{name}).Prefixes, nets.Prefixes)
		})
		c.mu.Unlock()
		if alone {
			continue
		}
		is = append(is, c.mappingIssue(p, CodeUnionTooLarge, c.opts.dangerous(), "list smaller ranges",
			"the allowlists of %s admit more %s addresses together than one /%d holds: %s", p.Role, f.name, f.bits, sizeOf(nets.Prefixes)))
	}
	return is
}

// roleUnions reports users whom several mappings of a role admit from too much together, in the
// documents that were compiled so far.
func (c *Compiler) roleUnions() []Issue {
	c.mu.Lock()
	defer c.mu.Unlock()
	var is []Issue
	for _, t := range c.templates {
		if len(t.mappings) < 2 {
			continue
		}
		for _, g := range t.groups {
			for _, f := range c.opts.tooLarge(g.rule.nets.Prefixes) {
				if slices.ContainsFunc(t.mappings, func(i int) bool {
					return slices.Contains(c.opts.tooLarge(c.networksOf(c.mappings[i].lists).Prefixes), f)
				}) {
					continue
				}
				role := c.mappings[t.mappings[0]].Role
				is = append(is, Issue{
					Code: CodeUnionTooLarge, Severity: c.opts.dangerous(), Object: "role " + role.String(),
					Position: c.positions["mapping/"+c.mappings[t.mappings[0]].ID],
					Message: fmt.Sprintf("the mappings of role %s admit %s from more %s addresses together than one /%d holds: %s",
						role, iam.Some(userNames(g.users)), f.name, f.bits, sizeOf(g.rule.nets.Prefixes)),
					Advice: "list smaller ranges",
				})
			}
		}
	}
	sortIssues(is)
	return slices.Compact(is)
}

func userNames(users []access.UserName) []string {
	names := make([]string, len(users))
	for i, u := range users {
		names[i] = u.String()
	}
	return names
}
