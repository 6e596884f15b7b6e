package policy

import (
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// naming is how a trust policy names the users whom a statement is about.
type naming int

const (
	byARN       naming = iota // users as principals
	byPrincipal               // their accounts as principals, aws:PrincipalArn
	byName                    // their accounts as principals, aws:username
)

// forUsers writes a statement for the users of some groups, or, by name, one for each
// set of accounts with the same names.
func (w *writer) forUsers(effect, sid string, groups []int, actions []string, cs []iam.Condition) {
	switch w.by {
	case byPrincipal:
		users := w.usersOf(groups)
		who := iam.NewCondition("ArnLike", "aws:PrincipalArn", w.principalARNs(users)...)
		w.add(effect, sid, w.roots(accountsOf(users)), actions, iam.SortConditions(append(slices.Clone(cs), who)...))
	case byName:
		sets := namesByAccounts(w.usersOf(groups))
		for _, set := range sets {
			suffix := ""
			if len(sets) > 1 {
				suffix = "In" + string(set.accounts[0])
			}
			who := iam.NewCondition("StringEquals", "aws:username", set.names...)
			w.add(effect, sid+suffix, w.roots(set.accounts), actions, iam.SortConditions(append(slices.Clone(cs), who)...))
		}
	default:
		var arns []string
		for _, i := range groups {
			arns = append(arns, w.task.groups[i].arns...)
		}
		w.add(effect, sid, arns, actions, cs)
	}
}

func (w *writer) usersOf(groups []int) []access.UserName {
	var users []access.UserName
	for _, i := range groups {
		users = append(users, w.task.groups[i].users...)
	}
	return users
}

// roots are the principals that stand for whole accounts.
func (w *writer) roots(accounts []access.AccountID) []string {
	arns := make([]string, len(accounts))
	for i, id := range accounts {
		arns[i] = "arn:" + w.task.account.PartitionOrDefault() + ":iam::" + string(id) + ":root"
	}
	return arns
}

// principalARNs writes users as patterns of aws:PrincipalArn that match them and nobody
// else of their accounts. A user whom each of the accounts has under the same path and
// name is written once, for any account: the statement's principals say for which.
func (w *writer) principalARNs(users []access.UserName) []string {
	accounts := accountsOf(users)
	in := map[access.UserName]int{}
	for _, u := range users {
		in[access.UserName{Path: u.Path, Name: u.Name}]++
	}
	var arns []string
	for _, u := range users {
		if len(accounts) > 1 && in[access.UserName{Path: u.Path, Name: u.Name}] == len(accounts) {
			u.Account = "*"
		}
		arns = append(arns, "arn:"+w.task.account.PartitionOrDefault()+":iam::"+string(u.Account)+":user"+patternEscapes.Replace(u.Path+u.Name))
	}
	return sortedSet(arns)
}

// patternEscapes keep a path such as /team-*/ from being read as a pattern.
var patternEscapes = strings.NewReplacer("*", "${*}", "?", "${?}", "$", "${$}")

// accountsOf lists the accounts of users, each once.
func accountsOf(users []access.UserName) []access.AccountID {
	ids := make([]access.AccountID, 0, len(users))
	for _, u := range users {
		ids = append(ids, u.Account)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// nameSet is some accounts in which the same names are meant.
type nameSet struct {
	accounts []access.AccountID
	names    []string
}

// namesByAccounts puts accounts with the same names together, in the order of their
// first accounts.
func namesByAccounts(users []access.UserName) []nameSet {
	names := map[access.AccountID][]string{}
	for _, u := range users {
		names[u.Account] = append(names[u.Account], u.Name)
	}
	var sets []nameSet
	found := map[string]int{}
	for _, id := range accountsOf(users) {
		same := sortedSet(names[id])
		key := setKey(same)
		at, ok := found[key]
		if !ok {
			at = len(sets)
			found[key] = at
			sets = append(sets, nameSet{names: same})
		}
		sets[at].accounts = append(sets[at].accounts, id)
	}
	return sets
}
