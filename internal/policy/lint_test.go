package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/policy"
	"portcullis.internal/portcullis/internal/scenario"
)

// lintOf returns "severity code object" of each issue, with the position if it has one.
func lintOf(t *testing.T, text string, change func(*policy.Input)) []string {
	t.Helper()
	s, err := scenario.ParseScenario([]byte(text), "f.yaml")
	if err != nil {
		t.Fatal(err)
	}
	in := policy.Input{State: s.State, Accounts: s.Accounts, Positions: s.Positions, Now: policy.TestNow}
	if change != nil {
		change(&in)
	}
	var got []string
	for _, i := range policy.Lint(in) {
		if i.Message == "" || i.Advice == "" || i.Object == "" {
			t.Errorf("issue %+v lacks words", i)
		}
		line := fmt.Sprintf("%s %s %s", i.Severity, i.Code, i.Object)
		if i.Position != "" {
			line += " at " + strings.TrimPrefix(i.Position, "f.yaml:")
		}
		got = append(got, line)
	}
	return got
}

const lintHead = "accounts: [{id: \"111122223333\", ou: Root/Dev}]\nmappings:\n  - {role: Bob, users: [alice], accounts: {all: true}, allowlists: [office]}\nallowlists:\n  - name: office\n    entries:\n"

func TestLintAllowlists(t *testing.T) {
	many := ""
	for i := 1; i < 223; i++ {
		if i != 10 && i != 127 {
			many += fmt.Sprintf("      - %d.0.0.0/8\n", i)
		}
	}
	both := "      - 8.8.8.0/24\n      - \"2600:1f00::/32\"\n"
	for name, tc := range map[string]struct {
		entries string
		want    []string
	}{
		"nothing to say":           {both, nil},
		"the whole IPv4 internet":  {both + "      - 0.0.0.0/0\n", []string{"error allowlist_too_large allowlist office at 5", "error entry_whole_internet allowlist office at 9", "warning entry_covered allowlist office at 7"}},
		"the whole IPv6 internet":  {"      - 8.8.8.0/24\n      - \"::/0\"\n", []string{"error allowlist_too_large allowlist office at 5", "error entry_whole_internet allowlist office at 8"}},
		"in many parts":            {many, []string{"error allowlist_too_large allowlist office at 5", "warning allowlist_one_family allowlist office at 5"}},
		"just as much as one /8":   {"      - 12.0.0.0/9\n      - 12.128.0.0/9\n      - \"2600:1f00::/32\"\n", []string{"warning allowlist_large allowlist office at 5"}},
		"just not large":           {"      - 12.0.0.0/11\n      - 12.32.0.0/12\n      - \"2600:1f00::/32\"\n", nil},
		"large":                    {"      - 52.0.0.0/9\n      - \"2600:1f00::/32\"\n", []string{"warning allowlist_large allowlist office at 5"}},
		"large in IPv6":            {"      - 8.8.8.0/24\n      - \"2600::/28\"\n", []string{"warning allowlist_large allowlist office at 5"}},
		"one address more":         {"      - 12.0.0.0/8\n      - 13.0.0.0\n      - \"2600:1f00::/32\"\n", []string{"error allowlist_too_large allowlist office at 5"}},
		"documentation":            {both + "      - 203.0.113.0/28\n", []string{"warning entry_documentation allowlist office at 9"}},
		"benchmarking":             {both + "      - 198.19.7.0/24\n", []string{"warning entry_special_purpose allowlist office at 9"}},
		"a bit more than that":     {both + "      - 198.16.0.0/14\n", nil},
		"IPv6 for benchmarking":    {both + "      - \"2001:2:0:7::/64\"\n", []string{"warning entry_special_purpose allowlist office at 9"}},
		"twice":                    {both + "      - 8.8.8.0/24\n", []string{"warning entry_duplicate allowlist office at 9"}},
		"covered":                  {both + "      - 8.8.8.8\n", []string{"warning entry_covered allowlist office at 9"}},
		"covered until it expires": {"      - \"2600:1f00::/32\"\n      - {cidr: 8.8.8.0/24, expires: 2027-11-01T00:00:00Z}\n      - 8.8.8.8\n", nil},
		"expiring":                 {both + "      - {cidr: 9.9.9.9, expires: 2026-11-25T00:00:00Z}\n", []string{"warning entry_expiring allowlist office at 9"}},
		"expired":                  {both + "      - {cidr: 9.9.9.9, expires: 2026-11-23T12:00:00Z}\n", []string{"info entry_expired allowlist office at 9"}},
		"all expired":              {"      - {cidr: 9.9.9.9, expires: 2026-01-01T00:00:00Z}\n", []string{"warning allowlist_empty allowlist office at 5", "warning mapping_closed mapping Bob for all accounts at 3", "info entry_expired allowlist office at 7"}},
		"only IPv4":                {"      - 8.8.8.8\n", []string{"warning allowlist_one_family allowlist office at 5"}},
		"only IPv6":                {"      - \"2600:1f00::/32\"\n", []string{"warning allowlist_one_family allowlist office at 5"}},
		"a VPC":                    {both + "      - vpc-0a1b2c3d\n", []string{"info entry_vpc_region allowlist office at 9"}},
		"unused":                   {both + "  - {name: spare, entries: [8.8.8.0/24, \"2600:1f00::/32\"]}\n", []string{"warning allowlist_unused allowlist spare at 9"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, lintOf(t, lintHead+tc.entries, nil)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
	allowed := lintOf(t, lintHead+both+"      - 0.0.0.0/0\n", func(in *policy.Input) { in.Options.AllowDangerous = true })
	if strings.HasPrefix(allowed[0], "error") {
		t.Errorf("with dangerous ranges allowed, lint still says %s", allowed[0])
	}
}

func TestLintMappings(t *testing.T) {
	const head = "accounts: [{id: \"111122223333\", ou: Root/Prod}, {id: \"444455556666\", ou: Root/Dev}]\nallowlists: [{name: office, entries: [8.8.8.0/24, \"2600:1f00::/32\"]}]\nmappings:\n"
	for name, tc := range map[string]struct {
		mapping string
		change  func(*policy.Input)
		want    []string
	}{
		"nothing to say": {"  - {role: Bob, users: [alice], accounts: {all: true}, allowlists: [office], require_mfa: true}\n", nil, nil},
		"reaches nothing": {
			"  - {role: Bob, users: [alice], accounts: {ous: [Root/Nowhere]}, allowlists: [office]}\n", nil,
			[]string{"warning mapping_unreachable mapping Bob for OU Root/Nowhere at 4", "warning user_mapped_nowhere user alice at 4"},
		},
		"unknown account": {
			"  - {role: Bob, users: [alice], accounts: {ids: [\"999999999999\", \"444455556666\"]}, allowlists: [office]}\n", nil,
			[]string{"error account_unknown mapping Bob for 999999999999, 444455556666 at 4"},
		},
		"a user of an unknown account": {
			"  - {role: Bob, users: [\"999999999999:alice\"], accounts: {ous: [Root/Dev]}, allowlists: [office]}\n", nil,
			[]string{"warning account_unknown mapping Bob for OU Root/Dev at 4"},
		},
		"mapped elsewhere as well": {
			"  - {role: Bob, users: [alice, \"444455556666:bob\"], accounts: {ous: [Root/Nowhere]}, allowlists: [office]}\n  - {role: Eve, users: [alice], accounts: {ous: [Root/Dev]}, allowlists: [office]}\n", nil,
			[]string{"warning mapping_unreachable mapping Bob for OU Root/Nowhere at 4", "warning user_mapped_nowhere user 444455556666:bob at 4"},
		},
		"mapped elsewhere before": {
			"  - {role: Ann, users: [alice], accounts: {ous: [Root/Dev]}, allowlists: [office]}\n  - {role: Bob, users: [alice], accounts: {ous: [Root/Nowhere]}, allowlists: [office]}\n", nil,
			[]string{"warning mapping_unreachable mapping Bob for OU Root/Nowhere at 5"},
		},
		"production without MFA": {
			"  - {role: Bob, users: [alice], accounts: {all: true}, allowlists: [office]}\n", nil,
			[]string{"info role_without_mfa mapping Bob for all accounts at 4"},
		},
		"a short user name": {
			"  - {role: Bob, users: [a], accounts: {ous: [Root/Dev]}, allowlists: [office], session_name: username}\n", nil,
			[]string{"warning session_name_short mapping Bob for OU Root/Dev at 4"},
		},
		"source identity": {
			"  - {role: Bob, users: [alice], accounts: {ous: [Root/Dev]}, allowlists: [office], source_identity: username}\n", nil,
			[]string{"info source_identity_console mapping Bob for OU Root/Dev at 4"},
		},
		"a long role": {
			"  - {role: " + strings.Repeat("p", 30) + "/" + strings.Repeat("n", 40) + ", users: [alice], accounts: {ous: [Root/Dev]}, allowlists: [office]}\n", nil,
			[]string{"warning role_name_long mapping " + strings.Repeat("p", 30) + "/" + strings.Repeat("n", 40) + " for OU Root/Dev at 4"},
		},
		"a role of 65 characters with both slashes of its path": {
			"  - {role: " + strings.Repeat("p", 23) + "/" + strings.Repeat("n", 40) + ", users: [alice], accounts: {ous: [Root/Dev]}, allowlists: [office]}\n", nil,
			[]string{"warning role_name_long mapping " + strings.Repeat("p", 23) + "/" + strings.Repeat("n", 40) + " for OU Root/Dev at 4"},
		},
		"a role of 64 characters": {
			"  - {role: " + strings.Repeat("p", 22) + "/" + strings.Repeat("n", 40) + ", users: [alice], accounts: {ous: [Root/Dev]}, allowlists: [office]}\n", nil, nil,
		},
		"a long name without path": {
			"  - {role: " + strings.Repeat("n", 64) + ", users: [alice], accounts: {ous: [Root/Dev]}, allowlists: [office]}\n", nil, nil,
		},
		"nearly full of what others hold": {
			"  - {role: Bob, users: [alice], accounts: {ids: [\"444455556666\"]}, allowlists: [office], enforcement: everyone}\n", func(in *policy.Input) {
				in.Inventory = policy.SomeInventory()
				inv, _ := in.Inventory.Of("444455556666")
				inv.Users[0].OtherInlineSize = 1600
				in.Inventory.Put(inv)
			},
			[]string{"warning document_near_quota user alice", "warning user_holds_more user alice in account 444455556666"},
		},
		"let in by an identity provider": {
			"  - {role: Bob, users: [alice], accounts: {ids: [\"444455556666\"]}, allowlists: [office]}\n", func(in *policy.Input) { in.Inventory = policy.Trusting(policy.FederatedSAML) },
			[]string{"info role_federated role Bob in account 444455556666"},
		},
		"let in by an identity provider past everyone": {
			"  - {role: Bob, users: [alice], accounts: {ids: [\"444455556666\"]}, allowlists: [office], enforcement: everyone}\n", func(in *policy.Input) {
				in.Inventory = policy.Trusting(strings.Replace(policy.FederatedSAML, "WithSAML", "With*", 1))
			},
			[]string{"warning role_federated role Bob in account 444455556666"},
		},
		"an identity provider's people held to networks": {
			"  - {role: Bob, users: [alice], accounts: {ids: [\"444455556666\"]}, allowlists: [office], enforcement: everyone}\n", func(in *policy.Input) {
				in.Inventory = policy.Trusting(strings.Replace(policy.FederatedSAML, `"Condition":{`, `"Condition":{"IpAddress":{"aws:SourceIp":"8.8.8.0/24"},`, 1))
			}, nil,
		},
		"an identity provider that is denied": {
			"  - {role: Bob, users: [alice], accounts: {ids: [\"444455556666\"]}, allowlists: [office], enforcement: everyone}\n", func(in *policy.Input) {
				in.Inventory = policy.Trusting(strings.Replace(policy.FederatedSAML, "Allow", "Deny", 1))
			}, nil,
		},
		"twice": {
			"  - {role: Bob, users: [alice, alice, \"444455556666:alice\"], accounts: {ous: [Root/Dev]}, allowlists: [office]}\n", nil,
			[]string{"info user_twice mapping Bob for OU Root/Dev at 4", "info user_twice mapping Bob for OU Root/Dev at 4"},
		},
		"the same name": {
			"  - {role: Bob, users: [alice], accounts: {ous: [Root/Dev]}, allowlists: [office]}\n  - {role: x/bob, users: [alice], accounts: {ous: [Root/Dev]}, allowlists: [office]}\n", nil,
			[]string{"error role_same_name role Bob at 5"},
		},
		"the same name with another path": {
			"  - {role: a/Bob, users: [alice], accounts: {ous: [Root/Dev]}, allowlists: [office]}\n  - {role: b/Bob, users: [alice], accounts: {ids: [\"444455556666\"]}, allowlists: [office]}\n", nil,
			[]string{"error role_same_name role a/Bob at 5"},
		},
		"the same name in other accounts": {
			"  - {role: Bob, users: [alice], accounts: {ous: [Root/Dev]}, allowlists: [office]}\n  - {role: x/bob, users: [alice], accounts: {ous: [Root/Prod]}, allowlists: [office], require_mfa: true}\n", nil,
			[]string{"info role_ambiguous role Bob at 4", "info role_ambiguous role x/bob at 5"},
		},
		"users of the same name": {
			"  - {role: Bob, users: [alice], accounts: {ous: [Root/Dev]}, allowlists: [office]}\n  - {role: Eve, users: [\"444455556666:ops/Alice\"], accounts: {ous: [Root/Prod]}, allowlists: [office], require_mfa: true}\n", nil,
			[]string{"error user_same_name user alice at 5"},
		},
		"users of the same name in one mapping": {
			"  - {role: Bob, users: [alice, Alice, ops/bob], accounts: {ous: [Root/Dev]}, allowlists: [office]}\n", nil,
			[]string{"error user_same_name user Alice at 4"},
		},
		"users of the same name in other accounts": {
			"  - {role: Bob, users: [alice, \"111122223333:Alice\"], accounts: {ous: [Root/Dev]}, allowlists: [office]}\n", nil, nil,
		},
		"a protected role in lower case": {
			"  - {role: organizationaccountaccessrole, users: [alice], accounts: {ous: [Root/Dev]}, allowlists: [office]}\n", nil,
			[]string{"error role_protected mapping organizationaccountaccessrole for OU Root/Dev at 4", "warning user_mapped_nowhere user alice at 4"},
		},
		"MFA for a moment": {
			"  - {role: Bob, users: [alice], accounts: {ous: [Root/Dev]}, allowlists: [office], require_mfa: true, mfa_max_age: 1m}\n", nil,
			[]string{"warning mfa_age_short mapping Bob for OU Root/Dev at 4"},
		},
		"protected": {
			"  - {role: PortcullisDeploy, users: [alice], accounts: {ous: [Root/Dev]}, allowlists: [office]}\n", func(in *policy.Input) { in.Options.ProtectedRoles = []string{"portcullisdeploy"} },
			[]string{"error role_protected mapping PortcullisDeploy for OU Root/Dev at 4", "warning user_mapped_nowhere user alice at 4"},
		},
		"suspended": {
			"  - {role: Bob, users: [alice], accounts: {ids: [\"444455556666\"]}, allowlists: [office]}\n", func(in *policy.Input) { in.Accounts[1].State = access.AccountSuspended },
			[]string{"warning account_not_targetable mapping Bob for 444455556666 at 4"},
		},
		"nearly full": {
			"  - {role: Bob, users: [alice], accounts: {ids: [\"444455556666\"]}, allowlists: [office]}\n", func(in *policy.Input) { in.Accounts[1].Quotas.TrustPolicy = 450 },
			[]string{"warning document_near_quota role Bob"},
		},
		"too long": {
			"  - {role: Bob, users: [alice], accounts: {ids: [\"444455556666\"]}, allowlists: [office], enforcement: everyone}\n", func(in *policy.Input) { in.Accounts[1].Quotas.TrustPolicy = 300 },
			[]string{"error document_too_long account 444455556666"},
		},
		"others": {
			"  - {role: Bob, users: [alice, gone], accounts: {ids: [\"444455556666\"]}, allowlists: [office]}\n", func(in *policy.Input) { in.Inventory = policy.SomeInventory() },
			[]string{"warning bypass role Bob in account 444455556666", "warning user_unknown user 444455556666:gone at 4", "warning user_holds_more user alice in account 444455556666"},
		},
		"others, everyone restricted": {
			"  - {role: Bob, users: [alice], accounts: {ids: [\"444455556666\"]}, allowlists: [office], enforcement: everyone}\n", func(in *policy.Input) { in.Inventory = policy.SomeInventory() },
			[]string{"warning user_holds_more user alice in account 444455556666"},
		},
		"a role that is not there": {
			"  - {role: Eve, users: [alice], accounts: {ids: [\"444455556666\"]}, allowlists: [office]}\n", func(in *policy.Input) { in.Inventory = policy.SomeInventory() },
			[]string{"warning role_unknown mapping Eve for 444455556666 at 4", "warning user_mapped_nowhere user alice at 4"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, lintOf(t, head+tc.mapping, tc.change)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
