package policy

import (
	"net/netip"
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/cidr"
	"portcullis.internal/portcullis/internal/iam"
)

// EditedNetworks compares our live statements with those of the plan. Where
// nothing but the networks differs, and these are the same in all of them, it returns
// the networks that are live.
func EditedNetworks(live, planned string) ([]netip.Prefix, bool) {
	is, err := iam.ParseStatements(live)
	if err != nil {
		return nil, false
	}
	be, err := iam.ParseStatements(planned)
	if err != nil {
		return nil, false
	}
	liveNetworks, ok := takeNetworks(is)
	plannedNetworks, okPlanned := takeNetworks(be)
	if !ok || !okPlanned || len(plannedNetworks) == 0 {
		return nil, false
	}
	if !iam.Equal(iam.DocumentJSON(is), iam.DocumentJSON(be), nil) {
		return nil, false
	}
	return liveNetworks, true
}

// takeNetworks returns the one list of networks that statements name, and puts nothing in
// its place. ok is false where there are several lists that differ, or where one holds
// what is no network.
func takeNetworks(ss []iam.Statement) (networks []netip.Prefix, ok bool) {
	found := false
	for i := range ss {
		ss[i].Conditions = slices.Clone(ss[i].Conditions)
		for k, c := range ss[i].Conditions {
			if !strings.EqualFold(c.Key, "aws:SourceIp") || !strings.Contains(strings.ToLower(c.Operator), "ipaddress") {
				continue
			}
			list, ok := networksIn(c.Values)
			if !ok || found && !slices.Equal(list, networks) {
				return nil, false
			}
			networks, found = list, true
			ss[i].Conditions[k] = iam.NewCondition(c.Operator, c.Key)
		}
	}
	return networks, true
}

func networksIn(values []string) ([]netip.Prefix, bool) {
	list := make([]netip.Prefix, len(values))
	for i, v := range values {
		p, err := netip.ParsePrefix(iam.CanonicalCIDR(v))
		if err != nil {
			return nil, false
		}
		list[i] = p.Masked()
	}
	return cidr.Cover(list), true
}
