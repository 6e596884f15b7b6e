package web_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/policy"
	"portcullis.internal/portcullis/web/webtest"
)

// shownField says how a reviewer and a program recognize the value of one field of an edit.
type shownField struct {
	set       func(*access.Edit)
	page, api string
	identity  bool // an object with another value is another object: the field does not change
}

// entryFields are the fields of an entry. entry finds it in an edit.
func entryFields(entry func(*access.Edit) *access.Entry) map[string]shownField {
	field := func(page, api string, set func(*access.Entry)) shownField {
		return shownField{set: func(e *access.Edit) { set(entry(e)); e.Key = entry(e).Key() }, page: page, api: api}
	}
	identity := func(f shownField) shownField { f.identity = true; return f }
	return map[string]shownField{
		"Kind": identity(field("vpc-0123456789abcdef0", `"vpc":"vpc-0123456789abcdef0"`, func(e *access.Entry) {
			*e = access.Entry{Kind: access.EntryVPC, Endpoint: "vpc-0123456789abcdef0"}
		})),
		"Endpoint": identity(field("vpce-0fedcba9876543210", `"vpce":"vpce-0fedcba9876543210"`, func(e *access.Entry) {
			*e = access.Entry{Kind: access.EntryVPCE, Endpoint: "vpce-0fedcba9876543210"}
		})),
		"Prefix": identity(field("52.95.4.0/25", `"cidr":"52.95.4.0/25"`, func(e *access.Entry) {
			e.Prefix = netip.MustParsePrefix("52.95.4.0/25")
		})),
		"Note": field(
			"quaint harbour", `"note":"quaint harbour"`, func(e *access.Entry) { e.Note = "quaint harbour" },
		),
		"Ticket": field("SEC-4711", `"ticket":"SEC-4711"`, func(e *access.Entry) { e.Ticket = "SEC-4711" }),
		"Expires": field("expires 3 Feb 2031, 04:05:06 UTC", `"expires":"2031-02-03T04:05:06Z"`, func(e *access.Entry) {
			e.Expires = time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)
		}),
		"Emergency": field("mergency", `"emergency":true`, func(e *access.Entry) {
			e.Expires, e.Emergency = time.Date(2031, 2, 3, 4, 5, 0, 0, time.UTC), true
		}),
	}
}

