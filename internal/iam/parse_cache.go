package iam

import "sync"

// Evaluate meets the same documents over and over: one user asks from many addresses,
// many users ask for one role. So it keeps what it has parsed. A parsed document never
// changes and depends on its text alone, so the cache changes nothing but the time.
var parsedDocuments = newParseCache(4<<20, ParsePolicy)

// parseCache keeps parsed documents by their text, up to a number of characters of text.
// It holds two generations: when the younger is full it becomes the older, and what was
// not asked for since is dropped. So it never grows beyond twice its limit, and what is
// in use stays.
type parseCache[V any] struct {
	limit int
	read  func(text string) *V

	mu         sync.RWMutex
	young, old map[string]*V
	size       int // characters of the younger generation
}

func newParseCache[V any](limit int, read func(string) *V) *parseCache[V] {
	return &parseCache[V]{limit: limit, read: read, young: map[string]*V{}}
}

// parse is read, remembered.
func (c *parseCache[V]) parse(doc string) *V {
	c.mu.RLock()
	p, young := c.young[doc]
	if !young {
		p = c.old[doc]
	}
	c.mu.RUnlock()
	if young {
		return p
	}
	if p == nil {
		p = c.read(doc)
	}
	c.keep(doc, p)
	return p
}

// keep puts a document into the younger generation. One that would fill it alone is
// not kept.
func (c *parseCache[V]) keep(doc string, p *V) {
	if len(doc) > c.limit/4 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, there := c.young[doc]; there {
		return
	}
	if c.size+len(doc) > c.limit {
		c.young, c.old, c.size = map[string]*V{}, c.young, 0
	}
	c.young[doc] = p
	c.size += len(doc) + entryCost
}

// entryCost is what an entry takes besides its text, so that many short documents do not
// go past the limit unnoticed.
const entryCost = 256
