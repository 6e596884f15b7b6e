package policy

import (
	"fmt"
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/iam"
)

// sentences are issues of single accounts, each kept once with the accounts that it is
// said of. In a large organization the same is often said of all of them.
type sentences struct {
	order []Issue // without the account's id
	at    map[Issue][]access.AccountID
}

// fewAccounts is of how many accounts the same is said one by one.
const fewAccounts = 3

func (s *sentences) add(i Issue, id access.AccountID) {
	i.Object, i.Message = access.WithoutID(i.Object, id), access.WithoutID(i.Message, id)
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
			one.Object, one.Message = access.WithID(i.Object, id), access.WithID(i.Message, id)
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
	i.Object = strings.ReplaceAll(i.Object, "account "+access.OwnID, count)
	i.Message = strings.ReplaceAll(i.Message, "account "+access.OwnID, count+" ("+iam.Some(texts)+")")
	i.Message = strings.ReplaceAll(i.Message, access.OwnID, "<account>") // in ARNs
	return i
}
