package rollout

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// After a freeze the clock is right at once, while timers and goroutines come late.
func TestLeaseFollowsTheClock(t *testing.T) {
	claimed, cancel := context.WithCancelCause(t.Context())
	k := &leaseKeeper{until: time.Now().Add(-time.Millisecond), cancel: cancel}
	if err := k.check(claimed); !errors.Is(err, errLeaseExpired) {
		t.Errorf("got %v, want the lease to have expired", err)
	}
	if !errors.Is(context.Cause(claimed), errLeaseExpired) {
		t.Error("the context goes on after the lease has expired")
	}
	k.until = time.Now().Add(time.Hour)
	if err := k.check(t.Context()); err != nil {
		t.Errorf("got %v, want the claim to be valid", err)
	}
	ctx, lose := context.WithCancelCause(t.Context())
	lose(ErrClaimLost)
	if err := k.check(ctx); !errors.Is(err, ErrClaimLost) {
		t.Errorf("got %v, want the claim to be lost", err)
	}
}

// The lease keeper notices a newer claim at the next renewal, before the lease expires.
func TestLeaseKeeperNoticesNewerClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cloud := oneTarget()
		cfg := Config{Store: store, Cloud: cloud, Lease: 9 * time.Second}
		cfg.Fault = func(p Point) error {
			if p == PointWriting {
				store.lapse()
				if _, ok, err := store.ClaimTarget(t.Context(), 3, "111122223333", time.Hour); !ok || err != nil {
					t.Errorf("the second claim: %v, %v", ok, err)
				}
				time.Sleep(4 * time.Second) // of the bubble's clock
			}
			return nil
		}
		if err := pushTarget(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		if len(cloud.writes) != 0 {
			t.Errorf("%d writes after another worker claimed the target", len(cloud.writes))
		}
	})
}

// sendCounter counts the writes that the engine hands to the client. It looks at neither the context
// nor the lease, so it sees whether the engine itself checks the claim right before a write.
type sendCounter struct {
	*memoryCloud
	sends int
}

func (c *sendCounter) Write(ctx context.Context, s access.Scope, w access.Write) error {
	c.sends++
	return c.memoryCloud.Write(ctx, s, w)
}

// The engine checks the claim right before it hands a write to the client.
func TestNoWriteIsSentWithoutAClaim(t *testing.T) {
	for name, lose := range map[string]func(*testing.T, *memoryStore){
		"another worker claimed the target": func(t *testing.T, store *memoryStore) {
			store.lapse()
			if _, ok, err := store.ClaimTarget(t.Context(), 3, "111122223333", time.Hour); !ok || err != nil {
				t.Errorf("the second claim: %v, %v", ok, err)
			}
			time.Sleep(4 * time.Second) // of the bubble's clock: one renewal
		},
		"the lease expired": func(_ *testing.T, store *memoryStore) {
			store.fail("RenewClaim", errors.New("no connection"))
			time.Sleep(10 * time.Second) // of the bubble's clock: longer than the lease
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, memory := oneTarget()
				cloud := &sendCounter{memoryCloud: memory}
				lost := false
				cfg := Config{Store: store, Cloud: cloud, Lease: 9 * time.Second, Fault: func(p Point) error {
					if p == PointWriting && !lost {
						lost = true
						lose(t, store)
					}
					return nil
				}}
				if err := pushTarget(t.Context(), cfg); err != nil {
					t.Fatal(err)
				}
				if !lost || cloud.sends != 0 {
					t.Errorf("%d writes were sent (the claim was lost: %t), want none", cloud.sends, lost)
				}
			})
		})
	}
}

// A database that does not answer for a while costs nothing, as long as the lease lasts.
func TestLeaseOutlastsShortOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cloud := oneTarget()
		cfg := Config{Store: store, Cloud: cloud, Lease: 9 * time.Second}
		cfg.Fault = func(p Point) error {
			if p == PointWriting {
				store.fail("RenewClaim", errors.New("no connection"))
				time.Sleep(7 * time.Second) // of the bubble's clock
				store.fail("RenewClaim", nil)
				time.Sleep(time.Second)
			}
			return nil
		}
		if err := pushTarget(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		if len(cloud.writes) != 2 {
			t.Errorf("%d writes, want 2", len(cloud.writes))
		}
	})
}

// slowCloud takes longer for a write than the lease lasts.
type slowCloud struct {
	*memoryCloud
	mayStillSend error // what it is told when it asks whether it may still send
}

func (c *slowCloud) Write(ctx context.Context, scope access.Scope, _ access.Write) error {
	time.Sleep(time.Minute) // of the bubble's clock
	c.mayStillSend = scope.Held()
	return ctx.Err()
}

// A write asks before each attempt whether the lease still lasts.
func TestAWriteIsToldThatTheLeaseHasRunOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cloud := oneTarget()
		store.fail("RenewClaim", errors.New("no connection"))
		slow := &slowCloud{memoryCloud: cloud}
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: slow, Lease: 9 * time.Second}); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(slow.mayStillSend, errLeaseExpired) {
			t.Errorf("it is told %v, want that the lease has expired", slow.mayStillSend)
		}
	})
}

// slowReads takes its time to read, and says what it is told of its context then.
type slowReads struct {
	*memoryCloud
	takes  time.Duration
	during func()
}

func (c *slowReads) Read(ctx context.Context, s access.Scope, resources []access.Resource) ([]access.LiveDocument, error) {
	c.during()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-time.After(c.takes): // of the bubble's clock
		return c.memoryCloud.Read(ctx, s, resources)
	}
}

// A check holds its claim by a short lease that it renews, so that the check of a worker that was
// killed is soon requeued. It records nothing once its claim is lost or its lease has expired.
func TestCheckRenewsItsShortLease(t *testing.T) {
	for name, during := range map[string]func(*healthStore){
		"looks longer than a lease":   func(*healthStore) {},
		"loses its claim":             func(h *healthStore) { h.lost = true },
		"cannot renew while it lasts": func(h *healthStore) { h.silent = errors.New("no connection") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, cloud := oneTarget()
				if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
					t.Fatal(err)
				}
				h := &healthStore{memoryStore: store, check: access.Check{RolloutID: 3, Wave: 1, Kind: access.CheckReadBack, Account: store.account.ID}}
				slow := &slowReads{memoryCloud: cloud, takes: 29 * time.Second, during: func() { during(h) }}
				cfg := Config{Store: h, Cloud: slow, Lease: 9 * time.Second}
				began := time.Now()
				if err := NewPusher(cfg).Check(t.Context(), 3, 1, 0); err != nil {
					t.Fatal(err)
				}
				took := time.Since(began)
				switch healthy := !h.lost && h.silent == nil; {
				case h.leased != cfg.Lease:
					t.Errorf("leased for %s, want %s", h.leased, cfg.Lease)
				case healthy && (h.finished == nil || !*h.finished || h.renewals != 9):
					t.Errorf("finished %v with %d renewals, want it found good after 9", h.finished, h.renewals)
				case !healthy && (h.finished != nil || took > cfg.Lease):
					t.Errorf("finished %v after %s, want it left to the next claim within %s", h.finished, took, cfg.Lease)
				}
			})
		})
	}
}
