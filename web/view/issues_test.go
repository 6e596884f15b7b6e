package view

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/policy"
)

func TestWhatStopsAChangeIsSaidOnce(t *testing.T) {
	p := ChangePage{
		Problem: "3 things need correcting",
		Issues:  []policy.Issue{{Severity: policy.SeverityError, Message: "the list is too long"}, {Severity: policy.SeverityWarning, Message: "nobody uses it"}},
		Fields: []access.FieldError{
			{Field: "edits", Message: "The list is too long. To do: shorten it."},
			{Field: "edits", Message: "an emergency entry has to expire"},
			{Field: "edits", Message: "… and 11 more."},
		},
	}
	if !p.refused() {
		t.Error("an error does not stop the change")
	}
	if d := cmp.Diff([]string{"An emergency entry has to expire."}, p.unsaid()); d != "" {
		t.Errorf("reasons that no issue says (-want +got):\n%s", d)
	}
	p.Issues = p.Issues[1:]
	if p.refused() {
		t.Error("a warning stops the change")
	}
}
