package view

import (
	"os"
	"regexp"
	"testing"
)

// TestEveryActionOnRecordHasWords holds the words of the audit log's page against the
// documentation, which lists every action.
func TestEveryActionOnRecordHasWords(t *testing.T) {
	doc, err := os.ReadFile("../../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `([a-z_.]+)` \\|").FindAllSubmatch(doc, -1)
	if len(rows) < 50 {
		t.Fatalf("found %d actions in docs/audit.md, want all of them", len(rows))
	}
	for _, row := range rows {
		if action := string(row[1]); eventWords(action) == action {
			t.Errorf("%s has no words on the page of the audit log", action)
		}
	}
}
