package change_test

import (
	"testing"

	"portcullis.internal/portcullis/internal/access"
)

// TestUnplannableChangeShowsItsEdits: what the edits say does not depend on whether they can be planned.
func TestUnplannableChangeShowsItsEdits(t *testing.T) {
	d := newDesk(t)
	d.base()
	c := d.draftOf("Mine", addEntry("al-office", "9.9.9.0/24"), putSettings(access.Settings{ManyAccounts: 7}))
	d.apply("Theirs", addEntry("al-office", "9.9.9.0/24"))
	v, err := d.View(t.Context(), d.approver, c.ID)
	d.must(err)
	if v.Problem == "" {
		t.Fatal("the draft can be planned although the same entry was added since")
	}
	if len(v.Diff.Entries) != 1 || len(v.Settings) != 1 {
		t.Errorf("got the entries %+v and the settings %+v, want one of each", v.Diff.Entries, v.Settings)
	}
}
