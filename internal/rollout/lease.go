package rollout

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"portcullis/internal/access"
)

// errLapsed says that the lease ran out by this replica's own clock: the process was
// frozen, or the database could not be reached for that long.
var errLapsed = errors.New("the lease on the target ran out before it could be prolonged")

// hold keeps a claim while its holder works. The context it gives ends as soon as the
// claim is known to be lost, or may be.
type hold struct {
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

// keep starts prolonging a claim that was asked for at a time. The lease is counted from
// before the question, so that it ends here no later than in the database.
func keep(ctx context.Context, cfg Config, claim access.Claim, asked time.Time) (context.Context, *hold) {
	ctx, cancel := context.WithCancelCause(ctx)
	h := &hold{store: cfg.Store, log: cfg.Log, claim: claim, lease: cfg.Lease, cancel: cancel, until: asked.Add(cfg.Lease)}
	h.lapse = time.AfterFunc(time.Until(h.until), func() { cancel(errLapsed) })
	h.beats.Go(func() { h.beat(ctx) })
	return ctx, h
}

func (h *hold) beat(ctx context.Context) {
	ticker := time.NewTicker(h.lease / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		asked := time.Now()
		err := h.store.HoldClaim(ctx, h.claim, h.lease)
		switch {
		case err == nil:
			h.prolonged(asked)
		case errors.Is(err, ErrClaimLost):
			h.cancel(ErrClaimLost)
			return
		case ctx.Err() == nil:
			h.log.Warn("a claim could not be prolonged; trying again until its lease runs out",
				"rollout", h.claim.Rollout.ID, "account", h.claim.Target.Account, "error", err)
		}
	}
}

// prolonged notes that the store prolonged the lease when asked at a time.
func (h *hold) prolonged(asked time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if until := asked.Add(h.lease); until.After(h.until) {
		h.until = until
		h.lapse.Reset(time.Until(until))
	}
}

// check refuses when the claim is lost or its lease has run out. It looks at the clock
// itself, since after a freeze the timer may not have fired yet.
func (h *hold) check(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return h.lapsed()
}

// lapsed is check by the clock alone. Where the lease has run out, the context ends.
func (h *hold) lapsed() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Now().Before(h.until) {
		return nil
	}
	h.cancel(errLapsed)
	return errLapsed
}

// stop ends the prolonging and waits until no question is on its way. It may be called
// more than once.
func (h *hold) stop() {
	h.cancel(context.Canceled)
	h.lapse.Stop()
	h.beats.Wait()
}
