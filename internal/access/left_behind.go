package access

import "time"

// LeftBehind is an account that is not active, with the documents of the console that remain in it. No rollout writes
// there any more.
type LeftBehind struct {
	Account   Account
	Read      bool // whether the account was ever read; if not, Documents are those that were written last
	Inventory Inventory
	Documents []LeftDocument
}

// LeftDocument is a document of the console in an account that is not active.
type LeftDocument struct {
	Resource  Resource
	WrittenAt time.Time // by a rollout; zero if the console has no record of it
}
