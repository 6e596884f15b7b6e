package rollout

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/lifetime"
)

const (
	// hubPace is the shortest time between two queries for one rollout.
	hubPace = 200 * time.Millisecond
	// hubPoll is how long a missed notification can go unnoticed.
	hubPoll = 5 * time.Second
	// hubTimeout bounds one query, so that a hanging database does not stop a topic.
	hubTimeout = 10 * time.Second
)

// hub fans out rollout state to all watchers. It runs one query per change, regardless of
// the number of watchers. A rollout without watchers costs nothing.
type hub struct {
	load func(ctx context.Context, id int64) (access.Rollout, error)
	log  *slog.Logger
	life *lifetime.Lifetime

	mu     sync.Mutex
	topics map[int64]*topic
}

// topic is one watched rollout. Its fields below the hub's lock are guarded by it.
type topic struct {
	dirty chan struct{} // capacity 1: something changed since the last query
	stop  context.CancelFunc
	ready chan struct{} // closed when the first query is through

	watchers map[*watcher]struct{}
	last     access.Rollout
	known    bool
	toldAt   time.Time
	err      error // of the first query
}

// watcher is one reader. Its channel holds the newest value that was not read yet.
type watcher struct{ values chan access.Rollout }

func newHub(load func(context.Context, int64) (access.Rollout, error), log *slog.Logger, life *lifetime.Lifetime) *hub {
	return &hub{load: load, log: log, life: life, topics: map[int64]*topic{}}
}

// watch adds a reader. It waits for the first query, so that a rollout that does not
// exist is an error here and not a channel that stays silent.
func (h *hub) watch(ctx context.Context, id int64) (<-chan access.Rollout, error) {
	w := &watcher{values: make(chan access.Rollout, 1)}
	t, err := h.join(id, w)
	if err != nil {
		return nil, err
	}
	select {
	case <-ctx.Done():
		h.leave(id, t, w)
		return nil, context.Cause(ctx)
	case <-t.ready:
	}
	if t.err != nil {
		h.leave(id, t, w)
		return nil, t.err
	}
	context.AfterFunc(ctx, func() { h.leave(id, t, w) })
	return w.values, nil
}

func (h *hub) join(id int64, w *watcher) (*topic, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t, ok := h.topics[id]
	if !ok {
		ctx, stop := context.WithCancel(h.life.Context())
		t = &topic{dirty: make(chan struct{}, 1), stop: stop, ready: make(chan struct{}), watchers: map[*watcher]struct{}{}}
		if err := h.life.Go(func(life context.Context) { h.follow(ctx, id, t); h.dismiss(life, id, t) }); err != nil {
			stop()
			return nil, err
		}
		h.topics[id] = t
	}
	t.watchers[w] = struct{}{}
	if t.known {
		w.offer(t.last)
	}
	return t, nil
}

// lastTold is when the watchers of a rollout were told of it last, which each of them hears
// a little later. Where nobody watches it is the time that is given.
func (h *hub) lastTold(id int64, otherwise time.Time) time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t := h.topics[id]; t != nil && t.known {
		return t.toldAt
	}
	return otherwise
}

// leave removes a reader and closes its channel. The last one to leave ends the topic.
func (h *hub) leave(id int64, t *topic, w *watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := t.watchers[w]; !ok {
		return
	}
	delete(t.watchers, w)
	close(w.values)
	if len(t.watchers) == 0 {
		t.stop()
		if h.topics[id] == t {
			delete(h.topics, id)
		}
	}
}

// dismiss removes all readers of a topic at the end of the hub's life.
func (h *hub) dismiss(life context.Context, id int64, t *topic) {
	if life.Err() == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range t.watchers {
		close(w.values)
	}
	clear(t.watchers)
	if h.topics[id] == t {
		delete(h.topics, id)
	}
	t.stop()
}

// notify notes that a rollout changed. It never blocks.
func (h *hub) notify(id int64) {
	h.mu.Lock()
	t := h.topics[id]
	h.mu.Unlock()
	if t == nil {
		return
	}
	select {
	case t.dirty <- struct{}{}:
	default:
	}
}

// follow queries a topic's rollout after each change, at the hub's pace.
func (h *hub) follow(ctx context.Context, id int64, t *topic) {
	if !h.first(ctx, id, t) {
		return
	}
	poll := time.NewTicker(hubPoll)
	defer poll.Stop()
	for {
		if pause(ctx, hubPace) != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-t.dirty:
		case <-poll.C:
		}
		h.refresh(ctx, id, t)
	}
}

// first makes the query that those who wait in watch are waiting for. When it fails, the
// topic is forgotten, so that the next watcher asks anew.
func (h *hub) first(ctx context.Context, id int64, t *topic) bool {
	r, err := h.query(ctx, id)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil {
		t.err = h.life.Err(err)
		if h.topics[id] == t {
			delete(h.topics, id)
		}
	} else {
		t.tell(r)
	}
	close(t.ready)
	return err == nil
}

func (h *hub) refresh(ctx context.Context, id int64, t *topic) {
	r, err := h.query(ctx, id)
	if err != nil {
		if ctx.Err() == nil {
			h.log.Warn("a watched rollout could not be read", "rollout", id, "error", err)
		}
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if r != t.last {
		t.tell(r)
	}
}

func (h *hub) query(ctx context.Context, id int64) (access.Rollout, error) {
	ctx, cancel := context.WithTimeout(ctx, hubTimeout)
	defer cancel()
	return h.load(ctx, id)
}

// tell offers a value to every watcher; the caller holds the hub's lock.
func (t *topic) tell(r access.Rollout) {
	t.last, t.known, t.toldAt = r, true, time.Now()
	for w := range t.watchers {
		w.offer(r)
	}
}

// offer replaces the value that was not read yet. Only holders of the hub's lock call
// it, so between the two steps nobody else can fill the channel.
func (w *watcher) offer(r access.Rollout) {
	select {
	case <-w.values:
	default:
	}
	w.values <- r
}
