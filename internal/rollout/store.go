package rollout

import (
	"context"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// Store is what the engine needs of the database. Each writing method is one
// transaction, with its audit events in it.
type Store interface {
	ProgressStore
	WaveStore
	Rollout(ctx context.Context, id int64) (access.Rollout, error)
	Rollouts(ctx context.Context, q access.RolloutQuery) (access.Page[access.Rollout], error)
	Targets(ctx context.Context, rollout int64, q access.TargetQuery) (access.Page[access.Target], error)
	Target(ctx context.Context, rollout int64, account access.AccountID) (access.Target, error)
	// Operations are a target's operations in the order of writing, with all documents.
	Operations(ctx context.Context, rollout int64, account access.AccountID) ([]access.Operation, error)

	// Dependencies returns what became of operations of a rollout, in any account. Operations that the rollout does not have are
	// left out.
	Dependencies(ctx context.Context, rollout int64, on []access.Dependency) ([]access.DependencyState, error)

	// BlockedRequirements returns the different requirements of user policies of targets that failed as access.CloudBlocked.
	BlockedRequirements(ctx context.Context, rollout int64) ([]string, error)
	// Change is the change that a rollout carries out, with its author and editors.
	Change(ctx context.Context, id int64) (access.Change, error)
	// Groups says which people count together.
	Groups(ctx context.Context) (access.Groups, error)
	// Accounts are all accounts of the organization. The slice is shared: read only.
	Accounts(ctx context.Context) ([]access.Account, error)

	// ClaimTarget claims a target in flight that has no valid claim. It raises the claim number. ok
	// is false if there is nothing to do.
	ClaimTarget(ctx context.Context, rollout int64, account access.AccountID, lease time.Duration) (claim access.Claim, ok bool, err error)
	// RenewClaim extends the lease of a claim. It returns ErrClaimLost if there is a later claim.
	RenewClaim(ctx context.Context, c access.Claim, lease time.Duration) error
	// SnoozeClaim lets the lease expire after a time, and adds to the target's calls. ErrClaimLost
	// as above.
	SnoozeClaim(ctx context.Context, c access.Claim, after time.Duration, calls access.CallCount) error
	// ReleaseClaim makes a target without intended writes wait again. ErrClaimLost as above.
	ReleaseClaim(ctx context.Context, c access.Claim, calls access.CallCount) error
	// RecordIntents commits what is about to be written, with one audit event per write. An intent
	// that is there already is left as it is. ErrClaimLost as above. ErrNotRunning if the rollout
	// is paused or halted and the target has no intents yet.
	RecordIntents(ctx context.Context, c access.Claim, intents []access.Intent, events []access.AuditEvent) error
	// RecordOutcome commits the outcome of one operation and renews the claim.
	RecordOutcome(ctx context.Context, c access.Claim, o access.Outcome, lease time.Duration) error
	// FinishTarget ends a target with the outcomes that are not recorded yet, advances the rollout,
	// starts as many further targets as max in flight allows (state and job in the same
	// transaction), and updates the account's inventory with the live documents. ErrClaimLost as
	// above.
	FinishTarget(ctx context.Context, c access.Claim, outcomes []access.Outcome, r access.TargetResult, events []access.AuditEvent) (access.Rollout, error)
	// RequeueExpired makes jobs for targets in flight whose lease has expired, and returns how
	// many. It caps leases that end later than the lease, or for a snoozed target the longest
	// snooze, allows: the database's clock was set back.
	RequeueExpired(ctx context.Context, lease, snooze time.Duration) (int, error)
	// Listen calls notify with the id of each rollout that changes, on any replica, until
	// the context ends. It reconnects when it is cut off; until then the hub's slow poll
	// keeps the watchers going.
	Listen(ctx context.Context, notify func(rollout int64))
}

// ErrClaimLost says that another worker has claimed the target: write nothing more.
var ErrClaimLost = access.ErrClaimLost

// Cloud is what the engine needs of AWS.
type Cloud interface {
	// Read returns the live documents of resources, in their order. A role or user that
	// is not there is no error: Exists is false.
	Read(ctx context.Context, scope access.Scope, resources []access.Resource) ([]access.LiveDocument, error)
	Write(ctx context.Context, scope access.Scope, w access.Write) error
	Counts(account access.AccountID) access.CallCount
}