func mappingFields() map[string]shownField {
	field := func(page, api string, set func(*access.Mapping)) shownField {
		return shownField{set: func(e *access.Edit) { set(e.Mapping) }, page: page, api: api}
	}
	user := func(u access.UserName) func(*access.Mapping) {
		return func(m *access.Mapping) { m.Users = append(slices.Clone(m.Users), u) }
	}
	return map[string]shownField{
		"ID": {
			identity: true,
			page:     "mp-quaint",
			api:      `"id":"mp-quaint"`,
			set:      func(e *access.Edit) { e.ID, e.Mapping.ID = "mp-quaint", "mp-quaint" },
		},

		"Role.Path": field(
			"role: harbour/Bob", `"role":"harbour/Bob"`, func(m *access.Mapping) { m.Role.Path = "/harbour/" },
		),
		"Role.Name": field("role: Harbour", `"role":"Harbour"`, func(m *access.Mapping) { m.Role.Name = "Harbour" }),
		"Users[].Account": field(
			"user: 210987654321:zoe", `"210987654321:zoe"`,
			user(access.UserName{Account: "210987654321", Path: "/", Name: "zoe"}),
		),
		"Users[].Path": field(
			"user: harbour/zoe", `"harbour/zoe"`, user(access.UserName{Path: "/harbour/", Name: "zoe"}),
		),
		"Users[].Name": field("user: zoe", `"zoe"`, user(access.UserName{Path: "/", Name: "zoe"})),

		"Accounts.All": field(
			"accounts: all accounts", `"all":true`, func(m *access.Mapping) { m.Accounts = access.Selector{All: true} },
		),
		"Accounts.IDs[]": field(
			"123456789012, 210987654321", `"ids":["123456789012","210987654321"]`,
			func(m *access.Mapping) { m.Accounts.IDs = append(slices.Clone(m.Accounts.IDs), "210987654321") },
		),
		"Accounts.OUs[]": field(
			"OU Root/Harbour", `"ous":["Root/Harbour"]`,
			func(m *access.Mapping) { m.Accounts = access.Selector{OUs: []string{"Root/Harbour"}} },
		),
		"Accounts.Tags{}": field(
			"tags quay=seven", `"tags":{"quay":"seven"}`,
			func(m *access.Mapping) { m.Accounts = access.Selector{Tags: map[string]string{"quay": "seven"}} },
		),
		"Accounts.Except[]": field(
			"except 210987654321", `"except":["210987654321"]`,
			func(m *access.Mapping) { m.Accounts.Except = []string{"210987654321"} },
		),

		"Allowlists[]": field(
			"allowlist: depot", `"allowlists":["office","depot"]`,
			func(m *access.Mapping) { m.Allowlists = []string{"office", "depot"} },
		),
		"Enforcement": field(
			"enforcement: everyone", `"enforcement":"everyone"`,
			func(m *access.Mapping) { m.Enforcement = access.EnforceEveryone },
		),
		"RequireMFA": field("MFA: required", `"require_mfa":true`, func(m *access.Mapping) { m.RequireMFA = true }),
		"MFAMaxAge": field(
			"at most 1h2m3s old", `"mfa_max_age":"1h2m3s"`,
			func(m *access.Mapping) { m.RequireMFA, m.MFAMaxAge = true, time.Hour+2*time.Minute+3*time.Second },
		),
		"SessionName": field(
			"session name: username", `"session_name":"username"`,
			func(m *access.Mapping) { m.SessionName = access.NamingUsername },
		),
		"SourceIdentity": field(
			"source identity: username", `"source_identity":"username"`,
			func(m *access.Mapping) { m.SourceIdentity = access.NamingUsername },
		),
	}
}

func ruleFields() map[string]shownField {
	field := func(page, api string, set func(*access.ReviewRule)) shownField {
		return shownField{set: func(e *access.Edit) { set(e.Rule) }, page: page, api: api}
	}
	return map[string]shownField{
		"ID": {
			identity: true,
			page:     "rr-quaint",
			api:      `"id":"rr-quaint"`,
			set:      func(e *access.Edit) { e.ID, e.Rule.ID = "rr-quaint", "rr-quaint" },
		},
		"Name": field(
			"Quaint harbour", `"name":"Quaint harbour"`, func(r *access.ReviewRule) { r.Name = "Quaint harbour" },
		),

		"Scope.Allowlists[]": field(
			"depot (al-depot)", `"al-depot"`, func(r *access.ReviewRule) { r.Scope.Allowlists = []string{"al-depot"} },
		),
		"Scope.Mappings[]": field(
			"Bob for 111122223333 (mp-depot)", `"mp-depot"`,
			func(r *access.ReviewRule) { r.Scope.Mappings = []string{"mp-depot"} },
		),
		"Scope.OUs[]": field(
			"Accounts in: Root/Harbour", `"Root/Harbour"`,
			func(r *access.ReviewRule) { r.Scope.OUs = []string{"Root/Harbour"} },
		),
		"Scope.Tags{}": field(
			"quay=seven", `"quay":"seven"`,
			func(r *access.ReviewRule) { r.Scope.Tags = map[string]string{"quay": "seven"} },
		),
		"Scope.Dangers[]": field(
			"touches break-glass access", `"break_glass"`,
			func(r *access.ReviewRule) { r.Scope.Dangers = []access.Danger{access.DangerBreakGlass} },
		),

		"Need[].Count": field("7 approvals", `"count":7`, func(r *access.ReviewRule) { r.Need[0].Count = 7 }),
		"Need[].Teams[]": field(
			"team harbour", `"teams":["harbour"]`, func(r *access.ReviewRule) { r.Need[0].Teams = []string{"harbour"} },
		),
		"Need[].Roles[]": field(
			"role auditor", `"roles":["auditor"]`,
			func(r *access.ReviewRule) { r.Need[0].Roles = []access.Role{access.RoleAuditor} },
		),
	}
}

