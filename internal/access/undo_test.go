package access

import (
	"strings"
	"testing"
)

// undoStates are a state, the same with two entries and a mapping more, and a way to edit that one further.
func undoStates(t *testing.T) (before, after State, later func(...Edit) State) {
	t.Helper()
	must := func(s State, edits ...Edit) State {
		next, err := s.Apply(edits)
		if err != nil {
			t.Fatal(err)
		}
		return next
	}
	add := func(cidr string) Edit {
		e, err := ParseEntry(cidr)
		if err != nil {
			t.Fatal(err)
		}
		return Edit{Op: EditAddEntry, ID: "al-1", Key: e.Key(), Entry: &e}
	}
	before = must(State{}, Edit{Op: EditAddAllowlist, ID: "al-1", Allowlist: &Allowlist{ID: "al-1", Name: "office"}})
	after = must(before, add("8.8.8.0/24"), add("9.9.9.0/24"))
	after.Revision = 2
	return before, after, func(edits ...Edit) State { return must(after, edits...) }
}

func TestRevertLooksAtEachEntry(t *testing.T) {
	before, after, later := undoStates(t)
	other, err := ParseEntry("7.7.7.0/24")
	if err != nil {
		t.Fatal(err)
	}
	now := later(Edit{Op: EditAddEntry, ID: "al-1", Key: other.Key(), Entry: &other})
	edits, err := now.Revert(before, after)
	if err != nil || len(edits) != 2 {
		t.Errorf("Revert: %v, %+v; want both entries removed and the third left alone", err, edits)
	}
	if _, err := now.Undo(before, after); KindOf(err) != KindConflict || !strings.Contains(MessageOf(err), "allowlist office") {
		t.Errorf("Undo of the whole list: %v, want a conflict that names it", err)
	}
	now = later(Edit{Op: EditRemoveEntry, ID: "al-1", Key: "9.9.9.0/24"})
	_, err = now.Revert(before, after)
	if want := "entry 9.9.9.0/24 of allowlist office"; KindOf(err) != KindConflict || !strings.Contains(MessageOf(err), want) {
		t.Errorf("Revert of an entry that is gone: %v, want a conflict that names %q", err, want)
	}
}

func TestRevertKeepsEntriesOfOthers(t *testing.T) {
	before, after, later := undoStates(t)
	entry, err := ParseEntry("7.7.7.0/24")
	if err != nil {
		t.Fatal(err)
	}
	now := later(Edit{Op: EditAddEntry, ID: "al-1", Key: entry.Key(), Entry: &entry})
	_, err = now.Revert(State{}, after) // the step that added the list as well
	if KindOf(err) != KindConflict || !strings.Contains(MessageOf(err), "allowlist office") {
		t.Errorf("Revert would remove the entry of others: %v, want a conflict that names the list", err)
	}
	if edits, err := before.Revert(before, before); err != nil || len(edits) != 0 {
		t.Errorf("Revert of nothing: %v, %+v", err, edits)
	}
}
