package change

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/planning"
)

func TestRecentWorksOutOnceForAll(t *testing.T) {
	var c resultCache[int, int]
	var worked atomic.Int64
	now := time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			got, err := c.get(1, now, func() (int, time.Time, error) { worked.Add(1); return 7, now.Add(time.Minute), nil })
			if got != 7 || err != nil {
				t.Errorf("got %d, %v", got, err)
			}
		})
	}
	all.Wait()
	if worked.Load() != 1 {
		t.Errorf("worked out %d times, want once", worked.Load())
	}
	if got, _ := c.get(1, now.Add(time.Minute), func() (int, time.Time, error) { return 8, now.Add(time.Hour), nil }); got != 8 {
		t.Errorf("after its time: %d, want 8", got)
	}
	if _, err := c.get(2, now, func() (int, time.Time, error) { return 0, now.Add(time.Hour), errors.New("no") }); err == nil {
		t.Error("the error was lost")
	}
	if got, err := c.get(2, now, func() (int, time.Time, error) { return 9, now.Add(time.Hour), nil }); got != 9 || err != nil {
		t.Errorf("after an error: %d, %v; want it tried again", got, err)
	}
	for k := range 3 * maxResults {
		c.put(k, k, now)
	}
	if len(c.items) > maxResults {
		t.Errorf("%d kept, want at most %d", len(c.items), maxResults)
	}
	worked.Store(0)
	if _, err := c.get(3*maxResults-1, now.Add(-time.Second), func() (int, time.Time, error) { worked.Add(1); return 0, now, nil }); err != nil || worked.Load() != 0 {
		t.Error("the most recently used item was evicted")
	}
}

type heavy int

func (h heavy) Bytes() int { return int(h) }

// TestRecentIsBoundedInMemory: two large plans are kept at a time, and a plan that is larger than
// the limit is kept alone.
func TestRecentIsBoundedInMemory(t *testing.T) {
	var c resultCache[int, heavy]
	now := time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)
	for k, size := range []heavy{maxResultBytes / 2, maxResultBytes / 2, maxResultBytes / 2} {
		c.put(k, size, now)
	}
	if c.items[0] != nil || len(c.items) != 2 || c.bytes != maxResultBytes {
		t.Errorf("%d are kept with %d bytes, the first among them: %v", len(c.items), c.bytes, c.items[0] != nil)
	}
	c.put(9, maxResultBytes+1, now)
	if c.items[9] == nil || len(c.items) != 1 {
		t.Errorf("%d are kept, the last among them: %v; want it alone", len(c.items), c.items[9] != nil)
	}
}

// TestCacheWeighsPlans: the methods of package planning count, so the bound on memory holds for
// real plans, drafts and summaries.
func TestCacheWeighsPlans(t *testing.T) {
	now := time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)
	summary := planning.Summary{Folded: []access.FoldedOperation{{Accounts: make([]access.PlannedTarget, 1000)}}}
	planned := planning.Result{Summary: summary}
	var plans resultCache[planKey, *planning.Result]
	var drafts resultCache[draftKey, draft]
	var summaries resultCache[frozenKey, planning.Summary]
	plans.put(planKey{}, &planned, now)
	drafts.put(draftKey{}, draft{Result: planned}, now)
	summaries.put(frozenKey{}, summary, now)
	for what, bytes := range map[string]int{"plan": plans.bytes, "draft": drafts.bytes, "summary": summaries.bytes} {
		if bytes < 1000 {
			t.Errorf("a %s of 1000 accounts weighs %d bytes, want at least 1000", what, bytes)
		}
	}
}

func TestADraftIsFreshUntilTheNextExpiry(t *testing.T) {
	now := time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)
	soon, later := now.Add(time.Minute), now.Add(time.Hour)
	state := func(times ...time.Time) access.State {
		var a access.Allowlist
		for _, at := range times {
			a.Entries = append(a.Entries, access.Entry{Expires: at})
		}
		return access.State{Allowlists: []access.Allowlist{a}}
	}
	if got := planning.NextExpiry(now, state(later, time.Time{}), state(soon, now)); !got.Equal(soon) {
		t.Errorf("the next expiry is %s, want %s", got, soon)
	}
	if got := planning.NextExpiry(now, state(time.Time{}, now)); !got.IsZero() {
		t.Errorf("the next expiry is %s, want none", got)
	}
	if got := (planning.Result{Expires: soon}).FreshUntil(later); !got.Equal(soon) {
		t.Errorf("fresh until %s, want %s", got, soon)
	}
	if got := (planning.Result{}).FreshUntil(later); !got.Equal(later) {
		t.Errorf("fresh until %s, want %s", got, later)
	}
}

// TestAnEditedDraftReplacesTheOneBefore: nobody looks at an older version again, and
// in a large organization each weighs.
func TestAnEditedDraftReplacesTheOneBefore(t *testing.T) {
	var c resultCache[draftKey, heavy]
	now := time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)
	for version := range int64(5) {
		for change := range int64(2) {
			c.put(draftKey{change: change, version: version}, 7, now.Add(time.Hour))
		}
	}
	if len(c.items) != 2 || c.bytes != 14 {
		t.Errorf("%d drafts of two changes are kept, with %d bytes", len(c.items), c.bytes)
	}
}

// TestAChangeKeepsItsNewestPlan: those of other changes stay, as drafts do.
func TestAChangeKeepsItsNewestPlan(t *testing.T) {
	now := time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)
	var plans resultCache[planKey, int]
	for on := range int64(3) {
		plans.put(planKey{change: 1, on: on}, 0, now)
		plans.put(planKey{on: on}, 0, now) // of no change that is stored
	}
	plans.put(planKey{change: 2}, 0, now)
	if len(plans.items) != 5 {
		t.Errorf("%d plans are kept, want one of each of two changes, and three that belong to none", len(plans.items))
	}
}
