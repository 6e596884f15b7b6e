package access

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// ReviewRule says who has to review which changes. Rules are part of the desired state:
// they are changed only through a reviewed change, and those of the revision that a
// change is based on hold for it, never those that it brings itself.
type ReviewRule struct {
	ID    string        `json:"id,omitempty"`
	Name  string        `json:"name"`
	Scope RuleScope     `json:"scope,omitzero"`
	Need  []Requirement `json:"need"` // all of them, by different people
}

// RuleScope says which changes a rule is for: those that touch any of what it lists. An
// empty scope is every change. Allowlists and Mappings are ids.
type RuleScope struct {
	Allowlists []string          `json:"allowlists,omitempty"`
	Mappings   []string          `json:"mappings,omitempty"`
	OUs        []string          `json:"ous,omitempty"`  // ids; changes that write to an account below
	Tags       map[string]string `json:"tags,omitempty"` // changes that write to an account with all of them
	Dangers    []Danger          `json:"dangers,omitempty"`
}

// Empty reports whether the scope is every change.
func (s RuleScope) Empty() bool {
	return len(s.Allowlists) == 0 && len(s.Mappings) == 0 && len(s.OUs) == 0 && len(s.Tags) == 0 && len(s.Dangers) == 0
}

// Requirement asks for a number of reviewers. Each holds one of the roles or belongs to
// one of the teams; any reviewer will do where neither is named.
type Requirement struct {
	Count int      `json:"count"`
	Teams []string `json:"teams,omitempty"`
	Roles []Role   `json:"roles,omitempty"`
}

// Danger is a property of a change for which stricter rules can be made.
type Danger string

// The dangers.
const (
	DangerWholeInternet Danger = "whole_internet" // 0.0.0.0/0 or ::/0
	DangerLargeList     Danger = "large_list"     // an allowlist that admits too much
	DangerLargeReach    Danger = "large_reach"    // a user's addresses on a role become many, or many are added
	DangerNoAddress     Danger = "no_address"     // a Deny without condition: nobody gets in
	DangerManyAccounts  Danger = "many_accounts"  // more accounts than the settings say
	DangerBreakGlass    Danger = "break_glass"    // a break-glass mapping or allowlist is touched
	DangerRules         Danger = "rules"          // review rules, strategies or settings are changed
)

// Dangers lists the dangers in the order in which pages show them.
func Dangers() []Danger {
	return []Danger{DangerWholeInternet, DangerLargeList, DangerLargeReach, DangerNoAddress, DangerManyAccounts, DangerBreakGlass, DangerRules}
}

var dangerWords = map[Danger]string{
	DangerWholeInternet: "admits the whole internet",
	DangerLargeList:     "admits a very large range",
	DangerLargeReach:    "admits users from many addresses",
	DangerNoAddress:     "leaves a mapping without any address",
	DangerManyAccounts:  "writes to many accounts",
	DangerBreakGlass:    "touches break-glass access",
	DangerRules:         "changes review rules, strategies or settings",
}

// String says what a change with the danger does.
func (d Danger) String() string { return dangerWords[d] }

var dangerNames = map[Danger]string{
	DangerWholeInternet: "Whole internet",
	DangerLargeList:     "Very large range",
	DangerLargeReach:    "Large reach",
	DangerNoAddress:     "No address left",
	DangerManyAccounts:  "Many accounts",
	DangerBreakGlass:    "Break-glass access",
	DangerRules:         "Rules or settings",
}

// Name is the danger in two or three words.
func (d Danger) Name() string { return dangerNames[d] }

// MaxReviewers bounds what one requirement may ask for.
const MaxReviewers = 10

var teamPattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$`)

// ParseTeam refuses what is no good as a team's name.
func ParseTeam(s string) (string, error) {
	s = strings.TrimSpace(s)
	if err := CheckIdentifier("team", s); err != nil {
		return "", err
	}
	if !teamPattern.MatchString(s) {
		return "", Invalid("team", "%q is no name for a team: use up to 40 lower-case letters, digits and dashes", s)
	}
	return s, nil
}

// Check refuses a rule that cannot be meant.
func (r ReviewRule) Check() error {
	var fields []FieldError
	add := func(field, format string, args ...any) {
		fields = append(fields, FieldError{field, fmt.Sprintf(format, args...)})
	}
	if name := strings.TrimSpace(r.Name); name == "" || len(name) > MaxTitle {
		add("name", "name the rule, with at most %d characters", MaxTitle)
	}
	fields = appendIdentifierProblems(fields, "name", r.Name)
	fields = checkOUs(fields, "scope/ous", r.Scope.OUs...)
	fields = append(fields, checkTagNames("scope/tags", r.Scope.Tags)...)
	for _, d := range r.Scope.Dangers {
		if _, known := dangerWords[d]; !known {
			add("scope/dangers", "%q is not a danger", string(d))
		}
	}
	if len(r.Need) == 0 {
		add("need", "say how many reviews are needed, and from whom")
	}
	for i, n := range r.Need {
		if n.Count < 1 || n.Count > MaxReviewers {
			add(fmt.Sprintf("need/%d/count", i), "the number of reviews is from 1 to %d", MaxReviewers)
		}
		fields = append(fields, n.checkWho(i)...)
	}
	return InvalidFields(fields)
}

func (n Requirement) checkWho(i int) []FieldError {
	var fields []FieldError
	for _, t := range n.Teams {
		if _, err := ParseTeam(t); err != nil {
			fields = append(fields, FieldError{fmt.Sprintf("need/%d/teams", i), MessageOf(err)})
		}
	}
	for _, role := range n.Roles {
		if _, err := ParseRole(string(role)); err != nil {
			fields = append(fields, FieldError{fmt.Sprintf("need/%d/roles", i), MessageOf(err)})
		}
	}
	return fields
}

// String says the requirement in words: "2 approvals by team network or team security".
func (n Requirement) String() string {
	var who []string
	for _, t := range n.Teams {
		who = append(who, "team "+t)
	}
	for _, r := range n.Roles {
		who = append(who, "role "+string(r))
	}
	if len(who) == 0 {
		who = []string{"any approver"}
	}
	approvals := "approvals"
	if n.Count == 1 {
		approvals = "approval"
	}
	return fmt.Sprintf("%d %s by %s", n.Count, approvals, strings.Join(who, " or "))
}

// Admits reports whether somebody counts for the requirement. That they may review at
// all is for their console role to say.
func (n Requirement) Admits(s Standing) bool {
	if len(n.Teams) == 0 && len(n.Roles) == 0 {
		return true
	}
	return slices.ContainsFunc(n.Teams, func(t string) bool { return slices.Contains(s.Teams, t) }) ||
		slices.ContainsFunc(n.Roles, func(r Role) bool { return slices.Contains(s.Roles, r) })
}

// Standing is what somebody is at present: a reviewer who has lost the role or left the
// team counts no more.
type Standing struct {
	Roles    []Role
	Teams    []string
	Disabled bool
}

// MayReview reports whether reviews of somebody with the standing count at all.
func (s Standing) MayReview() bool {
	return !s.Disabled && slices.Contains(s.Roles, RoleApprover)
}

// merge is the standing of two people of one group: the group counts once, for a place that either may take.
func (s Standing) merge(o Standing) Standing {
	return Standing{Roles: slices.Concat(s.Roles, o.Roles), Teams: slices.Concat(s.Teams, o.Teams)}
}

// Need is a rule that applies to a change, kept with the change when it is submitted.
type Need struct {
	Rule string        `json:"rule,omitempty"` // id; empty for the default
	Name string        `json:"name"`
	Why  string        `json:"why"` // what of the change made it apply
	Need []Requirement `json:"need"`
}

// DefaultNeed is what a change needs to which no rule applies.
func DefaultNeed() Need {
	return Need{Name: "Every change", Why: "no rule says otherwise", Need: []Requirement{{Count: 1}}}
}

// People is how many people the need asks for.
func (n Need) People() int {
	total := 0
	for _, r := range n.Need {
		total += r.Count
	}
	return total
}

// Missing returns what is left of the need once as many as possible of its places are
// taken by different reviewers; empty when it is met. A reviewer fills one place of a
// need, and may fill one of each need.
func (n Need) Missing(reviewers []Standing) []Requirement {
	var places []int // requirement of each place
	for i, r := range n.Need {
		for range r.Count {
			places = append(places, i)
		}
	}
	m := matching{need: n.Need, places: places, reviewers: reviewers, taken: map[int]int{}}
	left := make([]int, len(n.Need))
	for p, i := range places {
		if !m.fill(p, map[int]bool{}) {
			left[i]++
		}
	}
	var missing []Requirement
	for i, count := range left {
		if count > 0 {
			missing = append(missing, Requirement{Count: count, Teams: n.Need[i].Teams, Roles: n.Need[i].Roles})
		}
	}
	return missing
}

// Unmet returns what the need would lack even if all people reviewed, for any author; empty
// where the change of at least one person can be approved.
func (n Need) Unmet(people []Person, groups Groups) []Requirement {
	lacks := n.Missing(standings(people, groups, 0))
	for _, author := range people {
		if author.Disabled || !slices.Contains(author.Roles, RoleEditor) && !slices.Contains(author.Roles, RoleBreakGlass) {
			continue
		}
		if lacks = n.Missing(standings(people, groups, author.ID)); len(lacks) == 0 {
			return nil
		}
	}
	return lacks
}

// standings are of those people whose reviews count, one for each group, without the group of one person.
func standings(people []Person, groups Groups, but int64) []Standing {
	var who []Standing
	place := map[int64]int{}
	for _, p := range people {
		s := p.Standing()
		if !s.MayReview() || groups.Together(p.ID, but) {
			continue
		}
		if i, known := place[groups.Of(p.ID)]; known {
			who[i] = who[i].merge(s)
			continue
		}
		place[groups.Of(p.ID)] = len(who)
		who = append(who, s)
	}
	return who
}

// matching assigns reviewers to places by augmenting paths, so that somebody who fits
// two places never blocks the one of which they are the only candidate.
type matching struct {
	need      []Requirement
	places    []int
	reviewers []Standing
	taken     map[int]int // reviewer to place
}

func (m matching) fill(place int, tried map[int]bool) bool {
	for who, standing := range m.reviewers {
		if tried[who] || !m.need[m.places[place]].Admits(standing) {
			continue
		}
		tried[who] = true
		if other, busy := m.taken[who]; !busy || m.fill(other, tried) {
			m.taken[who] = place
			return true
		}
	}
	return false
}

// RuleChange is a review rule before and after a change; nil where there is none.
type RuleChange struct {
	Before, After *ReviewRule
}
