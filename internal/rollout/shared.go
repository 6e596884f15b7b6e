package rollout

import (
	"context"
	"sync"
	"time"

	"portcullis.internal/portcullis/internal/lifetime"
)

// shared keeps answers and asks for each only once after a change, for however many
// askers. Its loads end with its lifetime; from then on askers get an error.
type shared[K comparable, V any] struct {
	life    *lifetime.Lifetime
	mu      sync.Mutex
	answers map[K]*answer[V]
	swept   time.Time
}

type answer[V any] struct {
	done  chan struct{} // closed when the rest is known
	value V
	err   error
	begun time.Time
	ended bool
}

func newShared[K comparable, V any](life *lifetime.Lifetime) *shared[K, V] {
	return &shared[K, V]{life: life, answers: map[K]*answer[V]{}}
}

// get returns an answer that was asked for after a time, when the asker last heard of a
// change. A load that was begun goes on when the asker leaves, since others may wait for
// it. It takes the asker's values along, for example the trace.
func (s *shared[K, V]) get(ctx context.Context, key K, since time.Time, load func(context.Context) (V, error)) (V, error) {
	a, mine := s.join(key, since)
	if mine {
		if err := s.life.Go(func(life context.Context) { s.load(life, ctx, a, load) }); err != nil {
			s.complete(a, *new(V), err)
		}
	}
	select {
	case <-a.done:
		return a.value, a.err
	case <-ctx.Done():
		var none V
		return none, context.Cause(ctx)
	}
}

func (s *shared[K, V]) load(life, asker context.Context, a *answer[V], load func(context.Context) (V, error)) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(asker), loadMost)
	defer cancel()
	defer context.AfterFunc(life, cancel)()
	value, err := load(ctx)
	s.complete(a, value, s.life.Err(err))
}

func (s *shared[K, V]) complete(a *answer[V], value V, err error) {
	s.mu.Lock()
	a.value, a.err, a.ended = value, err, true
	s.mu.Unlock()
	close(a.done)
}

// join finds an answer that is late enough, or on its way; mine says that there is none
// and the caller has to load it.
func (s *shared[K, V]) join(key K, since time.Time) (a *answer[V], mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep()
	if a = s.answers[key]; a != nil && !a.begun.Before(since) && (!a.ended || a.err == nil) {
		return a, false
	}
	a = &answer[V]{done: make(chan struct{}), begun: time.Now()}
	s.answers[key] = a
	return a, true
}

// sweep forgets answers that nobody has asked anew for a while; the lock is held.
func (s *shared[K, V]) sweep() {
	if time.Since(s.swept) < forgetAfter {
		return
	}
	s.swept = time.Now()
	for key, a := range s.answers {
		if a.ended && time.Since(a.begun) > forgetAfter {
			delete(s.answers, key)
		}
	}
}
