package access

import (
	"iter"
	"maps"
	"slices"
	"time"
)

// Inventories is what is known to be in accounts. Roles, users and policies that are the
// same in many of them but for ids are kept once (packed.go). The zero value is ready to
// use and knows of no account. Several may read at once while nobody puts anything in.
type Inventories struct {
	accounts map[AccountID]packedInventory
	parts    map[fingerprint]*inventoryPart
	texts    texts
}

// packedInventory is an account's inventory without its ids.
type packedInventory struct {
	roles, users, policies *inventoryPart
	roleIDs, userIDs       []string // unique ids, in the order of the parts
	policyIDs              []string
	quotas                 Quotas
	readAt                 time.Time
}

// inventoryPart is the roles, users or policies of accounts that have the same ones.
type inventoryPart struct {
	live []LiveUser // documents and ARNs without the account's id; only users hold more than a document
	at   map[RoleName]int
}

// InventoriesOf returns what is known of these accounts.
func InventoriesOf(known map[AccountID]Inventory) *Inventories {
	i := &Inventories{}
	for _, id := range slices.Sorted(maps.Keys(known)) {
		inv := known[id]
		inv.Account = id
		i.Put(inv)
	}
	return i
}

// Put notes what is in an account, in place of what was known of it.
func (i *Inventories) Put(inv Inventory) {
	if i.accounts == nil {
		i.accounts, i.parts, i.texts = map[AccountID]packedInventory{}, map[fingerprint]*inventoryPart{}, texts{}
	}
	p := packedInventory{quotas: inv.Quotas, readAt: inv.ReadAt}
	p.roles, p.roleIDs = i.part(inv.Account, plainUsers(inv.Roles))
	p.users, p.userIDs = i.part(inv.Account, inv.Users)
	p.policies, p.policyIDs = i.part(inv.Account, plainUsers(inv.Policies))
	i.accounts[inv.Account] = p
}

func plainUsers(docs []LiveDocument) []LiveUser {
	users := make([]LiveUser, len(docs))
	for n, d := range docs {
		users[n] = LiveUser{LiveDocument: d}
	}
	return users
}

// part finds or makes the part that says this, and the unique ids that it leaves out.
func (i *Inventories) part(id AccountID, live []LiveUser) (*inventoryPart, []string) {
	if len(live) == 0 {
		return nil, nil
	}
	ids := make([]string, len(live))
	packed := make([]LiveUser, len(live))
	f := newFingerprinter()
	for n, u := range live {
		ids[n] = u.ID
		u.ID, u.Document = "", WithoutID(u.Document, id)
		u.AttachedPolicies = eachText(u.AttachedPolicies, func(arn string) string { return WithoutID(arn, id) })
		packed[n] = u
		u.fingerprint(f)
	}
	sum := f.sum()
	known := i.parts[sum]
	if known == nil {
		known = newInventoryPart(packed, i.texts)
		i.parts[sum] = known
	}
	return known, ids
}

func (u *LiveUser) fingerprint(f fingerprinter) {
	exists := 0
	if u.Exists {
		exists = 1
	}
	f.text(string(u.Resource.Kind), u.Resource.Path, u.Resource.Name, u.Document)
	f.numbers(exists, u.OtherInlineSize)
	for _, list := range [][]string{u.InlinePolicies, u.AttachedPolicies, u.Groups} {
		f.numbers(len(list))
		f.text(list...)
	}
}

func newInventoryPart(live []LiveUser, kept texts) *inventoryPart {
	p := &inventoryPart{live: live, at: make(map[RoleName]int, len(live))}
	for n := range live {
		u := &live[n]
		u.Document = kept.keep(u.Document)
		u.Resource.Path, u.Resource.Name = kept.keep(u.Resource.Path), kept.keep(u.Resource.Name)
		p.at[RoleName{Path: u.Resource.Path, Name: u.Resource.Name}.Rooted()] = n
	}
	return p
}

func eachText(list []string, do func(string) string) []string {
	if list == nil {
		return nil
	}
	out := make([]string, len(list))
	for n, text := range list {
		out[n] = do(text)
	}
	return out
}

// Len is the number of accounts of which something is known.
func (i *Inventories) Len() int {
	if i == nil {
		return 0
	}
	return len(i.accounts)
}

// Has reports whether an account has been read at all.
func (i *Inventories) Has(id AccountID) bool {
	if i == nil {
		return false
	}
	_, ok := i.accounts[id]
	return ok
}

// Accounts are the accounts of which something is known, sorted.
func (i *Inventories) Accounts() []AccountID {
	if i == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(i.accounts))
}

