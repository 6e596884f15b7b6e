package pages_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/web/webtest"
)

func TestAppliedChangeOffersItsRevert(t *testing.T) {
	c := webtest.New(t).As("editor")
	c.Changes.ChangeView.ID, c.Changes.ChangeView.State, c.Changes.ChangeView.Reverts = 12, access.ChangeApplied, 7
	p := c.Page("/changes/12")
	if p.Form("/changes/12/revert") == nil {
		t.Error("the page of an applied change does not offer to revert it")
	}
	p.Contains("decision", "Revert change 12", "Undo by hand")
	a := c.Post("/changes/12/revert")
	if a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/changes/13" {
		t.Errorf("the revert answered %d to %q, want the new draft", a.Status, a.Header.Get("Location"))
	}
	if d := cmp.Diff([]string{`revert 12 ""`}, c.Changes.Did); d != "" {
		t.Errorf("did (-want +got):\n%s", d)
	}
	c.Changes.ChangeView.Permissions.Revert = access.Errorf(access.KindConflict, "no")
	c.Changes.ChangeView.State = access.ChangeInReview
	if p := c.Page("/changes/12"); p.Form("/changes/12/revert") != nil {
		t.Error("a change in review is offered to be reverted")
	}
}

func TestUndoByHandIsAFile(t *testing.T) {
	c := webtest.New(t).As("viewer")
	for path, want := range map[string]string{
		"/changes/12/undo-by-hand": "# change 12\n", "/rollouts/3/undo-by-hand": "# rollout 3\n",
	} {
		a := c.Get(path)
		file := a.Header.Get("Content-Disposition")
		if a.Status != http.StatusOK || !strings.Contains(a.Body, want) || !strings.Contains(file, "undo-by-hand-") {
			t.Errorf("%s: %d %q as %q", path, a.Status, a.Body, file)
		}
	}
	if a := c.Get("/changes/x/undo-by-hand"); a.Status != http.StatusNotFound {
		t.Errorf("no number: %d, want 404", a.Status)
	}
}

func TestRolloutPageSaysWhyOnePersonCannotRollItBack(t *testing.T) {
	c := webtest.New(t).As("operator")
	r := webtest.RunningRollout()
	r.ChangeID = 12
	c.Rollouts.Shown, c.Rollouts.TargetPage = r, webtest.ThreeTargets()
	p := c.Page("/rollouts/3")
	if p.Form("/rollouts/3/rollback") == nil {
		t.Error("a running rollout that only grants is not offered to be rolled back")
	}
	p.Contains("way-back", "Revert change 12", "Undo by hand")
	r.Revokes = "IAM user alice loses role Bob in 2 accounts."
	c.Rollouts.Shown = r
	p = c.Page("/rollouts/3")
	if p.Form("/rollouts/3/rollback") != nil {
		t.Error("a rollout that takes access away is offered to be rolled back")
	}
	p.Contains("way-back", "alice loses role Bob", "Revert change 12")
	r.Revokes, r.State, r.EndedAt = "", access.RolloutCompleted, webtest.Noon.Add(-61*time.Minute)
	r.Counts.Succeeded, r.Counts.Waiting, r.Counts.Running = r.Counts.Total(), 0, 0
	c.Rollouts.Shown = r
	p = c.Page("/rollouts/3")
	if p.Form("/rollouts/3/rollback") != nil {
		t.Error("a rollout that ended an hour ago is offered to be rolled back")
	}
	p.Contains("way-back", "more than 1h ago")
}
