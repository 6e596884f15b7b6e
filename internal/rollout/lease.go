package rollout

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"portcullis/internal/access"
)

// errLeaseExpired is the cancellation cause when the lease expires on the local clock, for
// example after the process was suspended or lost the database.
var errLeaseExpired = errors.New("the lease on the target ran out before it could be prolonged")

// leaseKeeper renews a claim in the background. Its context is canceled when the claim is
// lost or can no longer be proven valid.
type leaseKeeper struct {
	store Store
	log   *slog.Logger
	claim access.Claim
	lease time.Duration

	cancel context.CancelCauseFunc
	beats  sync.WaitGroup

	mu    sync.Mutex
	until time.Time // by the local, monotonic clock
	lapse *time.Timer
}

// keepLease starts renewing a claim that was asked for at a time. The lease is counted from
// before the question, so that it ends here no later than in the database.
func keepLease(ctx context.Context, cfg Config, claim access.Claim, asked time.Time) (context.Context, *leaseKeeper) {
	ctx, cancel := context.WithCancelCause(ctx)
	k := &leaseKeeper{store: cfg.Store, log: cfg.Log, claim: claim, lease: cfg.Lease, cancel: cancel, until: asked.Add(cfg.Lease)}
	k.lapse = time.AfterFunc(time.Until(k.until), func() { cancel(errLeaseExpired) })
	k.beats.Go(func() { k.beat(ctx) })
	return ctx, k
}

func (k *leaseKeeper) beat(ctx context.Context) {
	ticker := time.NewTicker(k.lease / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		asked := time.Now()
		err := k.store.RenewClaim(ctx, k.claim, k.lease)
		switch {
		case err == nil:
			k.extend(asked)
		case errors.Is(err, ErrClaimLost):
			k.cancel(ErrClaimLost)
			return
		case ctx.Err() == nil:
			k.log.Warn("a claim could not be prolonged; trying again until its lease runs out",
				"rollout", k.claim.Rollout.ID, "account", k.claim.Target.Account, "error", err)
		}
	}
}

// extend notes that the store prolonged the lease when asked at a time.
func (k *leaseKeeper) extend(asked time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if until := asked.Add(k.lease); until.After(k.until) {
		k.until = until
		k.lapse.Reset(time.Until(until))
	}
}

// check refuses when the claim is lost or its lease has run out. It looks at the clock
// itself, since after a freeze the timer may not have fired yet.
func (k *leaseKeeper) check(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return k.checkExpiry()
}

// checkExpiry is check by the clock alone. Where the lease has run out, the context ends.
func (k *leaseKeeper) checkExpiry() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Now().Before(k.until) {
		return nil
	}
	k.cancel(errLeaseExpired)
	return errLeaseExpired
}

// stop ends the prolonging and waits until no question is on its way. It may be called
// more than once.
func (k *leaseKeeper) stop() {
	k.cancel(context.Canceled)
	k.lapse.Stop()
	k.beats.Wait()
}