// All yields what is known of each account, sorted by account.
func (i *Inventories) All() iter.Seq2[AccountID, Inventory] {
	return func(yield func(AccountID, Inventory) bool) {
		for _, id := range i.Accounts() {
			if inv, _ := i.Of(id); !yield(id, inv) {
				return
			}
		}
	}
}

// Merge puts in what others know, in place of what was known of the same accounts.
func (i *Inventories) Merge(others *Inventories) {
	for _, inv := range others.All() {
		i.Put(inv)
	}
}

// Of is all that is known of one account.
func (i *Inventories) Of(id AccountID) (Inventory, bool) {
	if i == nil {
		return Inventory{}, false
	}
	p, ok := i.accounts[id]
	if !ok {
		return Inventory{}, false
	}
	inv := Inventory{Account: id, Quotas: p.quotas, ReadAt: p.readAt}
	inv.Roles, inv.Policies = p.roles.documents(id, p.roleIDs), p.policies.documents(id, p.policyIDs)
	if p.users != nil {
		inv.Users = make([]LiveUser, len(p.users.live))
		for n := range p.users.live {
			inv.Users[n] = p.users.user(n, id, p.userIDs)
		}
	}
	return inv, true
}

func (p *inventoryPart) documents(id AccountID, ids []string) []LiveDocument {
	if p == nil {
		return nil
	}
	docs := make([]LiveDocument, len(p.live))
	for n := range p.live {
		docs[n] = p.document(n, id, ids)
	}
	return docs
}

func (p *inventoryPart) document(n int, id AccountID, ids []string) LiveDocument {
	d := p.live[n].LiveDocument
	d.ID, d.Document = ids[n], WithID(d.Document, id)
	return d
}

func (p *inventoryPart) user(n int, id AccountID, ids []string) LiveUser {
	u := p.live[n]
	u.LiveDocument = p.document(n, id, ids)
	u.AttachedPolicies = eachText(u.AttachedPolicies, func(arn string) string { return WithID(arn, id) })
	return u
}

func (p *inventoryPart) find(path, name string) (n int, ok bool) {
	if p == nil {
		return 0, false
	}
	n, ok = p.at[RoleName{Path: path, Name: name}.Rooted()]
	return n, ok
}

// Quotas are those of an account, as far as they are known.
func (i *Inventories) Quotas(id AccountID) Quotas {
	return i.packedOf(id).quotas
}

// ReadAt is when an account was read; zero where it never was.
func (i *Inventories) ReadAt(id AccountID) time.Time { return i.packedOf(id).readAt }

// Role finds a role of an account by path and name.
func (i *Inventories) Role(id AccountID, r RoleName) (LiveDocument, bool) {
	p := i.packedOf(id)
	n, ok := p.roles.find(r.Path, r.Name)
	if !ok {
		return LiveDocument{}, false
	}
	return p.roles.document(n, id, p.roleIDs), true
}

// User finds a user of an account by path and name.
func (i *Inventories) User(id AccountID, path, name string) (LiveUser, bool) {
	p := i.packedOf(id)
	n, ok := p.users.find(path, name)
	if !ok {
		return LiveUser{}, false
	}
	return p.users.user(n, id, p.userIDs), true
}

// Policy finds a managed policy of ours by path and name.
func (i *Inventories) Policy(id AccountID, path, name string) (LiveDocument, bool) {
	p := i.packedOf(id)
	n, ok := p.policies.find(path, name)
	if !ok {
		return LiveDocument{}, false
	}
	return p.policies.document(n, id, p.policyIDs), true
}

// HasRole reports whether a role exists, which costs less than to find it.
func (i *Inventories) HasRole(id AccountID, r RoleName) bool {
	p := i.packedOf(id)
	n, ok := p.roles.find(r.Path, r.Name)
	return ok && p.roles.live[n].Exists
}

// HasUser reports whether a user, who is named with an account, exists.
func (i *Inventories) HasUser(u UserName) bool {
	p := i.packedOf(u.Account)
	n, ok := p.users.find(u.Path, u.Name)
	return ok && p.users.live[n].Exists
}

func (i *Inventories) packedOf(id AccountID) packedInventory {
	if i == nil {
		return packedInventory{}
	}
	return i.accounts[id]
}

// InventoryQuery asks for what is known of some roles and users in some accounts, since
// all of what is known of an organization is too much to look at for one change. Users
// are named without account.
type InventoryQuery struct {
	Accounts []AccountID
	Roles    []RoleName
	Users    []UserName
	Policies bool // all user-side policies
}