func settingFields() map[string]shownField {
	field := func(page, api string, set func(*access.Settings)) shownField {
		return shownField{set: func(e *access.Edit) { set(e.Settings) }, page: page, api: api}
	}
	return map[string]shownField{
		"ManyAccounts": field(
			"4711 and more", `"many_accounts":4711`, func(s *access.Settings) { s.ManyAccounts = 4711 },
		),
		"AllowDangerous": field(
			"Dangerous ranges may be submitted", `"allow_dangerous":true`,
			func(s *access.Settings) { s.AllowDangerous = true },
		),
		"LargeIPv4": field("4712 IPv4 addresses", `"large_ipv4":4712`, func(s *access.Settings) { s.LargeIPv4 = 4712 }),
		"LargeIPv6": field(
			"4713 IPv6 /64 networks", `"large_ipv6":4713`, func(s *access.Settings) { s.LargeIPv6 = 4713 },
		),
		"BreakGlassAllowed": field(
			"Break-glass is allowed", `"break_glass_allowed":true`,
			func(s *access.Settings) { s.BreakGlassAllowed = true },
		),
		"BreakGlassMappings[]": field("Bob for 111122223333 (mp-depot)", `"break_glass_mappings":["mp-depot"]`, func(s *access.Settings) {
			s.BreakGlassMappings = []string{"mp-depot"}
		}),
		"BreakGlassAllowlists[]": field("depot (al-depot)", `"break_glass_allowlists":["al-depot"]`, func(s *access.Settings) {
			s.BreakGlassAllowlists = []string{"al-depot"}
		}),
		"Guards.NoAddress": field(
			"A user without any address", `"no_address":"refuse"`,
			func(s *access.Settings) { s.Guards.NoAddress = access.GuardRefuse },
		),
		"Guards.OwnAddress": field(
			"One's own address", `"own_address":"refuse"`,
			func(s *access.Settings) { s.Guards.OwnAddress = access.GuardRefuse },
		),
		"Guards.BreakGlass": field(
			"Lost break-glass access", `"break_glass":"confirm"`,
			func(s *access.Settings) { s.Guards.BreakGlass = access.GuardConfirm },
		),
		"Guards.NobodyApplies": field(
			"Nobody who could review or apply", `"nobody_applies":"confirm"`,
			func(s *access.Settings) { s.Guards.NobodyApplies = access.GuardConfirm },
		),
		"EmergencyMaxLife": field(
			"47 hours", `"emergency_max_life":169200000000000`,
			func(s *access.Settings) { s.EmergencyMaxLife = 47 * time.Hour },
		),
		"ExpiryNoticeDays": field(
			"47 days ahead", `"expiry_notice_days":47`, func(s *access.Settings) { s.ExpiryNoticeDays = 47 },
		),
		"ApprovalsValidFor": field(
			"47 days", `"approvals_valid_for":4060800000000000`,
			func(s *access.Settings) { s.ApprovalsValidFor = 47 * 24 * time.Hour },
		),
		"OutsideAccounts[]": field(
			"210987650047", `"outside_accounts":["210987650047"]`,
			func(s *access.Settings) { s.OutsideAccounts = []access.AccountID{"210987650047"} },
		),
		"TokensMayReview": field(
			"API tokens may review", `"tokens_may_review":true`, func(s *access.Settings) { s.TokensMayReview = true },
		),
		"TokensMayApply": field(
			"API tokens may apply", `"tokens_may_apply":true`, func(s *access.Settings) { s.TokensMayApply = true },
		),
		"RollBackWithin": field(
			"until 47m after its end", `"roll_back_within":2820000000000`,
			func(s *access.Settings) {
				within := 47 * time.Minute
				s.RollBackWithin = &within
			},
		),
	}
}

