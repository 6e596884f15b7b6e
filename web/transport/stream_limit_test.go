package transport_test

import (
	"net/http"
	"testing"
	"time"

	"portcullis.internal/portcullis/web/webtest"
)

// TestStreamsOfAPersonAreLimited opens streams in two sessions and with an API token of one person.
func TestStreamsOfAPersonAreLimited(t *testing.T) {
	c := webtest.New(t).As("viewer")
	c.Rollouts.Shown, c.Rollouts.TargetPage = webtest.RunningRollout(), webtest.ThreeTargets()
	open := func(who, path string) *http.Response {
		r := c.Request(http.MethodGet, path, nil)
		if who != "" {
			r.Header.Set("Authorization", "Bearer token-"+who)
		}
		got, err := c.Client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { got.Body.Close() })
		return got
	}
	const page, api = "/rollouts/3/events", "/api/v1/rollouts/3/events"
	var last *http.Response
	for i := range 20 {
		switch {
		case i == 10:
			c.As("viewer") // another session
			fallthrough
		case i%2 == 0:
			last = open("", page)
		default:
			last = open("viewer", api)
		}
		if last.StatusCode != http.StatusOK {
			t.Fatalf("stream %d: status %d, want 200", i+1, last.StatusCode)
		}
	}
	for who, path := range map[string]string{"": page, "viewer": api} {
		if got := open(who, path); got.StatusCode != http.StatusTooManyRequests || got.Header.Get("Retry-After") == "" {
			t.Errorf("stream 21 of %s: status %d, Retry-After %q, want 429 with a time", path, got.StatusCode,
				got.Header.Get("Retry-After"))
		}
	}
	if got := open("auditor", api); got.StatusCode != http.StatusOK {
		t.Errorf("another person: status %d, want 200", got.StatusCode)
	}
	last.Body.Close()
	for end := time.Now().Add(10 * time.Second); ; {
		got := open("viewer", api)
		if got.StatusCode == http.StatusOK {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("after one has ended: status %d, want 200", got.StatusCode)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
