package view

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// SettingsPage shows how the desired state is changed: by whose review, within which
// bounds. Allowlists and Mappings say what ids stand for.
type SettingsPage struct {
	Shell      Shell
	Rules      []access.ReviewRule
	Settings   access.Settings
	Allowlists map[string]string
	Mappings   map[string]string
	MayEdit    bool
}

func (p SettingsPage) names(r access.ReviewRule) []string {
	names := map[string]string{}
	for _, ids := range []map[string]string{p.Allowlists, p.Mappings} {
		maps.Copy(names, ids)
	}
	return scopeWords(r.Scope, names, p.Shell.OUs)
}

func noneOr(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return join(list)
}

func namesOrNone(ids []string, names map[string]string) string {
	return noneOr(named(ids, names))
}

// named are objects by their names, or by their ids where these are not known.
func named(ids []string, names map[string]string) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = cmp.Or(names[id], id)
	}
	return out
}

func join(list []string) string { return strings.Join(list, ", ") }

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func modeWords(m access.GuardMode) string {
	if m == access.GuardRefuse {
		return "refused"
	}
	return "can be overridden by typing the name"
}

func lifeWords(d time.Duration) string {
	if d%time.Hour == 0 {
		return Count(int(d.Hours()), "hour")
	}
	return d.String()
}

// RuleForm is a review rule as it was typed.
type RuleForm struct {
	Name       string
	Allowlists []string // ids, or names that were typed
	Mappings   []string
	OUs        string
	Tags       string
	Dangers    []string
	Need       [RuleRows]NeedForm
}

// RuleRows is how many requirements the form of a rule has room for.
const RuleRows = 4

// NeedForm is one requirement as it was typed.
type NeedForm struct {
	Count string
	Teams string
	Roles string
}

// RuleFormOf fills the form from a rule.
func RuleFormOf(r access.ReviewRule, ous *access.OUs) RuleForm {
	f := RuleForm{Name: r.Name, Allowlists: r.Scope.Allowlists, Mappings: r.Scope.Mappings, OUs: strings.Join(ous.Editable(r.Scope.OUs), "\n"), Tags: joinTags(r.Scope.Tags)}
	for _, d := range r.Scope.Dangers {
		f.Dangers = append(f.Dangers, string(d))
	}
	for i, n := range r.Need {
		if i < RuleRows {
			f.Need[i] = NeedForm{Count: Number(n.Count), Teams: join(n.Teams), Roles: roleNames(n.Roles)}
		}
	}
	return f
}

// RuleFormProps is the form of a review rule. ID is empty for a new one.
type RuleFormProps struct {
	Shell    Shell
	ID       string
	Form     RuleForm
	Drafts   []access.Change
	Draft    int64
	Lists    []Option
	Mappings []Option
	Teams    []string
	Problems Problems
}

func (p RuleFormProps) action() string {
	if p.ID == "" {
		return NewRuleURL()
	}
	return EditRuleURL(p.ID)
}

func (p RuleFormProps) dangers() []Option {
	var options []Option
	for _, d := range access.Dangers() {
		options = append(options, Option{Value: string(d), Label: "A change that " + d.String(), Selected: slices.Contains(p.Form.Dangers, string(d))})
	}
	return options
}

// SettingsForm is the settings as they were typed.
type SettingsForm struct {
	ApprovalsValidFor string
	OutsideAccounts   string // one a line
	TokensMayReview   bool
	TokensMayApply    bool

	ManyAccounts      string
	LargeIPv4         string
	LargeIPv6         string
	AllowDangerous    bool
	BreakGlassAllowed bool
	Mappings          []string
	Allowlists        []string
	NoAddress         string
	OwnAddress        string
	BreakGlass        string
	NobodyApplies     string
	EmergencyMaxLife  string
	ExpiryNoticeDays  string
	RollBackWithin    string
}

// SettingsFormOf fills the form from settings.
func SettingsFormOf(s access.Settings) SettingsForm {
	s = s.OrDefault()
	return SettingsForm{
		ManyAccounts: plainNumber(s.ManyAccounts), LargeIPv4: number(s.LargeIPv4), LargeIPv6: number(s.LargeIPv6),
		AllowDangerous: s.AllowDangerous, BreakGlassAllowed: s.BreakGlassAllowed,
		Mappings: s.BreakGlassMappings, Allowlists: s.BreakGlassAllowlists,
		NoAddress: string(s.Guards.NoAddress), OwnAddress: string(s.Guards.OwnAddress), BreakGlass: string(s.Guards.BreakGlass), NobodyApplies: string(s.Guards.NobodyApplies),
		EmergencyMaxLife: hoursText(s.EmergencyMaxLife), ExpiryNoticeDays: plainNumber(s.ExpiryNoticeDays),
		ApprovalsValidFor: daysText(s.ApprovalsValidFor), OutsideAccounts: strings.Join(access.AccountTexts(s.OutsideAccounts), "\n"),
		TokensMayReview: s.TokensMayReview, TokensMayApply: s.TokensMayApply,
		RollBackWithin: access.DurationText(s.MayRollBackWithin()),
	}
}

// rollBackWords says until when one person can roll a rollout back.
func rollBackWords(s access.Settings) string {
	if within := s.MayRollBackWithin(); within > 0 {
		return "until " + access.DurationText(within) + " after its end"
	}
	return "until it has ended"
}

func plainNumber(n int) string { return number(int64(n)) }

func hoursText(d time.Duration) string {
	if d%time.Hour == 0 {
		return plainNumber(int(d.Hours())) + "h"
	}
	return d.String()
}

// daysText writes a length of time as a form takes it: 14d, 36h.
func daysText(d time.Duration) string {
	const day = 24 * time.Hour
	if d%day == 0 {
		return plainNumber(int(d/day)) + "d"
	}
	return hoursText(d)
}

// SettingsFormProps is the form of the settings.
type SettingsFormProps struct {
	Shell    Shell
	Form     SettingsForm
	Drafts   []access.Change
	Draft    int64
	Lists    []Option
	Mappings []Option
	Problems Problems
}

func modes(chosen string) []Option {
	return chosenOf([]Option{
		{Value: string(access.GuardRefuse), Label: "Refuse"},
		{Value: string(access.GuardConfirm), Label: "Allow an override by typing the name"},
	}, chosen)
}

// listed are the options that a form shows to tick; the others are typed.
const listed = 60

func ticked(options []Option) []Option { return options[:min(len(options), listed)] }

// untickedText holds what is chosen and not among those to tick, one a line.
func untickedText(options []Option, chosen []string) string {
	var typed []string
	for _, c := range chosen {
		if !slices.ContainsFunc(ticked(options), func(o Option) bool { return o.Value == c }) {
			typed = append(typed, c)
		}
	}
	return strings.Join(typed, "\n")
}
