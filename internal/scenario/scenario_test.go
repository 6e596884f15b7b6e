package scenario

import (
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/access/accesstest"
)

var byValue = cmp.Options{
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	cmpopts.EquateEmpty(),
	cmpopts.IgnoreFields(Scenario{}, "Positions"),
	cmp.Transformer("OUs", (*access.OUs).List),
}

func TestParseScenario(t *testing.T) {
	data, err := os.ReadFile("testdata/scenarios/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := ParseScenario(data, "full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	a := s.Accounts[0]
	if a.ID != "111122223333" || a.Name != "payments" || a.OU != "Root/Prod" || a.Tags["env"] != "prod" || a.Partition != "aws" || a.Quotas.TrustPolicy != 4096 {
		t.Errorf("account %+v", a)
	}
	if got := len(s.State.Allowlists[0].Entries); got != 4 {
		t.Errorf("%d entries, want 4", got)
	}
	e := s.State.Allowlists[0].Entries[0]
	if e.Key() != "12.148.72.0/23" || e.Note != "data centre" || e.Ticket != "SEC-12" || e.Expires.Year() != 2027 {
		t.Errorf("entry %+v", e)
	}
	if n := len(
		s.State.Strategies,
	); n != 2 || s.State.DefaultStrategy != "st-000001" ||
		s.State.Strategies[1].Name != "Quick" {
		t.Fatalf("%d strategies, and the default %q", n, s.State.DefaultStrategy)
	}
	strategy := access.Strategy{
		ID:          "st-000001",
		Name:        "Careful",
		Description: "a few accounts first",
		MaxInFlight: 20,
		MaxFailures: access.Limit{Percent: 5},
		ReadBack:    true,
		RollBack:    true,
		Confirm:     30 * time.Minute,
		Waves: []access.WaveRule{
			{
				Name:             "Canaries",
				Count:            2,
				MaxFailures:      access.Limit{None: true},
				Bake:             time.Hour,
				RequiresApproval: true,
			},
			{
				Accounts:    access.Selector{OUs: []string{"ou-ab12-34cd56ef"}},
				MaxInFlight: 5,
				MaxFailures: access.Limit{Percent: 10},
			},
			{Percent: 25, MaxFailures: access.Limit{Count: 1}},
			{EachOU: true},
		},
		Probes: []access.Probe{{Role: access.RoleName{Path: "/", Name: "Bob"}, Allowed: true, Accounts: 3}},
		MaintenanceWindow: access.MaintenanceWindow{
			Days: []int{1, 2},
			From: "22:00",
			To:   "04:00",
			Zone: "Europe/Berlin",
		},
	}
	if diff := cmp.Diff(strategy, s.State.Strategies[0]); diff != "" {
		t.Errorf("strategy (-want +got)\n%s", diff)
	}
	m := s.State.Mappings[0]
	want := []access.UserName{{Path: "/", Name: "alice"}, {Account: "444455556666", Path: "/", Name: "carol"}, {Account: "444455556666", Path: "/ops/", Name: "dave"}}
	if diff := cmp.Diff(want, m.Users); diff != "" {
		t.Errorf("users (-want +got)\n%s", diff)
	}
	if m.Enforcement != access.EnforceEveryone || !m.RequireMFA || m.MFAMaxAge.Hours() != 1 || m.SessionName != access.NamingUsername || m.SourceIdentity != access.NamingUsername {
		t.Errorf("mapping %+v", m)
	}
	for object, want := range map[string]string{
		"account/444455556666": "full.yaml:8", "allowlist/office": "full.yaml:10", "entry/office/vpc-0a1b2c3d4e5f60718": "full.yaml:14", "mapping/mp-000001": "full.yaml:17",
	} {
		if got := s.Positions[object]; got != want {
			t.Errorf("%s stands at %q, want %q", object, got, want)
		}
	}
}

func TestParseScenarioRefuses(t *testing.T) {
	const head = "allowlists:\n  - name: office\n    entries:\n      - "
	const mapping = "allowlists: [{name: office, entries: [8.8.8.8]}]\nmappings:\n  - role: Bob\n    users: [alice]\n    accounts: {all: true}\n    allowlists: [office]\n    "
	for name, tc := range map[string]struct{ text, want string }{
		"empty":                   {"", "f.yaml:1: "},
		"no YAML":                 {"accounts: [\n  - }", "f.yaml:"},
		"unknown key":             {"accounts:\n  - id: \"111122223333\"\n    nmae: x\n", `f.yaml:3: an account has no key "nmae"; its keys are id, name, ou, partition, tags, trust_policy_quota`},
		"unknown top key":         {"allowlist: []", `f.yaml:1: a scenario has no key "allowlist"`},
		"key twice":               {"accounts:\n  - id: \"111122223333\"\n    id: \"111122223333\"\n", "f.yaml:3: "},
		"section twice":           {"accounts: []\nallowlists: []\naccounts: []\n", `f.yaml:3: the key "accounts" stands here a second time (first on line 1); remove one`},
		"role twice":              {mapping + "role: Eve\n", `f.yaml:7: the key "role" stands here a second time (first on line 3); remove one`},
		"Latin-1":                 {"accounts:\n  - id: \"111122223333\"\n    name: caf\xe9\n", "f.yaml:3: this is not UTF-8; save the file as plain text in UTF-8"},
		"UTF-16":                  {"\xff\xfea\x00c\x00", "f.yaml:1: this is not UTF-8"},
		"NUL":                     {"accounts:\n  - id: \"111122223333\"\n    name: \"a\x00b\"\n", "f.yaml:3: there is a control character (U+0000) here"},
		"anchored account":        {"accounts:\n  - &a {id: \"111122223333\"}\n", "f.yaml:2: anchors, aliases and tags are not understood here; write the value out"},
		"anchored list":           {"accounts: &a\n  - {id: \"111122223333\"}\n", "f.yaml:1: anchors, aliases and tags are not understood here"},
		"anchored entry":          {head + "&a 8.8.8.8\n", "f.yaml:4: anchors, aliases and tags are not understood here"},
		"anchored tags":           {"accounts: [{id: \"111122223333\", tags: &a {env: prod}}]", "anchors, aliases and tags are not understood here"},
		"short account id":        {"accounts: [{id: 1111}]", `f.yaml:1: "1111" is not an account id`},
		"account twice":           {"accounts:\n  - {id: \"111122223333\"}\n  - {id: \"111122223333\"}\n", "f.yaml:3: account 111122223333 is listed a second time"},
		"partition":               {"accounts: [{id: \"111122223333\", partition: moon}]", `"moon" is not known here; write aws or aws-cn or aws-us-gov`},
		"quota":                   {"accounts: [{id: \"111122223333\", trust_policy_quota: 9000}]", "no quota"},
		"private range":           {head + "10.0.0.0/8\n", "f.yaml:4: 10.0.0.0/8 is a private range (RFC 1918)"},
		"shared range":            {head + "100.64.1.0/24\n", "f.yaml:4: "},
		"loopback":                {head + "127.0.0.1\n", "f.yaml:4: "},
		"link-local":              {head + "169.254.1.1\n", "f.yaml:4: "},
		"ULA":                     {head + "\"fd00::/8\"\n", "f.yaml:4: "},
		"host bits":               {head + "12.148.72.1/23\n", "f.yaml:4: \"12.148.72.1/23\" has host bits set: the network is 12.148.72.0/23"},
		"no such address":         {head + "300.1.1.1/24\n", "f.yaml:4: "},
		"leading zero":            {head + "010.0.0.1\n", "f.yaml:4: "},
		"hexadecimal":             {head + "0x0a.0.0.1\n", "f.yaml:4: "},
		"short form of inet_aton": {head + "127.1\n", "f.yaml:4: "},
		"netmask":                 {head + "8.8.8.0/255.255.255.0\n", "f.yaml:4: "},
		"mapped":                  {head + "\"::ffff:8.8.8.8/128\"\n", "f.yaml:4: "},
		"word":                    {head + "office\n", "f.yaml:4: "},
		"wrong kind":              {head + "{vpc: vpce-0a1b2c3d}\n", "f.yaml:4: "},
		"no kind at all":          {head + "{note: the office, ticket: SEC-1}\n", "f.yaml:4: an entry has exactly one of cidr, vpc and vpce; this one has 0"},
		"two kinds":               {head + "{vpc: vpc-0a1b2c3d, cidr: 8.8.8.8}\n", "f.yaml:4: an entry has exactly one of cidr, vpc and vpce"},
		"time":                    {head + "{cidr: 8.8.8.8, expires: tomorrow}\n", `f.yaml:4: "tomorrow" is not a time`},
		"allowlist's name":        {"allowlists:\n  - name: Office!\n", "f.yaml:2: "},
		"allowlist twice":         {"allowlists:\n  - name: a\n  - name: a\n", `f.yaml:3: an allowlist named "a" exists already (f.yaml:2)`},
		"unknown allowlist":       {strings.Replace(mapping, "allowlists: [office]\n", "allowlists:\n      - ofice\n", 1), `f.yaml:7: the mapping of Bob names the allowlist "ofice", which does not exist`},
		"no users":                {strings.Replace(mapping, "users: [alice]", "users: []", 1), "f.yaml:3: name at least one user"},
		"selector":                {strings.Replace(mapping, "{all: true}", "{all: true, ids: [\"111122223333\"]}", 1), "f.yaml:5: choose accounts in exactly one way"},
		"bool":                    {mapping + "require_mfa: sure\n", "f.yaml:7: true or false"},
		"age without MFA":         {mapping + "mfa_max_age: 1h\n", "f.yaml:3: an age for MFA needs MFA to be required"},
		"age":                     {mapping + "require_mfa: true\n    mfa_max_age: 1 hour\n", "f.yaml:8: "},
		"less than a second":      {mapping + "require_mfa: true\n    mfa_max_age: 500ms\n", "f.yaml:8: "},
		"enforcement":             {mapping + "enforcement: all\n", `f.yaml:7: "all" is not known here; write mapped or everyone`},
		"two documents":           {"accounts: []\n---\naccounts: []\n", "f.yaml:3: a second document"},
		"anchors":                 {"accounts: &a []\nallowlists: *a\n", "f.yaml:1: "},
		"deep":                    {strings.Repeat("[", 100_000), "f.yaml:1: brackets are nested"},
		"path":                    {"accounts: [{id: \"111122223333\", ou: Root//Prod}]", `f.yaml:1: "Root//Prod" is not the path of an OU`},
		"open quote":              {strings.Replace(mapping, "{all: true}", `{ous: ['Root/"CI/CD']}`, 1), "f.yaml:5: \"Root/\\\"CI/CD\" is not the path of an OU: the quote that opens a name is never closed"},
		"id of no OU":             {"ous: [{id: ou-1, path: Root/Prod}]", `f.yaml:1: "ou-1" is not the id of an OU`},
		"OU without a path":       {"ous: [{id: ou-ab12-34cd56ef}]", "f.yaml:1: an OU has an id and a path"},
		"OU twice":                {"ous:\n  - {id: r-ab12, path: Root}\n  - {id: r-ab12, path: Top}\n", "f.yaml:3: the OU r-ab12 is listed a second time; list it once (first at f.yaml:2)"},
		"one path for two OUs":    {"ous:\n  - {id: r-ab12, path: Root}\n  - {id: r-cd34, path: Root}\n", "f.yaml: the OUs r-ab12 and r-cd34 have the same path Root"},
		"account in unknown id":   {"accounts:\n  - id: \"111122223333\"\n    ou: ou-ab12-34cd56ef\n", "f.yaml:3: account 111122223333: the OU ou-ab12-34cd56ef has no path in this file"},
		"unknown strategy key": {
			"strategies: [{name: x, speed: 3}]",
			`f.yaml:1: a strategy has no key "speed"; its keys are confirm_within, default, description,`,
		},
		"unknown wave key": {"strategies: [{name: x, waves: [{counts: 3}]}]", `f.yaml:1: a wave has no key "counts"`},
		"strategy twice":   {"strategies:\n  - name: a\n  - name: A\n", `f.yaml:3: a strategy named "A" exists already (line 2)`},
		"two defaults": {
			"strategies:\n  - {name: a, default: true}\n  - {name: b, default: true}\n",
			`f.yaml:3: the strategy "a" is the default already (line 2)`,
		},
		"strategy's name": {"strategies:\n  - {name: all at once}\n", `f.yaml:2: "All at once" is the strategy of the console`},
		"wave of nothing": {
			"strategies:\n  - name: a\n    waves:\n      - {name: b}\n", "f.yaml:2: a wave takes accounts in one way",
		},
		"no number":            {"strategies:\n  - name: a\n    max_in_flight: many\n", `f.yaml:3: "many" is not a whole number`},
		"a list for an object": {"accounts: [[]]", "f.yaml:1: an account has to be an object"},
		"an object for a list": {"accounts: {id: x}", "f.yaml:1: a list is wanted"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseScenario([]byte(tc.text), "f.yaml")
			if err == nil {
				t.Fatal("no error")
			}
			if access.KindOf(err) != access.KindInvalid || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %q (%s), want one that says %q", err, access.KindOf(err), tc.want)
			}
		})
	}
}

