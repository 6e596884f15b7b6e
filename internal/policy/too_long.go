package policy

import (
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/cidr"
	"portcullis.internal/portcullis/internal/iam"
)

// tooLong is the refusal of a role that fits in no shape: role, account, size, limit,
// what needs the space, and what would help. noUserSide says why user-side policies do not
// help; empty where they were tried.
func (t roleTask) tooLong(best Compiled, live, noUserSide string, lists []listSize) error {
	var b strings.Builder
	fmt.Fprintf(&b, "the trust policy of role %s in account %s does not fit: the shortest form has %d characters, the limit is %d", t.role, t.account.ID, best.Size, best.Limit)
	nets, users, people := t.contributors()
	fmt.Fprintf(&b, ". It holds %d networks (%d characters) and %d users (%d characters)", nets.count, nets.size, people, users)
	b.WriteString(largestLists(lists))
	if others := best.Size - iam.DocumentSize(best.Statements); live != "" && others > 0 {
		fmt.Fprintf(&b, ", and statements of others (%d characters)", others)
	}
	if noUserSide != "" {
		b.WriteString(". The networks cannot move to user-side policies: " + noUserSide)
	}
	b.WriteString(". What would help: ")
	b.WriteString(strings.Join(t.remedies(best), "; "))
	return t.refuse(access.KindInvalid, "%s", b.String())
}

type contribution struct{ count, size int }

// listSize is the size of one allowlist when it is written alone.
type listSize struct {
	name string
	contribution
}

// largest measures the allowlists of some mappings, the largest first.
func (c *Compiler) largest(mappings []int) []listSize {
	var names []string
	for _, i := range mappings {
		names = append(names, c.mappings[i].lists...)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var sizes []listSize
	for _, name := range sortedSet(names) {
		n := c.networksOf([]string{name})
		if size := iam.ValuesSize(prefixStrings(n.Prefixes)) + iam.ValuesSize(n.Endpoints()); !n.Closed() {
			sizes = append(sizes, listSize{name, contribution{len(n.Prefixes) + len(n.VPCs) + len(n.VPCEs), size}})
		}
	}
	slices.SortStableFunc(sizes, func(a, b listSize) int { return b.size - a.size })
	return sizes
}

// largestLists names the three largest, where there is more than one.
func largestLists(lists []listSize) string {
	if len(lists) < 2 {
		return ""
	}
	var parts []string
	for _, l := range lists[:min(3, len(lists))] {
		parts = append(parts, fmt.Sprintf("%s (%d networks, %d characters)", l.name, l.count, l.size))
	}
	return "; the largest allowlists are " + strings.Join(parts, ", ")
}

func (t roleTask) contributors() (nets contribution, users, people int) {
	seen := map[*Networks]bool{}
	for _, g := range t.groups {
		for _, arn := range g.arns {
			users += iam.QuotedSize(arn)
		}
		people += len(g.arns)
		if seen[g.rule.nets] {
			continue
		}
		seen[g.rule.nets] = true
		nets.count += len(g.rule.nets.Prefixes) + len(g.rule.nets.VPCs) + len(g.rule.nets.VPCEs)
		nets.size += iam.ValuesSize(prefixStrings(g.rule.nets.Prefixes)) + iam.ValuesSize(g.rule.nets.Endpoints())
	}
	return nets, users, people
}

// remedies says what would help, the cheapest first.
func (t roleTask) remedies(best Compiled) []string {
	var rs []string
	for _, g := range t.groups {
		if m, ok := cheapestMerge(g.rule.nets.Prefixes); ok {
			rs = append(rs, fmt.Sprintf("replace %s and %s by %s, which adds up to %s addresses", m.a, m.b, m.joined, m.added))
			break
		}
	}
	if best.Limit < MaxTrustQuota {
		rs = append(rs, fmt.Sprintf("raise the quota \"Role trust policy length\" (L-C07B4B0D, up to %d) in account %s", MaxTrustQuota, t.account.ID))
	}
	if !t.alone {
		rs = append(rs, "remove statements of others that are no longer needed")
	}
	return append(rs, "use fewer allowlists or users on this role, or split it into two roles")
}

// MaxTrustQuota is what the quota can be raised to (docs/aws-facts.md, "Trust policy size").
const MaxTrustQuota = 8192

type mergeHint struct {
	a, b, joined netip.Prefix
	added        *big.Int
}

// cheapestMerge finds the two neighbours of a cover whose common prefix adds the fewest
// addresses. Neighbours suffice: a common prefix of two others holds all between them.
func cheapestMerge(cover []netip.Prefix) (mergeHint, bool) {
	var best mergeHint
	for i := 1; i < len(cover); i++ {
		a, b := cover[i-1], cover[i]
		if a.Addr().BitLen() != b.Addr().BitLen() {
			continue
		}
		joined := commonPrefix(a, b)
		if joined.Bits() < a.Addr().BitLen()/4 {
			continue // too wide to advise
		}
		added := new(big.Int).Sub(cidr.AddressesIn(joined), cidr.AddressesIn(a))
		added.Sub(added, cidr.AddressesIn(b))
		if best.added == nil || added.Cmp(best.added) < 0 {
			best = mergeHint{a: a, b: b, joined: joined, added: added}
		}
	}
	return best, best.added != nil
}

// commonPrefix is the longest prefix that holds both.
func commonPrefix(a, b netip.Prefix) netip.Prefix {
	for bits := min(a.Bits(), b.Bits()); bits > 0; bits-- {
		p := netip.PrefixFrom(a.Addr(), bits).Masked()
		if p.Contains(b.Addr()) {
			return p
		}
	}
	return netip.PrefixFrom(a.Addr(), 0).Masked()
}

// RoleSize says how much of its quota a role's trust policy uses, in the fullest of the accounts that
// were compiled.
type RoleSize struct {
	Role    access.RoleName
	Account access.Account
	Size    int
	Limit   int
	Looked  int    // accounts that were compiled
	Reached int    // accounts that the role is mapped in
	Problem string // why nothing fits, in words
}

// Measure compiles the role in some accounts and keeps the fullest document.
func (r *RoleSize) Measure(c *Compiler, accounts []access.Account) {
	for _, a := range accounts {
		docs, err := c.Part(a.ID, &Part{Roles: map[access.RoleName]bool{r.Role: true}})
		if err != nil {
			r.Problem = access.MessageOf(err)
			continue
		}
		for _, d := range docs.Roles {
			if r.Limit == 0 || d.Size*r.Limit > r.Size*d.Limit {
				r.Size, r.Limit, r.Account = d.Size, d.Limit, a
			}
		}
	}
}
