package authn_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authn"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// site is a small site with sign-in and sign-out over real sessions.
type site struct {
	*httptest.Server
	store    *store.Store
	sessions *scs.SessionManager
	hold     chan struct{} // /slow answers when it is closed
	inSlow   chan struct{}
}

func newSite(t *testing.T, cfg authn.SessionConfig) *site {
	t.Helper()
	s := &site{store: storetest.New(t), hold: make(chan struct{}), inSlow: make(chan struct{}, 1)}
	cfg.Store = s.store
	s.sessions = authn.NewSessions(cfg)
	mux := http.NewServeMux()
	mux.HandleFunc("/in", func(_ http.ResponseWriter, r *http.Request) {
		if err := s.sessions.RenewToken(r.Context()); err != nil {
			t.Error(err)
		}
		s.sessions.Put(r.Context(), "person", int64(7))
	})
	mux.HandleFunc("/out", func(_ http.ResponseWriter, r *http.Request) {
		if err := s.sessions.Destroy(r.Context()); err != nil {
			t.Error(err)
		}
	})
	who := func(w http.ResponseWriter, r *http.Request) {
		if s.sessions.GetInt64(r.Context(), "person") == 7 {
			_, _ = io.WriteString(w, "seven")
		}
	}
	mux.HandleFunc("/who", who)
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		s.inSlow <- struct{}{}
		<-s.hold
		who(w, r)
	})
	s.Server = httptest.NewServer(s.sessions.LoadAndSave(mux))
	t.Cleanup(s.Close)
	return s
}

type browser struct {
	t      *testing.T
	site   *site
	client *http.Client
}

func (s *site) browser(t *testing.T) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, site: s, client: &http.Client{Jar: jar}}
}

func (b *browser) get(path string) (*http.Response, string) {
	b.t.Helper()
	resp, err := b.client.Get(b.site.URL + path)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp, string(body)
}

func (b *browser) signedIn() bool {
	b.t.Helper()
	_, body := b.get("/who")
	return body == "seven"
}

func (b *browser) token() string {
	b.t.Helper()
	resp, _ := b.get("/in")
	for _, c := range resp.Cookies() {
		return c.Value
	}
	b.t.Fatal("no cookie was set")
	return ""
}

func TestSessionIsKeptAsAHash(t *testing.T) {
	s := newSite(t, authn.SessionConfig{Insecure: true})
	b := s.browser(t)
	token := b.token()
	if !b.signedIn() {
		t.Fatal("not signed in after signing in")
	}
	var hash, data []byte
	if err := s.store.Pool().QueryRow(t.Context(), "SELECT hash, data FROM sessions").Scan(&hash, &data); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(hash, []byte(token)) || bytes.Contains(data, []byte(token)) {
		t.Error("the token is in the table: a reader of the table can hijack the session")
	}
	if len(hash) != 32 {
		t.Errorf("the key has %d bytes, want a SHA-256", len(hash))
	}
}

func TestSigningInRenewsTheToken(t *testing.T) {
	s := newSite(t, authn.SessionConfig{Insecure: true})
	b := s.browser(t)
	if first, second := b.token(), b.token(); first == second {
		t.Error("the token stayed the same: one planted beforehand would be worth a session")
	}
	var n int
	if err := s.store.Pool().QueryRow(t.Context(), "SELECT count(*) FROM sessions").Scan(&n); err != nil || n != 1 {
		t.Errorf("%d sessions, %v; want the renewed one alone", n, err)
	}
}

func TestSigningOutIsFinal(t *testing.T) {
	s := newSite(t, authn.SessionConfig{Insecure: true})
	b := s.browser(t)
	token := b.token()
	slow := make(chan error, 1)
	go func() { // a request that has loaded the session before it is ended
		req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, s.URL+"/slow", nil)
		if err != nil {
			slow <- err
			return
		}
		req.AddCookie(&http.Cookie{Name: "portcullis", Value: token})
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		slow <- err
	}()
	<-s.inSlow
	b.get("/out")
	close(s.hold)
	if err := <-slow; err != nil {
		t.Fatal(err)
	}
	thief := s.browser(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/who", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.AddCookie(&http.Cookie{Name: "portcullis", Value: token})
	resp, err := thief.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); string(body) == "seven" {
		t.Error("the session came back to life after signing out")
	}
}

