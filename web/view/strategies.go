package view

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// StrategiesURL lists the saved strategies.
func StrategiesURL() string { return "/settings/strategies" }

// StrategyURL is the history of a strategy.
func StrategyURL(id string) string { return StrategiesURL() + "/" + url.PathEscape(id) }

// NewStrategyURL is the form of a new strategy.
func NewStrategyURL() string { return StrategiesURL() + "/new" }

// EditStrategyURL is the form of a strategy.
func EditStrategyURL(id string) string { return StrategyURL(id) + "/edit" }

// RemoveStrategyURL removes a strategy.
func RemoveStrategyURL(id string) string { return StrategyURL(id) + "/remove" }

// StrategiesPage lists the saved strategies. Default is the id of the default; none is all at once.
type StrategiesPage struct {
	Shell      Shell
	Strategies []access.Strategy
	Default    string
	MayEdit    bool
}

// StrategyFormProps is the form of a strategy. ID is empty for a new one.
type StrategyFormProps struct {
	Shell    Shell
	ID       string
	Form     StrategyForm
	Drafts   []access.Change
	Draft    int64
	Problems Problems
}

func (p StrategyFormProps) action() string {
	if p.ID == "" {
		return NewStrategyURL()
	}
	return EditStrategyURL(p.ID)
}

// StrategyForm is a strategy as it was typed.
type StrategyForm struct {
	Name, Description, MaxInFlight, MaxFailures, Confirm string
	Default, ReadBack, RollBack                          bool

	Waves  []WaveForm
	Probes []ProbeForm

	Days           []string
	From, To, Zone string
}

// WaveForm is one wave as it was typed. Selects says in which way Which selects accounts.
type WaveForm struct {
	Selects, Which, Except, Name, MaxInFlight, MaxFailures, Bake string
	RequiresApproval                                             bool
}

// ProbeForm is one probe as it was typed.
type ProbeForm struct{ Role, Expect, Accounts string }

// How a wave selects accounts.
const (
	SelectsAll     = "all"
	SelectsIDs     = "ids"
	SelectsOUs     = "ous"
	SelectsTags    = "tags"
	SelectsCount   = "count"
	SelectsPercent = "percent"
	SelectsEachOU  = "each_ou"
)

// moreRows is how many empty rows a form offers below those that are filled.
const moreRows = 2

// Padded is the form with empty rows for more waves and probes.
func (f StrategyForm) Padded() StrategyForm {
	f.Waves = append(slices.Clone(f.Waves), make([]WaveForm, moreRows)...)
	f.Probes = append(slices.Clone(f.Probes), ProbeForm{})
	return f
}

// StrategyFormOf fills the form from a strategy. byDefault is the id of the default.
func StrategyFormOf(s access.Strategy, byDefault string, ous *access.OUs) StrategyForm {
	f := StrategyForm{
		Name:        s.Name,
		Description: s.Description,
		MaxInFlight: typed(s.MaxInFlight, strconv.Itoa),
		MaxFailures: limitText(s.MaxFailures),
		Confirm:     typed(s.Confirm, access.DurationText),
		Default:     s.ID == byDefault,
		ReadBack:    s.ReadBack,
		RollBack:    s.RollBack,
		From:        s.MaintenanceWindow.From,
		To:          s.MaintenanceWindow.To,
		Zone:        s.MaintenanceWindow.Zone,
	}
	for _, d := range s.MaintenanceWindow.Days {
		f.Days = append(f.Days, strconv.Itoa(d))
	}
	for _, w := range s.Waves {
		selects, which := selectedBy(w, ous)
		f.Waves = append(f.Waves, WaveForm{
			Selects:          selects,
			Which:            which,
			Except:           strings.Join(ous.Editable(w.Accounts.Except), ", "),
			Name:             w.Name,
			MaxInFlight:      typed(w.MaxInFlight, strconv.Itoa),
			MaxFailures:      limitText(w.MaxFailures),
			Bake:             typed(w.Bake, access.DurationText),
			RequiresApproval: w.RequiresApproval,
		})
	}
	for _, p := range s.Probes {
		expect := "refused"
		if p.Allowed {
			expect = "allowed"
		}
		f.Probes = append(f.Probes, ProbeForm{Role: p.Role.String(), Expect: expect, Accounts: typed(p.Accounts, strconv.Itoa)})
	}
	return f
}

