package rollout

import (
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// The worker of an earlier claim died between an intent and its outcome, and the rows were altered before the next
// claim. The account is neither read nor written, and the record does not say that the write had no effect.
func TestAlteredOperationsOfAnInterruptedPush(t *testing.T) {
	store, cloud := oneTarget()
	store.digest = strings.Repeat("0", 64)
	store.ops[0].State, store.ops[0].IntendedAt = access.OperationIntended, time.Now()
	if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
		t.Fatal(err)
	}
	store.checkEnd(t, access.TargetFailed, access.OperationFailed, access.OperationSkipped)
	if cloud.reads != 0 || len(cloud.writes) != 0 || store.eventsOf("target.plan_changed") != 1 {
		t.Errorf("%d reads, %d writes, %d events; want none, none and one",
			cloud.reads, len(cloud.writes), store.eventsOf("target.plan_changed"))
	}
	if store.result.Class != access.CloudPlanChanged || !strings.Contains(store.ops[0].Message, "not known whether") {
		t.Errorf("the target ends as %q, and its write says %q", store.result.Class, store.ops[0].Message)
	}
}
