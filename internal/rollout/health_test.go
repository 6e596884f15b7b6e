package rollout

import (
	"context"
	"errors"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// healthStore is a memoryStore whose target is looked at once more after its wave.
type healthStore struct {
	*memoryStore
	check    access.Check
	finished *bool // how it was found
	message  string
	leased   time.Duration // as it was asked for last
	renewals int
	lost     bool // another worker has claimed the check
	silent   error
}

func (h *healthStore) ClaimCheck(_ context.Context, _ int64, _, _ int, lease time.Duration) (access.Check, bool, error) {
	h.check.Claim++
	h.leased = lease
	return h.check, true, nil
}

func (h *healthStore) RenewCheck(_ context.Context, c access.Check, lease time.Duration) error {
	if h.silent != nil {
		return h.silent
	}
	if h.lost || c.Claim != h.check.Claim {
		return ErrClaimLost
	}
	h.renewals++
	h.leased = lease
	return nil
}

func (h *healthStore) FinishCheck(_ context.Context, _ access.Check, good bool, message string) error {
	h.finished, h.message = &good, message
	return nil
}

func (h *healthStore) Account(context.Context, access.AccountID) (access.Account, error) {
	return h.account, nil
}

func (h *healthStore) Operations(context.Context, int64, access.AccountID) ([]access.Operation, error) {
	return h.ops, nil
}

func (h *healthStore) Target(context.Context, int64, access.AccountID) (access.Target, error) {
	return h.target, nil
}

func lookAt(t *testing.T, store *memoryStore, cloud Cloud) *healthStore {
	t.Helper()
	h := &healthStore{memoryStore: store, check: access.Check{RolloutID: 3, Wave: 1, Kind: access.CheckReadBack, Account: store.account.ID}}
	if err := NewPusher(Config{Store: h, Cloud: cloud}).Check(t.Context(), 3, 1, 0); err != nil {
		t.Fatal(err)
	}
	return h
}

// Who was left out of a trust policy, since they are gone, is not missed in it afterwards:
// the document is as the rollout has left it.
func TestWhoWasLeftOutIsNotMissedInTheReadBack(t *testing.T) {
	for name, more := range map[string]string{"written": "12.148.72.0/23", "already there": "103.15.250.0/24"} {
		t.Run(name, func(t *testing.T) {
			store, cloud := crowd(alice, carol)
			was := pairOf(more, alice, carol)
			store.ops[0].OursBefore = was
			cloud.docs[roleBob] = access.LiveDocument{Resource: roleBob, Exists: true, Document: document(foreign, was)}
			if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
				t.Fatal(err)
			}
			cloud.checkLive(t, roleBob, document(foreign, pairOf("103.15.250.0/24", alice, carol)))
			if h := lookAt(t, store, cloud); !*h.finished {
				t.Errorf("found bad: %s", h.message)
			}
			cloud.docs[roleBob] = access.LiveDocument{Resource: roleBob, Exists: true, Document: document(foreign, pairOf("103.15.250.0/24", alice))}
			if h := lookAt(t, store, cloud); *h.finished {
				t.Error("without carol it was found good as well")
			}
		})
	}
}

// A wave may bake for days. That AWS does not answer once afterwards says nothing of its
// health, however long ago the account was written.
func TestASilenceAfterALongBakeIsNoBadHealth(t *testing.T) {
	store, cloud := oneTarget()
	if err := pushTarget(t.Context(), Config{Store: store, Cloud: cloud}); err != nil {
		t.Fatal(err)
	}
	store.target.StartedAt = time.Now().Add(-48 * time.Hour)
	cloud.onRead = func(int) error { return cloudError(access.CloudUnreachable) }
	h := &healthStore{memoryStore: store, check: access.Check{RolloutID: 3, Wave: 1, Round: 2, Claim: access.ClaimsARound, Kind: access.CheckReadBack, Account: store.account.ID}}
	var later *SnoozeError
	for range checkTries - 1 {
		if err := NewPusher(Config{Store: h, Cloud: cloud}).Check(t.Context(), 3, 1, 0); !errors.As(err, &later) {
			t.Fatalf("try %d: %v, %s; want it snoozed", h.check.Claim, err, h.message)
		}
	}
	if err := NewPusher(Config{Store: h, Cloud: cloud}).Check(t.Context(), 3, 1, 0); err != nil || h.finished == nil || *h.finished {
		t.Errorf("%v, %s; want it found bad in the end", err, h.message)
	}
}
