package rollout

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// later is how long the tests let a write wait for its turn: longer than what was read
// before it is good for.
const later = freshFor + time.Second

// waitOnce lets the first attempt of a write wait while somebody does something.
func waitOnce(cloud *memoryCloud, meanwhile func()) {
	waited := false
	cloud.attempt = func() {
		if !waited {
			waited = true
			time.Sleep(later) // of the bubble's clock
			meanwhile()
		}
	}
}

// A write that is throttled for long carries what was read before it. What others have
// done since is read before it is written over.
func TestAWriteThatWaitedForLongReadsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cloud := oneTarget()
		waitOnce(cloud, func() {
			cloud.docs[roleBob] = access.LiveDocument{Resource: roleBob, Exists: true, Document: document(foreign+","+vendor, oursOld)}
		})
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
			t.Fatal(err)
		}
		store.checkEnd(t, access.TargetSucceeded, access.OperationWritten, access.OperationWritten)
		cloud.checkLive(t, roleBob, document(foreign+","+vendor, oursNew))
		if got := store.eventsOf("operation.write"); got != 3 {
			t.Errorf("%d events of writes, want one for each document that was to be sent", got)
		}
	})
}

func TestAWriteThatWaitedForLongFindsAConflict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cloud := oneTarget()
		waitOnce(cloud, func() {
			cloud.docs[roleBob] = access.LiveDocument{Resource: roleBob, Exists: true, Document: document(foreign, oursOther)}
		})
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
			t.Fatal(err)
		}
		store.checkEnd(t, access.TargetConflict, access.OperationConflict)
		cloud.checkLive(t, roleBob, document(foreign, oursOther))
	})
}

// Where nothing has changed meanwhile, there is one event, and one write.
func TestAWriteThatWaitedForLongIsRecordedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cloud := oneTarget()
		waitOnce(cloud, func() {})
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
			t.Fatal(err)
		}
		store.checkEnd(t, access.TargetSucceeded, access.OperationWritten, access.OperationWritten)
		if got := store.eventsOf("operation.write"); got != 2 || len(cloud.writes) != 2 {
			t.Errorf("%d events and %d writes, want 2 and 2", got, len(cloud.writes))
		}
	})
}

func TestWriteThatAlwaysWaitsIsSnoozed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cloud := oneTarget()
		cloud.attempt = func() { time.Sleep(later) } // of the bubble's clock
		var off *SnoozeError
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); !errors.As(err, &off) {
			t.Fatalf("got %v, want it snoozed", err)
		}
		if len(cloud.writes) != 0 {
			t.Errorf("%d writes of what was read too long before", len(cloud.writes))
		}
	})
}

// The clock on the wall of one console may be hours off. How long AWS has not answered,
// and how new a user may be, is counted by the database's, which has noted the beginning.
func TestPatienceDoesNotGoByTheClockOnTheWall(t *testing.T) {
	for name, off := range map[string]time.Duration{"fast": 5 * time.Hour, "slow": -5 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				now := func() time.Time { return time.Now().Add(off) }
				store, cloud := oneTarget()
				cloud.onRead = func(int) error { return cloudError(access.CloudUnreachable) }
				begun := time.Now()
				untilEndBy(t, store, cloud, now)
				if took := time.Since(begun); took < 10*time.Minute || took > 11*time.Minute {
					t.Errorf("an account without an answer was given up after %s, want after ten minutes", took)
				}
				store, cloud = crowd(alice, carol, dave)
				cloud.onWrite = func(int, func()) error { return cloudError(access.CloudInvalidPrincipal) }
				begun = time.Now()
				untilEndBy(t, store, cloud, now)
				if took := time.Since(begun); took < newFor || took > newFor+time.Minute {
					t.Errorf("a new user was given up after %s, want after %s", took, newFor)
				}
			})
		})
	}
}

// untilEndBy is untilEnd on a console whose clock shows something else.
func untilEndBy(t *testing.T, store *memoryStore, cloud *memoryCloud, now func() time.Time) {
	t.Helper()
	for range 1000 {
		err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud, Now: now})
		var off *SnoozeError
		if !errors.As(err, &off) {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
		time.Sleep(off.After) // of the bubble's clock
	}
	t.Fatal("it was snoozed forever")
}

// Where a write has no answer and has not taken effect, it is sent once more: with what
// others have done meanwhile, which the look at its effect has shown.
func TestAWriteIsNotRepeatedOverAnEdit(t *testing.T) {
	store, cloud := oneTarget()
	cloud.onWrite = func(n int, apply func()) error {
		if n == 1 {
			cloud.docs[roleBob] = access.LiveDocument{Resource: roleBob, Exists: true, Document: document(foreign+","+vendor, oursOld)}
			return cloudError(access.CloudUnreachable)
		}
		apply()
		return nil
	}
	if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
		t.Fatal(err)
	}
	store.checkEnd(t, access.TargetSucceeded, access.OperationWritten, access.OperationWritten)
	cloud.checkLive(t, roleBob, document(foreign+","+vendor, oursNew))
	if got := store.eventsOf("operation.write"); got != 3 {
		t.Errorf("%d events of writes, want one for each document that was sent", got)
	}
}
