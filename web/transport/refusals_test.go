package transport_test

import (
	"net/http"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/web/webtest"
)

func TestRefusalsAreNoted(t *testing.T) {
	c := webtest.New(t).As("viewer")
	foreign := c.Request(http.MethodPost, "/changes/12/withdraw", strings.NewReader(""))
	foreign.Header.Set("Sec-Fetch-Site", "cross-site")
	bad := c.Request(http.MethodGet, "/api/v1/state", nil)
	bad.Header.Set("Authorization", "Bearer portcullis_stolen")
	for _, tc := range []struct {
		name   string
		ask    func() webtest.Answer
		status int
		sort   string
		person int64
	}{
		{"a page", func() webtest.Answer { return c.Get("/people") }, 403, "GET /people", 1},
		{"a form", func() webtest.Answer { return c.Post("/changes/12/withdraw") }, 403, "POST /changes/:id/withdraw", 1},
		{"the API", func() webtest.Answer { return c.API("/audit", "viewer") }, 403, "GET /api/v1/audit", 1},
		{"a foreign page", func() webtest.Answer { return c.Send(foreign) }, 403, "POST /changes/:id/withdraw", 0},
		{"a token that is none", func() webtest.Answer { return c.Send(bad) }, 401, "GET /api/v1/state", 0},
		{"no token", func() webtest.Answer { return c.API("/state", "") }, 401, "", 0},
		{"what is not there", func() webtest.Answer { return c.Get("/nowhere") }, 404, "", 0},
		{"what may be read", func() webtest.Answer { return c.API("/changes/12", "viewer") }, 404, "", 0},
	} {
		c.Changes.Refuse = access.Errorf(access.KindForbidden, "Not you.")
		c.Noted = nil
		if got := tc.ask(); got.Status != tc.status {
			t.Errorf("%s: status %d, want %d", tc.name, got.Status, tc.status)
		}
		switch {
		case tc.sort == "" && len(c.Noted) > 0:
			t.Errorf("%s is put on record: %+v", tc.name, c.Noted)
		case tc.sort == "":
		case len(c.Noted) != 1 || c.Noted[0].Refusal.Sort != tc.sort ||
			c.Noted[0].Refusal.Action != !strings.HasPrefix(tc.sort, "GET ") || c.Noted[0].Actor.PersonID != tc.person:
			t.Errorf("%s: on record is %+v, want %s by %d", tc.name, c.Noted, tc.sort, tc.person)
		case !c.Noted[0].Actor.Addr.IsValid() && tc.person == 0:
			t.Errorf("%s: the stranger has no address", tc.name)
		}
	}
}

// TestFormsOfOnePersonAreLimited: each refused form is on record, so the rate limit bounds the log.
func TestFormsOfOnePersonAreLimited(t *testing.T) {
	c := webtest.New(t).As("viewer")
	statuses := map[int]int{}
	for range 500 {
		statuses[c.Post("/changes/12/review").Status]++
	}
	if n := statuses[http.StatusForbidden]; n == 0 || n != len(c.Noted) || statuses[http.StatusTooManyRequests] != 500-n {
		t.Errorf("answers %v with %d refusals on record; want each 403 on record, and 429 for the rest", statuses, len(c.Noted))
	}
	if c.Get("/changes").Status != http.StatusOK {
		t.Error("pages are limited, too")
	}
}
