package rollout

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"portcullis.internal/portcullis/internal/lifetime"
)

func TestSharedAsksOnceForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShared[string, int64](lifetime.New())
		var asked atomic.Int64
		load := func(context.Context) (int64, error) {
			time.Sleep(50 * time.Millisecond) // of the bubble's clock
			return asked.Add(1), nil
		}
		var readers sync.WaitGroup
		for range 500 {
			readers.Go(func() {
				if got, err := s.get(t.Context(), "page", time.Time{}, load); got != 1 || err != nil {
					t.Errorf("got %d, %v; want what was asked first", got, err)
				}
			})
		}
		readers.Wait()
		if n := asked.Load(); n != 1 {
			t.Errorf("asked %d times for 500 readers", n)
		}
		if got, _ := s.get(t.Context(), "another page", time.Time{}, load); got != 2 {
			t.Errorf("another page got %d, want an answer of its own", got)
		}
		time.Sleep(time.Second)
		changed := time.Now()
		if got, _ := s.get(t.Context(), "page", changed, load); got != 3 {
			t.Errorf("got %d after a change, want a new answer", got)
		}
		if got, _ := s.get(t.Context(), "page", changed, load); got != 3 {
			t.Errorf("got %d without another change, want the same answer", got)
		}
	})
}

func TestSharedLoadOutlivesItsFirstAsker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShared[string, string](lifetime.New())
		load := func(ctx context.Context) (string, error) {
			time.Sleep(50 * time.Millisecond)
			return "answer", ctx.Err()
		}
		leaving, leave := context.WithCancel(t.Context())
		first := make(chan error)
		go func() {
			_, err := s.get(leaving, "page", time.Time{}, load)
			first <- err
		}()
		synctest.Wait()
		leave()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("whoever left got %v", err)
		}
		if got, err := s.get(t.Context(), "page", time.Time{}, load); got != "answer" || err != nil {
			t.Errorf("whoever stayed got %q, %v", got, err)
		}
	})
}

func TestSharedForgetsErrors(t *testing.T) {
	s := newShared[string, int](lifetime.New())
	boom := errors.New("boom")
	if _, err := s.get(t.Context(), "page", time.Time{}, func(context.Context) (int, error) { return 0, boom }); !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
	if got, err := s.get(t.Context(), "page", time.Time{}, func(context.Context) (int, error) { return 7, nil }); got != 7 || err != nil {
		t.Errorf("got %d, %v after an error; want it asked anew", got, err)
	}
}

// An answer that is on its way already may be from before the change.
func TestSharedDoesNotServeWhatWasAskedBeforeAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShared[string, int64](lifetime.New())
		var state atomic.Int64
		load := func(context.Context) (int64, error) {
			seen := state.Load()
			time.Sleep(time.Second)
			return seen, nil
		}
		go func() { _, _ = s.get(t.Context(), "page", time.Time{}, load) }()
		time.Sleep(100 * time.Millisecond)
		state.Store(1)
		if got, _ := s.get(t.Context(), "page", time.Now(), load); got != 1 {
			t.Errorf("got %d, which was asked before the change", got)
		}
		time.Sleep(2 * time.Second) // the first load ends
	})
}

// After Close no load runs. Askers that waited and askers that come later get an error.
func TestSharedEndsWithItsLifetime(t *testing.T) {
	life := lifetime.New()
	s := newShared[string, int](life)
	begun, ended := make(chan struct{}), make(chan struct{})
	load := func(ctx context.Context) (int, error) {
		defer close(ended)
		close(begun)
		<-ctx.Done()
		return 0, ctx.Err()
	}
	waiter := make(chan error, 1)
	go func() {
		_, err := s.get(context.Background(), "page", time.Time{}, load)
		waiter <- err
	}()
	<-begun
	life.Close()
	select {
	case <-ended:
	default:
		t.Error("a load runs after Close")
	}
	if err := <-waiter; !errors.Is(err, lifetime.ErrStopping) {
		t.Errorf("the waiter got %v, want that the server is stopping", err)
	}
	refused := func(context.Context) (int, error) { t.Error("a load was started after Close"); return 0, nil }
	for range 2 {
		if _, err := s.get(t.Context(), "page", time.Time{}, refused); !errors.Is(err, lifetime.ErrStopping) {
			t.Errorf("an asker after Close got %v, want that the server is stopping", err)
		}
	}
}
