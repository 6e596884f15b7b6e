package change

import (
	"context"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// Store is what the service needs of the database. Each writing method is one
// transaction: it locks the row, lets decide judge and alter the value, saves it with
// its version raised by decide, and appends the events to the audit log. An error of
// decide rolls everything back and is returned as it is.
type Store interface {
	TimeStore

	// Head is the newest revision.
	Head(ctx context.Context) (int64, error)
	// State is the desired state at a revision; KindNotFound beyond the head. Revision 0
	// is the empty beginning.
	State(ctx context.Context, revision int64) (access.State, error)
	// StateRelevantTo is State(revision).RelevantTo(accounts).
	StateRelevantTo(ctx context.Context, revision int64, accounts []access.Account) (access.State, error)
	// RolesUsing are the first roles, sorted, whose mappings name an allowlist.
	RolesUsing(ctx context.Context, revision int64, allowlist string, atMost int) ([]access.RoleName, error)
	// RevisionAt is the newest revision at a time.
	RevisionAt(ctx context.Context, at time.Time) (int64, error)

	Allowlists(ctx context.Context, q access.PageQuery) (access.Page[access.AllowlistRow], error)
	Allowlist(ctx context.Context, id string) (access.AllowlistRow, error)
	// AllowlistAt is an allowlist at a revision, with a page of its entries.
	AllowlistAt(
		ctx context.Context, revision int64, id string, q access.PageQuery,
	) (access.AllowlistRow, access.Page[access.Entry], error)
	Mappings(ctx context.Context, q access.MappingQuery) (access.Page[access.Mapping], error)
	MappingsAt(ctx context.Context, revision int64, q access.MappingQuery) (access.Page[access.Mapping], error)
	Mapping(ctx context.Context, id string) (access.Mapping, error)
	Totals(ctx context.Context) (access.Totals, error)
	// Containing finds the entries, of all allowlists at the head, that contain an address.
	Containing(ctx context.Context, addr string) ([]access.Containing, error)

	// Accounts are all accounts, with tags, sorted by id. The slice is shared: read only.
	Accounts(ctx context.Context) ([]access.Account, error)
	// AccountsAt is Accounts with the InventoryVersion that they are of.
	AccountsAt(ctx context.Context) (accounts []access.Account, version int64, err error)
	// Account is one of them; KindNotFound where there is none.
	Account(ctx context.Context, id access.AccountID) (access.Account, error)
	// AccountPage lists accounts, optionally of one OU, given by its id, and below.
	AccountPage(ctx context.Context, ou string, q access.PageQuery) (access.Page[access.Account], error)
	OUs(ctx context.Context) ([]access.OURow, error)
	// OUTree is all OUs by id, those included that are gone. It is shared: read only.
	OUTree(ctx context.Context) (*access.OUs, error)
	// AccountsAndOUs is both, of one moment.
	AccountsAndOUs(
		ctx context.Context, ou string, q access.PageQuery,
	) (access.Page[access.Account], []access.OURow, error)
	// Inventories are what is known to be in accounts; accounts never read are left out.
	Inventories(ctx context.Context, ids []access.AccountID) (*access.Inventories, error)
	// InventoryOf is what is known of some roles and users; accounts never read are left
	// out.
	InventoryOf(ctx context.Context, q access.InventoryQuery) (*access.Inventories, error)
	// InventoryVersion changes whenever an account or an inventory does.
	InventoryVersion(ctx context.Context) (int64, error)
	// Versions are Head and InventoryVersion of one moment.
	Versions(ctx context.Context) (revision, inventory int64, err error)

	CreateChange(ctx context.Context, c access.Change, event access.AuditEvent) (access.Change, error)
	Change(ctx context.Context, id int64) (access.Change, error)
	Changes(ctx context.Context, q access.ChangeQuery) (access.Page[access.Change], error)
	// Applied are the changes that made the revisions after one up to another, the oldest
	// first, at most so many.
	Applied(ctx context.Context, after, upTo int64, limit int) ([]access.Change, error)
	// UpdateChange saves what decide leaves. A plan returned by decide is stored as the
	// plan of the change, in place of any before it.
	UpdateChange(ctx context.Context, id int64, decide func(*access.Change) (Decision, error)) (access.Change, error)
	// Plan is the frozen plan of a submitted change.
	Plan(ctx context.Context, changeID int64) (access.Plan, error)
	// ApplyChange locks the head and the change, and lets decide judge with the head's
	// number, the reviewers being as they are now, and staying so until the end. Where
	// it leaves the change unapplied, that is saved and there is no rollout. Otherwise
	// the store makes the revision head+1 of the change's edits, the rollout with
	// its targets and operations from the frozen plan, and the jobs of the first targets.
	ApplyChange(ctx context.Context, id int64, decide func(c *access.Change, head int64) (Application, error)) (access.Rollout, error)

	// People are everybody with an account, with roles and teams.
	People(ctx context.Context) ([]access.Person, error)
	// Groups says which people count together.
	Groups(ctx context.Context) (access.Groups, error)
	// AddComment and CloneChange lock a change at its version, which judge is told, until the
	// addition is committed. A clone is of the change that it was cloned from.
	AddComment(ctx context.Context, change int64, c access.Comment, judge func(version int64) error, event access.AuditEvent) (access.Comment, error)
	CloneChange(ctx context.Context, clone access.Change, judge func(version int64) error, event access.AuditEvent) (access.Change, error)
	// Comments are what was said about a change, oldest first.
	Comments(ctx context.Context, change int64) ([]access.Comment, error)

	// StartRollout starts a rollout of a plan without a change, at the head. A zero staging is one wave.
	Rollout(ctx context.Context, id int64) (access.Rollout, error)
	StartRollout(ctx context.Context, r access.Rollout, plan access.Plan, staging access.Staging, events []access.AuditEvent) (access.Rollout, error)
	// StoppedTargets are the last pushes of accounts; an account that no rollout has had as a target has none.
	StoppedTargets(ctx context.Context, ids []access.AccountID) (map[access.AccountID]access.StoppedTarget, error)
	// StrategyHistory lists what became of a strategy, by revision, the newest first.
	StrategyHistory(ctx context.Context, id string, q access.PageQuery) (access.Page[access.StrategyRevision], error)
	// ScheduledWith lists the changes that wait for their time and name a strategy that the edits remove.
	ScheduledWith(ctx context.Context, edits []access.Edit) ([]access.ChangeRef, error)

	// History is the audit trail of one change, oldest first.
	History(ctx context.Context, object string) ([]access.AuditEvent, error)
	Audit(ctx context.Context, f access.AuditFilter) (access.Page[access.AuditEvent], error)
	ExportStore
}

// Decision is what a decide function wants stored beside the change.
type Decision = access.ChangeDecision

// Application is what a decide function wants made of an approved change.
type Application = access.Application
