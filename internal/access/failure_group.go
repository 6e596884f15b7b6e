package access

import (
	"cmp"
	"slices"
)

// Trouble is what is wrong alike with some targets of a rollout in one OU.
type Trouble struct {
	State   TargetState // failed or conflict
	Class   CloudClass
	Code    string // AWS's own code, if it was AWS that refused
	Cause   string // in words that name no account
	OU      string
	Targets int
	Advice  string
	Example AccountID // one of the accounts
}

// TroubleGroup is what is wrong alike, with the OUs in which it is, the largest first.
type TroubleGroup struct {
	State   TargetState
	Class   CloudClass
	Code    string
	Cause   string
	Advice  string
	Targets int
	OUs     []OUCount
	Example AccountID
}

// OUCount is a number of targets directly in an OU.
type OUCount struct {
	OU      string
	Targets int
}

// GroupTroubles puts together what is wrong alike, over all OUs, the largest group first.
func GroupTroubles(troubles []Trouble) []TroubleGroup {
	type key struct {
		state       TargetState
		class       CloudClass
		code, cause string
	}
	index := map[key]int{}
	var groups []TroubleGroup
	for _, t := range troubles {
		k := key{t.State, t.Class, t.Code, t.Cause}
		i, known := index[k]
		if !known {
			i = len(groups)
			index[k] = i
			groups = append(groups, TroubleGroup{State: t.State, Class: t.Class, Code: t.Code, Cause: t.Cause, Advice: t.Advice, Example: t.Example})
		}
		groups[i].Targets += t.Targets
		groups[i].OUs = append(groups[i].OUs, OUCount{t.OU, t.Targets})
	}
	slices.SortStableFunc(groups, func(a, b TroubleGroup) int { return cmp.Compare(b.Targets, a.Targets) })
	return groups
}
