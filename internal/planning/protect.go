package planning

import (
	"slices"

	"portcullis.internal/portcullis/internal/access"
)

// protects says why the change must have the approvals of a rule even if it touches nothing in the rule's scope: it
// edits or removes the rule, or a setting on which the effect of the rule depends. It is "" if neither is so.
func (e Effects) protects(r access.ReviewRule) string {
	now, stays := e.After.Rule(r.ID)
	switch {
	case !stays:
		return "the change removes this rule"
	case !r.Equal(now):
		return "the change edits this rule"
	}
	for _, s := range guardingSettings {
		if !s.equal(e.Before.Settings.OrDefault(), e.After.Settings.OrDefault()) && s.guards(r) {
			return "the change edits the setting " + s.name + ", on which this rule depends"
		}
	}
	return ""
}

// guardingSetting is a setting on which the effect of review rules depends: of the rules about some dangers or, if it
// has none, of every rule. The other settings are protected by the rules about the danger access.DangerRules alone.
type guardingSetting struct {
	name    string // as in the API
	dangers []access.Danger
	equal   func(a, b access.Settings) bool
}

// guards reports whether the effect of a rule depends on the setting.
func (s guardingSetting) guards(r access.ReviewRule) bool {
	about := func(d access.Danger) bool { return slices.Contains(r.Scope.Dangers, d) }
	return len(s.dangers) == 0 || slices.ContainsFunc(s.dangers, about)
}

func setting[T comparable](name string, of func(access.Settings) T, dangers ...access.Danger) guardingSetting {
	return guardingSetting{name, dangers, func(a, b access.Settings) bool { return of(a) == of(b) }}
}

func listSetting(name string, of func(access.Settings) []string, dangers ...access.Danger) guardingSetting {
	return guardingSetting{name, dangers, func(a, b access.Settings) bool { return sameMembers(of(a), of(b)) }}
}

func sameMembers(a, b []string) bool {
	missing := func(from, in []string) bool {
		return slices.ContainsFunc(from, func(s string) bool { return !slices.Contains(in, s) })
	}
	return !missing(a, b) && !missing(b, a)
}

var guardingSettings = []guardingSetting{
	// How a change gets past the rules altogether.
	setting("break_glass_allowed", func(s access.Settings) bool { return s.BreakGlassAllowed }),
	setting("approvals_valid_for", func(s access.Settings) int64 { return int64(s.ApprovalsValidFor) }),
	setting("roll_back_within", func(s access.Settings) int64 { return int64(s.MayRollBackWithin()) }),
	setting("tokens_may_review", func(s access.Settings) bool { return s.TokensMayReview }),
	setting("tokens_may_apply", func(s access.Settings) bool { return s.TokensMayApply }),

	// From when on a change has a danger, and what becomes of one that has it.
	setting("many_accounts", func(s access.Settings) int { return s.ManyAccounts }, access.DangerManyAccounts),
	setting("large_ipv4", func(s access.Settings) int64 { return s.LargeIPv4 }, access.DangerLargeReach),
	setting("large_ipv6", func(s access.Settings) int64 { return s.LargeIPv6 }, access.DangerLargeReach),
	setting("allow_dangerous", func(s access.Settings) bool { return s.AllowDangerous },
		access.DangerWholeInternet, access.DangerLargeList),
	setting("guards.no_address", func(s access.Settings) access.GuardMode { return s.Guards.NoAddress },
		access.DangerNoAddress),
	setting("guards.break_glass", func(s access.Settings) access.GuardMode { return s.Guards.BreakGlass },
		access.DangerBreakGlass),
	listSetting("break_glass_mappings", func(s access.Settings) []string { return s.BreakGlassMappings },
		access.DangerBreakGlass),
	listSetting("break_glass_allowlists", func(s access.Settings) []string { return s.BreakGlassAllowlists },
		access.DangerBreakGlass),
}
