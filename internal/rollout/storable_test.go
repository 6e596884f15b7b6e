package rollout

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// Postgres holds no zero byte. A live document with one must end its target, once and with a reason.
func TestADocumentThatCannotBeStoredFailsItsTarget(t *testing.T) {
	for why, document := range map[string]string{
		"contains a zero byte": `{"Version":"2012-10-17","Statement":[{"Sid":"x` + "\x00" + `","Effect":"Deny"}]}`,
		"is not valid UTF-8":   `{"Version":"2012-10-17","Statement":[{"Sid":"x` + "\xff" + `","Effect":"Deny"}]}`,
	} {
		t.Run(why, func(t *testing.T) {
			store, cloud := oneTarget()
			cloud.docs[roleBob] = access.LiveDocument{Resource: roleBob, Exists: true, Document: document}
			if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
				t.Fatal(err)
			}
			store.checkEnd(t, access.TargetFailed, access.OperationFailed)
			if store.target.Class != access.CloudMalformed || !strings.Contains(store.target.Message, why) {
				t.Errorf("it failed as %s: %s", store.target.Class, store.target.Message)
			}
			if cloud.docs[roleBob].Document != document {
				t.Error("the document was written over")
			}
		})
	}
}

// failingEnd is a memoryStore that refuses the first end of a target.
type failingEnd struct {
	*memoryStore
	err   error
	tries int
}

func (f *failingEnd) FinishTarget(ctx context.Context, c access.Claim, outcomes []access.Outcome, r access.TargetResult, events []access.AuditEvent) (access.Rollout, error) {
	if f.tries++; f.tries == 1 {
		return access.Rollout{}, f.err
	}
	return f.memoryStore.FinishTarget(ctx, c, outcomes, r, events)
}

// A target whose end the store refuses for good ends as failed. One whose end may be recorded the
// next time is tried again.
func TestAnEndThatCannotBeRecordedIsBounded(t *testing.T) {
	refused := access.Errorf(access.KindInvalid, "The text cannot be stored.")
	for name, tt := range map[string]struct {
		err  error
		age  time.Duration
		ends bool
	}{
		"refused":                   {refused, 0, true},
		"a defect":                  {errors.New("a defect"), 0, false},
		"a defect for long":         {errors.New("a defect"), time.Hour, true},
		"the database is down":      {access.Errorf(access.KindUnavailable, "no answer"), time.Hour, false},
		"another worker claimed it": {ErrClaimLost, time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			memory, cloud := oneTarget()
			memory.target.StartedAt = time.Now().Add(-tt.age)
			store := &failingEnd{memoryStore: memory, err: tt.err}
			err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud})
			if !tt.ends {
				if memory.target.State != access.TargetRunning || (err == nil) != errors.Is(tt.err, ErrClaimLost) {
					t.Errorf("%v, and the target is %s; want it tried again", err, memory.target.State)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			memory.checkEnd(t, access.TargetFailed)
			if !strings.Contains(memory.target.Message, tt.err.Error()) || memory.eventsOf("target.failed") != 1 {
				t.Errorf("message %q with %d events", memory.target.Message, memory.eventsOf("target.failed"))
			}
		})
	}
}

// An intent that the store refuses ends the target before anything is written.
func TestAnIntentThatCannotBeRecordedWritesNothing(t *testing.T) {
	store, cloud := oneTarget()
	store.fail("RecordIntents", access.Errorf(access.KindInvalid, "The text cannot be stored."))
	if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
		t.Fatal(err)
	}
	store.checkEnd(t, access.TargetFailed, access.OperationSkipped, access.OperationSkipped)
	if len(cloud.writes) != 0 {
		t.Errorf("%d writes", len(cloud.writes))
	}
}
