package change

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"portcullis/internal/access"
)

// accounts are those that a rollout may touch, sorted by id. They are shared: read only.
func (s *Service) accounts(ctx context.Context) (access.Accounts, error) {
	all, err := s.store.Accounts(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the accounts: %w", err)
	}
	return s.targetable.of(all), nil
}

// targetable keeps which of all accounts a rollout may touch. The store hands out the
// same slice until something about an account changes.
type targetable struct {
	mu        sync.Mutex
	all, some []access.Account
}

func (t *targetable) of(all []access.Account) access.Accounts {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(all) > 0 && len(t.all) == len(all) && &t.all[0] == &all[0] {
		return t.some
	}
	some := make([]access.Account, 0, len(all))
	for _, a := range all {
		if ok, _ := a.Targetable(); ok {
			some = append(some, a)
		}
	}
	slices.SortFunc(some, func(a, b access.Account) int { return strings.Compare(string(a.ID), string(b.ID)) })
	t.all, t.some = all, some
	return some
}

// world is what there is to plan for, before anything is known to be in the accounts.
func (s *Service) world(ctx context.Context) (world, error) {
	accounts, err := s.accounts(ctx)
	return world{accounts: accounts, now: s.at()}, err
}

// know reads what is known of what a query names.
func (s *Service) know(ctx context.Context, w *world, q access.InventoryQuery) error {
	var err error
	if w.inventories, err = s.store.InventoryOf(ctx, q); err != nil {
		return fmt.Errorf("reading the inventories: %w", err)
	}
	return nil
}

// checkReach refuses a mapping that cannot work in any account: one that reaches none,
// only such as cannot be written to, or whose role or users are nowhere to be found.
func (s *Service) checkReach(ctx context.Context, m access.Mapping) error {
	all, err := s.store.Accounts(ctx)
	if err != nil {
		return fmt.Errorf("reading the accounts: %w", err)
	}
	if len(all) == 0 {
		return nil // the organization has not been read yet: nothing can be said
	}
	if err := checkSelector(m.Accounts, all); err != nil {
		return err
	}
	w, err := s.world(ctx)
	if err != nil {
		return err
	}
	if err := s.know(ctx, &w, queryOf(m, w.accounts)); err != nil {
		return err
	}
	return access.InvalidFields(unknownNames(m, w))
}

// queryOf asks for what one mapping names.
func queryOf(m access.Mapping, accounts access.Accounts) access.InventoryQuery {
	ids := map[access.AccountID]bool{}
	accounts.Each(m.Accounts, func(a access.Account) { ids[a.ID] = true })
	for _, u := range m.Users {
		if u.Account != "" && len(ids) > 0 {
			ids[u.Account] = true
		}
	}
	return access.InventoryQuery{Accounts: keys(ids), Roles: []access.RoleName{m.Role}, Users: m.Users}
}

func keys[T any](ids map[access.AccountID]T) []access.AccountID {
	list := make([]access.AccountID, 0, len(ids))
	for id := range ids {
		list = append(list, id)
	}
	slices.Sort(list)
	return list
}

// checkSelector refuses account ids that are not in the organization or cannot be
// written to, and a selector that reaches nothing.
func checkSelector(sel access.Selector, all []access.Account) error {
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
		msg := "These accounts match nothing: " + sel.String() + ". Check the spelling on the Accounts page."
		if shut != "" {
			msg = "No account that this matches can be written to: " + shut + "."
		}
		fields = append(fields, access.FieldError{Field: "accounts", Message: msg})
	}
	return access.InvalidFields(fields)
}

// unknownNames names the role and the users of a mapping that are in none of the
// accounts whose roles and users are known.
func unknownNames(m access.Mapping, w world) []access.FieldError {
	var fields []access.FieldError
	known, role := 0, false
	users := map[access.UserName]bool{}
	knownUsers := map[access.UserName]int{}
	for _, a := range w.accounts {
		if !w.inventories.Has(a.ID) {
			continue
		}
		matches := m.Accounts.Matches(a)
		if matches {
			known++
			_, has := w.inventories.Role(a.ID, m.Role)
			role = role || has
		}
		for _, u := range m.Users {
			if u.Account == a.ID || (u.Account == "" && matches) {
				knownUsers[u]++
				_, has := w.inventories.User(a.ID, u.Rooted().Path, u.Name)
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
