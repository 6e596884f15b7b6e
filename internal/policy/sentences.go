package policy

import (
	"fmt"
	"slices"
	"strings"

	"portcullis/internal/access"
)

// sentences are issues of single accounts, each kept once with the accounts that it is
// said of. In a large organization the same is often said of all of them.
type sentences struct {
	order []Issue // without the account's id
	at    map[Issue][]access.AccountID
}

// ownID stands for the id of the account that an issue is about. No text holds it: IAM
// takes no such character (aws-facts §1.5).
const ownID = "\x00"

// fewAccounts is of how many accounts the same is said one by one.
const fewAccounts = 3

func (s *sentences) add(i Issue, id access.AccountID) {
	i.Object, i.Message = strings.ReplaceAll(i.Object, string(id), ownID), strings.ReplaceAll(i.Message, string(id), ownID)
	if s.at == nil {
		s.at = map[Issue][]access.AccountID{}
	}
	ids := s.at[i]
	if len(ids) == 0 {
		s.order = append(s.order, i)
	}
	if !slices.Contains(ids[max(0, len(ids)-1):], id) {
		s.at[i] = append(ids, id)
	}
}

// issues are the sentences, of few accounts one by one.
func (s *sentences) issues() []Issue {
	var is []Issue
	for _, i := range s.order {
		ids := s.at[i]
		if len(ids) > fewAccounts {
			is = append(is, i.inMany(ids))
			continue
		}
		for _, id := range ids {
			one := i
			one.Object, one.Message = strings.ReplaceAll(i.Object, ownID, string(id)), strings.ReplaceAll(i.Message, ownID, string(id))
			is = append(is, one)
		}
	}
	return is
}

// inMany is an issue as it is said of many accounts at once.
func (i Issue) inMany(ids []access.AccountID) Issue {
	texts := make([]string, len(ids))
	for n, id := range ids {
		texts[n] = string(id)
	}
	count := fmt.Sprintf("%d accounts", len(ids))
	i.Object = strings.ReplaceAll(i.Object, "account "+ownID, count)
	i.Message = strings.ReplaceAll(i.Message, "account "+ownID, count+" ("+some(texts)+")")
	i.Message = strings.ReplaceAll(i.Message, ownID, "<account>") // in ARNs
	return i
}
