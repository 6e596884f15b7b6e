package rollout

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

const admitsAliceAlone = `[{"Sid":"PortcullisUserSide","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:username":["alice"]}}}]`

// withUserSide is a target with a user-side policy for alice: the policy is attached, then the role
// admits her.
func withUserSide() (*memoryStore, *memoryCloud, access.Resource) {
	attach := attachOp(0, "alice", "", access.AttachmentsDocument([]string{access.UserSidePolicy("alice", 1).ARN("aws", "111122223333")}))
	attach.ID, attach.State = 1, access.OperationPlanned
	trust := sideOp(1, "", admitsAliceAlone)
	trust.ID, trust.State, trust.BeforeKnown = 2, access.OperationPlanned, true
	cloud := newMemoryCloud(access.LiveDocument{Resource: attach.Resource}, access.LiveDocument{Resource: roleBob, Document: document(foreign, "")})
	return newMemoryStore(attach, trust), cloud, attach.Resource
}

// AWS has one answer for a user who is gone and for a policy that it does not know yet, since it
// was made moments ago. The user still exists, so the push does not give up the user-side policy.
func TestAPolicyTooNewToBeAttachedIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cloud, attachments := withUserSide()
		ready := time.Now().Add(20 * time.Second)
		cloud.onWrite = func(n int, apply func()) error {
			if cloud.writes[n-1].Resource == attachments && time.Now().Before(ready) {
				return cloudError(access.CloudGone)
			}
			apply()
			return nil
		}
		err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud})
		var later *SnoozeError
		if !errors.As(err, &later) {
			t.Fatalf("got %v, want it snoozed", err)
		}
		cloud.checkLive(t, roleBob, document(foreign, "")) // not opened before the user-side policy is attached
		time.Sleep(later.After)                            // of the bubble's clock
		untilEnd(t, store, cloud)
		store.checkEnd(t, access.TargetSucceeded, access.OperationWritten, access.OperationWritten)
	})
}

func TestAPolicyThatCannotBeAttachedFailsInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cloud, attachments := withUserSide()
		cloud.onWrite = func(n int, apply func()) error {
			if cloud.writes[n-1].Resource == attachments {
				return cloudError(access.CloudGone)
			}
			apply()
			return nil
		}
		begun := time.Now()
		untilEnd(t, store, cloud)
		store.checkEnd(t, access.TargetFailed, access.OperationFailed, access.OperationFailed)
		if took := time.Since(begun); took < newFor || took > newFor+time.Minute {
			t.Errorf("given up after %s, want after %s", took, newFor)
		}
		cloud.checkLive(t, roleBob, document(foreign, ""))
	})
}

// One who was created moments ago may be shown by a read and be unknown to the write.
func TestAUserWhoIsShownAndNotKnownIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cloud := oneTarget()
		ready := time.Now().Add(20 * time.Second)
		cloud.onWrite = func(n int, apply func()) error {
			if cloud.writes[n-1].Resource == userAlice && time.Now().Before(ready) {
				return cloudError(access.CloudGone)
			}
			apply()
			return nil
		}
		untilEnd(t, store, cloud)
		store.checkEnd(t, access.TargetSucceeded, access.OperationWritten, access.OperationWritten)
		cloud.checkLive(t, userAlice, userNew)
	})
}
