package iam

import (
	"net/netip"
	"strconv"
	"time"
)

// placesOf returns calls from every place that the tests can tell apart: one address for each set of networks that
// contain it, and calls through VPCs and VPC endpoints.
func placesOf(tests []*test) []Request {
	addresses := []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}
	vpcs, endpoints := []string{"vpc-portcullis"}, []string{"vpce-portcullis"}
	var about []*test
	for _, t := range tests {
		switch t.name {
		case "aws:sourceip", "aws:vpcsourceip":
			addresses = append(addresses, edges(t.prefixes)...)
			addresses = append(addresses, edges(t.wider)...)
		case "aws:sourcevpc":
			vpcs = append(vpcs, t.values...)
		case "aws:sourcevpce":
			endpoints = append(endpoints, t.values...)
		default:
			continue
		}
		about = append(about, t)
	}
	var places []Request
	seen := map[string]bool{}
	add := func(r Request) {
		if key := placeKey(about, r); !seen[key] {
			seen[key] = true
			places = append(places, r)
		}
	}
	for _, a := range addresses {
		add(Request{SourceIP: a})
	}
	for _, vpc := range vpcs {
		add(Request{SourceVPC: vpc, SourceVPCE: endpoints[0]})
	}
	for _, endpoint := range endpoints {
		add(Request{SourceVPC: vpcs[0], SourceVPCE: endpoint})
	}
	return places
}

// edges returns the first address of each network, and the one after its last.
func edges(networks []netip.Prefix) []netip.Addr {
	var found []netip.Addr
	for _, p := range networks {
		found = append(found, p.Masked().Addr())
		if after := lastOf(p).Next(); after.IsValid() {
			found = append(found, after)
		}
	}
	return found
}

// lastOf returns the last address of a network.
func lastOf(p netip.Prefix) netip.Addr {
	bytes := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(bytes)*8; bit++ {
		bytes[bit/8] |= 1 << (7 - bit%8)
	}
	last, _ := netip.AddrFromSlice(bytes)
	return last
}

// placeKey says what each test makes of a place. Calls from places with the same key have the same outcome.
func placeKey(about []*test, r Request) string {
	c := &call{Request: r, via: r.SourceVPC != "" || r.SourceVPCE != ""}
	key := make([]byte, 0, len(about)+1)
	key = strconv.AppendBool(key, c.via)
	for _, t := range about {
		key = append(key, '0'+byte(t.holds(c)))
	}
	return string(key)
}

// mfaOf returns calls without and with MFA, and with each age of it that the tests can tell apart.
func mfaOf(tests []*test) []Request {
	calls := []Request{{}}
	for _, t := range tests {
		switch t.name {
		case "aws:multifactorauthpresent":
			calls = append(calls, Request{MFA: true})
		case "aws:multifactorauthage":
			calls = append(calls, Request{MFA: true})
			for _, v := range t.values {
				if seconds, err := strconv.ParseInt(v, 10, 32); err == nil {
					for _, age := range []int64{seconds - 1, seconds, seconds + 1} {
						calls = append(calls, Request{MFA: true, MFAAge: time.Duration(max(age, 0)) * time.Second})
					}
				}
			}
		}
	}
	return compactCalls(calls)
}

func compactCalls(calls []Request) []Request {
	type kind struct {
		mfa bool
		age time.Duration
	}
	seen := map[kind]bool{}
	var out []Request
	for _, r := range calls {
		if k := (kind{r.MFA, r.MFAAge}); !seen[k] {
			seen[k] = true
			out = append(out, r)
		}
	}
	return out
}