func strategyFields() map[string]shownField {
	field := func(page, api string, set func(*access.Strategy)) shownField {
		return shownField{set: func(e *access.Edit) { set(e.Strategy) }, page: page, api: api}
	}
	limit := func(set func(*access.Strategy, access.Limit), l access.Limit) func(*access.Strategy) {
		return func(s *access.Strategy) { set(s, l) }
	}
	all := map[string]shownField{
		"ID": {
			identity: true,
			page:     "st-quaint",
			api:      `"id":"st-quaint"`,
			set:      func(e *access.Edit) { e.ID, e.Strategy.ID = "st-quaint", "st-quaint" },
		},
		"Name": field(
			"Quaint harbour", `"name":"Quaint harbour"`, func(s *access.Strategy) { s.Name = "Quaint harbour" },
		),
		"Description": field(
			"for the harbour", `"description":"for the harbour"`,
			func(s *access.Strategy) { s.Description = "for the harbour" },
		),
		"MaxInFlight": field(
			"47 accounts at once", `"max_in_flight":47`, func(s *access.Strategy) { s.MaxInFlight = 47 },
		),
		"ReadBack": field("read once more", `"read_back":true`, func(s *access.Strategy) { s.ReadBack = true }),
		"RollBack": field("when it halts", `"roll_back":true`, func(s *access.Strategy) { s.RollBack = true }),
		"Confirm": field(
			"confirms within 47m", `"confirm_within":"47m0s"`,
			func(s *access.Strategy) { s.Confirm = 47 * time.Minute },
		),
	}
	add := func(prefix string, fields map[string]shownField) {
		for path, f := range fields {
			all[prefix+path] = f
		}
	}
	overAll := func(s *access.Strategy, l access.Limit) { s.MaxFailures = l }
	add("MaxFailures.", map[string]shownField{
		"None": field(
			"Over all, the first failure halts", `"max_failures":{"none":true}`,
			limit(overAll, access.Limit{None: true}),
		),
		"Count": field(
			"Over all, more than 47 failures halt", `"max_failures":{"count":47}`,
			limit(overAll, access.Limit{Count: 47}),
		),
		"Percent": field(
			"Over all, more than 47 % failures halt", `"max_failures":{"percent":47}`,
			limit(overAll, access.Limit{Percent: 47}),
		),
	})
	add("Waves[].", waveFields(field))
	probe := func(p access.Probe) func(*access.Strategy) {
		return func(s *access.Strategy) { s.Probes = []access.Probe{p} }
	}
	add("Probes[].", map[string]shownField{
		"Role.Path": field(
			"refused by harbour/Bob", `"role":"harbour/Bob"`,
			probe(access.Probe{Role: access.RoleName{Path: "/harbour/", Name: "Bob"}}),
		),
		"Role.Name": field(
			"refused by Harbour,", `"role":"Harbour"`,
			probe(access.Probe{Role: access.RoleName{Path: "/", Name: "Harbour"}}),
		),
		"Allowed": field(
			"let into Bob", `"allowed":true`,
			probe(access.Probe{Role: access.RoleName{Path: "/", Name: "Bob"}, Allowed: true}),
		),
		"Accounts": field(
			"in 47 accounts of each wave", `"accounts":47`,
			probe(access.Probe{Role: access.RoleName{Path: "/", Name: "Bob"}, Accounts: 47}),
		),
	})
	window := func(set func(*access.MaintenanceWindow)) func(*access.Strategy) {
		return func(s *access.Strategy) {
			s.MaintenanceWindow = access.MaintenanceWindow{From: "22:00", To: "04:00"}
			set(&s.MaintenanceWindow)
		}
	}
	add("MaintenanceWindow.", map[string]shownField{
		"Days[]": field("Wednesday", `"days":[3]`, window(func(m *access.MaintenanceWindow) { m.Days = []int{3} })),
		"From":   field("from 23:47", `"from":"23:47"`, window(func(m *access.MaintenanceWindow) { m.From = "23:47" })),
		"To":     field("to 05:47", `"to":"05:47"`, window(func(m *access.MaintenanceWindow) { m.To = "05:47" })),
		"Zone": field(
			"Europe/Berlin", `"zone":"Europe/Berlin"`,
			window(func(m *access.MaintenanceWindow) { m.Zone = "Europe/Berlin" }),
		),
	})
	return all
}

