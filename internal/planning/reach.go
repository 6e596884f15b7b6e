package planning

import (
	"fmt"
	"slices"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// QueryOf asks for what one mapping names.
func QueryOf(m access.Mapping, accounts access.Accounts) access.InventoryQuery {
	ids := map[access.AccountID]bool{}
	accounts.Each(m.Accounts, func(a access.Account) { ids[a.ID] = true })
	for _, u := range m.Users {
		if u.Account != "" && len(ids) > 0 {
			ids[u.Account] = true
		}
	}
	return access.InventoryQuery{Accounts: IDs(ids), Roles: []access.RoleName{m.Role}, Users: m.Users}
}

// IDs are the keys of a map, sorted.
func IDs[T any](ids map[access.AccountID]T) []access.AccountID {
	list := make([]access.AccountID, 0, len(ids))
	for id := range ids {
		list = append(list, id)
	}
	slices.Sort(list)
	return list
}

// CheckSelector refuses account ids that are not in the organization or cannot be
// written to, and a selector that reaches nothing.
func CheckSelector(sel access.Selector, all []access.Account, ous *access.OUs) error {
	byID := map[access.AccountID]access.Account{}
	reached, shut := 0, ""
	for _, a := range all {
		byID[a.ID] = a
		if !sel.Matches(a) {
			continue
		}
		if ok, why := a.Targetable(); ok {
			reached++
		} else {
			shut = fmt.Sprintf("%s (%s): %s", a.ID, a.Name, why)
		}
	}
	var fields []access.FieldError
	for _, id := range sel.IDs {
		a, known := byID[id]
		if !known {
			fields = append(fields, access.FieldError{Field: "accounts/ids", Message: fmt.Sprintf("There is no account %s in the organization.", id)})
		} else if ok, why := a.Targetable(); !ok {
			fields = append(fields, access.FieldError{Field: "accounts/ids", Message: fmt.Sprintf("Account %s (%s) cannot be chosen: %s.", id, a.Name, why)})
		}
	}
	if len(fields) == 0 && reached == 0 {
		msg := "These accounts match nothing: " + ous.DescribeWithIDs(sel) + ". Check the spelling on the Accounts page."
		if shut != "" {
			msg = "No account that this matches can be written to: " + shut + "."
		}
		fields = append(fields, access.FieldError{Field: "accounts", Message: msg})
	}
	return access.InvalidFields(fields)
}

// UnknownNames names the role and the users of a mapping that are in none of the
// accounts whose roles and users are known.
func UnknownNames(m access.Mapping, w PlanInput) []access.FieldError {
	var fields []access.FieldError
	known, role := 0, false
	users := map[access.UserName]bool{}
	knownUsers := map[access.UserName]int{}
	for _, a := range w.Accounts {
		if !w.Inventories.Has(a.ID) {
			continue
		}
		matches := m.Accounts.Matches(a)
		if matches {
			known++
			_, has := w.Inventories.Role(a.ID, m.Role)
			role = role || has
		}
		for _, u := range m.Users {
			if u.Account == a.ID || (u.Account == "" && matches) {
				knownUsers[u]++
				_, has := w.Inventories.User(a.ID, u.Rooted().Path, u.Name)
				users[u] = users[u] || has
			}
		}
	}
	if known > 0 && !role {
		fields = append(fields, access.FieldError{Field: "role", Message: fmt.Sprintf("None of the %d accounts that this mapping reaches has a role %s. Check the path and the name; IAM tells upper from lower case.", known, m.Role)})
	}
	var missing []string
	for _, u := range m.Users {
		if knownUsers[u] > 0 && !users[u] {
			missing = append(missing, u.String())
		}
	}
	if len(missing) > 0 {
		fields = append(fields, access.FieldError{Field: "users", Message: fmt.Sprintf("No such user in the accounts that this mapping reaches: %s. Give the path before the name, and the account before both where the user lives in another one.", strings.Join(missing, ", "))})
	}
	return fields
}