// selectedBy says in which way a rule selects accounts, and which.
func selectedBy(w access.WaveRule, ous *access.OUs) (selects, which string) {
	switch {
	case w.Accounts.All:
		return SelectsAll, ""
	case len(w.Accounts.IDs) > 0:
		ids := make([]string, len(w.Accounts.IDs))
		for i, id := range w.Accounts.IDs {
			ids[i] = string(id)
		}
		return SelectsIDs, strings.Join(ids, ", ")
	case len(w.Accounts.OUs) > 0:
		return SelectsOUs, strings.Join(ous.Editable(w.Accounts.OUs), ", ")
	case len(w.Accounts.Tags) > 0:
		return SelectsTags, strings.ReplaceAll(joinTags(w.Accounts.Tags), "\n", ", ")
	case w.Count > 0:
		return SelectsCount, strconv.Itoa(w.Count)
	case w.Percent > 0:
		return SelectsPercent, strconv.Itoa(w.Percent)
	default:
		return SelectsEachOU, ""
	}
}

func selectsOptions(chosen string) []Option {
	options := []Option{
		{Value: "", Label: "No wave"},
		{Value: SelectsCount, Label: "So many accounts"},
		{Value: SelectsPercent, Label: "Up to a share, in per cent"},
		{Value: SelectsIDs, Label: "These account ids"},
		{Value: SelectsOUs, Label: "These OUs"},
		{Value: SelectsTags, Label: "These tags"},
		{Value: SelectsAll, Label: "All accounts"},
		{Value: SelectsEachOU, Label: "One OU after the other"},
	}
	return chosenOf(options, chosen)
}

func expectOptions(chosen string) []Option {
	return chosenOf([]Option{{Value: "allowed", Label: "is let in"}, {Value: "refused", Label: "is refused"}}, chosen)
}

func dayOptions(chosen []string) []Option {
	var options []Option
	for _, d := range []time.Weekday{1, 2, 3, 4, 5, 6, 0} {
		value := strconv.Itoa(int(d))
		options = append(options, Option{Value: value, Label: d.String(), Selected: slices.Contains(chosen, value)})
	}
	return options
}

func chosenOf(options []Option, chosen string) []Option {
	for i := range options {
		options[i].Selected = options[i].Value == chosen
	}
	return options
}

// builtinStrategy is all at once, as the list of strategies shows it.
func builtinStrategy() access.Strategy {
	return access.Strategy{
		Name:        access.BuiltinStrategy,
		Description: "Used if no other strategy is the default, and always when the glass is broken.",
	}
}

// StrategyOptions are the strategies by which a change can be applied. defaultID is the id of the default.
func StrategyOptions(saved []access.Strategy, defaultID string) []Option {
	if len(saved) == 0 {
		return nil
	}
	byDefault := access.BuiltinStrategy
	for _, s := range saved {
		if s.ID == defaultID {
			byDefault = s.Name
		}
	}
	options := []Option{{Value: "", Label: "The default: " + byDefault}}
	for _, s := range saved {
		if s.ID != defaultID {
			options = append(options, Option{Value: s.Name, Label: s.Name})
		}
	}
	if byDefault != access.BuiltinStrategy {
		options = append(options, Option{Value: access.BuiltinStrategy, Label: access.BuiltinStrategy})
	}
	return options
}

