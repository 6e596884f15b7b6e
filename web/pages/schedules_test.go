package pages_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/web/webtest"
)

func approved() change.View {
	v := webtest.ViewInReview()
	v.State, v.Permissions.Apply = access.ChangeApproved, nil
	return v
}

func TestAnOperatorSchedulesAChange(t *testing.T) {
	c := webtest.New(t).As("operator")
	c.Changes.ChangeView = approved()
	if c.Page("/changes/12").Form("/changes/12/schedule") == nil {
		t.Fatal("an approved change has no form to schedule it")
	}
	c.Post("/changes/12/schedule", "digest", c.Changes.ChangeView.Digest, "schedule_at", "2030-01-06 02:00", "start_within", "240")
	if want := "schedule 12 abab 2030-01-06T02:00:00Z 4h0m0s"; len(c.Changes.Did) != 1 || c.Changes.Did[0] != want {
		t.Errorf("did %v, want %s", c.Changes.Did, want)
	}
	p := c.Parse(c.Post("/changes/12/schedule", "digest", c.Changes.ChangeView.Digest, "schedule_at", "Sunday", "start_within", "60"), http.StatusUnprocessableEntity)
	p.Contains("schedule_at-problem", `"Sunday" is not a day or a time`)
	if got := webtest.Attr(p.ID("schedule_at"), "value"); got != "Sunday" {
		t.Errorf("what was typed came back as %q", got)
	}
	tooShort := c.Post("/changes/12/schedule", "digest", c.Changes.ChangeView.Digest, "schedule_at", "2030-01-06 02:00", "start_within", "0")
	c.Parse(tooShort, http.StatusUnprocessableEntity).Contains("start_within-problem", "from 5 minutes to 24 hours")
	c.Changes.ChangeView.Schedule = &access.Schedule{At: webtest.Noon.Add(time.Hour), Until: webtest.Noon.Add(2 * time.Hour), By: webtest.Author(), Digest: c.Changes.ChangeView.Digest}
	p = c.Page("/changes/12")
	p.Contains("main", "It is applied by itself.")
	if p.Form("/changes/12/unschedule") == nil || p.Form("/changes/12/schedule") != nil {
		t.Error("a scheduled change is to be cancelled, not scheduled again")
	}
	c.Changes.ChangeView.Schedule.Outcome = "It could not start within 4 hours."
	c.Page("/changes/12").Contains("main", "It was not applied at its time.", "It could not start within 4 hours.")
}

func TestAnExpiryIsShownAndNobodyDecidesIt(t *testing.T) {
	c := webtest.New(t).As("operator")
	v := webtest.DraftView()
	v.State, v.Author = access.ChangeExpiring, access.PersonRef{Name: "system/expiry"}
	v.Expiry = &access.Expiry{At: webtest.Noon.Add(72 * time.Hour), SetBy: []int64{9}}
	no := access.Errorf(access.KindConflict, "A change that is expiring cannot be withdrawn.")
	v.Permissions = access.ChangePermissions{Edit: no, Submit: no, Review: no, Apply: no, Withdraw: no, Rebase: no}
	c.Changes.ChangeView = v
	p := c.Page("/changes/12")
	p.Contains("main", "The console removes these entries when they expire", "The approval of the expiry was the approval of the removal", "#9")
	if p.Form("/changes/12/apply") != nil || p.Form("/changes/12/withdraw") != nil || p.Form("/changes/12/edit") != nil {
		t.Error("an expiry can be decided on its page")
	}
}

func TestEntriesAreAddedForALimitedTime(t *testing.T) {
	c := webtest.Office(t).As("editor")
	c.Post("/allowlists/al-1/entries", "lines", "8.8.8.8", "expires", "2030-01-06 14:00", "emergency", "yes")
	if want := "add to al-1 until 2030-01-06T14:00:00Z emergency true"; len(c.Changes.Did) != 1 || c.Changes.Did[0] != want {
		t.Errorf("did %v, want %s", c.Changes.Did, want)
	}
	p := c.Parse(c.Post("/allowlists/al-1/entries", "lines", "8.8.8.8", "expires", "soon"), http.StatusUnprocessableEntity)
	p.Contains("expires-problem", `"soon" is not a day`)
}

func TestHistoryShowsTheStateOfADate(t *testing.T) {
	c := webtest.New(t).As("viewer")
	p := c.Page("/history?at=2026-03-03+10:00")
	if want := "moment -1 2026-03-03"; len(c.Changes.Did) != 1 || c.Changes.Did[0] != want {
		t.Errorf("did %v, want %s", c.Changes.Did, want)
	}
	p.Contains("state", "Revision 7", "As a scenario (YAML)")
	p.Contains("lists", "office", "0 entries", "12.148.80.0/22", "expired")
	p.Contains("revisions", "Open <b>Tokyo</b>")
	c.Parse(c.Get("/history?revision=x"), http.StatusUnprocessableEntity).Contains("problems", `"x" is not a revision`)
}

func TestHistoryIsPaged(t *testing.T) {
	c := webtest.New(t).As("viewer")
	p := c.Page("/history")
	p.Contains("mapped", "120 mappings", "Role000", "Role049")
	var seen []string
	for next := "/history"; next != ""; {
		p := c.Page(next)
		seen = append(seen, roleName.FindAllString(p.Text("past-mappings"), -1)...)
		next = ""
		for _, a := range p.All("a") {
			if href := webtest.Attr(a, "href"); webtest.Attr(a, "rel") == "next" && strings.Contains(href, "mappings=") {
				next = href
			}
		}
		if next != "" && !strings.Contains(next, "revision=7") {
			t.Errorf("%s follows the newest revision, and not the one that is shown", next)
		}
	}
	if len(seen) != 120 || seen[0] != "Role000" || seen[119] != "Role119" || !slices.IsSorted(seen) {
		t.Errorf("%d mappings were shown, from %v; want all 120, each once", len(seen), seen[:min(len(seen), 3)])
	}
	c.Page("/history?at=2026-03-03+10:00&mappings=100").Contains("mapped", "Role119", "Back to the beginning")
	c.Page("/history?mappings=-5").Contains("mapped", "Role000")
	c.Page("/history?mappings=x").Contains("mapped", "Role000")
}

func TestAnAllowlistOfThePastIsPaged(t *testing.T) {
	c := webtest.Office(t).As("viewer")
	c.Changes.Desired.Next = "more"
	p := c.Page("/history/allowlists/al-1?revision=7&q=note&cursor=here")
	if want := (access.PageQuery{Search: "note", Cursor: "here"}); c.Changes.Desired.Asked != want || c.Changes.Did[0] != "moment 7 0001-01-01" {
		t.Errorf("asked for %+v of %v", c.Changes.Desired.Asked, c.Changes.Did)
	}
	p.Contains("main", "As it was at revision 7", "103.15.250.0/24")
	for rel, want := range map[string]string{"next": "/history/allowlists/al-1?cursor=more&q=note&revision=7", "first": ""} {
		for _, a := range p.All("a") {
			if webtest.Attr(a, "rel") == rel && webtest.Attr(a, "href") != want {
				t.Errorf("%s leads to %s, want %s", rel, webtest.Attr(a, "href"), want)
			}
		}
	}
	for address, status := range map[string]int{"/history/allowlists/al-9?revision=7": http.StatusNotFound, "/history/allowlists/al-1?revision=x": http.StatusUnprocessableEntity} {
		if got := c.Get(address).Status; got != status {
			t.Errorf("%s: %d, want %d", address, got, status)
		}
	}
}

var roleName = regexp.MustCompile(`Role\d{3}`)
