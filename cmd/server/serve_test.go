package main_test

import (
	"net/http"
	"strconv"
	"testing"

	"portcullis.internal/portcullis/test/harness"
)

// TestAPIRate sees that the setting reaches the API: whoever calls too often is told when
// to come back.
func TestAPIRate(t *testing.T) {
	db, box := harness.NewDatabase(t), harness.StartSandbox(t, 1)
	p := harness.AddPerson(t, db, "alice", "viewer")
	console := harness.Serve(t, db, append(box.Env(), "PORTCULLIS_API_RATE=1")...)
	last := 0
	for range 5 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, console.URL()+"/api/v1/accounts", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+p.Token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if last = resp.StatusCode; last == http.StatusTooManyRequests {
			if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err != nil || n < 1 {
				t.Errorf("Retry-After is %q", resp.Header.Get("Retry-After"))
			}
			return
		}
	}
	t.Errorf("five calls at once at one a second end with %d, want 429", last)
}
