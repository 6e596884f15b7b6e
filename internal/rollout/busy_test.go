package rollout

import (
	"testing"
	"testing/synctest"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// If something else is changing a role at this moment, the push tries again later. Only the
// documents that depend on this role wait with it.
func TestBusyDocumentIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cloud := oneTarget()
		other := trustOperation(access.OperationPlanned)
		other.ID, other.Resource.Name = 3, "Admin"
		cloud.docs[other.Resource] = access.LiveDocument{Resource: other.Resource, Exists: true, Document: document(foreign, oursOld)}
		store.ops = append(store.ops, other)
		ready := time.Now().Add(time.Minute)
		cloud.onWrite = func(n int, apply func()) error {
			if cloud.writes[n-1].Resource == roleBob && time.Now().Before(ready) {
				return cloudError(access.CloudBusy)
			}
			apply()
			return nil
		}
		tries := untilEnd(t, store, cloud)
		store.checkEnd(t, access.TargetSucceeded, access.OperationWritten, access.OperationWritten, access.OperationWritten)
		if tries < 3 || tries > 10 {
			t.Errorf("it took %d tries, want some and few", tries)
		}
		if second := cloud.writes[1].Resource; second == roleBob {
			t.Errorf("the second write was of %s again, want the others meanwhile", second)
		}
		if got := store.eventsOf("operation.write"); got != 4 {
			t.Errorf("%d events of four writes: the user policy is written without the role first", got)
		}
	})
}

func TestBusyDocumentIsNotWaitedForForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, cloud := oneTarget()
		cloud.onWrite = func(int, func()) error { return cloudError(access.CloudBusy) }
		begun := time.Now()
		untilEnd(t, store, cloud)
		store.checkEnd(t, access.TargetFailed, access.OperationFailed)
		most := Config{}.withDefaults().GiveUp
		if took := time.Since(begun); took < most || took > most+time.Minute {
			t.Errorf("given up after %s, want after %s", took, most)
		}
		if store.result.Class != access.CloudBusy || store.result.Advice == "" {
			t.Errorf("got %+v", store.result)
		}
	})
}
