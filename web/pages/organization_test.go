package pages_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

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

// TestReadingsOnOverviewAndAccounts shows when organization and accounts were last read, and the last error of each.
func TestReadingsOnOverviewAndAccounts(t *testing.T) {
	c := webtest.New(t).As("viewer")
	c.Organization.Record = access.OrganizationRecord{
		ID: "o-recorded00", SyncedAt: webtest.Noon,
		Scan: access.ScanRecord{
			SucceededAt: webtest.Noon, Error: "iam:GetRole: AccessDenied. Ask the owner.",
			ErrorAt: webtest.Noon.Add(-time.Hour), Account: "111122223333",
		},
	}
	for _, path := range []string{"/", "/accounts"} {
		p := c.Page(path)
		p.Contains("readings", "Organization last read", "none since then", "Ask the owner.", "account 111122223333")
		if p.ID("scan-error") != nil || p.ID("refused-replicas") != nil || p.ID("external-id") != nil {
			t.Errorf("%s alarms although accounts are read", path)
		}
	}
}

// TestRefusedCredentialsOnOverviewAndAccounts names the replicas whose credentials AWS refuses.
func TestRefusedCredentialsOnOverviewAndAccounts(t *testing.T) {
	c := webtest.New(t).As("viewer")
	c.Organization.Record = access.OrganizationRecord{
		Error: "InvalidClientTokenId. Check the access key.", ErrorAt: webtest.Noon, Replica: "console-2",
		Scan: access.ScanRecord{Error: "No account could be read.", ErrorAt: webtest.Noon, Replica: "console-2"},
		Refused: []access.RefusedReplica{
			{Replica: "console-2", Since: webtest.Noon, SeenAt: webtest.Noon, Error: "Check the access key."},
		},
	}
	for _, path := range []string{"/", "/accounts"} {
		p := c.Page(path)
		p.Contains("refused-replicas", "console-2", "Check the access key.", "starts no targets")
		p.Contains("sync-error", "InvalidClientTokenId", "on the replica console-2")
		p.Contains("scan-error", "No account could be read.", "console-2")
		p.Contains("readings", "never")
	}
}

// TestOutageOnPages shows that AWS does not answer: on the overview, in the list, on the rollout and its target.
func TestOutageOnPages(t *testing.T) {
	c := webtest.New(t).As("viewer")
	u := access.Unanswered{
		Targets: 3, Asked: "111122223333", Cause: "HTTP status 503, ServiceUnavailable",
		Since: webtest.Noon.Add(-time.Minute), SeenAt: webtest.Noon,
	}
	c.Organization.Record.Unanswered = u
	r := webtest.RunningRollout()
	r.Unanswered = u
	c.Rollouts.Shown, c.Rollouts.TargetPage = r, webtest.ThreeTargets()
	for i := range c.Rollouts.TargetPage.Items {
		if target := &c.Rollouts.TargetPage.Items[i]; target.State == access.TargetRunning {
			target.Unanswered = u
			target.Unanswered.Targets = 1
		}
	}
	many := "AWS does not answer the calls for 3 accounts (HTTP status 503, ServiceUnavailable), retrying since "
	c.Page("/").Contains("unanswered", many, "Seen last at ")
	c.Page("/").Contains("rollouts", many)
	c.Get("/rollouts").Says(t, http.StatusOK, many)
	c.Page("/rollouts/3").Contains("rollout-unanswered", many)
	c.Get("/rollouts/3").Says(t, http.StatusOK,
		"AWS does not answer the calls for account 111122223333 (HTTP status 503")
}

// TestExternalIDMissingOnOverview warns only if real accounts are reached without an external id.
func TestExternalIDMissingOnOverview(t *testing.T) {
	c := webtest.New(t).As("viewer")
	c.Organization.Record.LacksExternalID = true
	c.Page("/").Contains("external-id", "PORTCULLIS_EXTERNAL_ID", "trust policies")
	c.Organization.Record.LacksExternalID = false
	if c.Page("/").ID("external-id") != nil {
		t.Error("the warning stays")
	}
}
