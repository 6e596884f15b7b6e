package api_test

import (
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/web/webtest"
)

// TestAPIShowsWhoAppliedAloneAndWhatDoesNotCount: the author applied the change alone, and their own approval of it
// does not count.
func TestAPIShowsWhoAppliedAloneAndWhatDoesNotCount(t *testing.T) {
	c := webtest.New(t)
	change := access.Change{ID: 12, Title: "Open it", Digest: "cafe", Author: access.PersonRef{ID: 5, Name: "Sam"}}
	at := time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)
	change.State = access.ChangeApplied
	change.BreakGlass = &access.BreakGlass{Single: true, By: change.Author, Reason: "no other person", At: at}
	change.Reviews = []access.Review{{
		Reviewer: change.Author, Verdict: access.VerdictApprove, Digest: change.Digest, At: at,
		Standing: access.Standing{Roles: []access.Role{access.RoleApprover}},
	}}
	c.Changes.ChangeView.Change = change
	body := c.Tell("GET", "/changes/12", "viewer", "").Body
	for _, want := range []string{
		`"applied_alone":{`, `"reason":"no other person"`, `"single_administrator":true,"reviewed_at":null`,
		`"not_counted":"This approval does not count: `,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the change has no %s: %s", want, body)
		}
	}
}
