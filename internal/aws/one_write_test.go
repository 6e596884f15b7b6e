package aws

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// writesConn counts what is written.
type writesConn struct {
	net.Conn
	writes *atomic.Int32
}

func (c writesConn) Write(b []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(b)
}

// TestInOneWrite: headers and body of a call go together, and arrive as they were.
func TestInOneWrite(t *testing.T) {
	got := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got <- string(body)
	}))
	defer server.Close()
	var writes atomic.Int32
	client := plain(awshttp.NewBuildableClient().WithTransportOptions(func(tr *http.Transport) {
		tr.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
			return writesConn{conn, &writes}, err
		}
	}))
	for size, most := range map[int]int32{10: 1, 2000: 1, small: 3, small + 1: 4} {
		sent := strings.Repeat("x", size)
		// As the SDK wraps a body: net/http does not see that it is in memory.
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, struct{ io.ReadCloser }{io.NopCloser(strings.NewReader(sent))})
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = int64(size)
		writes.Store(0)
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if body := <-got; body != sent {
			t.Errorf("%d bytes were sent and %d arrived", size, len(body))
		}
		if n := writes.Load(); n > most {
			t.Errorf("a body of %d bytes needed %d writes, want at most %d", size, n, most)
		}
	}
}

// TestBodyCutShort: a body that is shorter than it says is refused before anything is sent.
func TestBodyCutShort(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was sent") }))
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, io.NopCloser(strings.NewReader("short")))
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = 10
	resp, err := plain(awshttp.NewBuildableClient()).Do(r)
	if err == nil {
		resp.Body.Close()
		t.Fatal("a request whose body is cut short was sent")
	}
}