func drawScenario(t *rapid.T) Scenario {
	s := Scenario{Accounts: append([]access.Account{}, accesstest.Accounts...), State: accesstest.DrawState(t)}
	var known []access.OU
	if rapid.Bool().Draw(t, "ids") {
		known = []access.OU{
			{ID: "r-ab12", Path: "Root"}, {ID: "ou-ab12-cicd0000", Path: `Root/"CI/CD"`}, {ID: "ou-ab12-prod0000", Path: "Root/Prod"},
		}
	}
	placeDrawn(t, &s, known)
	word := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"true", "null", "~", "- a", "a: b", "#x", "1e3", "012", " lead", "tab\tin", "line\nbreak", "'", `"`, "@x", "%x", "{", "é"}))
	for i := range s.Accounts {
		s.Accounts[i].Name = word.Draw(t, "name")
		s.Accounts[i].Tags = map[string]string{"k" + word.Draw(t, "key"): word.Draw(t, "tag")}
		s.Accounts[i].Quotas.TrustPolicy = rapid.SampledFrom([]int{0, 2048, 8192}).Draw(t, "quota")
	}
	for i := range s.State.Allowlists {
		s.State.Allowlists[i].Description = word.Draw(t, "description")
		for j := range s.State.Allowlists[i].Entries {
			e := &s.State.Allowlists[i].Entries[j]
			e.Note = rapid.StringN(0, 20, access.MaxNote).Filter(shown).Draw(t, "note")
		}
	}
	// The ids are made from the file.
	for i := range s.State.Mappings {
		s.State.Mappings[i].ID = mappingID(i)
	}
	if rapid.Bool().Draw(t, "strategies") {
		drawStrategies(t, &s)
	}
	return s
}

