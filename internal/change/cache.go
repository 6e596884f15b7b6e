package change

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/planning"
	"portcullis.internal/portcullis/internal/policy"
)

// resultCache is an LRU cache of computed results, bounded by count and bytes. A page and its parts ask for the
// same result several times, and several people read the same change. Concurrent callers with the same key
// wait for one computation.
type resultCache[K comparable, V any] struct {
	mu    sync.Mutex
	items map[K]*cacheItem[V]
	asked int64
	bytes int
}

type cacheItem[V any] struct {
	mu    sync.Mutex // locked during the computation
	value V
	until time.Time // zero before it is worked out, and where that failed

	asked int64 // when it was asked for last; with bytes under the lock of the whole
	bytes int
}

// What is kept of one kind.
const (
	maxResults     = 16
	maxResultBytes = 64 << 20
)

// weighty knows about how much memory it uses.
type weighty interface{ Bytes() int }

func (c *resultCache[K, V]) item(k K) *cacheItem[V] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.items == nil {
		c.items = map[K]*cacheItem[V]{}
	}
	item := c.items[k]
	if item == nil {
		c.outdate(k)
		item = &cacheItem[V]{}
		c.items[k] = item
	}
	c.asked++
	item.asked = c.asked
	c.giveUp()
	return item
}

