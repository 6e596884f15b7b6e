package web_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"portcullis/internal/access"
	"portcullis/internal/change"
)

func (f *changes) Schedule(
	_ context.Context, _ access.Actor, id int64, r change.ScheduleRequest, options ...change.Option,
) (access.Change, error) {
	if err := change.Holds(f.view.Change, options...); err != nil {
		return access.Change{}, err
	}
	at := r.At.Format(time.RFC3339)
	return access.Change{ID: id}, f.note("schedule %d %s %s %s", id, r.Digest[:4], at, r.StartWithin)
}

func (f *changes) CancelSchedule(_ context.Context, _ access.Actor, id int64, options ...change.Option) (access.Change, error) {
	if err := change.Holds(f.view.Change, options...); err != nil {
		return access.Change{}, err
	}
	return access.Change{ID: id}, f.note("unschedule %d", id)
}

func (f *changes) Revisions(context.Context, access.Actor, access.PageQuery) (access.Page[access.Revision], error) {
	r := access.Revision{Number: 7, At: noon, Change: access.ChangeRef{ID: 12, Title: "Open <b>Tokyo</b>", Author: author()}}
	return access.Page[access.Revision]{Items: []access.Revision{r}, Total: 1}, nil
}

func (f *changes) MomentAt(_ context.Context, _ access.Actor, revision int64, at time.Time) (change.Moment, error) {
	return change.Moment{Revision: access.Revision{Number: 7, At: noon}, At: noon, Now: revision == change.Head && at.IsZero()}, f.note("moment %d %s", revision, at.Format(time.DateOnly))
}

func (f *changes) PastAllowlist(ctx context.Context, actor access.Actor, revision int64, at time.Time, id string, q access.PageQuery) (change.PastAllowlist, error) {
	m, err := f.MomentAt(ctx, actor, revision, at)
	if err != nil {
		return change.PastAllowlist{}, err
	}
	a, err := f.Allowlist(ctx, actor, id, q)
	return change.PastAllowlist{Moment: m, AllowlistRow: a.AllowlistRow, Entries: a.Entries}, err
}

func (f *changes) State(_ context.Context, _ access.Actor, revision int64) (access.State, error) {
	e, _ := access.ParseEntry("12.148.80.0/22")
	e.Expires = noon.Add(-time.Hour)
	state := access.State{Revision: revision, Allowlists: []access.Allowlist{{ID: "al-1", Name: "office", Entries: []access.Entry{e}}}}
	for i := range 120 {
		state.Mappings = append(state.Mappings, access.Mapping{ID: fmt.Sprint("mp-", i), Role: access.RoleName{Path: "/", Name: fmt.Sprintf("Role%03d", i)}, Accounts: access.Selector{All: true}})
	}
	return state, nil
}

func approved() change.View {
	v := inReview()
	v.State, v.Permissions.Apply = access.ChangeApproved, nil
	return v
}

func TestAnOperatorSchedulesAChange(t *testing.T) {
	c := newConsole(t).as("operator")
	c.changes.view = approved()
	if c.page("/changes/12").form("/changes/12/schedule") == nil {
		t.Fatal("an approved change has no form to schedule it")
	}
	c.post("/changes/12/schedule", "digest", c.changes.view.Digest, "schedule_at", "2030-01-06 02:00", "schedule_window", "240")
	if want := "schedule 12 abab 2030-01-06T02:00:00Z 4h0m0s"; len(c.changes.did) != 1 || c.changes.did[0] != want {
		t.Errorf("did %v, want %s", c.changes.did, want)
	}
	p := c.parse(c.post("/changes/12/schedule", "digest", c.changes.view.Digest, "schedule_at", "Sunday", "schedule_window", "60"), http.StatusUnprocessableEntity)
	p.contains("schedule_at-problem", `"Sunday" is not a day or a time`)
	if got := attr(p.id("schedule_at"), "value"); got != "Sunday" {
		t.Errorf("what was typed came back as %q", got)
	}
	c.changes.view.Schedule = &access.Schedule{At: noon.Add(time.Hour), Until: noon.Add(2 * time.Hour), By: author(), Digest: c.changes.view.Digest}
	p = c.page("/changes/12")
	p.contains("main", "It is applied by itself.")
	if p.form("/changes/12/unschedule") == nil || p.form("/changes/12/schedule") != nil {
		t.Error("a scheduled change is to be cancelled, not scheduled again")
	}
	c.changes.view.Schedule.Outcome = "Its window ended."
	c.page("/changes/12").contains("main", "It was not applied at its time.", "Its window ended.")
}