// drawStrategies adds strategies to a scenario, in the order of their names.
func drawStrategies(t *rapid.T, s *Scenario) {
	s.State.Strategies = []access.Strategy{}
	limit := rapid.SampledFrom([]access.Limit{{}, {None: true}, {Count: 3}, {Percent: 7}})
	wave := rapid.Custom(func(t *rapid.T) access.WaveRule {
		w := access.WaveRule{
			MaxInFlight: rapid.IntRange(0, 500).
				Draw(t, "in flight"),
			MaxFailures:      limit.Draw(t, "limit"),
			RequiresApproval: rapid.Bool().Draw(t, "approval"),
			Name: rapid.SampledFrom([]string{"", "Canary", "true", "a: b", "é"}).
				Draw(t, "name"),
			Bake: time.Duration(rapid.IntRange(0, 7200).Draw(t, "bake")) * time.Second,
		}
		if rapid.Bool().Draw(t, "chosen") {
			w.Accounts = inFile(s.OUs, rapid.SampledFrom([]access.Selector{
				{
					All:    true,
					Except: []string{"111122223333"},
				},
				{IDs: []access.AccountID{"111122223333"}},
				{OUs: []string{"Root/Prod"}},
				{Tags: map[string]string{"env": "prod"}},
			}).Draw(t, "accounts"))
		} else {
			w.Count = rapid.IntRange(1, 9).Draw(t, "count")
		}
		return w
	})
	for i, name := range []string{"Careful", "null", "Two words", "x: y"}[rapid.IntRange(0, 4).Draw(t, "skipped"):] {
		one := access.Strategy{
			ID: numberedID(
				"st-",
				i,
			),
			Name:        name,
			Description: rapid.SampledFrom([]string{"", "off", "- a", "line\nbreak"}).Draw(t, "description"),
			MaxInFlight: rapid.IntRange(0, 500).
				Draw(t, "in flight"),
			MaxFailures: limit.Draw(t, "limit"),
			ReadBack:    rapid.Bool().Draw(t, "read back"),
			Waves: rapid.SliceOfN(wave, 0, 3).
				Draw(t, "waves"),
			Confirm: time.Duration(rapid.SampledFrom([]int{0, 60, 90}).Draw(t, "confirm")) * time.Second,
		}
		if rapid.Bool().Draw(t, "probe") {
			one.Probes = []access.Probe{
				{
					Role:     access.RoleName{Path: "/ops/", Name: "Bob"},
					Allowed:  rapid.Bool().Draw(t, "allowed"),
					Accounts: rapid.IntRange(0, 9).Draw(t, "probed"),
				},
			}
			one.MaintenanceWindow = access.MaintenanceWindow{
				Days: []int{0, 6},
				From: "22:00",
				To:   "04:00",
				Zone: rapid.SampledFrom([]string{"", "Europe/Berlin"}).Draw(t, "zone"),
			}
		}
		s.State.Strategies = append(s.State.Strategies, one)
		if rapid.IntRange(0, 3).Draw(t, "default") == 0 {
			s.State.DefaultStrategy = one.ID
		}
	}
}

