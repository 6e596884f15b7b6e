package policy

import (
	"slices"

	"portcullis.internal/portcullis/internal/access"
)

// known is the knowledge about one account. The zero value knows nothing and assumes that
// everything exists.
type known struct {
	inventory *access.Inventories // nil where the account has not been read
	id        access.AccountID
}

// knownOf returns the inventory of an account.
func (c *Compiler) knownOf(id access.AccountID) known {
	if !c.inventory.Has(id) {
		return known{}
	}
	return known{inventory: c.inventory, id: id}
}

func (k known) read() bool { return k.inventory != nil }

func nameOf(r access.Resource) access.RoleName {
	return access.RoleName{Path: r.Path, Name: r.Name}.Rooted()
}

func (k known) hasRole(r access.RoleName) bool { return !k.read() || k.inventory.HasRole(k.id, r) }

// hasUser reports whether a user of this account exists.
func (k known) hasUser(u access.UserName) bool {
	u.Account = k.id
	return !k.read() || k.inventory.HasUser(u)
}

// trust returns the live trust policy of a role; ok is false when it is not known.
func (k known) trust(r access.RoleName) (doc string, ok bool) {
	if !k.read() || !k.inventory.HasRole(k.id, r) {
		return "", false
	}
	live, ok := k.inventory.Role(k.id, r)
	return live.Document, ok
}

// user is what is known of a user of this account; the zero value where that is nothing.
func (k known) user(u access.UserName) access.LiveUser {
	if !k.read() {
		return access.LiveUser{}
	}
	live, _ := k.inventory.User(k.id, u.Path, u.Name)
	if !live.Exists {
		return access.LiveUser{}
	}
	return live
}

// quotas are those of the account, as far as they are known.
func (k known) quotas() access.Quotas { return k.inventory.Quotas(k.id) }

// otherInline is the size of a user's inline policies that are not ours.
func (k known) otherInline(u access.UserName) int {
	return k.user(u).OtherInlineSize
}

// otherAttachments counts the managed policies attached to a user that are not ours.
func (k known) otherAttachments(u access.UserName) int {
	_, others := access.UserSideAttachments(k.user(u).AttachedPolicies)
	return len(others)
}

// others names the policies and groups of a user that are not ours. Their contents are not
// read.
func (k known) others(u access.UserName) []string {
	live := k.user(u)
	_, attached := access.UserSideAttachments(live.AttachedPolicies)
	return slices.Concat(live.InlinePolicies, attached, live.Groups)
}

// userID returns a user's unique id, empty when it is not known.
func (k known) userID(u access.UserName) string {
	return k.user(u).ID
}
