package access

import (
	"slices"
	"strings"
)

// Accounts are accounts sorted by id.
type Accounts []Account

// Find returns the account with an id.
func (as Accounts) Find(id AccountID) (Account, bool) {
	i, found := slices.BinarySearchFunc(as, id, func(a Account, id AccountID) int { return strings.Compare(string(a.ID), string(id)) })
	if !found {
		return Account{}, false
	}
	return as[i], true
}

// Each calls visit with every account that a selector reaches. Of a selector that names
// accounts it looks at these alone.
func (as Accounts) Each(s Selector, visit func(Account)) {
	if s.All || len(s.IDs) == 0 {
		for i := range as {
			if s.Matches(as[i]) {
				visit(as[i])
			}
		}
		return
	}
	for i, id := range s.IDs {
		if a, found := as.Find(id); found && s.Matches(a) && !slices.Contains(s.IDs[:i], id) {
			visit(a)
		}
	}
}

// IDs returns the ids, sorted.
func (as Accounts) IDs() []AccountID {
	ids := make([]AccountID, len(as))
	for i := range as {
		ids[i] = as[i].ID
	}
	return ids
}
