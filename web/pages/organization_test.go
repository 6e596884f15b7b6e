package pages_test

import (
	"net/http"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/web/webtest"
)

// otherOrganization is what the console asks when its credentials belong to another organization.
func otherOrganization() *access.SyncConfirmation {
	record := access.OrganizationRecord{ID: "o-recorded00"}
	var refusal *access.SyncRefusedError
	if err, ok := record.CheckID("o-seen000000").(*access.SyncRefusedError); ok {
		refusal = err
	}
	return &refusal.Confirmation
}

func TestOtherOrganizationOnOverviewAndAccounts(t *testing.T) {
	c := webtest.New(t).As("viewer")
	awaits := otherOrganization()
	c.Organization.Record = access.OrganizationRecord{
		ID: "o-recorded00", SyncedAt: webtest.Noon, Awaits: awaits, Error: awaits.Sentence(), ErrorAt: webtest.Noon,
	}
	for _, path := range []string{"/", "/accounts", "/accounts/confirmation"} {
		c.Page(path).Contains("main", "o-recorded00", "o-seen000000", "correct them",
			"portcullis organization accept o-seen000000")
	}
	if c.Page("/accounts/confirmation").Form("/accounts/confirmation") != nil {
		t.Error("a viewer is offered to accept another organization")
	}
	if a := c.Post("/accounts/confirmation", "digest", awaits.Digest); a.Status != http.StatusForbidden {
		t.Errorf("a viewer accepts another organization: status %d", a.Status)
	}
}

func TestFailedSyncOnOverviewAndAccounts(t *testing.T) {
	c := webtest.New(t).As("viewer")
	c.Organization.Record = access.OrganizationRecord{
		ID: "o-recorded00", Error: "AccessDenied: not today",
		ErrorAt: webtest.Noon,
	}
	for _, path := range []string{"/", "/accounts"} {
		c.Page(path).Contains("sync-error", "AccessDenied: not today")
	}
}

func TestTwoAdminsConfirmVanishedAccounts(t *testing.T) {
	c := webtest.New(t).As("admin")
	c.Organization.Record = access.OrganizationRecord{ID: "o-recorded00", Awaits: &access.SyncConfirmation{
		Kind: access.ConfirmVanished, Recorded: "o-recorded00", Seen: "o-recorded00", Digest: strings.Repeat("ab", 32),
		Lost: 4, Active: 40, Count: 4,
		Vanished: []access.VanishedAccount{{
			ID: "111122223333", Name: "payments", OU: "Root/Prod",
			State: access.AccountActive,
		}},
	}}
	c.Page("/accounts").Contains("main", "4 of 40 active accounts", "See the accounts")
	p := c.Page("/accounts/confirmation")
	p.Contains("vanished-rows", "payments", "111122223333", "Root/Prod")
	if p.Form("/accounts/confirmation") == nil {
		t.Fatal("an admin is not offered to confirm")
	}
	if a := c.Post("/accounts/confirmation", "digest", strings.Repeat("ab", 32)); a.Status != http.StatusSeeOther {
		t.Fatalf("status %d: %s", a.Status, a.Body)
	}
	p = c.Parse(c.Post("/accounts/confirmation", "digest", strings.Repeat("ab", 32)), http.StatusConflict)
	p.Contains("main", "An admin of another group must confirm it")
	if p.Form("/accounts/confirmation") != nil {
		t.Error("the same admin is offered to confirm twice")
	}
}

func TestLeftBehindPage(t *testing.T) {
	c := webtest.New(t).As("viewer")
	c.Organization.Record.LeftBehind = 1
	c.Page("/accounts").Contains("organization", "1 account is gone and keeps documents")
	role := access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}
	c.Organization.Left = access.Page[access.LeftBehind]{Total: 1, Items: []access.LeftBehind{{
		Account: access.Account{ID: "111122223333", Name: "payments", State: access.AccountLeft}, Read: true,
		Inventory: access.Inventory{ReadAt: webtest.Noon}, Documents: []access.LeftDocument{{
			Resource:  role,
			WrittenAt: webtest.Noon,
		}},
	}}}
	c.Page("/accounts/left-behind").Contains("left-behind-rows", "payments", "111122223333", "Left", "role Bob",
		"written")
}

func TestReviewAndRolloutSayWhatIsLeftBehind(t *testing.T) {
	c := webtest.New(t).As("viewer")
	c.Changes.ChangeView = webtest.ViewInReview()
	if c.Page("/changes/12").ID("left-behind") != nil {
		t.Error("a change that leaves nothing behind says that it does")
	}
	c.Changes.ChangeView.LeftBehind = []access.Account{
		{ID: "111122223333", Name: "payments", State: access.AccountLeft},
		{ID: "444455556666", Name: "billing", State: access.AccountClosed},
	}
	p := c.Page("/changes/12")
	p.Contains("main", "2 accounts are gone and keep their documents.", "payments", "111122223333", "Left",
		"billing", "Closed")

	c.Rollouts.Shown = webtest.RunningRollout()
	c.Rollouts.Shown.LeftBehind = 1
	c.Page("/rollouts/3").Contains("rollout-sentence", "1 account is gone and keeps its documents.")
	for _, path := range []string{"/changes/12", "/rollouts/3"} {
		if a := c.API(path, "viewer"); a.Status != http.StatusOK || !strings.Contains(a.Body, `"left_behind":`) {
			t.Errorf("the API says nothing of it: %d %s", a.Status, a.Body)
		}
	}
}
