package rollout

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// errLeaseExpired is the cancellation cause when the lease expires on the local clock, for
// example after the process was suspended or lost the database.
var errLeaseExpired = errors.New("the lease on the target expired before it could be renewed")

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
			k.log.Warn("renewing claim failed, will retry until lease expires",
				"rollout", k.claim.Rollout.ID, "account", k.claim.Target.Account, "error", err)
		}
	}
}

// extend notes that the store renewed the lease. asked is when the store was asked.
func (k *leaseKeeper) extend(asked time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if until := asked.Add(k.lease); until.After(k.until) {
		k.until = until
		k.lapse.Reset(time.Until(until))
	}
}

// check refuses when the claim is lost or its lease has expired. It looks at the clock itself,
// since after a freeze the timer may not have fired yet.
func (k *leaseKeeper) check(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return k.checkExpiry()
}

// checkExpiry refuses when the lease has expired by the local clock, and cancels the context.
func (k *leaseKeeper) checkExpiry() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Now().Before(k.until) {
		return nil
	}
	k.cancel(errLeaseExpired)
	return errLeaseExpired
}

// stop stops renewing the claim and waits for the renewal that is under way. It may be called more
// than once.
func (k *leaseKeeper) stop() {
	k.cancel(context.Canceled)
	k.lapse.Stop()
	k.beats.Wait()
}