// placeDrawn gives the OUs of a scenario the ids that they have after it is read.
func placeDrawn(t *rapid.T, s *Scenario, known []access.OU) {
	var err error
	if s.OUs, err = access.OUsAt(known, "Root/Prod", "Root/Prod/Payments", "Root/Dev"); err != nil {
		t.Fatal(err)
	}
	for i := range s.Accounts {
		s.OUs.Place(&s.Accounts[i], ouInFile(s.OUs, s.Accounts[i].OU))
	}
	for i := range s.State.Mappings {
		s.State.Mappings[i].Accounts = inFile(s.OUs, s.State.Mappings[i].Accounts)
	}
}

// TestPrintedScenariosReadBack: reading what was printed gives the same scenario, from
// YAML and from JSON.
func TestPrintedScenariosReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawScenario(t)
		for name, print := range map[string]func() ([]byte, error){"YAML": want.YAML, "JSON": want.JSON} {
			data, err := print()
			if err != nil {
				t.Fatal(err)
			}
			got, err := ParseScenario(data, "f")
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, data)
			}
			if diff := cmp.Diff(want, got, byValue); diff != "" {
				t.Fatalf("%s (-want +got)\n%s\n%s", name, diff, data)
			}
		}
	})
}

func TestByteOrderMark(t *testing.T) {
	for _, text := range []string{"\ufeffaccounts:\r\n  - id: 000055556666\r\n", "\ufeff{\"accounts\": [{\"id\": \"000055556666\"}]}"} {
		s, err := ParseScenario([]byte(text), "f.yaml")
		if err != nil || len(s.Accounts) != 1 || s.Accounts[0].ID != "000055556666" {
			t.Errorf("%q: accounts %v (%v)", text, s.Accounts, err)
		}
	}
}

func TestTabsInJSON(t *testing.T) {
	if _, err := ParseScenario([]byte("{\n\t\"accounts\": [],\n\t\"allowlists\": []\n}"), "f.json"); err != nil {
		t.Error(err)
	}
}

// shown reports whether a note may be kept at all: one with control characters is refused.
func shown(note string) bool {
	return access.Entry{Kind: access.EntryVPC, Endpoint: "vpc-0a1b2c3d", Note: note}.Check() == nil
}