// waveFields are the fields of the first wave of a strategy.
func waveFields(field func(page, api string, set func(*access.Strategy)) shownField) map[string]shownField {
	wave := func(page, api string, set func(*access.WaveRule)) shownField {
		return field(page, api, func(s *access.Strategy) {
			w := access.WaveRule{Count: 1}
			set(&w)
			s.Waves = []access.WaveRule{w}
		})
	}
	of := func(selector access.Selector) func(*access.WaveRule) {
		return func(w *access.WaveRule) { *w = access.WaveRule{Name: "Quay", Accounts: selector} }
	}
	return map[string]shownField{
		"Name": wave(
			"Quaint quay (The first 1 account)", `"name":"Quaint quay"`,
			func(w *access.WaveRule) { w.Name = "Quaint quay" },
		),
		"Accounts.All": wave("Quay (all accounts)", `"all":true`, of(access.Selector{All: true})),
		"Accounts.IDs[]": wave(
			"210987654321", `"ids":["210987654321"]`, of(access.Selector{IDs: []access.AccountID{"210987654321"}}),
		),
		"Accounts.OUs[]": wave(
			"OU Root/Harbour", `"ous":["Root/Harbour"]`, of(access.Selector{OUs: []string{"Root/Harbour"}}),
		),
		"Accounts.Tags{}": wave(
			"tags quay=seven", `"tags":{"quay":"seven"}`, of(access.Selector{Tags: map[string]string{"quay": "seven"}}),
		),
		"Accounts.Except[]": wave(
			"except 210987654321", `"except":["210987654321"]`,
			of(access.Selector{All: true, Except: []string{"210987654321"}}),
		),
		"Count":   wave("The first 47 accounts", `"count":47`, func(w *access.WaveRule) { w.Count = 47 }),
		"Percent": wave("Up to 47 %", `"percent":47`, func(w *access.WaveRule) { *w = access.WaveRule{Percent: 47} }),
		"EachOU": wave(
			"One OU after the other", `"each_ou":true`, func(w *access.WaveRule) { *w = access.WaveRule{EachOU: true} },
		),

		"MaxInFlight": wave("47 at once", `"max_in_flight":47`, func(w *access.WaveRule) { w.MaxInFlight = 47 }),
		"MaxFailures.None": wave(
			"account: the first failure halts", `"none":true`, func(w *access.WaveRule) { w.MaxFailures.None = true },
		),
		"MaxFailures.Count": wave(
			"account: more than 47 failures halt", `"max_failures":{"count":47}`,
			func(w *access.WaveRule) { w.MaxFailures.Count = 47 },
		),
		"MaxFailures.Percent": wave(
			"more than 47 % failures", `"max_failures":{"percent":47}`,
			func(w *access.WaveRule) { w.MaxFailures.Percent = 47 },
		),
		"Bake": wave("bakes for 47m", `"bake":"47m0s"`, func(w *access.WaveRule) { w.Bake = 47 * time.Minute }),
		"RequiresApproval": wave(
			"requires approval", `"requires_approval":true`, func(w *access.WaveRule) { w.RequiresApproval = true },
		),
	}
}

