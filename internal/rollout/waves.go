package rollout

import (
	"context"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// WaveStore stores waves, checks and rollbacks.
type WaveStore interface {
	// UpdateProgress locks the rollout, lets decide change it and its wave progress, and makes the
	// targets follow: an abort skips waiting targets, a retry makes failed and conflicting targets
	// wait again, a resume starts as many targets as max in flight allows.
	UpdateProgress(ctx context.Context, id int64, decide func(*access.Rollout, *access.WaveProgress) ([]access.AuditEvent, error)) (access.Rollout, error)
	// RollBack is UpdateProgress for a rollback by a person, with all that decides on whether the person may do so alone.
	RollBack(
		ctx context.Context, id int64, by access.PersonRef,
		decide func(*access.Rollout, *access.WaveProgress, access.RollbackFacts) ([]access.AuditEvent, error),
	) (access.Rollout, error)
	// Former hands on the operations of a rollout with the documents from before, target by target.
	Former(ctx context.Context, rollout int64, take func(access.PlannedTarget) error) error
	// Append adds events to the audit log.
	Append(ctx context.Context, events ...access.AuditEvent) error
	// Settings are the settings of the head.
	Settings(ctx context.Context) (access.Settings, error)
	// UpdateTarget locks the rollout and one target: a target that waits again is started again, a
	// skipped one is left out.
	UpdateTarget(ctx context.Context, id int64, account access.AccountID, decide func(*access.Rollout, *access.Target) ([]access.AuditEvent, error)) (access.Rollout, error)
	Waves(ctx context.Context, rollout int64) ([]access.Wave, error)
	// StrategyOf is the strategy of a rollout as it was when it began.
	StrategyOf(ctx context.Context, rollout int64) (access.Strategy, error)
	// MoveRollouts looks again at the rollouts whose time has come, and returns those.
	MoveRollouts(ctx context.Context) ([]int64, error)
	// Recount counts rollouts anew that count something else than their targets are, and
	// returns them.
	Recount(ctx context.Context) ([]int64, error)

	// Checks are those of a round of a wave that matter most, the bad ones first; the round
	// 0 is the last one.
	Checks(ctx context.Context, rollout int64, wave, round, limit int) (access.Page[access.Check], error)
	ClaimCheck(ctx context.Context, rollout int64, wave, seq int, lease time.Duration) (check access.Check, ok bool, err error)
	// RenewCheck extends the lease of a check. It returns ErrClaimLost if there is a later claim.
	RenewCheck(ctx context.Context, c access.Check, lease time.Duration) error
	FinishCheck(ctx context.Context, c access.Check, good bool, message string) error
	// RequeueExpiredChecks makes jobs for checks whose lease has expired. It caps leases that end
	// later than most allows.
	RequeueExpiredChecks(ctx context.Context, most time.Duration) (int, error)
	Account(ctx context.Context, id access.AccountID) (access.Account, error)

	// Accounts and Inventories return the organization as it was read last.
	Accounts(ctx context.Context) ([]access.Account, error)
	Inventories(ctx context.Context, ids []access.AccountID) (*access.Inventories, error)

	// Written is what a rollout has written, or may have, in each account.
	Written(ctx context.Context, rollout int64, each func(access.WrittenTarget) error) error
	// BeginRollback starts the rollout that rolls another one back.
	BeginRollback(ctx context.Context, id int64, plan access.Plan) (access.Rollout, error)
}
