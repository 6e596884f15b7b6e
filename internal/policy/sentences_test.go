package policy

import (
	"strings"
	"testing"

	"portcullis/internal/access"
)

// What is said of a few accounts is said of each; of more it is said once, and counts them.
func TestSentences(t *testing.T) {
	ids := []access.AccountID{"111111111111", "222222222222", "333333333333", "444444444444", "555555555555"}
	var s sentences
	say := func(name string, id access.AccountID) {
		s.add(Issue{Code: CodeUserHoldsMore, Severity: SeverityWarning, Object: userObject(name, id), Message: "user " + name + " in account " + string(id) + " trusts arn:aws:iam::" + string(id) + ":root"}, id)
	}
	for _, id := range ids {
		say("alice", id)
		say("alice", id) // two mappings
	}
	for _, id := range ids[:fewAccounts] {
		say("bob", id)
	}
	got := s.issues()
	if len(got) != 1+fewAccounts {
		t.Fatalf("%d issues, want one of alice and %d of bob: %+v", len(got), fewAccounts, got)
	}
	if i := got[0]; i.Object != "user alice in 5 accounts" || i.Message != "user alice in 5 accounts (111111111111, 222222222222, 333333333333 and 2 more) trusts arn:aws:iam::<account>:root" {
		t.Errorf("of many accounts it is said: %+v", i)
	}
	if i := got[3]; i.Object != userObject("bob", ids[2]) || !strings.HasSuffix(i.Message, "::333333333333:root") {
		t.Errorf("of few accounts it is said: %+v", i)
	}
}
