package authn

import (
	"maps"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
)

// codec is scs's own, which needs longer to decode a session than the database needs to find it. So
// what was read is remembered by its bytes, of which it is a function.
type codec struct {
	scs.GobCodec

	mu   sync.Mutex
	read map[string]readSession
}

type readSession struct {
	deadline time.Time
	values   map[string]any
}

// readAbove is how many are remembered before all are forgotten.
const readAbove = 1000

func newCodec() *codec { return &codec{read: map[string]readSession{}} }

// Decode returns values that may be altered.
func (c *codec) Decode(b []byte) (time.Time, map[string]any, error) {
	c.mu.Lock()
	known, ok := c.read[string(b)]
	c.mu.Unlock()
	if ok {
		return known.deadline, maps.Clone(known.values), nil
	}
	deadline, values, err := c.GobCodec.Decode(b)
	if err != nil {
		return time.Time{}, nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.read) >= readAbove {
		clear(c.read)
	}
	c.read[string(b)] = readSession{deadline, maps.Clone(values)}
	return deadline, values, nil
}
