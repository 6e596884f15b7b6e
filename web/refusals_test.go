package web_test

import (
	"net/http"
	"strings"
	"testing"

	"portcullis/internal/access"
)

func TestRefusalsAreNoted(t *testing.T) {
	c := newConsole(t).as("viewer")
	foreign := c.request(http.MethodPost, "/changes/12/withdraw", strings.NewReader(""))
	foreign.Header.Set("Sec-Fetch-Site", "cross-site")
	bad := c.request(http.MethodGet, "/api/v1/state", nil)
	bad.Header.Set("Authorization", "Bearer portcullis_stolen")
	for _, tc := range []struct {
		name   string
		ask    func() answer
		status int
		sort   string
		person int64
	}{
		{"a page", func() answer { return c.get("/people") }, 403, "GET /people", 1},
		{"a form", func() answer { return c.post("/changes/12/withdraw") }, 403, "POST /changes/:id/withdraw", 1},
		{"the API", func() answer { return c.api("/audit", "viewer") }, 403, "GET /api/v1/audit", 1},
		{"a foreign page", func() answer { return c.send(foreign) }, 403, "POST /changes/:id/withdraw", 0},
		{"a token that is none", func() answer { return c.send(bad) }, 401, "GET /api/v1/state", 0},
		{"no token", func() answer { return c.api("/state", "") }, 401, "", 0},
		{"what is not there", func() answer { return c.get("/nowhere") }, 404, "", 0},
		{"what may be read", func() answer { return c.api("/changes/12", "viewer") }, 404, "", 0},
	} {
		c.changes.refuse = access.Errorf(access.KindForbidden, "Not you.")
		c.noted = nil
		if got := tc.ask(); got.status != tc.status {
			t.Errorf("%s: status %d, want %d", tc.name, got.status, tc.status)
		}
		switch {
		case tc.sort == "" && len(c.noted) > 0:
			t.Errorf("%s is put on record: %+v", tc.name, c.noted)
		case tc.sort == "":
		case len(c.noted) != 1 || c.noted[0].refusal.Sort != tc.sort || c.noted[0].actor.PersonID != tc.person:
			t.Errorf("%s: on record is %+v, want %s by %d", tc.name, c.noted, tc.sort, tc.person)
		case !c.noted[0].actor.Addr.IsValid() && tc.person == 0:
			t.Errorf("%s: the stranger has no address", tc.name)
		}
	}
}
