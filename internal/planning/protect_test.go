package planning

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// guardedState is a state with a rule about an allowlist that no change below touches, and one rule for each danger.
func guardedState() access.State {
	need := []access.Requirement{{Count: 2, Teams: []string{"security"}}}
	s := access.State{Rules: []access.ReviewRule{
		{ID: "rr-list", Name: "The vault", Scope: access.RuleScope{Allowlists: []string{"al-vault"}}, Need: need},
	}}
	for _, d := range access.Dangers() {
		s.Rules = append(s.Rules, access.ReviewRule{
			ID: "rr-" + string(d), Name: d.Name(), Scope: access.RuleScope{Dangers: []access.Danger{d}}, Need: need,
		})
	}
	return s
}

// rulesNeeded are the rules whose approvals the edits need, in the order of the rules.
func rulesNeeded(t *testing.T, before access.State, edits ...access.Edit) []string {
	t.Helper()
	after, err := before.Apply(edits)
	if err != nil {
		t.Fatal(err)
	}
	var rules []string
	for _, n := range (Effects{Before: before, After: after, Edits: edits}).Needs() {
		rules = append(rules, n.Rule)
	}
	return rules
}

func TestRulesProtectThemselves(t *testing.T) {
	rule := guardedState().Rules[0]
	update := func(alter func(*access.ReviewRule)) access.Edit {
		r := rule
		alter(&r)
		return access.Edit{Op: access.EditUpdateRule, ID: r.ID, Rule: &r}
	}
	for name, edit := range map[string]access.Edit{
		"removed":        {Op: access.EditRemoveRule, ID: rule.ID},
		"fewer reviews":  update(func(r *access.ReviewRule) { r.Need = []access.Requirement{{Count: 1, Teams: []string{"security"}}} }),
		"any reviewer":   update(func(r *access.ReviewRule) { r.Need = []access.Requirement{{Count: 2}} }),
		"another scope":  update(func(r *access.ReviewRule) { r.Scope = access.RuleScope{Allowlists: []string{"al-other"}} }),
		"another name":   update(func(r *access.ReviewRule) { r.Name = "The old vault" }),
		"more reviewers": update(func(r *access.ReviewRule) { r.Need = []access.Requirement{{Count: 3, Teams: []string{"security"}}} }),
	} {
		if got := rulesNeeded(t, guardedState(), edit); !slices.Equal(got, []string{"rr-list", "rr-rules"}) {
			t.Errorf("%s: the change needs the approvals of %v, want those of the rule and of the rule about rules", name, got)
		}
	}
	r := access.ReviewRule{Name: "Another", Need: []access.Requirement{{Count: 1}}}
	got := rulesNeeded(t, guardedState(), access.Edit{Op: access.EditAddRule, ID: "rr-new", Rule: &r})
	if !slices.Equal(got, []string{"rr-rules"}) {
		t.Errorf("a new rule needs the approvals of %v, want those of the rule about rules alone", got)
	}
}

func TestDangerRulesProtectThemselves(t *testing.T) {
	for _, d := range access.Dangers() {
		id := "rr-" + string(d)
		want := slices.Compact([]string{id, "rr-rules"})
		if got := rulesNeeded(t, guardedState(), access.Edit{Op: access.EditRemoveRule, ID: id}); !slices.Equal(got, want) {
			t.Errorf("to remove the rule about %s needs the approvals of %v, want %v", d, got, want)
		}
	}
}

// everyRule is the want of a setting that lets a change past all rules.
var everyRule = func() []string {
	var ids []string
	for _, r := range guardedState().Rules {
		ids = append(ids, r.ID)
	}
	return ids
}()

