package policy

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/cidr"
	"portcullis.internal/portcullis/internal/iam"
)

// Networks is what a set of allowlists admits at a time: addresses as their smallest
// exact cover, and the VPCs and endpoints by id. It is computed once per distinct set
// of allowlists and shared by every account.
type Networks struct {
	Allowlists []string // names, sorted
	Prefixes   []netip.Prefix
	VPCs       []string
	VPCEs      []string

	deny []iam.Condition // what a Deny needs so that it spares exactly these networks
}

// Closed reports whether nothing is admitted: all allowlists are empty or expired.
func (n *Networks) Closed() bool {
	return len(n.Prefixes) == 0 && len(n.VPCs) == 0 && len(n.VPCEs) == 0
}

// Endpoints returns the VPC and endpoint ids together.
func (n *Networks) Endpoints() []string { return slices.Concat(n.VPCs, n.VPCEs) }

// sameAs reports whether both admit the same, whatever lists it comes from.
func (n *Networks) sameAs(o *Networks) bool {
	return n == o || slices.Equal(n.Prefixes, o.Prefixes) && slices.Equal(n.VPCs, o.VPCs) && slices.Equal(n.VPCEs, o.VPCEs)
}

func newNetworks(names []string, entries []access.Entry, now time.Time) *Networks {
	n := &Networks{Allowlists: names}
	var prefixes []netip.Prefix
	for _, e := range entries {
		switch {
		case e.ExpiredAt(now):
		case e.Kind == access.EntryCIDR:
			prefixes = append(prefixes, e.Prefix)
		case e.Kind == access.EntryVPC:
			n.VPCs = append(n.VPCs, e.Endpoint)
		default:
			n.VPCEs = append(n.VPCEs, e.Endpoint)
		}
	}
	n.Prefixes = cidr.Cover(prefixes)
	n.VPCs, n.VPCEs = sortedSet(n.VPCs), sortedSet(n.VPCEs)
	n.deny = n.denyConditions()
	return n
}

// denyConditions builds the condition under which a Deny strikes everyone who is not in
// these networks.
//
// With addresses only it is the plain NotIpAddress: a request without aws:SourceIp (one
// through somebody's VPC endpoint) makes it true and is denied, which is the safe
// default. With VPCs or endpoints the conditions are combined, all of which must be
// true for the Deny to strike, so naming one VPC spares callers from that VPC and
// no other caller (docs/aws-facts.md, "Missing condition keys").
func (n *Networks) denyConditions() []iam.Condition {
	if n.Closed() {
		return nil
	}
	if len(n.VPCs) == 0 && len(n.VPCEs) == 0 {
		return []iam.Condition{iam.NewCondition("NotIpAddress", "aws:SourceIp", prefixStrings(n.Prefixes)...)}
	}
	var cs []iam.Condition
	if len(n.Prefixes) > 0 {
		cs = append(cs, iam.NewCondition("NotIpAddressIfExists", "aws:SourceIp", prefixStrings(n.Prefixes)...))
	}
	if len(n.VPCs) > 0 {
		cs = append(cs, iam.NewCondition("StringNotEqualsIfExists", "aws:SourceVpc", n.VPCs...))
	}
	if len(n.VPCEs) > 0 {
		cs = append(cs, iam.NewCondition("StringNotEqualsIfExists", "aws:SourceVpce", n.VPCEs...))
	}
	return iam.SortConditions(cs...)
}

func prefixStrings(ps []netip.Prefix) []string {
	ss := make([]string, len(ps))
	for i, p := range ps {
		ss[i] = p.String()
	}
	return ss
}

func setKey(names []string) string { return strings.Join(names, "\x00") }