// shownFields are the fields of all edits by their paths.
func shownFields() map[string]shownField {
	all := map[string]shownField{
		"Allowlist.ID": {
			identity: true, page: "al-quaint", api: `"id":"al-quaint"`,
			set: func(e *access.Edit) { e.ID, e.Allowlist.ID = "al-quaint", "al-quaint" },
		},
		"Allowlist.Name": {
			page: "quaint",
			api:  `"name":"quaint"`,
			set:  func(e *access.Edit) { e.Allowlist.Name = "quaint" },
		},
		"Allowlist.Description": {
			page: "Quaint harbour",
			api:  `"description":"Quaint harbour"`,
			set:  func(e *access.Edit) { e.Allowlist.Description = "Quaint harbour" },
		},
	}
	add := func(prefix string, fields map[string]shownField) {
		for path, f := range fields {
			all[prefix+"."+path] = f
		}
	}
	add("Entry", entryFields(func(e *access.Edit) *access.Entry { return e.Entry }))
	for path, f := range entryFields(func(e *access.Edit) *access.Entry { return &e.Allowlist.Entries[0] }) {
		f.identity = true // an update leaves the entries alone
		all["Allowlist.Entries[]."+path] = f
	}
	add("Mapping", mappingFields())
	add("Rule", ruleFields())
	add("Settings", settingFields())
	add("Strategy", strategyFields())
	return all
}

// leaves are the paths of the values in a type.
func leaves(t reflect.Type) []string {
	switch t {
	case reflect.TypeFor[netip.Prefix](), reflect.TypeFor[time.Time]():
		return []string{""}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return leaves(t.Elem())
	case reflect.Slice:
		return below("[]", leaves(t.Elem()))
	case reflect.Map:
		return below("{}", leaves(t.Elem()))
	case reflect.Struct:
		var paths []string
		for i := range t.NumField() {
			paths = append(paths, below("."+t.Field(i).Name, leaves(t.Field(i).Type))...)
		}
		return paths
	default:
		return []string{""}
	}
}

func below(prefix string, paths []string) []string {
	for i := range paths {
		paths[i] = prefix + paths[i]
	}
	return paths
}

// baseState is a state that the edits of the test begin with.
func baseState() access.State {
	mapping := plainEdit("Mapping").Mapping
	mapping.ID, mapping.Accounts = "mp-depot", access.Selector{IDs: []access.AccountID{"111122223333"}}
	return access.State{
		Allowlists: []access.Allowlist{{ID: "al-depot", Name: "depot"}, {ID: "al-office", Name: "office"}},
		Mappings:   []access.Mapping{mapping.OrDefault()},
	}
}

// plainEdit adds an object, or alters the settings.
func plainEdit(object string) access.Edit {
	entry := access.Entry{Kind: access.EntryCIDR, Prefix: netip.MustParsePrefix("12.148.72.0/23")}
	switch object {
	case "Entry":
		return access.Edit{Op: access.EditAddEntry, ID: "al-office", Key: entry.Key(), Entry: &entry}
	case "Allowlist":
		return access.Edit{Op: access.EditAddAllowlist, ID: "al-new", Allowlist: &access.Allowlist{ID: "al-new", Name: "new", Entries: []access.Entry{entry}}}
	case "Mapping":
		m := access.Mapping{
			ID: "mp-new", Role: access.RoleName{Path: "/", Name: "Bob"}, Users: []access.UserName{{Path: "/", Name: "alice"}},
			Accounts: access.Selector{IDs: []access.AccountID{"123456789012"}}, Allowlists: []string{"office"},
		}
		return access.Edit{Op: access.EditAddMapping, ID: m.ID, Mapping: &m}
	case "Rule":
		r := access.ReviewRule{ID: "rr-new", Name: "New", Need: []access.Requirement{{Count: 1}}}
		return access.Edit{Op: access.EditAddRule, ID: r.ID, Rule: &r}
	case "Strategy":
		s := access.Strategy{ID: "st-new", Name: "New"}
		return access.Edit{Op: access.EditAddStrategy, ID: s.ID, Strategy: &s}
	default:
		return access.Edit{Op: access.EditUpdateSettings, ID: access.SettingsID, Settings: &access.Settings{}}
	}
}

