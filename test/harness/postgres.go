package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/store/embedded"
)

// Postgres is a database server of one test alone, to be mistreated. Its database's URL
// is the way through a relay that consoles take; the test itself has Direct.
type Postgres struct {
	*Database
	Direct *Database
	Relay  *Relay

	t       testing.TB
	dir     string
	cluster *embedded.Cluster
}

// NewPostgres starts a server that loses nothing it has confirmed.
func NewPostgres(t testing.TB) *Postgres {
	t.Helper()
	shared, err := sharedDir()
	if err != nil {
		t.Fatal(err)
	}
	p := &Postgres{t: t, dir: filepath.Join(shared, fmt.Sprintf("pg-%d", databases.Add(1)))}
	p.Start()
	t.Cleanup(func() {
		if err := p.cluster.Stop(); err != nil {
			t.Logf("stopping the database server: %v", err)
		}
	})
	direct, err := url.Parse(p.cluster.URL())
	if err != nil {
		t.Fatal(err)
	}
	q := direct.Query()
	if err := migrate(p.cluster.URL()); err != nil {
		t.Fatal(err)
	}
	direct.User = url.User(consoleRole)
	p.Direct = &Database{URL: direct.String(), Owner: p.cluster.URL(), t: t}
	p.Relay = startRelay(t, filepath.Join(q.Get("host"), ".s.PGSQL."+q.Get("port")))
	direct.Host, direct.RawQuery = p.Relay.addr, "sslmode=disable&connect_timeout=5"
	relayed := *direct
	relayed.User = url.User("portcullis")
	p.Database = &Database{URL: direct.String(), Owner: relayed.String(), t: t}
	return p
}

// Start starts the server, after a crash as well.
func (p *Postgres) Start() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var err error
	if p.cluster, err = embedded.Start(ctx, embedded.Config{Dir: p.dir}); err != nil {
		p.t.Fatalf("the tests need Postgres: %v", err)
	}
}

// Crash stops the server in immediate mode: nothing is written to disk, no client is
// told, the next start has to recover.
func (p *Postgres) Crash() { p.end(syscall.SIGQUIT) }

// Stop shuts the server down as an administrator would, with the clients cut off.
func (p *Postgres) Stop() { p.end(syscall.SIGINT) }

func (p *Postgres) end(with syscall.Signal) {
	p.t.Helper()
	text, err := os.ReadFile(filepath.Join(p.dir, "data", "postmaster.pid"))
	if err != nil {
		p.t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil {
		p.t.Fatal(err)
	}
	if err := syscall.Kill(pid, with); err != nil {
		p.t.Fatal(err)
	}
	Eventually(p.t, 30*time.Second, "the database server is gone", func() (bool, string) {
		return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH), "it is still there"
	})
}

// Relay passes everything on between consoles and a database server, until it is told
// to be slow, to let nobody through, or to swallow answers.
type Relay struct {
	addr   string
	socket string

	refuse  atomic.Bool
	delay   atomic.Int64 // nanoseconds, of each answer
	swallow atomic.Int64 // one in so many COMMITs loses its answer; 0 for none
	catch   atomic.Bool  // the next COMMIT
	caught  chan func()

	commits, Swallowed atomic.Int64
	Statements         atomic.Int64 // that went to the server so far

	mu    sync.Mutex
	pairs map[*pair]bool
}

type pair struct {
	console, server net.Conn
	doomed          atomic.Bool // the next answer is the last, and does not arrive
}

func startRelay(t testing.TB, socket string) *Relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &Relay{addr: l.Addr().String(), socket: socket, caught: make(chan func(), 1), pairs: map[*pair]bool{}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go r.join(c)
		}
	}()
	t.Cleanup(func() { _ = l.Close(); r.Cut() })
	return r
}

// Refuse lets nobody through, and cuts off who is, or lets all through again.
func (r *Relay) Refuse(on bool) {
	r.refuse.Store(on)
	if on {
		r.Cut()
	}
}

// Slow makes each answer wait so long.
func (r *Relay) Slow(d time.Duration) { r.delay.Store(int64(d)) }

// SwallowCommits cuts the connection in place of the answer to one in so many COMMITs: it
// has taken effect, and the console cannot know. 0 for none.
func (r *Relay) SwallowCommits(oneIn int) { r.swallow.Store(int64(oneIn)) }

// CatchCommit keeps the next COMMIT from the server, and with it every lock of its
// transaction, until what it returns is called.
func (r *Relay) CatchCommit(within time.Duration) (letGo func(), ok bool) {
	r.catch.Store(true)
	late := time.NewTimer(within)
	defer late.Stop()
	select {
	case letGo = <-r.caught:
		return letGo, true
	case <-late.C:
		if !r.catch.CompareAndSwap(true, false) {
			return <-r.caught, true
		}
		return nil, false
	}
}

// hold waits until the test lets a COMMIT go on.
func (r *Relay) hold() {
	going := make(chan struct{})
	r.caught <- sync.OnceFunc(func() { close(going) })
	<-going
}

// Cut cuts all connections.
func (r *Relay) Cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for p := range r.pairs {
		p.close()
	}
}

func (p *pair) close() {
	_ = p.console.Close()
	_ = p.server.Close()
}

func (r *Relay) join(console net.Conn) {
	if r.refuse.Load() {
		_ = console.Close()
		return
	}
	server, err := net.Dial("unix", r.socket)
	if err != nil {
		_ = console.Close()
		return
	}
	p := &pair{console: console, server: server}
	r.mu.Lock()
	r.pairs[p] = true
	r.mu.Unlock()
	go r.answers(p)
	r.questions(p)
	p.close()
	r.mu.Lock()
	delete(r.pairs, p)
	r.mu.Unlock()
}

// commit is the message by which a transaction is committed.
var commit = []byte("Q\x00\x00\x00\x0bcommit\x00")

func (r *Relay) questions(p *pair) {
	buf := make([]byte, 64<<10)
	var asked messages
	for {
		n, err := p.console.Read(buf)
		if err != nil {
			return
		}
		r.Statements.Add(asked.statements(buf[:n]))
		if bytes.Contains(buf[:n], commit) {
			if oneIn := r.swallow.Load(); oneIn > 0 && r.commits.Add(1)%oneIn == 0 {
				p.doomed.Store(true)
			}
			if r.catch.CompareAndSwap(true, false) {
				r.hold()
			}
		}
		if _, err := p.server.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (r *Relay) answers(p *pair) {
	defer p.close()
	buf := make([]byte, 64<<10)
	for {
		n, err := p.server.Read(buf)
		if err != nil {
			return
		}
		if p.doomed.Load() {
			r.Swallowed.Add(1)
			return
		}
		if d := time.Duration(r.delay.Load()); d > 0 {
			time.Sleep(d) // a slow line, not a test that waits
		}
		if _, err := p.console.Write(buf[:n]); err != nil {
			return
		}
	}
}
