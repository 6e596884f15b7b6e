package harness

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// The time between two looks: at what costs nothing to look at, and at what the server
// under test has to work for.
const (
	pollEvery       = 20 * time.Millisecond
	pollEveryGently = 250 * time.Millisecond
)

// Eventually looks until what it is asked is true, and fails the test when that takes
// longer than it may. look returns what it saw, for the message.
func Eventually(t testing.TB, within time.Duration, what string, look func() (ok bool, seen string)) {
	t.Helper()
	eventually(t, within, pollEvery, what, look)
}

// EventuallyGently is Eventually for what the server under test, or the machine that it
// is measured on, has to work for at each look.
func EventuallyGently(t testing.TB, within time.Duration, what string, look func() (ok bool, seen string)) {
	t.Helper()
	eventually(t, within, pollEveryGently, what, look)
}

func eventually(t testing.TB, within, every time.Duration, what string, look func() (ok bool, seen string)) {
	t.Helper()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		ok, seen := look()
		if ok {
			return
		}
		select {
		case <-t.Context().Done():
			t.Fatalf("%s: the test ended first; seen last: %s", what, seen)
		case <-deadline.C:
			t.Fatalf("%s: not within %s; seen last: %s", what, within, seen)
		case <-tick.C:
		}
	}
}

// The ports that are given to programs: below those that systems give to outgoing
// connections, which could take one between its choice and its use.
const (
	firstPort = 15000
	ports     = 15000
)

// given are the ports that this process gave away: a program may not listen yet on the one
// that it was given, or be about to be started on it again.
var given sync.Map

// freeAddr is a loopback address with a port that nobody listens on at this moment, and
// that nobody else in this process was given. Unlike port 0 it stays the same when the
// program is started again.
func freeAddr(t testing.TB) string {
	t.Helper()
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", firstPort+rand.IntN(ports))
		if _, taken := given.LoadOrStore(addr, true); taken {
			continue
		}
		l, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		l.Close()
		return addr
	}
	t.Fatal("no free port was found")
	return ""
}
