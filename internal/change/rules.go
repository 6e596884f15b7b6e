package change

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
)

// RulesView is what the settings page shows: how the desired state is changed.
type RulesView struct {
	Revision   int64
	Rules      []access.ReviewRule
	Settings   access.Settings // with the defaults filled in
	Allowlists map[string]string
	Mappings   map[string]string // what ids stand for, of those that are spoken of or offered
	Teams      []string
	OUs        *access.OUs
	Drafts     []access.Change // the actor's own, which edits can be added to
}

// Rules reads review rules and settings at the head, with the names of what they speak of.
func (s *Service) Rules(ctx context.Context, actor access.Actor) (RulesView, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return RulesView{}, err
	}
	v, _, err := s.rulesAtHead(ctx)
	return v, err
}

// How many allowlists and mappings RuleForm names.
const (
	FirstNames = 100         // for a form: other names are typed into it
	AllNames   = math.MaxInt // to read such a form
)

// RuleForm is Rules with the names that a form offers: at most so many allowlists and mappings, all teams,
// and the actor's drafts.
func (s *Service) RuleForm(ctx context.Context, actor access.Actor, atMost int) (RulesView, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return RulesView{}, err
	}
	v, state, err := s.rulesAtHead(ctx)
	if err != nil {
		return RulesView{}, err
	}
	for _, a := range state.Allowlists[:min(len(state.Allowlists), atMost)] {
		v.Allowlists[a.ID] = a.Name
	}
	for _, m := range state.Mappings[:min(len(state.Mappings), atMost)] {
		v.Mappings[m.ID] = v.OUs.Title(m)
	}
	people, err := s.store.People(ctx)
	if err != nil {
		return RulesView{}, err
	}
	for _, p := range people {
		v.Teams = append(v.Teams, p.Teams...)
	}
	v.Teams = unique(v.Teams)
	v.Drafts, err = s.ownDrafts(ctx, actor)
	return v, err
}

func (s *Service) rulesAtHead(ctx context.Context) (RulesView, access.State, error) {
	state, err := s.headState(ctx)
	if err != nil {
		return RulesView{}, access.State{}, err
	}
	ous, err := s.store.OUTree(ctx)
	if err != nil {
		return RulesView{}, access.State{}, err
	}
	v := RulesView{
		Revision: state.Revision, Rules: state.Rules, Settings: state.Settings.OrDefault(), OUs: ous,
		Allowlists: map[string]string{}, Mappings: map[string]string{},
	}
	v.name(state, v.Settings.BreakGlassAllowlists, v.Settings.BreakGlassMappings)
	for _, r := range v.Rules {
		v.name(state, r.Scope.Allowlists, r.Scope.Mappings)
	}
	return v, state, nil
}

// name looks up what ids stand for.
func (v RulesView) name(state access.State, allowlists, mappings []string) {
	for _, id := range allowlists {
		if a, ok := state.Allowlist(id); ok {
			v.Allowlists[id] = a.Name
		}
	}
	for _, id := range mappings {
		if m, ok := state.Mapping(id); ok {
			v.Mappings[id] = v.OUs.Title(m)
		}
	}
}

func (s *Service) headState(ctx context.Context) (access.State, error) {
	head, err := s.store.Head(ctx)
	if err != nil {
		return access.State{}, err
	}
	return s.store.State(ctx, head)
}

// SaveRule adds a review rule to a change, or replaces one that has an ID. Names of
// allowlists and ids of mappings in its scope have to be those of the head.
func (s *Service) SaveRule(ctx context.Context, actor access.Actor, id int64, r access.ReviewRule) (access.Change, error) {
	if err := authz.Require(actor, authz.EditChange); err != nil {
		return access.Change{}, err
	}
	if err := r.Check(); err != nil {
		return access.Change{}, err
	}
	ous, err := s.store.OUTree(ctx)
	if err != nil {
		return access.Change{}, err
	}
	if r.Scope, err = ous.ResolveScope(r.Scope); err != nil {
		return access.Change{}, err
	}
	state, err := s.headState(ctx)
	if err != nil {
		return access.Change{}, err
	}
	if err := knownObjects(state, "scope", r.Scope.Allowlists, r.Scope.Mappings); err != nil {
		return access.Change{}, err
	}
	edit, title := access.Edit{Op: access.EditUpdateRule, ID: r.ID, Rule: &r}, "Edit review rule "+r.Name
	if r.ID == "" {
		r.ID = newID("rr")
		edit, title = access.Edit{Op: access.EditAddRule, ID: r.ID, Rule: &r}, "Add review rule "+r.Name
	}
	c, err := s.AddEdits(ctx, actor, id, title, []access.Edit{edit})
	return c, plainFields(err)
}

func knownObjects(s access.State, field string, allowlists, mappings []string) error {
	var fields []access.FieldError
	for _, id := range allowlists {
		if _, ok := s.Allowlist(id); !ok {
			fields = append(fields, access.FieldError{Field: field + "/allowlists", Message: fmt.Sprintf("there is no allowlist %q", id)})
		}
	}
	for _, id := range mappings {
		if _, ok := s.Mapping(id); !ok {
			fields = append(fields, access.FieldError{Field: field + "/mappings", Message: fmt.Sprintf("there is no mapping %q", id)})
		}
	}
	return access.InvalidFields(fields)
}

// RemoveRule removes a review rule.
func (s *Service) RemoveRule(ctx context.Context, actor access.Actor, id int64, ruleID string) (access.Change, error) {
	return s.AddEdits(ctx, actor, id, "Remove a review rule", []access.Edit{{Op: access.EditRemoveRule, ID: ruleID}})
}

