package access

// InventoryQuery asks for what is known of some roles and users in some accounts, since
// all of what is known of an organization is too much to look at for one change. Users
// are named without account.
type InventoryQuery struct {
	Accounts []AccountID
	Roles    []RoleName
	Users    []UserName
	Policies bool // all managed policies of gates
}
