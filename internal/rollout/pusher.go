package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// Pusher pushes targets. It is safe for any number of pushes at once.
type Pusher struct {
	cfg    Config
	pushes *pushes
}

// NewPusher makes a pusher.
func NewPusher(cfg Config) *Pusher { return &Pusher{cfg: cfg.withDefaults(), pushes: newPushes()} }

// SnoozeError says that a push cannot go on now and loses nothing by waiting: AWS
// throttles or does not answer. The claim runs out at the same time.
type SnoozeError struct {
	After time.Duration
	Err   error
}

func (e *SnoozeError) Error() string {
	return fmt.Sprintf("snoozed for %s: %v", e.After, e.Err)
}

func (e *SnoozeError) Unwrap() error { return e.Err }

// Push claims one target and brings it to its end. It does nothing if the target has ended or
// another worker has claimed it. A *SnoozeError asks to be called again later. After any other
// error the lease expires and the target is requeued. While AWS refuses the console's own credentials, Push claims
// nothing and asks to be called again.
func (p *Pusher) Push(ctx context.Context, rollout int64, account access.AccountID) error {
	if err := p.cfg.unusable(); err != nil {
		return err
	}
	asked := time.Now()
	claim, ok, err := p.cfg.Store.ClaimTarget(ctx, rollout, account, p.cfg.Lease)
	if err != nil {
		return fmt.Errorf("claiming account %s of rollout %d: %w", account, rollout, err)
	}
	if !ok {
		return nil
	}
	log := p.cfg.Log.With("rollout", claim.Rollout.ID, "account", claim.Target.Account)
	claimed, lease := keepLease(ctx, p.cfg.Lease, log, asked, func(ctx context.Context, lease time.Duration) error {
		return p.cfg.Store.RenewClaim(ctx, claim, lease)
	})
	defer lease.stop()
	u := newPush(p.cfg, claim, lease)
	u.begun = asked
	asks, end := p.pushes.begin(access.TargetRef{Rollout: claim.Rollout.ID, Account: claim.Target.Account})
	defer func() { end(snoozeOf(err)) }()
	u.cfg.Cloud = watchedCloud{Cloud: p.cfg.Cloud, asks: asks, cancel: lease.cancel}
	err = u.run(claimed)
	lease.stop()
	var refused *credentialsError
	switch {
	case err == nil:
		err = u.finish(ctx)
	case errors.As(context.Cause(claimed), &refused):
		err = refused
	}
	err = p.explain(ctx, u, err)
	return err
}

// snoozeOf returns how long a push is snoozed that ended with an error.
func snoozeOf(err error) time.Duration {
	var later *SnoozeError
	if errors.As(err, &later) {
		return later.After
	}
	return 0
}

// explain turns what ended a push into what its job should make of it.
func (p *Pusher) explain(ctx context.Context, u *push, err error) error {
	claim := u.claim
	log := p.cfg.Log.With("rollout", claim.Rollout.ID, "account", claim.Target.Account, "claim", claim.Number)
	var later *SnoozeError
	var refused *credentialsError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		log.Info("gave the target back, because AWS refuses the console's own credentials", "reason", err)
		return p.giveBack(ctx, u)
	case errors.Is(err, ErrClaimLost), errors.Is(err, errLeaseExpired):
		log.Info("the target was left to whoever claims it next", "reason", err)
		return nil
	case errors.Is(err, access.ErrNotRunning):
		return p.release(ctx, u)
	case errors.As(err, &later):
		return p.snooze(ctx, u, later)
	case ctx.Err() == nil && u.cannotRecord(err):
		log.Error("what became of the target cannot be recorded; it ends as failed", "error", err)
		if finishErr := u.finishUnrecorded(ctx, err); finishErr != nil && !errors.Is(finishErr, ErrClaimLost) {
			return fmt.Errorf("pushing account %s of rollout %d: %w", claim.Target.Account, claim.Rollout.ID, errors.Join(err, finishErr))
		}
		return nil
	default:
		return fmt.Errorf("pushing account %s of rollout %d: %w", claim.Target.Account, claim.Rollout.ID, err)
	}
}

// release releases the claim on a target without intended writes whose rollout is not running.
func (p *Pusher) release(ctx context.Context, u *push) error {
	if err := p.cfg.Store.ReleaseClaim(ctx, u.claim, u.callsMade()); err != nil && !errors.Is(err, ErrClaimLost) {
		return fmt.Errorf("releasing account %s of rollout %d: %w", u.claim.Target.Account, u.claim.Rollout.ID, err)
	}
	return nil
}

// snooze lets the claim run out just when the push is to go on. What was asked of AWS so
// far is added to the target's count.
func (p *Pusher) snooze(ctx context.Context, u *push, later *SnoozeError) error {
	claim := u.claim
	switch err := p.cfg.Store.SnoozeClaim(ctx, claim, later.After, u.callsMade()); {
	case errors.Is(err, ErrClaimLost):
		return nil
	case err != nil:
		return fmt.Errorf("snoozing account %s of rollout %d: %w", claim.Target.Account, claim.Rollout.ID, errors.Join(err, later.Err))
	default:
		return later
	}
}
