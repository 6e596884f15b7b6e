// Package lifetime ends the goroutines of a long-lived object when that object closes, for
// example those that load what many callers wait for. A supervised background task needs
// none: the supervisor ends it.
package lifetime

import (
	"context"
	"sync"

	"portcullis.internal/portcullis/internal/access"
)

// ErrStopping is what callers get of an object that closes: a shutdown is under way.
var ErrStopping error = access.Errorf(access.KindUnavailable, "The server is stopping. Try again in a moment.")

// Lifetime is the life of one owner, from New to Close.
type Lifetime struct {
	ctx context.Context
	end context.CancelCauseFunc

	mu     sync.Mutex
	closed bool
	work   sync.WaitGroup
}

// New begins a lifetime. Until Go is called it owns nothing that must be released.
func New() *Lifetime {
	ctx, end := context.WithCancelCause(context.Background())
	return &Lifetime{ctx: ctx, end: end}
}

// Context ends when the lifetime does.
func (l *Lifetime) Context() context.Context { return l.ctx }

// Go starts work in a goroutine, which must end when its context does. After Close it
// starts nothing and returns ErrStopping.
func (l *Lifetime) Go(work func(ctx context.Context)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrStopping
	}
	l.work.Go(func() { work(l.ctx) })
	return nil
}

// Close cancels the context of all work, with ErrStopping as the cause, and waits until
// none runs. It may be called more than once.
func (l *Lifetime) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.end(ErrStopping)
	l.work.Wait()
}

// Err returns ErrStopping in place of an error that came because the lifetime ended.
func (l *Lifetime) Err(err error) error {
	if err != nil && l.ctx.Err() != nil {
		return ErrStopping
	}
	return err
}
