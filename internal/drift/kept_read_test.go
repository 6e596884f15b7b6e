package drift

import (
	"context"
	"testing"

	"portcullis.internal/portcullis/internal/access"
)

// knownAccounts is a store that has inventories only.
type knownAccounts struct {
	Store
	known map[access.AccountID]access.Inventory
}

func (k knownAccounts) Inventories(_ context.Context, ids []access.AccountID) (*access.Inventories, error) {
	found := &access.Inventories{}
	for _, id := range ids {
		if inv, ok := k.known[id]; ok {
			inv.Account = id
			found.Put(inv)
		}
	}
	return found, nil
}

// TestInventoriesOfKeptOutUsers: no mapping names a user whom a trust policy keeps out, and all permissions of this user in
// another account decide whether the Deny is needed.
func TestInventoriesOfKeptOutUsers(t *testing.T) {
	const here, there = access.AccountID("111111111111"), access.AccountID("222222222222")
	live := func(name string) access.LiveUser {
		u := access.LiveUser{Groups: []string{"ops"}}
		u.Resource, u.Exists = access.Resource{Kind: access.ResourceUser, Path: "/", Name: name}, true
		return u
	}
	bob := access.LiveDocument{
		Resource: access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}, Exists: true,
		Document: `{"Version":"2012-10-17","Statement":[{"Sid":"PortcullisDenyRevoked","Effect":"Deny",` +
			`"Principal":{"AWS":"arn:aws:iam::222222222222:user/dave"},"Action":"sts:AssumeRole"}]}`,
	}
	s := &Service{cfg: Config{Store: knownAccounts{known: map[access.AccountID]access.Inventory{
		here: {Roles: []access.LiveDocument{bob}}, there: {Users: []access.LiveUser{live("dave"), live("erin")}},
	}}}}
	got, err := s.inventories(t.Context(), access.State{}, access.Accounts{{ID: here}, {ID: there}}, []access.AccountID{here})
	if err != nil {
		t.Fatal(err)
	}
	for name, groups := range map[string]int{"dave": 1, "erin": 0} {
		if u, ok := got.User(there, "/", name); !ok || len(u.Groups) != groups {
			t.Errorf("%s is known: %t, with %d groups, want %d", name, ok, len(u.Groups), groups)
		}
	}
}
