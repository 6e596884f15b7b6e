package planning

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/policy"
)

// Effects is what of a change decides which review rules apply to it. The rules and the
// settings are those of the state before: a change never relaxes its own review.
type Effects struct {
	Before, After access.State
	Edits         []access.Edit
	OUs           *access.OUs
	Issues        []policy.Issue // that the change brings
	Written       []access.Account
}

// Needs returns the needs of the rules that apply, or the default need. A rule also protects itself and the settings on
// which it depends.
func (e Effects) Needs() []access.Need {
	touched := e.alteredObjects()
	dangers := e.dangers(touched)
	var needs []access.Need
	for _, r := range e.Before.Rules {
		if why := cmp.Or(e.protects(r), e.why(r.Scope, touched, dangers)); why != "" {
			needs = append(needs, access.Need{Rule: r.ID, Name: r.Name, Why: why, Need: r.Need})
		}
	}
	if len(needs) == 0 {
		return []access.Need{access.DefaultNeed()}
	}
	return needs
}

// Dangers are the properties of the change for which stricter rules can be made, in the order of pages.
func (e Effects) Dangers() []access.Danger {
	found := e.dangers(e.alteredObjects())
	return slices.DeleteFunc(access.Dangers(), func(d access.Danger) bool { return !slices.Contains(found, d) })
}

// why says what of the change is in a rule's scope; "" when nothing is.
func (e Effects) why(s access.RuleScope, touched touchedObjects, dangers []access.Danger) string {
	if s.Empty() {
		return "it is for every change"
	}
	for _, d := range s.Dangers {
		if slices.Contains(dangers, d) {
			return "the change " + d.String()
		}
	}
	for _, id := range s.Allowlists {
		if touched.allowlists[id] {
			return "the change touches the allowlist " + e.allowlistName(id)
		}
	}
	for _, id := range s.Mappings {
		if touched.Mappings[id] {
			return "the change touches the mapping of " + e.mappingName(id)
		}
	}
	for _, a := range e.Written {
		if why := e.inScope(s, a); why != "" {
			return why
		}
	}
	return ""
}

func (e Effects) inScope(s access.RuleScope, a access.Account) string {
	for _, ou := range s.OUs {
		if (access.Selector{OUs: []string{ou}}).Matches(a) {
			return fmt.Sprintf("the change writes to %s in %s", a.Name, e.OUs.Label(ou))
		}
	}
	if len(s.Tags) > 0 && (access.Selector{Tags: s.Tags}).Matches(a) {
		return fmt.Sprintf("the change writes to %s, which has the %s", a.Name, access.Selector{Tags: s.Tags})
	}
	return ""
}

func (e Effects) allowlistName(id string) string {
	a, ok := e.Before.Allowlist(id)
	if !ok {
		a, _ = e.After.Allowlist(id)
	}
	return a.Name
}

func (e Effects) mappingName(id string) string {
	m, ok := e.Before.Mapping(id)
	if !ok {
		m, _ = e.After.Mapping(id)
	}
	return m.Role.String()
}

// alteredObjects are the objects whose meaning the change alters: an allowlist also by being
// added to a mapping or removed from one, a mapping also by the entries of its allowlists.
func (e Effects) alteredObjects() touchedObjects {
	t := TouchedBy(e.Edits)
	edited := t.allowlists
	t.allowlists = map[string]bool{}
	for id := range edited {
		t.allowlists[id] = true
	}
	for id := range t.Mappings {
		was, _ := e.Before.Mapping(id)
		is, _ := e.After.Mapping(id)
		noteSwapped(e.Before, was.Allowlists, is.Allowlists, t.allowlists)
		noteSwapped(e.After, is.Allowlists, was.Allowlists, t.allowlists)
	}
	for _, state := range []access.State{e.Before, e.After} {
		names := touchedObjects{allowlists: edited}.names(state)
		for _, m := range state.Mappings {
			if slices.ContainsFunc(m.Allowlists, func(n string) bool { return names[n] }) {
				t.Mappings[m.ID] = true
			}
		}
	}
	return t
}

// noteSwapped notes the ids of the allowlists that are named here and not there.
func noteSwapped(state access.State, here, there []string, ids map[string]bool) {
	for _, a := range state.Allowlists {
		if slices.Contains(here, a.Name) && !slices.Contains(there, a.Name) {
			ids[a.ID] = true
		}
	}
}

var dangerOf = map[string]access.Danger{
	policy.CodeWholeInternet: access.DangerWholeInternet,
	policy.CodeUnionTooLarge: access.DangerLargeList,
	policy.CodeLargeReach:    access.DangerLargeReach,
	policy.CodeClosed:        access.DangerNoAddress,
}

// dangers are what makes the change one of those for which stricter rules can be made.
func (e Effects) dangers(touched touchedObjects) []access.Danger {
	var found []access.Danger
	note := func(d access.Danger) {
		if !slices.Contains(found, d) {
			found = append(found, d)
		}
	}
	for _, i := range e.Issues {
		if d, dangerous := dangerOf[i.Code]; dangerous {
			note(d)
		}
	}
	settings := e.Before.Settings.OrDefault()
	if len(e.Written) >= settings.ManyAccounts {
		note(access.DangerManyAccounts)
	}
	if anyIn(touched.Mappings, settings.BreakGlassMappings) || anyIn(touched.allowlists, settings.BreakGlassAllowlists) {
		note(access.DangerBreakGlass)
	}
	for _, edit := range e.Edits {
		kind, _, _ := strings.Cut(string(edit.Op), ".")
		if kind == "rule" || kind == "settings" || kind == "strategy" {
			note(access.DangerRules)
		}
	}
	return found
}

func anyIn(set map[string]bool, ids []string) bool {
	return slices.ContainsFunc(ids, func(id string) bool { return set[id] })
}
