package rollout

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// errLeaseExpired is the cancellation cause when the lease expires on the local clock, for
// example after the process was suspended or lost the database.
var errLeaseExpired = errors.New("the lease expired before it could be renewed")

// leaseKeeper renews the claim on a target or on a check in the background. Its context is
// canceled when the claim is lost or can no longer be proven valid.
type leaseKeeper struct {
	renew renewal
	log   *slog.Logger // says what was claimed
	lease time.Duration

	cancel context.CancelCauseFunc
	beats  sync.WaitGroup

	mu    sync.Mutex
	until time.Time // by the local, monotonic clock
	lapse *time.Timer
}

// renewal asks the store to renew a claim. It returns ErrClaimLost if there is a later claim.
type renewal func(ctx context.Context, lease time.Duration) error

// keepLease starts renewing a claim that was asked for at a time. The lease is counted from
// before the question, so that it ends here no later than in the database.
func keepLease(ctx context.Context, lease time.Duration, log *slog.Logger, asked time.Time, renew renewal) (context.Context, *leaseKeeper) {
	ctx, cancel := context.WithCancelCause(ctx)
	k := &leaseKeeper{renew: renew, log: log, lease: lease, cancel: cancel, until: asked.Add(lease)}
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
		err := k.renew(ctx, k.lease)
		switch {
		case err == nil:
			k.extend(asked)
		case errors.Is(err, ErrClaimLost):
			k.cancel(ErrClaimLost)
			return
		case ctx.Err() == nil:
			k.log.Warn("renewing claim failed, will retry until lease expires", "error", err)
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
