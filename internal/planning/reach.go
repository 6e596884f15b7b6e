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

// CheckSelector refuses account ids that are not in the organization, the management account, and a
// selector that matches nothing. Accounts that are not active are allowed: lint warns of them.
func CheckSelector(sel access.Selector, all []access.Account, ous *access.OUs) error {
	byID := map[access.AccountID]access.Account{}
	reached, shut := 0, ""
	for _, a := range all {
		byID[a.ID] = a
		switch {
		case !sel.Matches(a):
		case !a.Management:
			reached++
		default:
			_, why := a.Targetable()
			shut = fmt.Sprintf("%s (%s): %s", a.ID, a.Name, why)
		}
	}
	fields := unknownAccounts(sel, nil, byID)
	for _, id := range sel.IDs {
		if a := byID[id]; a.Management {
			_, why := a.Targetable()
			fields = append(fields, access.FieldError{
				Field: "accounts/ids", Message: fmt.Sprintf("Account %s (%s) cannot be chosen: %s.", id, a.Name, why),
			})
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

// UnknownAccounts names the account ids that edits bring into mappings and that are not in the
// organization. had are the edits that the change has already: lint refuses their ids at submit.
func UnknownAccounts(before access.State, had, edits []access.Edit, all []access.Account) []access.FieldError {
	byID := make(map[access.AccountID]access.Account, len(all))
	for _, a := range all {
		byID[a.ID] = a
	}
	old := editedMappings(had)
	var fields []access.FieldError
	for i, e := range edits {
		if e.Mapping == nil {
			continue
		}
		was, _ := before.Mapping(e.ID)
		kept := []access.Selector{was.Accounts, old[e.ID].Accounts}
		for _, f := range unknownAccounts(e.Mapping.Accounts, kept, byID) {
			f.Field = fmt.Sprintf("edits/%d/%s", i, f.Field)
			fields = append(fields, f)
		}
	}
	return fields
}

// editedMappings are the mappings that edits bring, by id.
func editedMappings(edits []access.Edit) map[string]access.Mapping {
	mappings := map[string]access.Mapping{}
	for _, e := range edits {
		if e.Mapping != nil {
			mappings[e.ID] = *e.Mapping
		}
	}
	return mappings
}

// unknownAccounts names the account ids of a selector that are not in the organization. Ids that one of
// the other selectors names are left out.
func unknownAccounts(
	sel access.Selector, kept []access.Selector, byID map[access.AccountID]access.Account,
) []access.FieldError {
	var fields []access.FieldError
	check := func(field string, id access.AccountID) {
		_, known := byID[id]
		if known || slices.ContainsFunc(kept, func(k access.Selector) bool { return namesAccount(k, id) }) {
			return
		}
		const remedy = "Correct the id, or synchronize the organization if the account is new."
		fields = append(fields, access.FieldError{
			Field: field, Message: fmt.Sprintf("There is no account %s in the organization. %s", id, remedy),
		})
	}
	for _, id := range sel.IDs {
		check("accounts/ids", id)
	}
	for _, x := range sel.Except {
		if id := access.AccountID(x); id.Valid() {
			check("accounts/except", id)
		}
	}
	return fields
}

func namesAccount(s access.Selector, id access.AccountID) bool {
	return slices.Contains(s.IDs, id) || slices.Contains(s.Except, string(id))
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
