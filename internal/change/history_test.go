package change_test

import (
	"fmt"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
)

func TestRevisionsAreListedWithWhatMadeThem(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.base()
	d.apply("Open Tokyo", addEntry("al-office", "198.51.100.0/24"))
	page, err := d.Revisions(t.Context(), d.viewer, access.PageQuery{Limit: 1})
	d.must(err)
	if len(page.Items) != 1 || page.Total != 2 || page.Items[0].Number != 2 || page.Items[0].Change.Title != "Open Tokyo" {
		t.Fatalf("the first page is %+v", page)
	}
	page, err = d.Revisions(t.Context(), d.viewer, access.PageQuery{Limit: 1, Cursor: page.Next})
	d.must(err)
	if len(page.Items) != 1 || page.Items[0].Number != 1 || page.Next != "" {
		t.Errorf("the second page is %+v", page)
	}
	if _, err := d.Revisions(t.Context(), access.Actor{}, access.PageQuery{}); access.KindOf(err) != access.KindUnauthenticated {
		t.Errorf("revisions for nobody: %v", err)
	}
}

func TestMomentAt(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.base()
	for name, c := range map[string]struct {
		revision int64
		at       time.Time
		want     int64
		now      bool
	}{
		"now":           {change.Head, time.Time{}, 1, true},
		"the head":      {1, time.Time{}, 1, true},
		"the beginning": {0, time.Time{}, 0, false},
		"a date":        {change.Head, start.Add(-time.Hour), 0, false},
	} {
		if m, err := d.MomentAt(t.Context(), d.viewer, c.revision, c.at); err != nil || m.Number != c.want || m.Now != c.now {
			t.Errorf("%s: %+v (%v), want revision %d", name, m, err, c.want)
		}
	}
	if _, err := d.MomentAt(t.Context(), d.viewer, 9, time.Time{}); access.KindOf(err) != access.KindNotFound {
		t.Errorf("a revision that is not there: %v", err)
	}
}

func TestEntriesForALimitedTime(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.base()
	c, err := d.AddEntries(t.Context(), d.editor, 0, "al-office", change.NewEntries{
		Text: "198.51.100.7 on call\n198.51.100.8", Expires: start.Add(2 * time.Hour), Emergency: true,
	})
	d.must(err)
	if len(c.Edits) != 2 || !c.Edits[0].Entry.Emergency || !c.Edits[0].Entry.Expires.Equal(start.Add(2*time.Hour)) {
		t.Errorf("the draft has the edits %+v", c.Edits)
	}
	_, err = d.AddEntries(t.Context(), d.editor, 0, "al-office", change.NewEntries{
		Text: "198.51.100.7", Expires: start.Add(48 * time.Hour), Emergency: true,
	})
	if fields := access.FieldsOf(err); len(fields) != 1 || fields[0].Field != "expires" {
		t.Errorf("an emergency of two days: %v, want a refusal beside the expiry", err)
	}
}

// TestAPastAllowlistIsReadPageByPage, while entries come and go at the head.
func TestAPastAllowlistIsReadPageByPage(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.base()
	var add []access.Edit
	for i := range 250 {
		add = append(add, addEntry("al-office", fmt.Sprintf("9.9.%d.1/32", i)))
	}
	d.apply("Many", add...)
	seen := map[string]bool{}
	q := access.PageQuery{Limit: 100}
	for page := 0; ; page++ {
		a, err := d.PastAllowlist(t.Context(), d.viewer, 2, time.Time{}, "al-office", q)
		d.must(err)
		if a.Number != 2 || a.Name != "office" || a.AllowlistRow.Entries != 252 || a.Entries.Total != 252 {
			t.Fatalf("page %d is of %+v, %d entries", page, a.AllowlistRow, a.Entries.Total)
		}
		for _, e := range a.Entries.Items {
			if seen[e.Key()] {
				t.Errorf("%s is on two pages", e.Key())
			}
			seen[e.Key()] = true
		}
		if q.Cursor = a.Entries.Next; q.Cursor == "" {
			break
		}
		d.apply(fmt.Sprint("Less ", page), access.Edit{Op: access.EditRemoveEntry, ID: "al-office", Key: fmt.Sprintf("9.9.%d.1/32", 200+page)})
	}
	if len(seen) != 252 {
		t.Errorf("%d entries were read, want all 252", len(seen))
	}
	found, err := d.PastAllowlist(t.Context(), d.viewer, 2, time.Time{}, "al-office", access.PageQuery{Search: "9.9.200.1"})
	if err != nil || len(found.Entries.Items) != 1 {
		t.Errorf("searched for one: %d (%v)", len(found.Entries.Items), err)
	}
	if _, err := d.PastAllowlist(t.Context(), d.viewer, 0, time.Time{}, "al-office", q); access.KindOf(err) != access.KindNotFound {
		t.Errorf("before it was there: %v", err)
	}
}
