package change_test

import (
	"slices"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// TestListsKnowDangersAndEmergencies: a list of changes has, without their edits, why each change asks for a closer
// look.
func TestListsKnowDangersAndEmergencies(t *testing.T) {
	d := newDesk(t)
	d.base()
	until := start.Add(5 * time.Hour)
	emergency := addEntry("al-office", "9.9.9.0/24")
	emergency.Entry.Expires, emergency.Entry.Emergency = until, true
	calm := d.submit("Calm", addEntry("al-vpn", "9.9.9.0/24"))
	urgent := d.submit("Urgent", emergency)
	large := d.submit("Large", addEntry("al-office", "52.0.0.0/9"))
	rules := d.submit("Rules", putSettings(access.Settings{ManyAccounts: 3}))
	d.apply("Many accounts are three", putSettings(access.Settings{ManyAccounts: 3}))
	many := d.submit("Many", addEntry("al-vpn", "9.9.8.0/24"))
	page, err := d.Changes(t.Context(), d.approver, access.ChangeQuery{})
	d.must(err)
	for _, c := range []struct {
		change  access.Change
		dangers []access.Danger
		until   time.Time
	}{
		{calm, nil, time.Time{}},
		{urgent, nil, until},
		{large, []access.Danger{access.DangerLargeReach}, time.Time{}},
		{rules, []access.Danger{access.DangerRules}, time.Time{}},
		{many, []access.Danger{access.DangerManyAccounts}, time.Time{}},
	} {
		i := slices.IndexFunc(page.Items, func(row access.Change) bool { return row.ID == c.change.ID })
		if row := page.Items[i]; !slices.Equal(row.Dangers, c.dangers) || !row.EmergencyUntil.Equal(c.until) {
			t.Errorf("%s: the list has the dangers %v and an emergency until %v, want %v and %v",
				row.Title, row.Dangers, row.EmergencyUntil, c.dangers, c.until)
		}
	}
}

// TestDraftsShowTheirDangers: the page of a draft shows the dangers that it has now. An edit ends those of a submission.
func TestDraftsShowTheirDangers(t *testing.T) {
	d := newDesk(t)
	d.base()
	large := []access.Danger{access.DangerLargeReach}
	c := d.draftOf("Large", addEntry("al-office", "52.0.0.0/9"))
	v, err := d.View(t.Context(), d.editor, c.ID)
	d.must(err)
	if !slices.Equal(v.Dangers, large) {
		t.Errorf("the draft has the dangers %v, want %v", v.Dangers, large)
	}
	c, err = d.Submit(t.Context(), d.editor, c.ID, c.Version)
	d.must(err)
	c, err = d.DropEdit(t.Context(), d.editor, c.ID, c.Version, 0)
	d.must(err)
	if len(c.Dangers) != 0 || c.State != access.ChangeDraft {
		t.Errorf("after the edit was removed: %s with the dangers %v, want a draft with none", c.State, c.Dangers)
	}
}
