package authn

import (
	"context"
	"errors"
	"sync"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// sessionStore is scs's store over ours. What is stored is a hash of the token, so that a reader of
// the table cannot hijack a session.
//
// It keeps the idle timeout, by moving a session's end when the session is found and has
// been used for a while since that was last done. A session that was ended is not
// brought back, neither by that nor by a request that had loaded it before: signing out
// is final.
type sessionStore struct {
	store Store
	codec *codec
	now   func() time.Time
	idle  time.Duration

	mu    sync.Mutex
	ended map[string]time.Time // by digest of the token
	whose map[string]int64     // the person last seen in a session
}

// How far a session's end must be from where it belongs to be worth a write, how long it
// is remembered that a session was ended, longer than any request that matters runs, and
// how much is remembered before it is looked through for what is old.
const (
	touchEvery = time.Minute
	remember   = 15 * time.Minute
	tidyAbove  = 1000
	whoseAbove = 10_000
)

func newSessionStore(store Store, now func() time.Time, idle time.Duration) *sessionStore {
	return &sessionStore{store: store, codec: newCodec(), now: now, idle: idle, ended: map[string]time.Time{}, whose: map[string]int64{}}
}

var errNoContext = errors.New("the session store needs a context")

// FindCtx reads a session and, in the same query, whoever was last seen in it.
func (s *sessionStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	key := digest(token)
	s.mu.Lock()
	whose := s.whose[string(key)]
	s.mu.Unlock()
	session, found, err := s.store.SessionFind(ctx, key, whose)
	if err != nil || !found {
		return nil, false, err
	}
	if err := s.touch(ctx, key, session); err != nil {
		return nil, false, err
	}
	if seen, ok := ctx.Value(sightKey{}).(*sight); ok {
		seen.of, seen.key, seen.found = s, string(key), session.Person
	}
	return session.Data, true, nil
}

// touch moves the end of a session that is used.
func (s *sessionStore) touch(ctx context.Context, key []byte, session access.Session) error {
	if s.now().Add(s.idle).Sub(session.Expiry) < touchEvery {
		return nil
	}
	deadline, _, err := s.codec.Decode(session.Data)
	if err != nil {
		return err
	}
	end := s.endOf(deadline)
	if end.Sub(session.Expiry) < touchEvery {
		return nil
	}
	return s.store.SessionTouch(ctx, key, end)
}

// endOf is when a session ends that is used now and has a deadline.
func (s *sessionStore) endOf(deadline time.Time) time.Time {
	if idle := s.now().Add(s.idle); idle.Before(deadline) {
		return idle
	}
	return deadline
}

// CommitCtx saves a session that was altered.
func (s *sessionStore) CommitCtx(ctx context.Context, token string, data []byte, deadline time.Time) error {
	key := digest(token)
	if s.wasEnded(key) {
		return nil
	}
	_, values, err := s.codec.Decode(data)
	if err != nil {
		return err
	}
	if err := s.store.SessionSave(ctx, key, data, s.endOf(deadline), signedIn(values)); err != nil {
		return err
	}
	if s.wasEnded(key) { // while it was being saved
		return s.store.SessionDelete(ctx, key)
	}
	return nil
}

// DeleteCtx notes the end before it is made, so that no save comes in between.
func (s *sessionStore) DeleteCtx(ctx context.Context, token string) error {
	key := digest(token)
	s.noteEnd(key)
	return s.store.SessionDelete(ctx, key)
}

func (s *sessionStore) wasEnded(key []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.ended[string(key)]
	return ok && s.now().Sub(at) < remember
}

func (s *sessionStore) noteEnd(key []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	delete(s.whose, string(key))
	s.ended[string(key)] = now
	if len(s.ended) > tidyAbove {
		for k, at := range s.ended {
			if now.Sub(at) >= remember {
				delete(s.ended, k)
			}
		}
	}
}

// sight is what the query for a request's session has found out about the person in it.
// A nil one knows nothing.
type sight struct {
	of    *sessionStore // nil before a session was found
	key   string
	found access.Person
}

type sightKey struct{}

// WithSession prepares the context of a request, so that its session and the person in it
// are read in one query. Nothing outlives the request.
func WithSession(ctx context.Context) context.Context {
	return context.WithValue(ctx, sightKey{}, &sight{})
}

// person gives out whom the query found, if it is who is asked for, and only once: what is
// asked later is to see what has happened since.
func (g *sight) person(id int64) (access.Person, bool) {
	if g == nil || g.found.ID != id {
		return access.Person{}, false
	}
	p := g.found
	g.found = access.Person{}
	return p, true
}

// belongsTo remembers whose session it is, so that they are read with it next time. It is
// where to look, no more: who somebody is, and whether they still are, is read each time.
func (g *sight) belongsTo(id int64) {
	if g == nil || g.of == nil {
		return
	}
	g.of.mu.Lock()
	defer g.of.mu.Unlock()
	if len(g.of.whose) >= whoseAbove {
		clear(g.of.whose)
	}
	g.of.whose[g.key] = id
}

// scs asks for the methods below and calls those above in their place.

func (s *sessionStore) Find(string) ([]byte, bool, error)      { return nil, false, errNoContext }
func (s *sessionStore) Commit(string, []byte, time.Time) error { return errNoContext }
func (s *sessionStore) Delete(string) error                    { return errNoContext }
