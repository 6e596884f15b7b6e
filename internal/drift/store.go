package drift

import (
	"context"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// Store is what the package needs of the database. Each method is one transaction.
type Store interface {
	// Organization returns the record of the organization, with at most so many of the accounts that await
	// confirmation.
	Organization(ctx context.Context, accounts int) (access.OrganizationRecord, error)
	// SaveOrganization replaces the recorded OUs and accounts, or changes nothing and returns why. Accounts that are
	// gone stay, as LEFT. Jobs for reading every readable account's inventory are inserted in the same transaction
	// when read is set.
	SaveOrganization(ctx context.Context, o access.Organization, read bool, events []access.AuditEvent) error
	// SyncFailed records in words why a sync failed on a replica, and what admins must confirm.
	SyncFailed(ctx context.Context, reason error, words, replica string) error
	// ScanFailed records why a replica could scan no account, for a reason that is not of an account.
	ScanFailed(ctx context.Context, words, replica string) error
	// AcceptSync locks what awaits confirmation, lets decide judge it, and saves the acceptances.
	AcceptSync(
		ctx context.Context, decide func(*access.SyncConfirmation, access.PersonContext) ([]access.AuditEvent, error),
	) (access.SyncConfirmation, error)
	// LeftBehind lists the accounts that are not active and keep documents of the console.
	LeftBehind(ctx context.Context, q access.PageQuery) (access.Page[access.LeftBehind], error)
	// SaveInventory replaces what is known to be in an account. KindConflict where a push
	// worked on the account since ReadAt, so that what was read may be outdated.
	SaveInventory(ctx context.Context, i access.Inventory) error
	// InventoryFailed keeps the inventory and notes why it could not be read again.
	InventoryFailed(ctx context.Context, id access.AccountID, reason string) error
	Account(ctx context.Context, id access.AccountID) (access.Account, error)
	// Accounts are those of the organization, sorted by id.
	Accounts(ctx context.Context) ([]access.Account, error)
	Inventories(ctx context.Context, ids []access.AccountID) (*access.Inventories, error)
	// RequestScan inserts the job that has every account read, unless one waits already.
	RequestScan(ctx context.Context, event access.AuditEvent) error
	// RequestInventories inserts the jobs that read accounts, unless they are there.
	RequestInventories(ctx context.Context, ids []access.AccountID) error
	// RequestComparison inserts the job that compares, unless one is there.
	RequestComparison(ctx context.Context) error

	// Head is the newest revision, and State the desired state at one.
	Head(ctx context.Context) (int64, error)
	State(ctx context.Context, revision int64) (access.State, error)

	// Unscanned lists accounts whose inventory was read after it was last compared.
	Unscanned(ctx context.Context, limit int) ([]access.AccountID, error)
	// StoppedTargets returns how the last pushes of accounts ended or where they are.
	StoppedTargets(ctx context.Context, ids []access.AccountID) (map[access.AccountID]access.StoppedTarget, error)
	// SaveScan keeps what was found: what is seen again is the same finding, what is not
	// seen by a whole scan is resolved. events makes the audit events of the outcome.
	SaveScan(ctx context.Context, scan access.Scan, events func(access.ScanOutcome) []access.AuditEvent) (access.ScanOutcome, error)
	// SkipScan notes that a reading need not be compared.
	SkipScan(ctx context.Context, scan access.Scan) error
	// RescanRolledOut inserts the jobs that read the accounts of rollouts that ended,
	// once for each rollout.
	RescanRolledOut(ctx context.Context) error
	// ForgetFindings resolves the findings of accounts that are no longer targets. The event is
	// appended where there were any.
	ForgetFindings(ctx context.Context, at time.Time, event access.AuditEvent) error

	Findings(ctx context.Context, q access.FindingQuery) (access.Page[access.Finding], error)
	Finding(ctx context.Context, id int64) (access.Finding, error)
	// UpdateFinding locks a finding, lets decide judge and alter it, and saves it.
	UpdateFinding(ctx context.Context, id int64, decide func(*access.Finding) (access.AuditEvent, error)) (access.Finding, error)
	// FindingGroups lists what findings say, each thing once, the newest first.
	FindingGroups(ctx context.Context, q access.FindingQuery) (access.Page[access.FindingGroup], error)
	// SelectFindings says what matches a query, whatever page of it is asked for.
	SelectFindings(ctx context.Context, q access.FindingQuery) (access.FindingSelection, error)
	// UpdateFindings locks the findings of a choice, lets decide judge and alter them, and
	// saves them. It returns how many there are.
	UpdateFindings(ctx context.Context, choice access.FindingChoice, decide func([]access.Finding) ([]access.AuditEvent, error)) (int, error)
	FindingCounts(ctx context.Context) (access.FindingCounts, error)

	// RequestSync inserts the job that reads the organization, unless one waits already, and returns its id.
	RequestSync(ctx context.Context, event access.AuditEvent) (job int64, err error)
	// SyncEnded reports whether a job of RequestSync has run.
	SyncEnded(ctx context.Context, job int64) (bool, error)
}

// Cloud is what the package needs of AWS.
type Cloud interface {
	// OrganizationID says which organization the credentials belong to.
	OrganizationID(ctx context.Context) (string, error)
	Organization(ctx context.Context) (access.Organization, error)
	// OrganizationAccount asks for one account. found is false only if AWS says that the organization does not have it.
	OrganizationAccount(ctx context.Context, id access.AccountID) (a access.Account, found bool, err error)
	Inventory(ctx context.Context, account access.Account) (access.Inventory, error)
}

// Pusher has what is desired in some accounts written to them.
type Pusher interface {
	PushAccounts(ctx context.Context, actor access.Actor, ids []access.AccountID, why string) (access.Rollout, error)
}
