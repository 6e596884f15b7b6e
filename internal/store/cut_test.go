package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/store/storetest"
)

// relay passes connections on to a Postgres socket. While cut is set, it closes a connection as soon as a statement
// arrives on it, and refuses new ones.
type relay struct {
	cut    atomic.Bool
	socket string
}

// newRelay returns a relay and the address of the same database through it.
func newRelay(t *testing.T, address string) (*relay, string) {
	t.Helper()
	u := must[*url.URL](t)(url.Parse(address))
	q := u.Query()
	r := &relay{socket: filepath.Join(q.Get("host"), ".s.PGSQL."+q.Get("port"))}
	l := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go r.pass(c)
		}
	}()
	u.Host, u.RawQuery = l.Addr().String(), "sslmode=disable&connect_timeout=5"
	return r, u.String()
}

func (r *relay) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("unix", r.socket)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil || r.cut.Load() {
			return
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}

// TestCutConnectionIsUnavailable calls every method of the store while the database cuts the connection of each
// statement. Each error must have a kind: one without is answered with 500.
func TestCutConnectionIsUnavailable(t *testing.T) {
	r, address := newRelay(t, storetest.NewURL(t))
	s := must[*store.Store](t)(store.Open(t.Context(), store.Config{URL: address}))
	t.Cleanup(s.Close)
	tried := 0
	for method, value := range reflect.ValueOf(s).Methods() {
		// Some methods repeat a transaction until their context ends.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		t.Cleanup(cancel)
		in, ok := zeroArguments(ctx, method.Type)
		if !ok {
			continue
		}
		r.cut.Store(false)
		if err := s.Writable(t.Context()); err != nil { // leaves a connection in the pool, to be cut
			t.Fatal(err)
		}
		r.cut.Store(true)
		err := callWithin(t, value, in)
		switch {
		case err == nil || access.KindOf(err) != access.KindInternal:
		case errors.Is(err, access.ErrClaimLost):
		default:
			t.Errorf("%s: %v: it has no kind, want %s", method.Name, err, access.KindUnavailable)
		}
		if access.KindOf(err) == access.KindUnavailable {
			tried++
		}
	}
	if tried < 80 {
		t.Errorf("the database was cut off from %d methods only; the test does not reach the others", tried)
	}
}

// zeroArguments are arguments for a method that takes a context and returns an error last: a context, and zero values.
func zeroArguments(ctx context.Context, method reflect.Type) ([]reflect.Value, bool) {
	const receiver = 1
	if method.NumIn() <= receiver || method.In(receiver) != reflect.TypeFor[context.Context]() ||
		method.NumOut() == 0 || method.Out(method.NumOut()-1) != reflect.TypeFor[error]() {
		return nil, false
	}
	in := []reflect.Value{reflect.ValueOf(ctx)}
	for i := receiver + 1; i < method.NumIn(); i++ {
		if method.IsVariadic() && i == method.NumIn()-1 {
			break
		}
		in = append(in, oneOf(method.In(i)))
	}
	return in, true
}

// oneOf is the zero value of a type; of slices one with one zero element, so that the method has something to do, and
// of numbers 1.
func oneOf(t reflect.Type) reflect.Value {
	switch t.Kind() {
	case reflect.Slice:
		return reflect.MakeSlice(t, 1, 1)
	case reflect.Int, reflect.Int64:
		return reflect.ValueOf(1).Convert(t)
	default:
		return reflect.Zero(t)
	}
}

// callWithin calls a method and returns its error.
func callWithin(t *testing.T, method reflect.Value, in []reflect.Value) error {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- access.Errorf(access.KindInvalid, "panic: %v", p)
			}
		}()
		out := method.Call(in)
		err, _ := out[len(out)-1].Interface().(error)
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(20 * time.Second):
		return errors.New("no answer within 20 s")
	}
}

func TestReadOnlyDatabase(t *testing.T) {
	address := storetest.NewURL(t)
	s := must[*store.Store](t)(store.Open(t.Context(), store.Config{URL: address}))
	if err := s.Writable(t.Context()); err != nil {
		t.Fatalf("a database that takes writes: %v", err)
	}
	config := store.Config{URL: address + "&options=-c%20default_transaction_read_only%3Don"}
	locked := must[*store.Store](t)(store.Open(t.Context(), config))
	t.Cleanup(s.Close)
	t.Cleanup(locked.Close)
	for name, err := range map[string]error{
		"Writable": locked.Writable(t.Context()),
		"a write":  locked.Append(t.Context(), event("signout", "person/1")),
	} {
		if access.KindOf(err) != access.KindUnavailable || !strings.Contains(fmt.Sprint(err), "read-only") {
			t.Errorf("%s: %v, want it unavailable, and that the database is read-only", name, err)
		}
	}
}
