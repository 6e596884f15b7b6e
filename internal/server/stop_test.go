package server

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestRequestInFlightEndsBeforeTheDatabaseCloses stops the server while it reads the body of a
// request, and sends the rest of it when the server takes no more connections.
func TestRequestInFlightEndsBeforeTheDatabaseCloses(t *testing.T) {
	t.Parallel()
	s := startDemo(t, openDir(t))
	client := signedIn(t, s, "editor")
	body, rest := io.Pipe()
	text := url.Values{"name": {"in-flight"}}.Encode()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/allowlists/new", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.ContentLength = int64(len(text))
	done := make(chan string, 1)
	go func() {
		resp, err := client.Do(r)
		if err != nil {
			done <- err.Error()
			return
		}
		resp.Body.Close()
		done <- resp.Status + " " + resp.Header.Get("Location")
	}()
	if _, err := io.WriteString(rest, text[:4]); err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop(context.WithoutCancel(t.Context())) }()
	refused(t, s.console.Addr().String())
	if _, err := io.WriteString(rest, text[4:]); err != nil {
		t.Fatal(err)
	}
	if got := <-done; !strings.HasPrefix(got, "303 See Other /changes/") {
		t.Errorf("the request in flight is answered with %s, want a redirect to the draft", got)
	}
	if err := <-stopped; err != nil {
		t.Errorf("stopping: %v", err)
	}
}

// signedIn is a browser in which a person of the demo is signed in. It follows no redirects.
func signedIn(t *testing.T, s *Server, name string) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client := &http.Client{Jar: jar, CheckRedirect: stay}
	form := url.Values{"email": {name + "@example.com"}, "password": {"portcullis-demo"}}
	resp, err := client.PostForm(s.URL()+"/signin", form)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("signing in: %s", resp.Status)
	}
	return client
}

// refused waits until a server takes no more connections.
func refused(t *testing.T, addr string) {
	t.Helper()
	deadline := time.After(25 * time.Second)
	for {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
		if err != nil {
			return
		}
		conn.Close()
		select {
		case <-deadline:
			t.Fatal("the server still takes connections")
		case <-time.After(20 * time.Millisecond):
		}
	}
}
