package scenario

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"portcullis/internal/access"
)

var testNow = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// The universe of the property tests is small, so that lists, users and accounts meet
// often.
var (
	someCIDRs = []string{
		"103.15.250.0/24", "103.15.250.128/25", "103.15.251.0/24", "12.148.72.0/23", "12.148.72.7/32", "8.8.8.8/32", "0.0.0.0/0",
		"2600:1f00::/32", "2600:1f00:1::/48", "2a00::/16",
	}
	someAddrs = []string{
		"", "103.15.250.1", "103.15.250.200", "103.15.251.9", "12.148.72.7", "12.148.73.255", "12.148.74.0", "8.8.8.8", "1.2.3.4",
		"2600:1f00::1", "2600:1f00:1::1", "2a00:5::1", "2b00::1", "::ffff:8.8.8.8",
	}
	someVPCs  = []string{"", "vpc-11111111", "vpc-22222222"}
	someVPCEs = []string{"", "vpce-11111111", "vpce-22222222"}
	someUsers = []access.UserName{
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
	someRoles    = []access.RoleName{{Path: "/", Name: "Bob"}, {Path: "/team-a/", Name: "Ops"}}
	someAccounts = []access.Account{
		{ID: "111111111111", OU: "Root/Prod", Tags: map[string]string{"env": "prod"}},
		{ID: "222222222222", OU: "Root/Prod/Payments", Tags: map[string]string{"env": "dev"}},
		{ID: "333333333333", OU: "Root/Dev", Partition: "aws-cn"},
	}
	someSelectors = []access.Selector{
		{All: true},
		{All: true, Except: []string{"Root/Dev"}},
		{IDs: []access.AccountID{"111111111111", "333333333333"}},
		{IDs: []access.AccountID{"222222222222", "111111111111"}, Except: []string{"Root/Prod/Payments"}},
		{OUs: []string{"Root/Prod"}},
		{OUs: []string{"Root/Prod"}, Except: []string{"111111111111"}},
		{Tags: map[string]string{"env": "prod"}},
	}
)

func drawState(t *rapid.T) access.State {
	var s access.State
	for i, name := range []string{"office", "vpn", "cloud"} {
		a := access.Allowlist{ID: "al-" + name, Name: name}
		seen := map[string]bool{}
		for range rapid.IntRange(0, 4).Draw(t, "entries") {
			e := drawEntry(t)
			if !seen[e.Key()] {
				seen[e.Key()] = true
				a.Entries = append(a.Entries, e)
			}
		}
		access.SortEntries(a.Entries)
		s.Allowlists = append(s.Allowlists, a)
		_ = i
	}
	for i := range rapid.IntRange(1, 5).Draw(t, "mappings") {
		s.Mappings = append(s.Mappings, drawMapping(t, i))
	}
	s.Sort()
	return s
}

func drawEntry(t *rapid.T) access.Entry {
	key := rapid.SampledFrom(append(append(append([]string{}, someCIDRs...), someVPCs[1:]...), someVPCEs[1:]...)).Draw(t, "entry")
	e, err := access.ParseEntry(key)
	if err != nil {
		t.Fatalf("ParseEntry(%q): %v", key, err)
	}
	e.Expires = rapid.SampledFrom([]time.Time{{}, {}, {}, testNow, testNow.Add(-time.Hour), testNow.Add(time.Nanosecond)}).Draw(t, "expires")
	return e
}

func drawMapping(t *rapid.T, i int) access.Mapping {
	m := access.Mapping{
		ID:          fmt.Sprintf("mp-%d", i),
		Role:        rapid.SampledFrom(someRoles).Draw(t, "role"),
		Users:       rapid.SliceOfNDistinct(rapid.SampledFrom(someUsers), 1, 4, access.UserName.String).Draw(t, "users"),
		Accounts:    rapid.SampledFrom(someSelectors).Draw(t, "selector"),
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
