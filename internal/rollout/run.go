package rollout

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Run does a replica's background work until the context ends: it hears which rollouts
// changed, on whatever replica, and makes jobs for targets whose worker has gone silent.
// Any number of replicas may run it side by side. It returns nil: what fails is logged
// and tried again.
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
		if _, err := s.cfg.Store.RequeueExpiredChecks(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("checks whose worker has gone silent could not be looked for", "error", err)
		}
		n, err := s.cfg.Store.RequeueExpired(ctx, s.cfg.Lease)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.cfg.Log.Warn("targets whose worker has gone silent could not be looked for", "error", err)
		case n > 0:
			s.cfg.TookOver(n)
			s.cfg.Log.Info("took up targets whose worker had gone silent", "targets", n)
		}
	}
}

// move keeps the times of rollouts: the end of a bake, the beginning of their hours, the
// time to confirm. It also leads roll backs from one step to the next.
func (s *Service) move(ctx context.Context) {
	for pause(ctx, s.cfg.MoveEvery) == nil {
		due, err := s.cfg.Store.MoveRollouts(ctx)
		for _, id := range due {
			err = errors.Join(err, s.rollBackOn(ctx, id))
		}
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("rollouts whose time has come could not be moved on", "error", err)
		}
	}
}

// recountEvery is how long a rollout can count wrong.
const recountEvery = 10 * time.Second

// recount looks for what only a defect brings about: whoever reads the log has to hear of
// it, and the rollout must neither stand still nor have more in flight than may be.
func (s *Service) recount(ctx context.Context) {
	for pause(ctx, recountEvery) == nil {
		wrong, err := s.cfg.Store.Recount(ctx)
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("the counts of rollouts could not be held against their targets", "error", err)
		}
		for _, id := range wrong {
			s.cfg.Log.Error("a rollout counted something else than its targets are, and was counted anew; please report this", "rollout", id)
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
