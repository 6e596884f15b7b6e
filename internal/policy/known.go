package policy

import (
	"sync"

	"portcullis/internal/access"
)

// known is an account's inventory with an index that is made when first asked for. A nil
// known knows nothing and takes everything to exist.
type known struct {
	inventory access.Inventory
	once      sync.Once
	roles     map[access.RoleName]int
	users     map[access.RoleName]int // by path and name
}

func (k *known) index() {
	k.once.Do(func() {
		k.roles = make(map[access.RoleName]int, len(k.inventory.Roles))
		for i, r := range k.inventory.Roles {
			if r.Exists {
				k.roles[nameOf(r.Resource)] = i
			}
		}
		k.users = make(map[access.RoleName]int, len(k.inventory.Users))
		for i, u := range k.inventory.Users {
			if u.Exists {
				k.users[nameOf(u.Resource)] = i
			}
		}
	})
}

func nameOf(r access.Resource) access.RoleName {
	if r.Path == "" {
		r.Path = "/"
	}
	return access.RoleName{Path: r.Path, Name: r.Name}
}

func (k *known) hasRole(r access.RoleName) bool {
	if k == nil {
		return true
	}
	k.index()
	_, ok := k.roles[r]
	return ok
}

func (k *known) hasUser(u access.UserName) bool {
	if k == nil {
		return true
	}
	k.index()
	_, ok := k.users[access.RoleName{Path: u.Path, Name: u.Name}]
	return ok
}

// trust returns the live trust policy of a role; ok is false when it is not known.
func (k *known) trust(r access.RoleName) (doc string, ok bool) {
	if k == nil {
		return "", false
	}
	k.index()
	i, ok := k.roles[r]
	if !ok {
		return "", false
	}
	return k.inventory.Roles[i].Document, true
}

// otherInline is the size of a user's inline policies that are not ours.
func (k *known) otherInline(u access.UserName) int {
	if k == nil {
		return 0
	}
	k.index()
	if i, ok := k.users[access.RoleName{Path: u.Path, Name: u.Name}]; ok {
		return k.inventory.Users[i].OtherInlineSize
	}
	return 0
}

// otherAttachments counts the managed policies attached to a user that are not ours.
func (k *known) otherAttachments(u access.UserName) int {
	if k == nil {
		return 0
	}
	k.index()
	i, ok := k.users[access.RoleName{Path: u.Path, Name: u.Name}]
	if !ok {
		return 0
	}
	_, others := access.GateAttachments(k.inventory.Users[i].AttachedPolicies)
	return len(others)
}

// userID returns a user's unique id, empty when it is not known.
func (k *known) userID(u access.UserName) string {
	if k == nil {
		return ""
	}
	k.index()
	if i, ok := k.users[access.RoleName{Path: u.Path, Name: u.Name}]; ok {
		return k.inventory.Users[i].ID
	}
	return ""
}
