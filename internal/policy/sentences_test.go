package policy

import (
	"strings"
	"testing"

	"portcullis.internal/portcullis/internal/access"
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

// Of two things that others made of one role, one may be gone while the other is said as
// before. What is said in other words is not gone, and neither is what the documents are not
// about.
func TestWhatIsGoneOfOneAccount(t *testing.T) {
	const id = access.AccountID("111111111111")
	bob := access.RoleName{Path: "/", Name: "Bob"}
	says := func(message string) Issue {
		return Issue{Code: CodeBypass, Severity: SeverityWarning, Object: roleObject(bob, id), Message: message}
	}
	about := Documents{Roles: []Compiled{{Resource: access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}}}}
	for name, c := range map[string]struct {
		now              []Issue
		docs             Documents
		brought, cleared int
	}{
		"one is gone":       {[]Issue{says("one")}, about, 0, 1},
		"in other words":    {[]Issue{says("one"), says("three")}, about, 1, 0},
		"no longer managed": {nil, Documents{}, 0, 0},
		"everything stayed": {[]Issue{says("one"), says("two")}, about, 0, 0},
	} {
		p := PartLint{before: &PartLint{last: id, said: []Issue{says("one"), says("two")}}, said: c.now}
		p.compare(id, c.docs)
		if brought, cleared := len(p.brought.issues()), len(p.cleared.issues()); brought != c.brought || cleared != c.cleared {
			t.Errorf("%s: %d brought and %d gone, want %d and %d", name, brought, cleared, c.brought, c.cleared)
		}
	}
}
