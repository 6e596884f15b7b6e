package main_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/test/harness"
)

const otherOrganization = "o-zzzzzzzzzz"

// organization is what the API says of the organization.
type organization struct {
	ID        string
	LastError *struct{ Detail string } `json:"last_error"`
	Awaits    *struct {
		Seen, Digest string
		Vanished     []struct{ ID access.AccountID }
	} `json:"awaits_confirmation"`
	LeftBehind struct {
		Items []struct{ Account access.AccountID }
	} `json:"left_behind"`
}

// TestConsoleServesOneOrganization starts the console with credentials of another organization, and again after the
// operator of the server has accepted it.
func TestConsoleServesOneOrganization(t *testing.T) {
	db, box := harness.NewDatabase(t), harness.StartSandbox(t, 12)
	admin := harness.AddPerson(t, db, "Ada", "admin")
	harness.AddPerson(t, db, "Ben", "admin")
	console := harness.Serve(t, db, box.Env()...)
	api := console.API(admin)
	synced := func(want int, words ...string) {
		t.Helper()
		status, answer := api.Post("/organization/sync?wait=28s", nil)
		if status != want {
			t.Fatalf("syncing: status %d, want %d: %s", status, want, answer)
		}
		for _, w := range words {
			if !strings.Contains(answer, w) {
				t.Errorf("syncing answers %s, want %q in it", answer, w)
			}
		}
	}
	read := func() organization {
		t.Helper()
		var o organization
		api.Get("/organization", &o)
		return o
	}
	synced(http.StatusNoContent)
	first := read()
	command(t, []string{db.Env()}, "organization", "accept", otherOrganization).refused(t, 1,
		"Nothing of the organization awaits")

	box.SetOrganizationID(otherOrganization)
	box.SetAccountState(box.Accounts()[3].ID, access.AccountLeft)
	synced(http.StatusConflict, first.ID, otherOrganization)
	o := read()
	if o.ID != first.ID || o.LastError == nil || o.Awaits == nil || o.Awaits.Seen != otherOrganization {
		t.Errorf("the API says %+v of the organization", o)
	}
	for _, a := range api.Accounts() {
		if a.State != "ACTIVE" && a.State != "SUSPENDED" {
			t.Errorf("account %s became %s", a.ID, a.State)
		}
	}
	harness.Eventually(t, time.Minute, "the log says both ids and the remedy", func() (bool, string) {
		log := console.Output()
		return strings.Contains(log, `"recorded":"`+first.ID) && strings.Contains(log, `"seen":"`+otherOrganization) &&
			strings.Contains(log, "organization accept "+otherOrganization), log
	})

	command(t, []string{db.Env()}, "organization", "accept", "o-yyyyyyyyyy").refused(t, 1,
		"not what awaits confirmation", otherOrganization)
	out := harness.MustCommand(t, []string{db.Env()}, "", "organization", "accept", otherOrganization)
	if !strings.Contains(out, otherOrganization) || !strings.Contains(out, first.ID) {
		t.Errorf("organization accept prints %q, want both ids", out)
	}
	synced(http.StatusNoContent)
	if o := read(); o.ID != otherOrganization || o.LastError != nil || o.Awaits != nil {
		t.Errorf("the API says %+v of the accepted organization", o)
	}
	gone := box.Accounts()[3].ID
	for _, a := range api.Accounts() {
		if (a.State == "LEFT") != (a.ID == gone) {
			t.Errorf("account %s is %s, and %s has left", a.ID, a.State, gone)
		}
	}
}

// TestOperatorConfirmsVanishedAccounts names the exact accounts by their digest.
func TestOperatorConfirmsVanishedAccounts(t *testing.T) {
	db, box := harness.NewDatabase(t), harness.StartSandbox(t, 12)
	admin := harness.AddPerson(t, db, "Ada", "admin")
	api := harness.Serve(t, db, box.Env()...).API(admin)
	if status, answer := api.Post("/organization/sync?wait=28s", nil); status != http.StatusNoContent {
		t.Fatalf("syncing: %d %s", status, answer)
	}
	for _, a := range box.Accounts()[8:] {
		box.SetAccountState(a.ID, access.AccountLeft)
	}
	if status, answer := api.Post("/organization/sync?wait=28s", nil); status != http.StatusConflict {
		t.Fatalf("syncing without four accounts: %d %s", status, answer)
	}
	var o organization
	api.Get("/organization", &o)
	if o.Awaits == nil || len(o.Awaits.Vanished) != 4 {
		t.Fatalf("the API says %+v, want the four accounts", o)
	}
	out := harness.MustCommand(t, []string{db.Env()}, "", "organization", "accept", o.Awaits.Digest)
	if !strings.Contains(out, "4 accounts") {
		t.Errorf("organization accept prints %q", out)
	}
	if status, answer := api.Post("/organization/sync?wait=28s", nil); status != http.StatusNoContent {
		t.Errorf("syncing after that: %d %s", status, answer)
	}
}
