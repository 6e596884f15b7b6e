package policy

import (
	"net/netip"
	"slices"
	"sort"
	"strconv"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// userSideGroup is the roles that one user assumes from the same networks.
type userSideGroup struct {
	nets          *Networks
	plain, source []string // ARNs of the roles, and of those whose source identity is set
	all           []string
}

// groupUserSide puts the roles under the same networks together, in the order of roles.
func groupUserSide(a access.Account, roles []userSideRole) []userSideGroup {
	roles = slices.Clone(roles)
	slices.SortFunc(roles, func(x, y userSideRole) int { return compareNames(x.role.Path, x.role.Name, y.role.Path, y.role.Name) })
	var groups []userSideGroup
	for _, r := range roles {
		at := slices.IndexFunc(groups, func(g userSideGroup) bool { return g.nets.sameAs(r.nets) })
		if at < 0 {
			at = len(groups)
			groups = append(groups, userSideGroup{nets: r.nets})
		}
		g := &groups[at]
		arn := literal(r.role.Path, r.role.Name, a.PartitionOrDefault(), a.ID)
		g.all = append(g.all, arn)
		if r.source {
			g.source = append(g.source, arn)
		} else {
			g.plain = append(g.plain, arn)
		}
	}
	return groups
}

// userSidePart is one user-side policy without the roles' ARNs. Users of many accounts
// share it.
type userSidePart struct {
	region region
	whole  bool // the only part
	first  bool // covers calls without a source address, too
	within []iam.Condition
	deny   [][]iam.Condition // by group
	admits []bool            // by group: some of its networks lie within the region
}

// partsOf cuts the address space into the fewest regions whose policies fit the limit,
// each as long as it can be; none where that cannot be done. Where the parts begin
// depends on the networks and on how long the roles' ARNs are, so it is worked out once
// for all accounts.
func (c *Compiler) partsOf(groups []userSideGroup, limit int) []userSidePart {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.partsAfter(partsKey{limit: limit})
	for _, g := range groups {
		at = c.partsAfter(partsKey{
			before: at, nets: g.nets, plain: len(g.plain), source: len(g.source), size: iam.ValuesSize(g.all),
		})
	}
	if !at.cut {
		at.parts, at.cut = cutParts(groups, limit), true
	}
	return at.parts
}

func (c *Compiler) partsAfter(key partsKey) *partsNode {
	n := c.userSideParts[key]
	if n == nil {
		n = &partsNode{}
		c.userSideParts[key] = n
	}
	return n
}

// partsKey is a limit, or one more group after those of a node: of it, all that decides
// where parts begin. Networks that admit the same are the same pointer.
type partsKey struct {
	limit               int
	before              *partsNode
	nets                *Networks
	plain, source, size int
}

// partsNode holds the parts of a sequence of groups, once they have been cut.
type partsNode struct {
	parts []userSidePart
	cut   bool
}

func cutParts(groups []userSideGroup, limit int) []userSidePart {
	whole := userSidePart{region: everywhere, whole: true, first: true}
	if whole.fill(groups); iam.DocumentSize(whole.statements(groups)) <= limit {
		return []userSidePart{whole}
	}
	var parts []userSidePart
	at := seams(covers(groups))
	from, next := firstAddr, 0
	for {
		// The last seam up to which the part fits; len(at) is the end of all addresses.
		var best userSidePart
		n := sort.Search(len(at)-next+1, func(i int) bool {
			p := userSidePart{region: region{from: from}, first: len(parts) == 0}
			if next+i < len(at) {
				p.region.to = at[next+i]
			}
			p.fill(groups)
			if iam.DocumentSize(p.statements(groups)) > limit {
				return true
			}
			best = longer(best, p)
			return false
		})
		if n == 0 {
			return nil
		}
		parts = append(parts, best)
		if !best.region.to.IsValid() {
			return parts
		}
		from, next = best.region.to, next+n
	}
}

// longer returns the one of two parts with the same beginning that ends later.
func longer(a, b userSidePart) userSidePart {
	switch {
	case a.deny == nil, !b.region.to.IsValid():
		return b
	case !a.region.to.IsValid(), a.region.to.Compare(b.region.to) > 0:
		return a
	default:
		return b
	}
}

func covers(groups []userSideGroup) [][]netip.Prefix {
	cs := make([][]netip.Prefix, len(groups))
	for i, g := range groups {
		cs[i] = g.nets.Prefixes
	}
	return cs
}

// fill works out the part's conditions.
func (p *userSidePart) fill(groups []userSideGroup) {
	if !p.whole {
		p.within = []iam.Condition{iam.NewCondition("IpAddress", "aws:SourceIp", prefixStrings(p.region.prefixes())...)}
	}
	for _, g := range groups {
		inside := p.region.of(g.nets.Prefixes)
		p.admits = append(p.admits, len(inside) > 0)
		switch {
		case p.whole:
			p.deny = append(p.deny, g.nets.deny)
		case len(inside) == 0:
			p.deny = append(p.deny, p.within)
		default:
			p.deny = append(p.deny, iam.SortConditions(p.within[0], iam.NewCondition("NotIpAddress", "aws:SourceIp", prefixStrings(inside)...)))
		}
	}
}

// statements writes the part for some roles. Each group is denied within the region
// unless the address is in its networks, and allowed within the region: the Deny decides,
// and without this policy there is no Allow either. The first part also speaks for calls
// without a source address.
func (p *userSidePart) statements(groups []userSideGroup) []iam.Statement {
	var ss []iam.Statement
	for i, g := range groups {
		n := ""
		if len(groups) > 1 {
			n = strconv.Itoa(i + 1)
		}
		if p.whole || p.admits[i] {
			ss = g.allow(ss, n, p.within)
		}
		ss = append(ss, g.denial("Network"+n, p.deny[i]))
		if p.whole || !p.first {
			continue
		}
		if len(g.nets.Endpoints()) > 0 {
			ss = g.allow(ss, "NoAddress"+n, noAddress)
		}
		ss = append(ss, g.denial("NoAddress"+n, g.nets.noAddressConditions()))
	}
	return ss
}

func (g userSideGroup) allow(ss []iam.Statement, what string, cs []iam.Condition) []iam.Statement {
	if len(g.plain) > 0 {
		ss = append(ss, iam.Statement{Sid: iam.SidPrefix + "Allow" + what, Effect: iam.EffectAllow, Actions: iam.AssumeRole, Resources: g.plain, Conditions: cs})
	}
	if len(g.source) > 0 {
		ss = append(ss, iam.Statement{Sid: iam.SidPrefix + "AllowSourceIdentity" + what, Effect: iam.EffectAllow, Actions: iam.AssumeRoleAndSetSourceIdentity, Resources: g.source, Conditions: cs})
	}
	return ss
}

func (g userSideGroup) denial(what string, cs []iam.Condition) iam.Statement {
	return iam.Statement{Sid: iam.SidPrefix + "Deny" + what, Effect: iam.EffectDeny, Actions: iam.AssumeRole, Resources: g.all, Conditions: cs}
}

// noAddress holds for calls that carry no source address: those through a VPC endpoint.
var noAddress = []iam.Condition{iam.NewCondition("Null", "aws:SourceIp", "true")}

// noAddressConditions are the Deny's for calls without a source address: all of them but
// those through the networks' VPCs and endpoints.
func (n *Networks) noAddressConditions() []iam.Condition {
	cs := slices.Clone(noAddress)
	if len(n.VPCs) > 0 {
		cs = append(cs, iam.NewCondition("StringNotEqualsIfExists", "aws:SourceVpc", n.VPCs...))
	}
	if len(n.VPCEs) > 0 {
		cs = append(cs, iam.NewCondition("StringNotEqualsIfExists", "aws:SourceVpce", n.VPCEs...))
	}
	return iam.SortConditions(cs...)
}
