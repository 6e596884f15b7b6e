package lifetime

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"testing"
)

func TestCloseEndsAllWork(t *testing.T) {
	l := New()
	var running atomic.Int64
	for range 10 {
		started := make(chan struct{})
		running.Add(1)
		if err := l.Go(func(ctx context.Context) {
			defer running.Add(-1)
			close(started)
			<-ctx.Done()
			if !errors.Is(context.Cause(ctx), ErrStopping) {
				t.Errorf("the work ends because of %v", context.Cause(ctx))
			}
		}); err != nil {
			t.Fatal(err)
		}
		<-started
	}
	if err := l.Err(io.EOF); !errors.Is(err, io.EOF) {
		t.Errorf("an error of work that was not ended became %v", err)
	}
	var closing sync.WaitGroup
	for range 3 {
		closing.Go(func() {
			l.Close()
			if n := running.Load(); n != 0 {
				t.Errorf("%d goroutines run after Close", n)
			}
		})
	}
	closing.Wait()
	if err := l.Go(func(context.Context) { t.Error("work was started after Close") }); !errors.Is(err, ErrStopping) {
		t.Errorf("work after Close: %v", err)
	}
	l.Close()
	if err := l.Err(context.Canceled); !errors.Is(err, ErrStopping) {
		t.Errorf("an error after the end became %v", err)
	}
	if err := l.Err(nil); err != nil {
		t.Errorf("no error became %v", err)
	}
}