// keep records how much memory an item uses, unless the item was evicted meanwhile.
func (c *resultCache[K, V]) keep(k K, item *cacheItem[V], v V) {
	w, heavy := any(v).(weighty)
	if !heavy {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.items[k] != item {
		return
	}
	bytes := w.Bytes()
	c.bytes += bytes - item.bytes
	item.bytes = bytes
	c.giveUp()
}

// superseding is a key after which nobody asks for some others any more.
type superseding[K any] interface{ supersedes(old K) bool }

// outdate drops what a new key supersedes.
func (c *resultCache[K, V]) outdate(k K) {
	fresh, ok := any(k).(superseding[K])
	if !ok {
		return
	}
	for old, item := range c.items {
		if fresh.supersedes(old) {
			c.bytes -= item.bytes
			delete(c.items, old)
		}
	}
}

// giveUp drops what was not asked for the longest, but never the last that was.
func (c *resultCache[K, V]) giveUp() {
	for len(c.items) > 1 && (len(c.items) > maxResults || c.bytes > maxResultBytes) {
		var oldest K
		at := c.asked + 1
		for k, item := range c.items {
			if item.asked < at {
				oldest, at = k, item.asked
			}
		}
		c.bytes -= c.items[oldest].bytes
		delete(c.items, oldest)
	}
}

// get returns what is kept for k, or works it out and keeps it for as long as that says.
func (c *resultCache[K, V]) get(k K, now time.Time, work func() (value V, until time.Time, err error)) (V, error) {
	item := c.item(k)
	item.mu.Lock()
	defer item.mu.Unlock()
	if now.Before(item.until) {
		return item.value, nil
	}
	value, until, err := work()
	if err == nil {
		item.value, item.until = value, until
		c.keep(k, item, value)
	}
	return value, err
}

// put keeps what was worked out elsewhere.
func (c *resultCache[K, V]) put(k K, value V, until time.Time) {
	item := c.item(k)
	item.mu.Lock()
	defer item.mu.Unlock()
	item.value, item.until = value, until
	c.keep(k, item, value)
}

// draftKey says what a draft depends on beside the time: its edits, its base, and what
// is known of the accounts. A submitted change is named by its digest, since reviews
// raise its version and alter nothing.
type draftKey struct {
	change, version, on, inventory int64
	digest                         string
}

func newDraftKey(c access.Change, on, inventory int64) draftKey {
	k := draftKey{change: c.ID, version: c.Version, on: on, inventory: inventory, digest: c.Digest}
	if c.Digest != "" {
		k.version = 0
	}
	return k
}

// supersedes: a change is looked at as it is now, on what is known now.
func (k draftKey) supersedes(old draftKey) bool { return k.change == old.change && k != old }

// draftLife bounds how long a draft is kept. A guard also depends on the people, who are in no key;
// submit and apply compute everything again before they decide.
const draftLife = 10 * time.Minute

// planLife bounds how long a plan is kept that nothing has moved under. What the time alone
// decides beside expiries, by which it is kept shorter, is a warning of what expires soon.
const planLife = time.Hour

// cachedDraft plans a change for being looked at: a draft on the head, a change that was
// submitted on its own base.
func (s *Service) cachedDraft(ctx context.Context, c access.Change) (draft, error) {
	on, inventory, err := s.store.Versions(ctx)
	if err != nil {
		return draft{}, err
	}
	if c.State != access.ChangeDraft && c.State != access.ChangeExpiring {
		on = c.Base
	}
	now := s.now()
	return s.drafts.get(newDraftKey(c, on, inventory), now, func() (draft, time.Time, error) {
		d, err := s.draft(ctx, c, on)
		return d, d.FreshUntil(now.Add(draftLife)), err
	})
}

// planKey says what a plan depends on beside the time, and whose it is.
type planKey struct {
	change        int64
	edits         [sha256.Size]byte
	on, inventory int64
}

// supersedes: a change has one plan at a time, as its edits are now.
func (k planKey) supersedes(old planKey) bool {
	return k.change != 0 && k.change == old.change && k != old
}

// plan works out what leads from a state to the next by the edits of a change. What was
// worked out for a page serves the decisions on it, too: nothing that a plan depends on
// has moved, or it would have another key.
func (s *Service) plan(ctx context.Context, change int64, base, next access.State, edits []access.Edit) (*planning.Result, error) {
	inventory, err := s.store.InventoryVersion(ctx)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(edits)
	if err != nil {
		return nil, fmt.Errorf("encoding the edits: %w", err)
	}
	now := s.at()
	key := planKey{change: change, edits: sha256.Sum256(text), on: base.Revision, inventory: inventory}
	return s.results.get(key, now, func() (*planning.Result, time.Time, error) {
		p, err := s.workOut(ctx, base, next, edits, now)
		if err != nil {
			return nil, time.Time{}, err
		}
		return p, p.FreshUntil(now.Add(planLife)), nil
	})
}

func (s *Service) workOut(ctx context.Context, base, next access.State, edits []access.Edit, now time.Time) (*planning.Result, error) {
	w, err := s.planInput(ctx)
	if err != nil {
		return nil, err
	}
	w.Now, w.Options = now, policy.Options{
		AllowDangerous: base.Settings.AllowDangerous, LargeIPv4: base.Settings.LargeIPv4, LargeIPv6: base.Settings.LargeIPv6,
		RefuseOutside: len(w.Organization) > 0, OutsideAccounts: base.Settings.OutsideAccounts,
	}
	written := planning.WithExpired(base, edits, now)
	c := planning.NewAffected(w.Accounts, base, next, written, edits, now)
	for {
		if err := s.know(ctx, &w, c.Query); err != nil {
			return nil, err
		}
		p, more, err := planning.PlanChange(w, c)
		if err != nil || !more {
			p.LeftBehind = planning.LeftBehindByChange(w.Gone, base, next, written, edits, now)
			return &p, err
		}
	}
}

// frozenKey names a frozen plan: submitting again makes another.
type frozenKey struct {
	change    int64
	digest    string
	submitted time.Time
}

func newFrozenKey(c access.Change) frozenKey {
	return frozenKey{change: c.ID, digest: c.Digest, submitted: c.SubmittedAt.UTC()}
}

// frozenSummary reads what the page shows of the frozen plan of a submitted change.
func (s *Service) frozenSummary(ctx context.Context, c access.Change) (planning.Summary, error) {
	now := s.now()
	return s.plans.get(newFrozenKey(c), now, func() (planning.Summary, time.Time, error) {
		plan, err := s.store.Plan(ctx, c.ID)
		return planning.Summarize(plan), now.Add(planLife), err
	})
}
