package sandbox

import "sync"

// cache keeps parsed documents by their text. When it is full it starts anew, which
// costs a parse and no more.
type cache struct {
	mu   sync.RWMutex
	docs map[string]*document
}

const cacheSize = 4096

func (c *cache) get(text string) (*document, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	doc, ok := c.docs[text]
	return doc, ok
}

func (c *cache) put(text string, doc *document) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.docs == nil || len(c.docs) >= cacheSize {
		c.docs = make(map[string]*document)
	}
	c.docs[text] = doc
}