// as turns the edit that adds an object into one that updates or removes it.
func as(e access.Edit, verb string) access.Edit {
	kind, _, _ := strings.Cut(string(e.Op), ".")
	if kind != "settings" {
		e.Op = access.EditOp(kind + "." + verb)
	}
	if verb == "remove" {
		e.Entry, e.Allowlist, e.Mapping, e.Rule, e.Strategy = nil, nil, nil, nil, nil
	}
	return e
}

// reviewOf is what a reviewer and a program read of edits on a state.
func reviewOf(t *testing.T, c *webtest.Console, before access.State, edits ...access.Edit) (page, api string) {
	t.Helper()
	after, err := before.Apply(edits)
	if err != nil {
		t.Fatalf("%+v: %v", edits, err)
	}
	v := webtest.ViewInReview()
	v.Edits, v.Folded, v.Targets, v.Writes = edits, nil, 0, 0
	v.ShowEdits(before, after)
	c.Changes.ChangeView = v
	a := c.API("/changes/12", "approver")
	a.JSON(t, http.StatusOK)
	return c.Page("/changes/12").Text("main"), a.Body
}

// TestReviewersSeeEachFieldOfAnEdit: the digest of a change covers all fields of its edits, so its page and its
// representation in the API show all of them: of what comes, what goes, and both sides of what changes.
func TestReviewersSeeEachFieldOfAnEdit(t *testing.T) {
	fields := shownFields()
	c := webtest.New(t).As("approver")
	for _, path := range leaves(reflect.TypeFor[access.Edit]()) {
		path = strings.TrimPrefix(path, ".")
		switch path {
		case "Op", "ID", "Key": // how and which object: the objects below are found by them
			continue
		}
		f, known := fields[path]
		if !known {
			t.Errorf("edits have the field %s: show it on the page of a change, and say here how to recognize it", path)
			continue
		}
		object, _, _ := strings.Cut(path, ".")
		plain, edit := plainEdit(object), plainEdit(object)
		f.set(&edit)
		sees := func(when string, before access.State, edits ...access.Edit) {
			t.Helper()
			page, api := reviewOf(t, c, before, edits...)
			if !strings.Contains(page, f.page) {
				t.Errorf("%s, %s: the page does not show %q:\n%s", path, when, f.page, page)
			}
			if when != "changed back" && when != "removed" && !strings.Contains(api, f.api) {
				t.Errorf("%s, %s: the API does not show %s:\n%s", path, when, f.api, api)
			}
		}
		if page, api := reviewOf(t, c, baseState(), plain); strings.Contains(page, f.page) || strings.Contains(api, f.api) {
			t.Errorf("%s cannot be recognized by %q and %s: they are there without it", path, f.page, f.api)
		}
		sees("added", baseState(), edit)
		with, without := stateWith(t, edit), stateWith(t, plain)
		if !f.identity {
			sees("changed", without, as(edit, "update"))
			sees("changed back", with, as(plain, "update"))
		}
		if object != "Settings" {
			sees("removed", with, as(edit, "remove"))
		}
	}
}

// TestReviewersSeeTheDefaultStrategy: the edit that chooses the default has no object, so it is shown with names.
func TestReviewersSeeTheDefaultStrategy(t *testing.T) {
	c := webtest.New(t).As("approver")
	before := stateWith(t, plainEdit("Strategy"))
	choice := access.Edit{Op: access.EditDefaultStrategy, ID: "st-new"}
	page, api := reviewOf(t, c, before, choice)
	if !strings.Contains(page, "All at once → New (st-new)") ||
		!strings.Contains(api, `"op":"strategy.default","id":"st-new"`) {
		t.Errorf("the default is not shown by the page %s\nor the API %s", page, api)
	}
	after, err := before.Apply([]access.Edit{choice})
	if err != nil {
		t.Fatal(err)
	}
	page, _ = reviewOf(t, c, after,
		access.Edit{Op: access.EditDefaultStrategy, ID: access.AtOnceStrategy},
		access.Edit{Op: access.EditRemoveStrategy, ID: "st-new"})
	if !strings.Contains(page, "New (st-new) → All at once") {
		t.Errorf("the page does not show that the default goes:\n%s", page)
	}
}