func TestSessionsEnd(t *testing.T) {
	s := newSite(t, authn.SessionConfig{Insecure: true, Idle: 300 * time.Millisecond, Lifetime: time.Hour})
	b := s.browser(t)
	b.token()
	if !b.signedIn() {
		t.Fatal("not signed in after signing in")
	}
	deadline := time.After(10 * time.Second)
	for { // each look is a request, so look rarely enough for the session to be idle
		select {
		case <-deadline:
			t.Fatal("an idle session did not end")
		case <-time.After(700 * time.Millisecond):
		}
		if !b.signedIn() {
			break
		}
	}
	if err := s.store.SessionSweep(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := s.store.Pool().QueryRow(t.Context(), "SELECT count(*) FROM sessions").Scan(&n); err != nil || n != 0 {
		t.Errorf("%d sessions are left after sweeping, %v", n, err)
	}
}

func TestCookie(t *testing.T) {
	for _, c := range []struct {
		insecure bool
		name     string
	}{{false, "__Host-portcullis"}, {true, "portcullis"}} {
		s := newSite(t, authn.SessionConfig{Insecure: c.insecure})
		resp, err := http.Get(s.URL + "/in")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		cookies := resp.Cookies()
		if len(cookies) != 1 {
			t.Fatalf("cookies = %v, want one", cookies)
		}
		got := cookies[0]
		if got.Name != c.name || got.Secure == c.insecure || !got.HttpOnly || got.SameSite != http.SameSiteLaxMode || got.Path != "/" || got.Domain != "" {
			t.Errorf("insecure %v: cookie = %s", c.insecure, got)
		}
		if strings.Contains(got.Raw, "Expires") || strings.Contains(got.Raw, "Max-Age") {
			t.Errorf("the cookie outlives the browser: %s", got.Raw)
		}
	}
}

func TestSweepEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := authn.SweepSessions(ctx, storetest.New(t), nil); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("SweepSessions: %v", err)
	}
}

// counted counts what is asked of the database about sessions and people.
type counted struct {
	*store.Store
	sessions, people, touches, saves atomic.Int64
}

func (c *counted) SessionFind(ctx context.Context, hash []byte, personID int64) (access.Session, bool, error) {
	c.sessions.Add(1)
	return c.Store.SessionFind(ctx, hash, personID)
}

func (c *counted) SessionTouch(ctx context.Context, hash []byte, expiry time.Time) error {
	c.touches.Add(1)
	return c.Store.SessionTouch(ctx, hash, expiry)
}

func (c *counted) SessionSave(ctx context.Context, hash, data []byte, expiry time.Time, about access.SignedIn) error {
	c.saves.Add(1)
	return c.Store.SessionSave(ctx, hash, data, expiry, about)
}

func (c *counted) Person(ctx context.Context, id int64) (access.Person, error) {
	c.people.Add(1)
	return c.Store.Person(ctx, id)
}

// replica is one console of several over one database: what serves requests of sessions.
type replica struct {
	fixture
	asks     *counted
	sessions *scs.SessionManager
}

func (f fixture) replica() replica {
	asks := &counted{Store: f.store}
	f.Service = authn.New(authn.Config{Store: asks, Now: f.clock.now, Hash: cheap})
	return replica{f, asks, authn.NewSessions(authn.SessionConfig{Store: asks, Insecure: true, Now: f.clock.now})}
}

