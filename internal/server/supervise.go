package server

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// supervisor keeps background parts running: one that ends or fails before its time is
// started again, after a pause that grows with every failure.
type supervisor struct {
	log     *slog.Logger
	pause   time.Duration // the first pause
	longest time.Duration
	cancel  context.CancelFunc
	wg      sync.WaitGroup
}

func newSupervisor(log *slog.Logger) *supervisor {
	return &supervisor{log: log, pause: 200 * time.Millisecond, longest: 30 * time.Second}
}

// start runs the parts until the supervisor stops.
func (s *supervisor) start(ctx context.Context, parts map[string]func(context.Context) error) {
	ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	for name, run := range parts {
		s.wg.Go(func() { s.keep(ctx, name, run) })
	}
}

func (s *supervisor) keep(ctx context.Context, name string, run func(context.Context) error) {
	pause := s.pause
	for {
		began := time.Now()
		err := runGuarded(ctx, run)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > s.longest {
			pause = s.pause
		}
		s.log.Error("a background part ended and will be started again", "part", name, "error", err, "after", pause)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, s.longest)
	}
}

// stop ends the parts and waits for them as long as the context lets it.
func (s *supervisor) stop(ctx context.Context) error {
	s.cancel()
	done := make(chan struct{})
	go func() { s.wg.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// runGuarded runs a part; a panic in it becomes its error.
func runGuarded(ctx context.Context, run func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return run(ctx)
}
