package api_test

import (
	"net/http"
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/web/webtest"
)

func TestOrganization(t *testing.T) {
	c := webtest.New(t)
	before := c.API("/organization", "viewer").JSON(t, http.StatusOK)
	for _, name := range []string{"id", "last_success", "last_error", "awaits_confirmation"} {
		if v, there := before[name]; !there || v != nil {
			t.Errorf("%s before the first sync is %v, want null", name, v)
		}
	}
	digest := strings.Repeat("ab", 32)
	c.Organization.Record = access.OrganizationRecord{
		ID: "o-recorded00", SyncedAt: webtest.Noon, Error: "no", ErrorAt: webtest.Noon,
		Replica: "console-2",
		Scan: access.ScanRecord{
			SucceededAt: webtest.Noon, Error: "denied", ErrorAt: webtest.Noon, Account: "111122223333",
		},
		Refused: []access.RefusedReplica{
			{Replica: "console-2", Since: webtest.Noon, SeenAt: webtest.Noon, Error: "expired"},
		},
		Unanswered: access.Unanswered{
			Targets: 2, Asked: "111122223333", Cause: "HTTP status 503", Since: webtest.Noon, SeenAt: webtest.Noon,
		},
		Awaits: &access.SyncConfirmation{
			Kind: access.ConfirmVanished, Recorded: "o-recorded00", Seen: "o-recorded00",
			Digest: digest, Lost: 4, Active: 40,
			Vanished: []access.VanishedAccount{{ID: "111122223333", Name: "payments", State: access.AccountActive}},
		},
	}
	got := c.API("/organization", "viewer").JSON(t, http.StatusOK)
	problem, _ := got["last_error"].(map[string]any)
	awaits, _ := got["awaits_confirmation"].(map[string]any)
	scan, _ := got["last_scan"].(map[string]any)
	failure, _ := scan["last_error"].(map[string]any)
	refused, _ := got["refused_credentials"].([]any)
	unanswered, _ := got["unanswered"].(map[string]any)
	if failure["detail"] != "denied" || failure["account"] != "111122223333" || scan["last_success"] == nil ||
		len(refused) != 1 || unanswered["targets"] != 2.0 || problem["replica"] != "console-2" {
		t.Errorf("the readings: %v", got)
	}
	if got["id"] != "o-recorded00" || got["last_success"] == nil || problem["detail"] != "no" ||
		awaits["digest"] != digest {
		t.Errorf("got %v", got)
	}
	if a := c.Tell("POST", "/organization/accept", "operator",
		`{"digest":"`+digest+`"}`); a.Status != http.StatusForbidden {
		t.Errorf("an operator accepts: status %d", a.Status)
	}
	first := c.Tell("POST", "/organization/accept", "admin", `{"digest":"`+digest+`"}`).JSON(t, http.StatusOK)
	if by, _ := first["accepted_by"].([]any); len(by) != 1 || first["accepted_at"] != nil {
		t.Errorf("after one admin: %v", first)
	}
	twice := c.Tell("POST", "/organization/accept", "admin", `{"digest":"`+digest+`"}`)
	if twice.Status != http.StatusConflict || !strings.Contains(twice.Body, "An admin of another group") {
		t.Errorf("the same admin twice: %d %s", twice.Status, twice.Body)
	}
}

func TestSyncWaits(t *testing.T) {
	c := webtest.New(t)
	sync := func(query string) webtest.Answer { return c.Tell("POST", "/organization/sync"+query, "operator", "") }
	if a := sync("?wait=30s"); a.Status != http.StatusAccepted {
		t.Errorf("a sync that is under way: %d", a.Status)
	}
	c.Organization.Ended = true
	if a := sync("?wait=30s"); a.Status != http.StatusNoContent {
		t.Errorf("a sync that ended: %d", a.Status)
	}
	c.Organization.Failed = access.Errorf(access.KindConflict, "This console serves the organization o-1.")
	if a := sync("?wait=30s"); a.Status != http.StatusConflict || !strings.Contains(a.Body,
		"serves the organization o-1") {
		t.Errorf("a sync that failed: %d %s", a.Status, a.Body)
	}
	for _, wrong := range []string{"?wait=soon", "?wait=-1s", "?wiat=1s"} {
		if a := sync(wrong); a.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d", wrong, a.Status)
		}
	}
}

func TestLeftBehind(t *testing.T) {
	c := webtest.New(t)
	role := access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}
	c.Organization.Left = access.Page[access.LeftBehind]{Total: 1, Items: []access.LeftBehind{{
		Account: access.Account{ID: "111122223333", Name: "payments", State: access.AccountLeft}, Read: true,
		Inventory: access.Inventory{ReadAt: webtest.Noon}, Documents: []access.LeftDocument{{
			Resource:  role,
			WrittenAt: webtest.Noon,
		}},
	}}}
	for _, path := range []string{"/organization", "/organization/left-behind"} {
		a := c.API(path, "viewer")
		for _, want := range []string{
			`"account":"111122223333"`, `"state":"LEFT"`, `"name":"Bob"`,
			`"written_at":"2027-03-01T12:00:00Z"`, `"read_at":"2027-03-01T12:00:00Z"`,
		} {
			if !strings.Contains(a.Body, want) {
				t.Errorf("%s lacks %s: %s", path, want, a.Body)
			}
		}
	}
}
