package sandbox

import (
	"sync"

	"portcullis.internal/portcullis/internal/judge"
)

// cache keeps parsed documents by their text. When it is full it starts anew, which
// costs a parse and no more.
type cache struct {
	mu   sync.RWMutex
	docs map[string]*judge.Document
}

const cacheSize = 4096

func (c *cache) get(text string) (*judge.Document, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	doc, ok := c.docs[text]
	return doc, ok
}

func (c *cache) put(text string, doc *judge.Document) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.docs == nil || len(c.docs) >= cacheSize {
		c.docs = make(map[string]*judge.Document)
	}
	c.docs[text] = doc
}
