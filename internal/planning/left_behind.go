package planning

import (
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// LeftBehindByChange are those of gone to which a change would have to write: accounts that are not active and keep
// documents of the console.
func LeftBehindByChange(
	gone access.Accounts, base, next access.State, written *access.State, edits []access.Edit, now time.Time,
) []access.Account {
	if len(gone) == 0 {
		return nil
	}
	c := NewAffected(gone, base, next, written, edits, now)
	for u := range c.editedUsers() {
		c.addUser(u) // whose account may be gone, while those of the role are not
	}
	return only(gone, c.targets())
}

// LeftBehindByPush are those of gone to which a push of some accounts would have to write. No ids ask for all accounts
// that the state reaches.
func LeftBehindByPush(gone access.Accounts, state access.State, ids []access.AccountID) []access.Account {
	if len(ids) > 0 {
		return only(gone, ids)
	}
	reached := map[access.AccountID]bool{}
	for i := range state.Mappings {
		m := &state.Mappings[i]
		gone.Each(m.Accounts, func(a access.Account) { reached[a.ID] = true })
		for _, u := range m.Users {
			reached[u.Account] = true
		}
	}
	return only(gone, IDs(reached))
}

func only(accounts access.Accounts, ids []access.AccountID) []access.Account {
	var some []access.Account
	for _, id := range ids {
		if a, known := accounts.Find(id); known {
			some = append(some, a)
		}
	}
	return some
}
