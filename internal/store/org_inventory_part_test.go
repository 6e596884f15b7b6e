package store_test

import (
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store/storetest"
)

func TestInventoryOf(t *testing.T) {
	s := storetest.New(t)
	ctx := t.Context()
	if err := s.SaveOrganization(ctx, company(), false, nil); err != nil {
		t.Fatal(err)
	}
	live := func(kind access.ResourceKind, path, name string) access.LiveDocument {
		return access.LiveDocument{Resource: access.Resource{Kind: kind, Path: path, Name: name}, ID: "A" + name, Exists: true, Document: `{"of":"` + name + `"}`}
	}
	const id, empty = access.AccountID("100000000004"), access.AccountID("100000000003")
	whole := access.Inventory{
		Account: id, ReadAt: t0, Quotas: access.Quotas{TrustPolicy: 4096, UserPolicy: 2048, ManagedPolicy: 6144, Attachments: 20},
		Roles:    []access.LiveDocument{live(access.ResourceRole, "/", "Bob"), live(access.ResourceRole, "/", "Other"), live(access.ResourceRole, "/team/", "Bob")},
		Users:    []access.LiveUser{{LiveDocument: live(access.ResourceUser, "/", "alice"), Groups: []string{"g"}}, {LiveDocument: live(access.ResourceUser, "/ops/", "alice")}},
		Policies: []access.LiveDocument{live(access.ResourcePolicy, "/portcullis/", "Portcullis-alice-1")},
	}
	for _, i := range []access.Inventory{whole, {Account: empty, ReadAt: t0}} {
		if err := s.SaveInventory(ctx, i); err != nil {
			t.Fatal(err)
		}
	}
	part := whole
	part.Roles, part.Users, part.Policies = whole.Roles[2:], whole.Users[:1], nil
	read := must[*access.Inventories](t)(s.Inventories(ctx, []access.AccountID{empty}))
	q := access.InventoryQuery{
		Accounts: []access.AccountID{id, empty, "100000000002"},
		Roles:    []access.RoleName{{Path: "/team/", Name: "Bob"}, {Path: "/", Name: "nobody"}}, Users: []access.UserName{{Name: "alice"}},
	}
	diff(t, "named", map[access.AccountID]access.Inventory{id: part, empty: known(read)[empty]}, known(must[*access.Inventories](t)(s.InventoryOf(ctx, q))))
	part.Roles, part.Users, part.Policies = nil, nil, whole.Policies
	q = access.InventoryQuery{Accounts: q.Accounts[:1], Policies: true}
	diff(t, "policies", map[access.AccountID]access.Inventory{id: part}, known(must[*access.Inventories](t)(s.InventoryOf(ctx, q))))
}
