package transport

import (
	"sync"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
)

const (
	// streamsPerPerson is how many streams one person may have open in this process, over all of
	// their sessions and API tokens.
	streamsPerPerson = 20
	// streamRetry is how long a client should wait that has too many streams, in seconds.
	streamRetry = "30"
)

// openStreams counts the streams of each person. The zero value is ready.
type openStreams struct {
	mu   sync.Mutex
	open map[int64]int
}

// enter counts one more stream of a person, unless they have too many. The caller must call leave
// when the stream ends.
func (o *openStreams) enter(personID int64) (leave func(), ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open[personID] >= streamsPerPerson {
		return nil, false
	}
	if o.open == nil {
		o.open = map[int64]int{}
	}
	o.open[personID]++
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.open[personID]--; o.open[personID] == 0 {
			delete(o.open, personID)
		}
	}, true
}

// limitStreams refuses a stream of a person who has too many open.
func (s *Server) limitStreams(h Handler) Handler {
	return func(c echo.Context, actor access.Actor) error {
		leave, ok := s.streams.enter(actor.PersonID)
		if !ok {
			c.Response().Header().Set("Retry-After", streamRetry)
			return access.Errorf(access.KindTooMany, "You have %d live pages or streams open, which is the most for "+
				"one "+
				"person. Close some of them, then try again.", streamsPerPerson)
		}
		defer leave()
		return h(c, actor)
	}
}