// waveWords describes the waves of a strategy, one line for each.
func waveWords(s access.Strategy, ous *access.OUs) []string {
	var lines []string
	for _, w := range s.Waves {
		title := ruleWords(w, ous)
		if w.Name != "" {
			title = w.Name + " (" + title + ")"
		}
		lines = append(lines, title+waveTail(w))
	}
	last := "All accounts"
	if len(s.Waves) > 0 {
		last = "The rest"
		if s.Waves[len(s.Waves)-1].EachOU {
			return lines
		}
	}
	return append(lines, last)
}

func ruleWords(w access.WaveRule, ous *access.OUs) string {
	switch selects, which := selectedBy(w, ous); selects {
	case SelectsCount:
		return "The first " + Count(w.Count, "account")
	case SelectsPercent:
		return "Up to " + which + " %"
	case SelectsEachOU:
		return "One OU after the other"
	default:
		return ous.DescribeWithIDs(w.Accounts)
	}
}

func waveTail(w access.WaveRule) string {
	var parts []string
	if w.MaxInFlight > 0 {
		parts = append(parts, strconv.Itoa(w.MaxInFlight)+" at once")
	}
	if w.MaxFailures != (access.Limit{}) {
		parts = append(parts, limitWords(w.MaxFailures))
	}
	if w.Bake > 0 {
		parts = append(parts, "bakes for "+access.DurationText(w.Bake))
	}
	if w.RequiresApproval {
		parts = append(parts, "requires approval")
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}

// strategyWords describes the rest of a strategy.
func strategyWords(s access.Strategy) []string {
	var lines []string
	if s.MaxInFlight > 0 {
		lines = append(lines, Count(s.MaxInFlight, "account")+" at once")
	}
	if s.MaxFailures != (access.Limit{}) {
		lines = append(lines, "Over all, "+limitWords(s.MaxFailures))
	}
	if s.ReadBack {
		lines = append(lines, "Every document is read once more after each wave")
	}
	for _, p := range s.Probes {
		word := "refused by "
		if p.Allowed {
			word = "let into "
		}
		lines = append(lines, "The probe user is "+word+p.Role.String()+", in "+Count(p.InAccounts(), "account")+" of each wave")
	}
	if !s.MaintenanceWindow.Always() {
		lines = append(lines, maintenanceWindowText(s.MaintenanceWindow))
	}
	if s.RollBack {
		lines = append(lines, "Rolled back by itself when it halts")
	}
	if s.Confirm > 0 {
		lines = append(lines, "Rolled back unless somebody confirms within "+access.DurationText(s.Confirm))
	}
	return lines
}

func maintenanceWindowText(w access.MaintenanceWindow) string {
	days := "every day"
	if len(w.Days) > 0 {
		names := make([]string, len(w.Days))
		for i, d := range w.Days {
			names[i] = time.Weekday(d).String()
		}
		days = strings.Join(names, ", ")
	}
	return "Maintenance window: " + days + " from " + w.From + " to " + w.To + " " + cmp.Or(w.Zone, "UTC")
}

func limitWords(l access.Limit) string {
	switch {
	case l.None:
		return "the first failure halts"
	case l.Percent > 0:
		return "more than " + strconv.Itoa(l.Percent) + " % failures halt"
	default:
		return "more than " + Count(l.Count, "failure") + " halt"
	}
}

// limitText is a limit as it is typed; "" for none.
func limitText(l access.Limit) string {
	switch {
	case l.None:
		return "0"
	case l.Percent > 0:
		return strconv.Itoa(l.Percent) + " %"
	default:
		return typed(l.Count, strconv.Itoa)
	}
}

// typed is a value as it stands in a form, where the zero value is none at all.
func typed[T comparable](v T, text func(T) string) string {
	var none T
	if v == none {
		return ""
	}
	return text(v)
}

// waveField names a field of a wave's row, by which messages find it.
func waveField(i int, field string) string { return "waves/" + strconv.Itoa(i) + "/" + field }

func probeField(i int, field string) string { return "probes/" + strconv.Itoa(i) + "/" + field }
