package change_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/internal/store"
)

// inventoryReads counts how often the inventory of accounts is read, as planning does.
type inventoryReads struct {
	*store.Store
	inventories atomic.Int64
}

func (a *inventoryReads) InventoryOf(ctx context.Context, q access.InventoryQuery) (*access.Inventories, error) {
	a.inventories.Add(1)
	return a.Store.InventoryOf(ctx, q)
}

// TestTheFirstReviewerDoesNotWait: another replica than the one of the submission, or the same one
// after a start, has computed the plan before a reviewer looks at it.
func TestTheFirstReviewerDoesNotWait(t *testing.T) {
	d := newDesk(t)
	d.base()
	now := start
	replica := func() (*change.Service, *inventoryReads) {
		a := &inventoryReads{Store: d.store}
		return change.New(change.Config{Store: a, Now: func() time.Time { return now }}), a
	}
	other, asks := replica()
	ctx, cancel := context.WithCancel(t.Context())
	tick, over := make(chan time.Time), make(chan error, 1)
	go func() { over <- other.WorkAhead(ctx, tick) }()
	c := d.submit("One more office", addEntry("al-office", "9.9.9.9/32"))
	pass := func() { // the second tick is received when the first is done
		tick <- now
		tick <- now
	}
	pass()
	ahead := asks.inventories.Load()
	if ahead != 1 {
		t.Errorf("planned %d times ahead, want once", ahead)
	}
	view, err := other.View(t.Context(), d.approver, c.ID)
	d.must(err)
	if view.Targets != 3 || asks.inventories.Load() != ahead {
		t.Errorf("the reviewer's page shows %d accounts, and planned %d times; want 3 and not at all", view.Targets, asks.inventories.Load()-ahead)
	}
	_, err = other.Review(t.Context(), d.approver, c.ID, access.VerdictApprove, c.Digest, "")
	d.must(err)
	d.must(d.store.SaveInventory(t.Context(), inventory("111111111111")))
	pass()
	if got := asks.inventories.Load(); got != ahead {
		t.Errorf("planned %d times more because an account was read", got-ahead)
	}
	if _, err = other.View(t.Context(), d.approver, c.ID); err != nil || asks.inventories.Load() != ahead+1 {
		t.Errorf("after an account was read the page planned %d times (%v), want once", asks.inventories.Load()-ahead, err)
	}
	cancel()
	d.must(<-over)
}