// signIn makes a session and returns its token.
func (r replica) signIn(t *testing.T, p access.Person) string {
	t.Helper()
	ctx, err := r.sessions.Load(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	r.sessions.Put(ctx, authn.SessionPerson, p.ID)
	token, _, err := r.sessions.Commit(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// load begins a request of a session.
func (r replica) load(t *testing.T, token string) context.Context {
	t.Helper()
	ctx, err := r.sessions.Load(authn.WithSession(t.Context()), token)
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

// actor is whoever a request of a session is of.
func (r replica) actor(ctx context.Context) (access.Actor, error) {
	return r.Actor(ctx, r.sessions.GetInt64(ctx, "person"), 0, office, agent, "r1")
}

// A replica reads the person with the session once it knows whose it is, and still sees
// in the very next request what another replica has done to either.
func TestSessionAndPersonInOneQuery(t *testing.T) {
	f := setUp(t, nil)
	edda := f.add(t, "edda", access.RoleEditor)
	f.add(t, "boss", access.RoleAdmin, access.RoleEditor, access.RoleApprover, access.RoleOperator)
	here, there := f.replica(), f.replica()
	token := there.signIn(t, edda)
	for range 5 {
		actor, err := here.actor(here.load(t, token))
		if err != nil || actor.PersonID != edda.ID || !cmp.Equal(actor.Roles, []access.Role{access.RoleEditor}) {
			t.Fatalf("the actor is %v, %v", actor, err)
		}
	}
	if s, p := here.asks.sessions.Load(), here.asks.people.Load(); s != 5 || p != 1 {
		t.Errorf("5 requests made %d queries for the session and %d more for the person, want 5 and 1", s, p)
	}
	if n := here.asks.saves.Load() + here.asks.touches.Load(); n != 0 {
		t.Errorf("requests that altered nothing wrote %d times", n)
	}

	under := here.load(t, token) // a request that is under way
	if _, err := here.actor(under); err != nil {
		t.Fatal(err)
	}
	if _, err := there.SetPlace(t.Context(), system, edda.ID, authn.Place{Roles: []access.Role{access.RoleViewer}}, authn.PersonChange{}); err != nil {
		t.Fatal(err)
	}
	for what, ctx := range map[string]context.Context{"the next request": here.load(t, token), "the same request, asked again": under} {
		actor, err := here.actor(ctx)
		if err != nil || !cmp.Equal(actor.Roles, []access.Role{access.RoleViewer}) {
			t.Errorf("%s has the roles %v after they were removed, %v", what, actor.Roles, err)
		}
	}
	if _, err := there.SetPlace(t.Context(), system, edda.ID, authn.Place{Roles: []access.Role{access.RoleViewer}, Disabled: true}, authn.PersonChange{}); err != nil {
		t.Fatal(err)
	}
	if _, err := here.actor(here.load(t, token)); kind(err) != access.KindUnauthenticated {
		t.Errorf("whoever was disabled is let in: %v", err)
	}
}

// A session that another replica ended is over here at once, and a replica that had it in
// use does not bring it back.
func TestSessionEndedElsewhere(t *testing.T) {
	f := setUp(t, nil)
	edda := f.add(t, "edda", access.RoleEditor)
	here, there := f.replica(), f.replica()
	token := here.signIn(t, edda)
	if _, err := here.actor(here.load(t, token)); err != nil {
		t.Fatal(err)
	}
	if err := there.sessions.Destroy(there.load(t, token)); err != nil {
		t.Fatal(err)
	}
	if id := here.sessions.GetInt64(here.load(t, token), "person"); id != 0 {
		t.Errorf("the session still is of person %d", id)
	}
	hash := sha256.Sum256([]byte(token))
	if err := f.store.SessionTouch(t.Context(), hash[:], time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, found, err := f.store.SessionFind(t.Context(), hash[:], 0); found || err != nil {
		t.Errorf("the session is back: %v, %v", found, err)
	}
}

// A person who signs in where another person was signed in is not mistaken for the other.
func TestSessionChangesHands(t *testing.T) {
	f := setUp(t, nil)
	edda, arno := f.add(t, "edda", access.RoleEditor), f.add(t, "arno", access.RoleApprover)
	r := f.replica()
	token := r.signIn(t, edda)
	if _, err := r.actor(r.load(t, token)); err != nil {
		t.Fatal(err)
	}
	ctx := r.load(t, token)
	r.sessions.Put(ctx, "person", arno.ID)
	if _, _, err := r.sessions.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if actor, err := r.actor(r.load(t, token)); err != nil || actor.Name != "arno" {
			t.Errorf("the actor is %s, %v; want arno", actor.Name, err)
		}
	}
}

// A session that is used lives on past its idle timeout, and not past its deadline; it is
// written about once a minute.
func TestSessionIsKeptWhileUsed(t *testing.T) {
	f := setUp(t, nil)
	edda := f.add(t, "edda", access.RoleEditor)
	asks := &counted{Store: f.store}
	r := replica{f, asks, authn.NewSessions(authn.SessionConfig{Store: asks, Insecure: true, Now: f.clock.now, Idle: time.Hour, Lifetime: 90 * time.Minute})}
	token := r.signIn(t, edda)
	hash := sha256.Sum256([]byte(token))
	began := f.clock.now()
	for i := range 6 {
		r.load(t, token)
		r.load(t, token)
		session, found, err := f.store.SessionFind(t.Context(), hash[:], 0)
		if err != nil || !found {
			t.Fatal(found, err)
		}
		want := min(time.Duration(i)*10*time.Minute+time.Hour, 90*time.Minute)
		if got := session.Expiry.Sub(began); (got - want).Abs() > 5*time.Second {
			t.Errorf("used %d minutes after signing in, it ends after %s, want %s", i*10, got, want)
		}
		f.clock.advance(10 * time.Minute)
	}
	if n := asks.touches.Load(); n != 3 {
		t.Errorf("the end was moved %d times, want 3: to 70, 80 and 90 minutes", n)
	}
}