// protectedBy says of each setting how a test alters it, and which rules must approve that.
var protectedBy = map[string]struct {
	alter func(*access.Settings)
	rules []string
}{
	"ManyAccounts": {func(s *access.Settings) { s.ManyAccounts = 9000 }, []string{"rr-many_accounts", "rr-rules"}},
	"LargeIPv4":    {func(s *access.Settings) { s.LargeIPv4 = 1 << 32 }, []string{"rr-large_reach", "rr-rules"}},
	"LargeIPv6":    {func(s *access.Settings) { s.LargeIPv6 = 1 << 50 }, []string{"rr-large_reach", "rr-rules"}},
	"AllowDangerous": {
		func(s *access.Settings) { s.AllowDangerous = true },
		[]string{"rr-whole_internet", "rr-large_list", "rr-rules"},
	},
	"BreakGlassAllowed":  {func(s *access.Settings) { s.BreakGlassAllowed = true }, everyRule},
	"BreakGlassMappings": {func(s *access.Settings) { s.BreakGlassMappings = []string{"mp-1"} }, []string{"rr-break_glass", "rr-rules"}},
	"BreakGlassAllowlists": {
		func(s *access.Settings) { s.BreakGlassAllowlists = []string{"al-1"} }, []string{"rr-break_glass", "rr-rules"},
	},
	"Guards.NoAddress":  {func(s *access.Settings) { s.Guards.NoAddress = access.GuardRefuse }, []string{"rr-no_address", "rr-rules"}},
	"Guards.OwnAddress": {func(s *access.Settings) { s.Guards.OwnAddress = access.GuardRefuse }, []string{"rr-rules"}},
	"Guards.BreakGlass": {
		func(s *access.Settings) { s.Guards.BreakGlass = access.GuardConfirm }, []string{"rr-break_glass", "rr-rules"},
	},
	"Guards.NobodyApplies": {func(s *access.Settings) { s.Guards.NobodyApplies = access.GuardConfirm }, []string{"rr-rules"}},
	"EmergencyMaxLife":     {func(s *access.Settings) { s.EmergencyMaxLife = time.Hour }, []string{"rr-rules"}},
	"ExpiryNoticeDays":     {func(s *access.Settings) { s.ExpiryNoticeDays = 1 }, []string{"rr-rules"}},
	"ApprovalsValidFor":    {func(s *access.Settings) { s.ApprovalsValidFor = 90 * 24 * time.Hour }, everyRule},
	"OutsideAccounts":      {func(s *access.Settings) { s.OutsideAccounts = []access.AccountID{"999999999999"} }, []string{"rr-rules"}},
	"RollBackWithin":       {func(s *access.Settings) { d := 24 * time.Hour; s.RollBackWithin = &d }, everyRule},
	"TokensMayReview":      {func(s *access.Settings) { s.TokensMayReview = true }, everyRule},
	"TokensMayApply":       {func(s *access.Settings) { s.TokensMayApply = true }, everyRule},
}

// TestSettingsAreProtected finds the settings by reflection, so that a new one cannot be forgotten.
func TestSettingsAreProtected(t *testing.T) {
	var fields []string
	for f := range fieldsOf(reflect.TypeFor[access.Settings](), "") {
		fields = append(fields, f)
	}
	for _, name := range fields {
		p, known := protectedBy[name]
		if !known {
			t.Errorf("say in this test which rules protect the setting %s", name)
			continue
		}
		before := guardedState()
		settings := before.Settings
		p.alter(&settings)
		edit := access.Edit{Op: access.EditUpdateSettings, ID: access.SettingsID, Settings: &settings}
		if got := rulesNeeded(t, before, edit); !slices.Equal(got, p.rules) {
			t.Errorf("to edit %s needs the approvals of %v, want %v", name, got, p.rules)
		}
		undo := access.Edit{Op: access.EditUpdateSettings, ID: access.SettingsID, Settings: &access.Settings{}}
		before.Settings = settings
		if got := rulesNeeded(t, before, undo); !slices.Equal(got, p.rules) {
			t.Errorf("to undo the edit of %s needs the approvals of %v, want %v", name, got, p.rules)
		}
	}
}

func fieldsOf(t reflect.Type, prefix string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for f := range t.Fields() {
			if f.Type.Kind() != reflect.Struct {
				if !yield(prefix + f.Name) {
					return
				}
				continue
			}
			for inner := range fieldsOf(f.Type, f.Name+".") {
				if !yield(inner) {
					return
				}
			}
		}
	}
}

func TestNeedSaysWhatARuleProtects(t *testing.T) {
	before := guardedState()
	settings := access.Settings{BreakGlassAllowed: true}
	edit := access.Edit{Op: access.EditUpdateSettings, ID: access.SettingsID, Settings: &settings}
	after, err := before.Apply([]access.Edit{edit})
	if err != nil {
		t.Fatal(err)
	}
	needs := (Effects{Before: before, After: after, Edits: []access.Edit{edit}}).Needs()
	if why := needs[0].Why; !strings.Contains(why, "the setting break_glass_allowed") {
		t.Errorf("the reason is %q, want the name of the setting", why)
	}
}
