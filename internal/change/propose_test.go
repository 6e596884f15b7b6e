package change_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
)

func (d *desk) desired() *change.Desired {
	d.t.Helper()
	state, err := d.State(d.t.Context(), d.viewer, change.Head)
	d.must(err)
	return &change.Desired{Allowlists: slices.Clone(state.Allowlists), Mappings: slices.Clone(state.Mappings)} // states are shared
}

func ops(edits []access.Edit) []string {
	out := []string{}
	for _, e := range edits {
		out = append(out, string(e.Op)+" "+e.ID+" "+e.Key)
	}
	return out
}

func TestProposeFindsTheSmallestEdits(t *testing.T) {
	d := newDesk(t)
	d.base()
	want := d.desired()
	for i := range want.Allowlists {
		want.Allowlists[i].ID = "" // a file knows no ids
	}
	for i := range want.Mappings {
		want.Mappings[i].ID = "mp-made-up"
	}
	p := change.Proposal{Title: "From the file", Reason: "SEC-1", Desired: want}
	if _, err := d.Propose(t.Context(), d.editor, change.Head, p); access.KindOf(err) != access.KindUnchanged {
		t.Fatalf("the state as it is: %v, want that nothing changes", err)
	}
	tokyo := addEntry("", "12.148.80.0/22")
	want.Allowlists[0].Entries = append(slices.Clone(want.Allowlists[0].Entries[1:]), *tokyo.Entry)
	want.Mappings[0].Users = append(slices.Clone(want.Mappings[0].Users), access.UserName{Path: "/", Name: "alice"})
	c, err := d.Propose(t.Context(), d.editor, 1, p)
	d.must(err)
	diff := cmp.Diff([]string{"entry.remove al-office 12.148.72.0/23", "entry.add al-office 12.148.80.0/22", "mapping.update mp-admin "}, ops(c.Edits))
	if diff != "" || c.Base != 1 || c.State != access.ChangeDraft {
		t.Errorf("base %d, %s, edits (-want +got):\n%s", c.Base, c.State, diff)
	}
}

func TestProposeMatchesMappingsOfOneRole(t *testing.T) {
	d := newDesk(t)
	d.apply("Begin", addList("al-office", "office", "103.15.250.0/24"), addList("al-vpn", "vpn", "8.8.8.0/24"),
		addMapping("mp-one", "Bob", "office", "alice"), addMapping("mp-two", "Bob", "vpn", "carol"))
	want := d.desired()
	want.Mappings[0], want.Mappings[1] = want.Mappings[1], want.Mappings[0]
	want.Mappings[1].RequireMFA = true // alice's
	want.Mappings = append(want.Mappings, *addMapping("", "Admin", "vpn", "carol").Mapping)
	c, err := d.Propose(t.Context(), d.editor, change.Head, change.Proposal{Title: "MFA", Desired: want})
	d.must(err)
	if len(c.Edits) != 2 || c.Edits[0].Op != access.EditAddMapping || c.Edits[1].Op != access.EditUpdateMapping || c.Edits[1].ID != "mp-one" {
		t.Errorf("edits %v, want the new mapping of Admin and the update of mp-one alone", ops(c.Edits))
	}
}

func TestProposeRefuses(t *testing.T) {
	d := newDesk(t)
	d.base()
	some := addEntry("al-office", "9.9.9.9")
	strange := addList("../al<b>", "strange", "9.9.9.9")
	for name, c := range map[string]struct {
		actor access.Actor
		on    int64
		p     change.Proposal
		kind  access.Kind
	}{
		"a viewer":     {d.viewer, change.Head, change.Proposal{Edits: []access.Edit{some}}, access.KindForbidden},
		"an old head":  {d.editor, 0, change.Proposal{Edits: []access.Edit{some}}, access.KindStale},
		"both":         {d.editor, change.Head, change.Proposal{Edits: []access.Edit{some}, Desired: d.desired()}, access.KindInvalid},
		"a strange id": {d.editor, change.Head, change.Proposal{Edits: []access.Edit{strange}}, access.KindInvalid},
		"no such list": {d.editor, change.Head, change.Proposal{Edits: []access.Edit{addEntry("al-none", "9.9.9.9")}}, access.KindConflict},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := d.Propose(t.Context(), c.actor, c.on, c.p); access.KindOf(err) != c.kind {
				t.Errorf("%v, want %s", err, c.kind)
			}
		})
	}
}

func TestReviseReplacesAProposal(t *testing.T) {
	d := newDesk(t)
	d.base()
	c, err := d.Propose(t.Context(), d.editor, change.Head, change.Proposal{Title: "One", Edits: []access.Edit{addEntry("al-office", "9.9.9.9/32"), addList("", "lab", "1.1.1.1")}})
	d.must(err)
	if len(c.Edits) != 2 || c.Edits[0].ID == "" {
		t.Fatalf("edits %v, want the new allowlist with an id", ops(c.Edits))
	}
	p := change.Proposal{Title: "Two", Reason: "SEC-2", Edits: c.Edits[:1]}
	again, err := d.Revise(t.Context(), d.editor, c.ID, c.Version, p)
	d.must(err)
	if again.Title != "Two" || len(again.Edits) != 1 || again.Version <= c.Version {
		t.Errorf("revised %+v", again)
	}
	if _, err := d.Revise(t.Context(), d.editor, c.ID, c.Version, p); access.KindOf(err) != access.KindStale {
		t.Errorf("with the version before: %v, want stale", err)
	}
}
