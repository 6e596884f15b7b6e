package change_test

import (
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
)

// TestSubmitRefusesTwoSpellingsOfOneName: IAM takes Bob and bob for one role, also if an earlier change mapped one of
// the two.
func TestSubmitRefusesTwoSpellingsOfOneName(t *testing.T) {
	d := newDesk(t)
	d.apply("Begin", addList("al-office", "office", "103.15.250.0/24"), addMapping("mp-one", "Bob", "office", "alice"))
	for name, c := range map[string]struct {
		edit access.Edit
		want []string
	}{
		"a role": {addMapping("mp-two", "bob", "office", "alice"), []string{"both Bob and bob as roles", "mappings of Bob for", "of bob for"}},
		"a user": {addMapping("mp-two", "Admin", "office", "Alice"), []string{"both Alice and alice as users", "mappings of Admin for", "of Bob for"}},
	} {
		draft := d.draftOf(name, c.edit)
		_, err := d.Submit(t.Context(), d.editor, draft.ID, draft.Version)
		said := access.MessageOf(err)
		for _, f := range access.FieldsOf(err) {
			said += " " + f.Message
		}
		for _, want := range c.want {
			if access.KindOf(err) != access.KindInvalid || !strings.Contains(said, want) {
				t.Errorf("%s: %q, want a refusal with %q", name, said, want)
			}
		}
	}
}
