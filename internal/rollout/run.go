package rollout

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Run does a replica's background work until the context ends: it listens for rollouts that changed
// on any replica, requeues targets with expired leases, advances rollouts whose time has come and
// records progress. Any number of replicas may run it at the same time. It returns nil: failures
// are logged and tried again.
func (s *Service) Run(ctx context.Context) error {
	var parts sync.WaitGroup
	parts.Go(func() { s.cfg.Store.Listen(ctx, s.hub.notify) })
	parts.Go(func() { s.requeueExpired(ctx) })
	parts.Go(func() { s.move(ctx) })
	parts.Go(func() { s.sample(ctx) })
	parts.Go(func() { s.recount(ctx) })
	parts.Wait()
	return nil
}

func (s *Service) requeueExpired(ctx context.Context) {
	for pause(ctx, s.cfg.RequeueEvery) == nil {
		if s.cfg.CredentialsRefused() != nil { // a replica that can do the work requeues it
			continue
		}
		if _, err := s.cfg.Store.RequeueExpiredChecks(ctx, s.cfg.longestCheckLease()); err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("requeueing checks with expired leases failed", "error", err)
		}
		n, err := s.cfg.Store.RequeueExpired(ctx, s.cfg.Lease, max(s.cfg.SnoozeFor, askAgainMost))
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.cfg.Log.Warn("requeueing targets with expired leases failed", "error", err)
		case n > 0:
			s.cfg.OnRequeue(n)
			s.cfg.Log.Info("requeued targets with expired leases", "targets", n)
		}
	}
}

// move advances rollouts whose time has come: the end of a bake, the start of a maintenance window,
// the time to confirm. It also moves rollbacks from one step to the next.
func (s *Service) move(ctx context.Context) {
	for pause(ctx, s.cfg.MoveEvery) == nil {
		due, err := s.cfg.Store.MoveRollouts(ctx)
		for _, id := range due {
			err = errors.Join(err, s.rollBackOn(ctx, id))
		}
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("advancing rollouts failed", "error", err)
		}
	}
}

// recountEvery is how long a rollout can count wrong.
const recountEvery = 10 * time.Second

// recount looks for wrong counts, which only a defect can cause: the log must report them, and the
// rollout must neither stop nor exceed max in flight.
func (s *Service) recount(ctx context.Context) {
	for pause(ctx, recountEvery) == nil {
		wrong, err := s.cfg.Store.Recount(ctx)
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("recounting the targets of rollouts failed", "error", err)
		}
		for _, id := range wrong {
			s.cfg.Log.Error("corrected the counts of a rollout, which differed from its targets; please report this", "rollout", id)
		}
	}
}

// pause waits; it returns the context's cause when that ends first.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