// SaveSettings puts new settings into a change.
func (s *Service) SaveSettings(ctx context.Context, actor access.Actor, id int64, settings access.Settings) (access.Change, error) {
	if err := authz.Require(actor, authz.EditChange); err != nil {
		return access.Change{}, err
	}
	state, err := s.headState(ctx)
	if err != nil {
		return access.Change{}, err
	}
	if err := knownObjects(state, "break_glass", settings.BreakGlassAllowlists, settings.BreakGlassMappings); err != nil {
		return access.Change{}, err
	}
	c, err := s.AddEdits(ctx, actor, id, "Change the settings", []access.Edit{{Op: access.EditUpdateSettings, ID: access.SettingsID, Settings: &settings}})
	return c, plainFields(err)
}

type ruleDiff struct {
	rules    []access.RuleChange
	settings []access.SettingChange
	names    map[string]string // of what the scopes of the rules name, by id

	strategies      []access.StrategyChange
	defaultStrategy *access.SettingChange // nil if it stays
}

func diffRules(before, after access.State, ous *access.OUs) ruleDiff {
	var d ruleDiff
	for _, r := range before.Rules {
		switch now, stays := after.Rule(r.ID); {
		case !stays:
			d.rules = append(d.rules, access.RuleChange{Before: &r})
		case !r.Equal(now):
			d.rules = append(d.rules, access.RuleChange{Before: &r, After: &now})
		}
	}
	for _, r := range after.Rules {
		if _, was := before.Rule(r.ID); !was {
			d.rules = append(d.rules, access.RuleChange{After: &r})
		}
	}
	d.nameScopes(before, after)
	d.strategies, d.defaultStrategy = diffStrategies(before, after)
	was, is := settingWords(before, ous), settingWords(after, ous)
	for i := range was {
		if was[i].After != is[i].After {
			change := access.SettingChange{Name: was[i].Name, Before: was[i].After, After: is[i].After}
			d.settings = append(d.settings, change)
		}
	}
	return d
}

// nameScopes looks up the objects in the scopes of the rules. A name comes with its id, because the rule holds
// for the id.
func (d *ruleDiff) nameScopes(states ...access.State) {
	d.names = map[string]string{}
	for _, r := range d.rules {
		for _, side := range []*access.ReviewRule{r.Before, r.After} {
			if side == nil {
				continue
			}
			for _, state := range states {
				for _, id := range side.Scope.Allowlists {
					if a, ok := state.Allowlist(id); ok {
						d.names[id] = withID(a.Name, id)
					}
				}
				for _, id := range side.Scope.Mappings {
					if m, ok := state.Mapping(id); ok {
						d.names[id] = withID(m.Title(), id)
					}
				}
			}
		}
	}
}

func withID(name, id string) string { return name + " (" + id + ")" }

// settingWords says each setting in words, always in the same order.
func settingWords(state access.State, ous *access.OUs) []access.SettingChange {
	s := state.Settings.OrDefault()
	mode := func(m access.GuardMode) string {
		return map[access.GuardMode]string{access.GuardRefuse: "refused", access.GuardConfirm: "to be confirmed"}[m]
	}
	yes := func(b bool) string {
		return map[bool]string{true: "yes", false: "no"}[b]
	}
	return []access.SettingChange{
		{Name: "Many accounts are", After: fmt.Sprintf("%d and more", s.ManyAccounts)},
		{Name: "A large reach is", After: fmt.Sprintf("%d IPv4 addresses or %d IPv6 /64 networks and more", s.LargeIPv4, s.LargeIPv6)},
		{Name: "Dangerous ranges may be submitted", After: yes(s.AllowDangerous)},
		{Name: "Break-glass is allowed", After: yes(s.BreakGlassAllowed)},
		{Name: "Break-glass mappings", After: joinNames(s.BreakGlassMappings, func(id string) (string, bool) { m, ok := state.Mapping(id); return ous.Title(m), ok })},
		{Name: "Break-glass allowlists", After: joinNames(s.BreakGlassAllowlists, func(id string) (string, bool) { a, ok := state.Allowlist(id); return a.Name, ok })},
		{Name: "A user without any address", After: mode(s.Guards.NoAddress)},
		{Name: "One's own address", After: mode(s.Guards.OwnAddress)},
		{Name: "Lost break-glass access", After: mode(s.Guards.BreakGlass)},
		{Name: "Nobody who could review or apply", After: mode(s.Guards.NobodyApplies)},
		{Name: "Longest life of an emergency entry", After: lifeText(s.EmergencyMaxLife)},
		{Name: "Expiries are announced", After: fmt.Sprintf("%d days ahead", s.ExpiryNoticeDays)},
		{Name: "Approvals are valid for", After: access.LifeText(s.ApprovalsValidFor)},
		{Name: "Accounts outside the organization", After: joinNames(access.AccountTexts(s.OutsideAccounts), nil)},
		{Name: "API tokens may review", After: yes(s.TokensMayReview)},
		{Name: "API tokens may apply", After: yes(s.TokensMayApply)},
		{Name: "A rollout can be rolled back by one person", After: rollBackText(s.MayRollBackWithin())},
	}
}

func rollBackText(within time.Duration) string {
	if within == 0 {
		return "until it has ended"
	}
	return "until " + access.DurationText(within) + " after its end"
}

func joinNames(ids []string, name func(string) (string, bool)) string {
	list := slices.Clone(ids)
	for i, id := range list {
		if name == nil {
			continue
		}
		if n, ok := name(id); ok {
			list[i] = withID(n, id)
		}
	}
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(unique(list), ", ")
}

func unique(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
