package rollout

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/lifetime"
)

// source is a store's Rollout method that counts its queries.
type source struct {
	queries atomic.Int64
	ended   atomic.Int64
}

func (s *source) load(_ context.Context, id int64) (access.Rollout, error) {
	s.queries.Add(1)
	if id != 7 {
		return access.Rollout{}, access.Errorf(access.KindNotFound, "There is no rollout %d.", id)
	}
	return access.Rollout{ID: id, Counts: access.TargetCounts{Succeeded: int(s.ended.Load())}}, nil
}

func testHub(s *source) *hub { return newHub(s.load, slog.New(slog.DiscardHandler), lifetime.New()) }

func TestHubAsksOnceForManyWatchers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := &source{}
		h := testHub(s)
		const watchers = 500
		channels := make([]<-chan access.Rollout, watchers)
		for i := range channels {
			ch, err := h.watch(ctx, 7)
			if err != nil {
				t.Fatal(err)
			}
			channels[i] = ch
			<-ch
		}
		synctest.Wait()
		if got := s.queries.Load(); got != 1 {
			t.Fatalf("%d queries for the first value, want 1", got)
		}
		s.ended.Store(3)
		h.notify(7)
		for i, ch := range channels {
			if got := (<-ch).Counts.Succeeded; got != 3 {
				t.Fatalf("watcher %d got %d, want 3", i, got)
			}
		}
		if got := s.queries.Load(); got != 2 {
			t.Errorf("%d queries after one change, want 2", got)
		}
		cancel()
		synctest.Wait()
		for _, ch := range channels {
			if _, open := <-ch; open {
				t.Fatal("a channel is open after its context ended")
			}
		}
		if len(h.topics) != 0 {
			t.Errorf("%d topics are left after the last watcher", len(h.topics))
		}
	})
}

func TestHubCoalescesAndSlowReadersMissOnlyTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := &source{}
		h := testHub(s)
		slow, err := h.watch(ctx, 7)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for i := range 1000 {
			s.ended.Store(int64(i + 1))
			h.notify(7)
			time.Sleep(time.Millisecond) // of the bubble's clock
		}
		time.Sleep(2 * hubPace)
		synctest.Wait()
		if most := int64(time.Since(began)/hubPace) + 2; s.queries.Load() > most {
			t.Errorf("%d queries for 1000 changes in %s, want at most %d", s.queries.Load(), time.Since(began), most)
		}
		if got := (<-slow).Counts.Succeeded; got != 1000 {
			t.Errorf("the slow reader got %d, want the newest, 1000", got)
		}
		cancel()
		synctest.Wait()
	})
}

func TestHubNoticesMissedNotifications(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := &source{}
		ch, err := testHub(s).watch(ctx, 7)
		if err != nil {
			t.Fatal(err)
		}
		<-ch
		s.ended.Store(9) // and nobody says so
		began := time.Now()
		if got := (<-ch).Counts.Succeeded; got != 9 {
			t.Errorf("got %d, want 9", got)
		}
		if waited := time.Since(began); waited > hubPoll+hubPace {
			t.Errorf("noticed after %s, want at most %s", waited, hubPoll+hubPace)
		}
		cancel()
		synctest.Wait()
	})
}

func TestHubRefusesUnknownRollout(t *testing.T) {
	h := testHub(&source{})
	if _, err := h.watch(t.Context(), 8); access.KindOf(err) != access.KindNotFound {
		t.Errorf("got %v, want not found", err)
	}
	if len(h.topics) != 0 {
		t.Errorf("%d topics are left", len(h.topics))
	}
}

// countingStore counts how often targets are listed.
type countingStore struct {
	Store
	source
	lists atomic.Int64
}

func (s *countingStore) Rollout(ctx context.Context, id int64) (access.Rollout, error) {
	return s.load(ctx, id)
}

func (s *countingStore) Targets(context.Context, int64, access.TargetQuery) (access.Page[access.Target], error) {
	s.lists.Add(1)
	return access.Page[access.Target]{}, nil
}

// Watchers hear of a change one after the other, on a busy machine long after each other,
// and all the same what is read for the first does for all.
func TestWatchersThatHearLateShareWhatIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		store := &countingStore{}
		s := New(Config{Store: store})
		viewer := access.Actor{Kind: access.ActorPerson, Roles: []access.Role{access.RoleViewer}}
		values, err := s.Watch(ctx, viewer, 7)
		if err != nil {
			t.Fatal(err)
		}
		for change := range 3 {
			store.ended.Store(int64(change + 1))
			s.hub.notify(7)
			for (<-values).Counts.Succeeded <= change {
			}
			for range 500 {
				time.Sleep(100 * time.Microsecond) // of the bubble's clock
				if _, err := s.RecentTargets(ctx, viewer, 7, access.TargetQuery{}, time.Now()); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n := store.lists.Load(); n != 3 {
			t.Errorf("the targets were listed %d times for 500 watchers and three changes", n)
		}
		cancel()
		synctest.Wait()
	})
}

// After Close no query runs, the channels of watchers are closed, and neither those who
// wait for the first query nor those who come later wait any longer.
func TestHubEndsWithItsService(t *testing.T) {
	store := &hangingStore{begun: make(chan struct{}), ended: make(chan struct{})}
	s := New(Config{Store: store})
	viewer := access.Actor{Kind: access.ActorPerson, Roles: []access.Role{access.RoleViewer}}
	values, err := s.Watch(context.Background(), viewer, 7)
	if err != nil {
		t.Fatal(err)
	}
	<-values
	waiter := make(chan error, 1)
	go func() {
		_, err := s.Watch(context.Background(), viewer, 8)
		waiter <- err
	}()
	<-store.begun
	s.Close()
	select {
	case <-store.ended:
	default:
		t.Error("a query runs after Close")
	}
	if err := <-waiter; !errors.Is(err, lifetime.ErrStopping) {
		t.Errorf("the waiter got %v, want that the server is stopping", err)
	}
	if _, open := <-values; open {
		t.Error("a channel is open after Close")
	}
	if _, err := s.Watch(t.Context(), viewer, 7); !errors.Is(err, lifetime.ErrStopping) {
		t.Errorf("Watch after Close returned %v, want that the server is stopping", err)
	}
	if len(s.hub.topics) != 0 {
		t.Errorf("%d topics are left", len(s.hub.topics))
	}
}

// hangingStore answers at once for rollout 7, and for any other not before it has to.
type hangingStore struct {
	Store
	begun, ended chan struct{}
}

func (s *hangingStore) Rollout(ctx context.Context, id int64) (access.Rollout, error) {
	if id == 7 {
		return access.Rollout{ID: id}, nil
	}
	defer close(s.ended)
	close(s.begun)
	<-ctx.Done()
	return access.Rollout{}, ctx.Err()
}
