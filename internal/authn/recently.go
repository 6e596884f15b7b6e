package authn

import (
	"sync"
	"time"
)

// recently remembers for a while what happened, so that it is reported once. The zero
// value is ready.
type recently struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// maxRemembered bounds the memory that strangers can use. Beyond it old entries are forgotten, or
// all entries if none is old: reporting twice does no harm.
const maxRemembered = 4096

// first reports whether a thing has not happened within the time before now.
func (r *recently) first(what string, now time.Time, within time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at, ok := r.last[what]; ok && now.Sub(at) < within {
		return false
	}
	if len(r.last) >= maxRemembered {
		r.forget(now, within)
	}
	if r.last == nil {
		r.last = map[string]time.Time{}
	}
	r.last[what] = now
	return true
}

func (r *recently) forget(now time.Time, within time.Duration) {
	for what, at := range r.last {
		if now.Sub(at) >= within {
			delete(r.last, what)
		}
	}
	if len(r.last) >= maxRemembered {
		clear(r.last)
	}
}