func stateWith(t *testing.T, e access.Edit) access.State {
	t.Helper()
	s, err := baseState().Apply([]access.Edit{e})
	if err != nil {
		t.Fatalf("%+v: %v", e, err)
	}
	return s
}

// TestReviewersReachWholeValues: the page cuts long lists, and leads to a page that does not.
func TestReviewersReachWholeValues(t *testing.T) {
	many := func(n int, format string) []string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf(format, i)
		}
		return list
	}
	note := "begin " + strings.Repeat("x", access.MaxNote-10) + " end"
	edits := make([]access.Edit, 0, 260)
	for i, key := range many(250, "52.%d.0.0/24") {
		e := access.Entry{Kind: access.EntryCIDR, Prefix: netip.MustParsePrefix(key)}
		if i == 249 {
			e.Note = note
		}
		edits = append(edits, access.Edit{Op: access.EditAddEntry, ID: "al-office", Key: key, Entry: &e})
	}
	mapping := plainEdit("Mapping")
	for _, name := range many(300, "user-%d.") {
		mapping.Mapping.Users = append(mapping.Mapping.Users, access.UserName{Path: "/", Name: name})
	}
	edits = append(edits, mapping)
	after, err := baseState().Apply(edits)
	if err != nil {
		t.Fatal(err)
	}
	v := webtest.ViewInReview()
	v.Edits = edits
	v.ShowEdits(baseState(), after)
	reach := policy.Reach{Role: access.RoleName{Path: "/", Name: "Bob"}, Accounts: []access.AccountID{"111122223333"}}
	for _, key := range many(40, "54.0.%d.0/24") {
		reach.Prefixes = append(reach.Prefixes, netip.MustParsePrefix(key))
	}
	for _, name := range many(30, "gains-%d.") {
		reach.User = access.UserName{Path: "/", Name: name}
		v.Impact.Gained = append(v.Impact.Gained, reach)
	}
	v.Guards = []access.Guard{{
		Code: access.GuardNoAddress, Object: "Bob", People: many(30, "barred-%d."), Addresses: many(30, "192.0.2.%d"),
	}}
	for _, said := range many(500, "issue-%d.") {
		v.Issues = append(v.Issues, policy.Issue{Severity: policy.SeverityWarning, Object: "role Bob", Message: said})
		v.Cleared = append(v.Cleared, policy.Issue{
			Severity: policy.SeverityWarning, Object: "role Bob", Message: "cleared-" + said,
		})
	}
	c := webtest.New(t).As("approver")
	c.Changes.ChangeView = v
	p := c.Page("/changes/12")
	leads := func(a *html.Node) bool { return webtest.Attr(a, "href") == "/changes/12?all=1" }
	if !slices.ContainsFunc(p.All("a"), leads) {
		t.Error("the page does not lead to the whole lists")
	}
	whole := c.Page("/changes/12?all=1").Text("main")
	for _, want := range slices.Concat(
		many(250, "52.%d.0.0/24"), many(300, "user: user-%d."), many(40, "54.0.%d.0/24"), many(30, "gains-%d."),
		many(30, "barred-%d."), many(30, "192.0.2.%d"), many(500, "ssue-%d."), many(500, "leared-issue-%d."),
		[]string{note},
	) {
		if !strings.Contains(whole, want) {
			t.Errorf("the whole page does not show %q", want)
		}
	}
}
