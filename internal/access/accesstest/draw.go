package accesstest

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"portcullis.internal/portcullis/internal/access"
)

// Now is the time of the tests.
var Now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// The universe of the property tests is small, so that lists, users and accounts meet often. VPCs and
// VPCEs begin with none.
var (
	CIDRs = []string{
		"103.15.250.0/24", "103.15.250.128/25", "103.15.251.0/24", "12.148.72.0/23", "12.148.72.7/32", "8.8.8.8/32", "0.0.0.0/0",
		"2600:1f00::/32", "2600:1f00:1::/48", "2a00::/16",
	}
	VPCs  = []string{"", "vpc-11111111", "vpc-22222222"}
	VPCEs = []string{"", "vpce-11111111", "vpce-22222222"}
	Users = []access.UserName{
		{Path: "/", Name: "alice"},
		{Path: "/", Name: "bob"},
		{Path: "/ops/", Name: "carol"},
		{Account: "111111111111", Path: "/", Name: "alice"},
		{Account: "222222222222", Path: "/", Name: "dave"},
		{Account: "222222222222", Path: "/", Name: "alice"},
		{Account: "222222222222", Path: "/ops/", Name: "carol"},
		{Account: "333333333333", Path: "/", Name: "erin"},
		{Account: "999999999999", Path: "/", Name: "frank"},
	}
	Roles    = []access.RoleName{{Path: "/", Name: "Bob"}, {Path: "/team-a/", Name: "Ops"}}
	Accounts = []access.Account{
		InOU(access.Account{ID: "111111111111", Tags: map[string]string{"env": "prod"}}, "Root/Prod"),
		InOU(access.Account{ID: "222222222222", Tags: map[string]string{"env": "dev"}}, "Root/Prod/Payments"),
		InOU(access.Account{ID: "333333333333", Partition: "aws-cn"}, "Root/Dev"),
	}
	Selectors = []access.Selector{
		{All: true},
		{All: true, Except: []string{"Root/Dev"}},
		{IDs: []access.AccountID{"111111111111", "333333333333"}},
		{IDs: []access.AccountID{"222222222222", "111111111111"}, Except: []string{"Root/Prod/Payments"}},
		{OUs: []string{"Root/Prod"}},
		{OUs: []string{"Root/Prod"}, Except: []string{"111111111111"}},
		{Tags: map[string]string{"env": "prod"}},
	}
)

// DrawState draws three allowlists, of which some may be empty, and a few mappings of them.
func DrawState(t *rapid.T) access.State {
	var s access.State
	for _, name := range []string{"office", "vpn", "cloud"} {
		a := access.Allowlist{ID: "al-" + name, Name: name}
		seen := map[string]bool{}
		for range rapid.IntRange(0, 4).Draw(t, "entries") {
			e := DrawEntry(t)
			if !seen[e.Key()] {
				seen[e.Key()] = true
				a.Entries = append(a.Entries, e)
			}
		}
		access.SortEntries(a.Entries)
		s.Allowlists = append(s.Allowlists, a)
	}
	for i := range rapid.IntRange(1, 5).Draw(t, "mappings") {
		s.Mappings = append(s.Mappings, DrawMapping(t, i))
	}
	s.Sort()
	return s
}

// DrawEntry draws an entry of any kind. It may have expired, or expire at Now.
func DrawEntry(t *rapid.T) access.Entry {
	key := rapid.SampledFrom(append(append(append([]string{}, CIDRs...), VPCs[1:]...), VPCEs[1:]...)).Draw(t, "entry")
	e, err := access.ParseEntry(key)
	if err != nil {
		t.Fatalf("ParseEntry(%q): %v", key, err)
	}
	e.Expires = rapid.SampledFrom([]time.Time{{}, {}, {}, Now, Now.Add(-time.Hour), Now.Add(time.Nanosecond)}).Draw(t, "expires")
	return e
}

// DrawMapping draws the mapping number i.
func DrawMapping(t *rapid.T, i int) access.Mapping {
	m := access.Mapping{
		ID:          fmt.Sprintf("mp-%d", i),
		Role:        rapid.SampledFrom(Roles).Draw(t, "role"),
		Users:       rapid.SliceOfNDistinct(rapid.SampledFrom(Users), 1, 4, access.UserName.String).Draw(t, "users"),
		Accounts:    rapid.SampledFrom(Selectors).Draw(t, "selector"),
		Allowlists:  rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"office", "vpn", "cloud"}), 1, 2, rapid.ID).Draw(t, "lists"),
		Enforcement: rapid.SampledFrom([]access.Enforcement{access.EnforceMapped, access.EnforceMapped, access.EnforceEveryone}).Draw(t, "enforcement"),
	}
	if m.RequireMFA = rapid.Bool().Draw(t, "mfa"); m.RequireMFA {
		m.MFAMaxAge = rapid.SampledFrom([]time.Duration{0, 10 * time.Minute, time.Hour}).Draw(t, "age")
	}
	m.SessionName = rapid.SampledFrom([]access.Naming{access.NamingAny, access.NamingAny, access.NamingUsername}).Draw(t, "session")
	m.SourceIdentity = rapid.SampledFrom([]access.Naming{access.NamingAny, access.NamingAny, access.NamingUsername}).Draw(t, "source")
	return m.OrDefault()
}
