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
			store.checkEnd(t, access.TargetFailed, access.OperationWritten, access.OperationWritten)
			cloud.checkLive(t, userAlice, userCut)
			if got := store.result.Message; !strings.Contains(got, "role Bob") {
				t.Errorf("%s: the target says %q, want the role named", name, got)
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
		store.checkEnd(t, access.TargetFailed, access.OperationUnchanged, access.OperationWritten)
		cloud.checkLive(t, userAlice, userCut)
		if got := store.result; got.Class != access.CloudBlocked || !strings.Contains(got.Message, "Role Bob in account 111122223333 is left out") {
			t.Errorf("the target says %q (%s)", got.Message, got.Class)
		}
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

// TestUserPolicyDoesNotOpenARoleThatIsAsBefore: AWS shows the trust policy as it was before the rollout, until patience ends.
func TestUserPolicyDoesNotOpenARoleThatIsAsBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cloud := oneTarget()
		if err := pushSlowly(t, store, cloud, openedFor+time.Second, cloud.edit(roleBob, document(foreign, oursOld))); err != nil {
			t.Fatal(err)
		}
		store.checkEnd(t, access.TargetFailed, access.OperationWritten, access.OperationWritten)
		cloud.checkLive(t, userAlice, userCut)
	})
}

// TestRolesAreReadAgainOnlyAfterAMinute counts the reads: one of the account, one of the trust policy after its write, one of the
// user policy that waited, one more of the trust policy if it is due, and one of the user policy at the end.
func TestRolesAreReadAgainOnlyAfterAMinute(t *testing.T) {
	for wait, reads := range map[time.Duration]int{openedFor - time.Second: 4, openedFor + time.Second: 5} {
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
				if n == 4 { // after the account, the trust policy and the user policy
					return cloudError(class)
				}
				return nil
			}
			err := pushSlowly(t, store, cloud, openedFor+time.Second, func() {})
			var later *SnoozeError
			if errors.As(err, &later) != snoozed || !snoozed && err != nil {
				t.Fatalf("%s: got %v, want it snoozed: %v", class, err, snoozed)
			}
			if snoozed {
				cloud.checkLive(t, userAlice, userOld)
				return
			}
			store.checkEnd(t, access.TargetFailed, access.OperationWritten, access.OperationWritten)
			cloud.checkLive(t, userAlice, userCut)
		})
	}
}
