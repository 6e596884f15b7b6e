package store

import (
	"slices"
	"sync"

	"portcullis.internal/portcullis/internal/access"
)

// keptStates is how many revisions are kept in memory: the head, the one before, which
// drafts are based on while a change is applied, and one of the past.
const keptStates = 3

// stateCache keeps the last states that were asked for, with their catalogs. A revision
// never changes, so what is cached never goes stale; it is shared, and read only.
type stateCache struct {
	loading sync.Mutex // one load at a time: two would read the same rows twice
	mu      sync.Mutex
	kept    []keptState // the last used at the end
}

type keptState struct {
	state   access.State
	catalog *catalog // nil until it is asked for
}

func (c *stateCache) get(revision int64) (access.State, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.find(revision)
	if k == nil {
		return access.State{}, false
	}
	return k.state, true
}

func (c *stateCache) catalog(revision int64) (*catalog, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.find(revision)
	if k == nil || k.catalog == nil {
		return nil, false
	}
	return k.catalog, true
}

// find moves what it finds to the end.
func (c *stateCache) find(revision int64) *keptState {
	i := slices.IndexFunc(c.kept, func(k keptState) bool { return k.state.Revision == revision })
	if i < 0 {
		return nil
	}
	last := len(c.kept) - 1
	if i < last {
		k := c.kept[i]
		c.kept = append(slices.Delete(c.kept, i, i+1), k)
	}
	return &c.kept[last]
}

func (c *stateCache) put(s access.State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(s)
}

func (c *stateCache) putCatalog(made *catalog) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(made.state).catalog = made
}

func (c *stateCache) keep(s access.State) *keptState {
	if k := c.find(s.Revision); k != nil {
		return k
	}
	if len(c.kept) == keptStates {
		c.kept = slices.Delete(c.kept, 0, 1)
	}
	c.kept = append(c.kept, keptState{state: s})
	return &c.kept[len(c.kept)-1]
}

// accountCache keeps all accounts as of one version of what is known of them.
type accountCache struct {
	mu       sync.Mutex
	version  int64
	accounts []access.Account
}

func (c *accountCache) get(version int64) ([]access.Account, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.accounts, c.accounts != nil && c.version == version
}

func (c *accountCache) put(version int64, accounts []access.Account) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if version >= c.version {
		c.version, c.accounts = version, accounts
	}
}