func TestAnExpiryIsShownAndNobodyDecidesIt(t *testing.T) {
	c := newConsole(t).as("operator")
	v := draft()
	v.State, v.Author = access.ChangeExpiring, access.PersonRef{Name: "system/expiry"}
	v.Expiry = &access.Expiry{At: noon.Add(72 * time.Hour), SetBy: []int64{9}}
	no := access.Errorf(access.KindConflict, "A change that is expiring cannot be withdrawn.")
	v.Permissions = access.ChangePermissions{Edit: no, Submit: no, Review: no, Apply: no, Withdraw: no, Rebase: no}
	c.changes.view = v
	p := c.page("/changes/12")
	p.contains("main", "The console removes these entries when they expire", "The approval of the expiry was the approval of the removal", "#9")
	if p.form("/changes/12/apply") != nil || p.form("/changes/12/withdraw") != nil || p.form("/changes/12/edit") != nil {
		t.Error("an expiry can be decided on its page")
	}
}

func TestEntriesAreAddedForALimitedTime(t *testing.T) {
	c := office(t).as("editor")
	c.post("/allowlists/al-1/entries", "lines", "8.8.8.8", "expires", "2030-01-06 14:00", "emergency", "yes")
	if want := "add to al-1 until 2030-01-06T14:00:00Z emergency true"; len(c.changes.did) != 1 || c.changes.did[0] != want {
		t.Errorf("did %v, want %s", c.changes.did, want)
	}
	p := c.parse(c.post("/allowlists/al-1/entries", "lines", "8.8.8.8", "expires", "soon"), http.StatusUnprocessableEntity)
	p.contains("expires-problem", `"soon" is not a day`)
}

func TestHistoryShowsTheStateOfADate(t *testing.T) {
	c := newConsole(t).as("viewer")
	p := c.page("/history?at=2026-03-03+10:00")
	if want := "moment -1 2026-03-03"; len(c.changes.did) != 1 || c.changes.did[0] != want {
		t.Errorf("did %v, want %s", c.changes.did, want)
	}
	p.contains("state", "Revision 7", "As a scenario (YAML)")
	p.contains("lists", "office", "0 entries", "12.148.80.0/22", "expired")
	p.contains("revisions", "Open <b>Tokyo</b>")
	c.parse(c.get("/history?revision=x"), http.StatusUnprocessableEntity).contains("problems", `"x" is not a revision`)
}

var roleName = regexp.MustCompile(`Role\d{3}`)

func TestHistoryIsPaged(t *testing.T) {
	c := newConsole(t).as("viewer")
	p := c.page("/history")
	p.contains("mapped", "120 mappings", "Role000", "Role049")
	var seen []string
	for next := "/history"; next != ""; {
		p := c.page(next)
		seen = append(seen, roleName.FindAllString(p.text("past-mappings"), -1)...)
		next = ""
		for _, a := range p.all("a") {
			if href := attr(a, "href"); attr(a, "rel") == "next" && strings.Contains(href, "mappings=") {
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
	c.page("/history?at=2026-03-03+10:00&mappings=100").contains("mapped", "Role119", "Back to the beginning")
	c.page("/history?mappings=-5").contains("mapped", "Role000")
	c.page("/history?mappings=x").contains("mapped", "Role000")
}

func TestAnAllowlistOfThePastIsPaged(t *testing.T) {
	c := office(t).as("viewer")
	c.changes.desired.next = "more"
	p := c.page("/history/allowlists/al-1?revision=7&q=note&cursor=here")
	if want := (access.PageQuery{Search: "note", Cursor: "here"}); c.changes.desired.asked != want || c.changes.did[0] != "moment 7 0001-01-01" {
		t.Errorf("asked for %+v of %v", c.changes.desired.asked, c.changes.did)
	}
	p.contains("main", "As it was at revision 7", "103.15.250.0/24")
	for rel, want := range map[string]string{"next": "/history/allowlists/al-1?cursor=more&q=note&revision=7", "first": ""} {
		for _, a := range p.all("a") {
			if attr(a, "rel") == rel && attr(a, "href") != want {
				t.Errorf("%s leads to %s, want %s", rel, attr(a, "href"), want)
			}
		}
	}
	for address, status := range map[string]int{"/history/allowlists/al-9?revision=7": http.StatusNotFound, "/history/allowlists/al-1?revision=x": http.StatusUnprocessableEntity} {
		if got := c.get(address).status; got != status {
			t.Errorf("%s: %d, want %d", address, got, status)
		}
	}
}
