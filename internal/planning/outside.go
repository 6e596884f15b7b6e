package planning

import (
	"fmt"
	"slices"

	"portcullis.internal/portcullis/internal/access"
)

// OutsideUsers names the users that edits bring into mappings and whose accounts are outside the organization: AWS has
// never named them, or they have left. listed are the accounts outside that the settings allow. had are the edits that
// the change has already: lint refuses their users at submit. Users that a mapping has before the change stay, so that
// it can still be edited after an account has left; lint warns about them.
func OutsideUsers(
	before access.State, had, edits []access.Edit, all []access.Account, listed []access.AccountID,
) []access.FieldError {
	inside := make(map[access.AccountID]bool, len(all))
	for _, a := range all {
		inside[a.ID] = a.State != access.AccountLeft
	}
	old := editedMappings(had)
	var fields []access.FieldError
	for i, e := range edits {
		if e.Mapping == nil {
			continue
		}
		was, _ := before.Mapping(e.ID)
		for _, u := range e.Mapping.Users {
			if u.Account == "" || inside[u.Account] || slices.Contains(listed, u.Account) ||
				hasUser(was, u) || hasUser(old[e.ID], u) {
				continue
			}
			_, left := inside[u.Account]
			field := fmt.Sprintf("edits/%d/users", i)
			fields = append(fields, access.FieldError{Field: field, Message: outsideText(u, left)})
		}
	}
	return fields
}

func hasUser(m access.Mapping, u access.UserName) bool {
	return slices.ContainsFunc(m.Users, func(o access.UserName) bool { return o.Rooted() == u.Rooted() })
}

func outsideText(u access.UserName, left bool) string {
	if left {
		return fmt.Sprintf("Account %s of user %s has left the organization. Remove the user, "+
			"or first add the account to the setting outside_accounts with another change.", u.Account, u)
	}
	return fmt.Sprintf("Account %s of user %s is not in the organization. Correct the id, synchronize the organization "+
		"if the account is new, or first add the account to the setting outside_accounts with another change.",
		u.Account, u)
}
