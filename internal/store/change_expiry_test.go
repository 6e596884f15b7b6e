package store_test

import (
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/store/storetest"
)

func TestTheDatabaseRefusesImpossibleTimes(t *testing.T) {
	t.Parallel()
	s := storetest.New(t)
	at := time.Now().UTC().Truncate(time.Microsecond)
	create := func(alter func(*access.Change)) error {
		e := entry(t, "198.51.100.0/24")
		e.Expires = at.Add(time.Hour)
		c := access.NewExpiryChange(access.System("expiry"), 0, []access.Expiring{{AllowlistID: "al-1", Allowlist: "office", Entry: e}}, at)
		alter(&c)
		_, err := s.CreateChange(t.Context(), c, event("change.compose_expiry", ""))
		return err
	}
	if err := create(func(*access.Change) {}); err != nil {
		t.Fatal(err)
	}
	for name, alter := range map[string]func(*access.Change){
		"two expiries of one moment":    func(*access.Change) {},
		"an expiry that a person wrote": func(c *access.Change) { c.Author.ID, c.Expiry.At = 7, at.Add(2*time.Hour) },
		"an expiry that is approved":    func(c *access.Change) { c.State, c.Expiry.At = access.ChangeApproved, at.Add(2*time.Hour) },
		"an expiry at no time":          func(c *access.Change) { c.Expiry = nil },
		"an empty time to start within": func(c *access.Change) {
			c.Expiry.At, c.Schedule = at.Add(2*time.Hour), &access.Schedule{At: at, Until: at, By: access.PersonRef{ID: 1}, Digest: "d"}
		},
	} {
		if err := create(alter); err == nil {
			t.Errorf("%s was stored", name)
		}
	}
	waiting, err := s.Expiries(t.Context())
	if err != nil || len(waiting) != 1 || !waiting[0].Expiry.At.Equal(at.Add(time.Hour)) {
		t.Errorf("%d expiries wait (%v), want the first", len(waiting), err)
	}
}
