package rollout

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// pushSlowly pushes a target of which the user policy waits before its write, while a person
// does something after the trust policy was written.
func pushSlowly(t *testing.T, store *memoryStore, cloud *memoryCloud, wait time.Duration, meanwhile func()) error {
	t.Helper()
	attempts := 0
	cloud.attempt = func() {
		if attempts++; attempts == 2 {
			time.Sleep(wait) // of the bubble's clock
			meanwhile()
		}
	}
	return pushTarget(t.Context(), Config{Store: store, Cloud: cloud})
}

func (c *memoryCloud) edit(r access.Resource, document string) func() {
	return func() { c.docs[r] = access.LiveDocument{Resource: r, Exists: document != "", Document: document} }
}

// TestUserPolicyDoesNotOpenARoleThatWasEdited: the user policy waited for more than a minute after
// the trust policy was written, and another person edited our Deny meanwhile.
func TestUserPolicyDoesNotOpenARoleThatWasEdited(t *testing.T) {
	for name, live := range map[string]string{"edited": document(foreign, oursOther), "no longer there": ""} {
		synctest.Test(t, func(t *testing.T) {
			store, cloud := oneTarget()
			if err := pushSlowly(t, store, cloud, openedFor+time.Second, cloud.edit(roleBob, live)); err != nil {
				t.Fatal(err)
			}
			store.checkEnd(t, access.TargetFailed, access.OperationWritten, access.OperationFailed)
			cloud.checkLive(t, userAlice, userOld)
			if len(cloud.writes) != 1 {
				t.Errorf("%s: %d writes, want the one of the trust policy", name, len(cloud.writes))
			}
			if got := store.ops[1].Message; !strings.Contains(got, "it would open role Bob") {
				t.Errorf("%s: the operation says %q, want the role named", name, got)
			}
		})
	}
}

// TestUserPolicyDoesNotOpenAnUnchangedRoleThatWasEdited: a trust policy that needed no write counts
// as well.
func TestUserPolicyDoesNotOpenAnUnchangedRoleThatWasEdited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cloud := oneTarget()
		cloud.edit(roleBob, document(foreign, oursNew))()
		waited := false
		cloud.attempt = func() {
			if !waited {
				waited = true
				time.Sleep(openedFor + time.Second) // of the bubble's clock
				cloud.edit(roleBob, document(foreign, oursOther))()
			}
		}
		if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
			t.Fatal(err)
		}
		store.checkEnd(t, access.TargetFailed, access.OperationUnchanged, access.OperationFailed)
		cloud.checkLive(t, userAlice, userOld)
	})
}

// TestUserPolicyIsWrittenOverEditsOfOthers: only our part of the trust policy counts.
func TestUserPolicyIsWrittenOverEditsOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cloud := oneTarget()
		theirs := cloud.edit(roleBob, document(foreign+","+vendor, oursNew))
		if err := pushSlowly(t, store, cloud, openedFor+time.Second, theirs); err != nil {
			t.Fatal(err)
		}
		store.checkEnd(t, access.TargetSucceeded, access.OperationWritten, access.OperationWritten)
		cloud.checkLive(t, userAlice, userNew)
	})
}

// TestUserPolicyWaitsForARoleThatIsAsBefore: AWS shows the trust policy as it was before the
// rollout. The target is snoozed, and the next claim writes both.
func TestUserPolicyWaitsForARoleThatIsAsBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cloud := oneTarget()
		err := pushSlowly(t, store, cloud, openedFor+time.Second, cloud.edit(roleBob, document(foreign, oursOld)))
		var later *SnoozeError
		if !errors.As(err, &later) {
			t.Fatalf("got %v, want it snoozed", err)
		}
		cloud.checkLive(t, userAlice, userOld)
		time.Sleep(later.After) // of the bubble's clock
		untilEnd(t, store, cloud)
		store.checkEnd(t, access.TargetSucceeded, access.OperationWritten, access.OperationWritten)
		cloud.checkLive(t, roleBob, document(foreign, oursNew))
		cloud.checkLive(t, userAlice, userNew)
	})
}

// TestRolesAreReadAgainOnlyAfterAMinute counts the reads: one of the account, one of the user
// policy that waited, one of the trust policy if it is due, and one of both at the end.
func TestRolesAreReadAgainOnlyAfterAMinute(t *testing.T) {
	for wait, reads := range map[time.Duration]int{openedFor - time.Second: 3, openedFor + time.Second: 4} {
		synctest.Test(t, func(t *testing.T) {
			store, cloud := oneTarget()
			if err := pushSlowly(t, store, cloud, wait, func() {}); err != nil {
				t.Fatal(err)
			}
			store.checkEnd(t, access.TargetSucceeded, access.OperationWritten, access.OperationWritten)
			if cloud.reads != reads {
				t.Errorf("%d reads after %s, want %d", cloud.reads, wait, reads)
			}
		})
	}
}

// TestUserPolicyIsHeldBackWithoutALook: AWS refuses to show the trust policy once more.
func TestUserPolicyIsHeldBackWithoutALook(t *testing.T) {
	for class, snoozed := range map[access.CloudClass]bool{access.CloudDenied: false, access.CloudThrottled: true} {
		synctest.Test(t, func(t *testing.T) {
			store, cloud := oneTarget()
			cloud.onRead = func(n int) error {
				if n == 3 { // after the account and the user policy
					return cloudError(class)
				}
				return nil
			}
			err := pushSlowly(t, store, cloud, openedFor+time.Second, func() {})
			var later *SnoozeError
			if errors.As(err, &later) != snoozed || !snoozed && err != nil {
				t.Fatalf("%s: got %v, want it snoozed: %v", class, err, snoozed)
			}
			cloud.checkLive(t, userAlice, userOld)
			if !snoozed {
				store.checkEnd(t, access.TargetFailed, access.OperationWritten, access.OperationFailed)
			}
		})
	}
}
