package pages_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/web/webtest"
)

func TestExplainAsksOnlyWhenAsked(t *testing.T) {
	c := webtest.Office(t).As("viewer")
	c.Page("/explain").Contains("main", "Nothing asked yet")
	p := c.Page("/explain")
	for id, want := range map[string]string{"known-users": "alice", "known-roles": "team-a/Bob"} {
		offered := false
		for n := range p.ID(id).Descendants() {
			offered = offered || webtest.Attr(n, "value") == want
		}
		if !offered {
			t.Errorf("#%s does not offer %s", id, want)
		}
	}
	if c.Changes.Desired.Question != (change.ExplainRequest{}) {
		t.Error("the service was asked although nobody asked")
	}
}

func TestExplainAnswers(t *testing.T) {
	c := webtest.Office(t).As("viewer")
	c.Changes.Desired.Answer = change.Explanation{
		Decision: iam.Decision{Verdict: "denied", Sentence: "alice comes from 8.8.8.8, which is in none of the networks.", Statement: "PortcullisDeny1", Document: "trust policy"},
		Revision: 7,
	}
	p := c.Page("/explain?account=111122223333&role=Bob&user=alice&source_ip=8.8.8.8&mfa=yes&change=%2312")
	want := change.ExplainRequest{Account: "111122223333", Role: "Bob", User: "alice", SourceIP: "8.8.8.8", MFA: true, Revision: change.Head, ChangeID: 12}
	if diff := cmp.Diff(want, c.Changes.Desired.Question); diff != "" {
		t.Errorf("asked of the service (-want +got):\n%s", diff)
	}
	p.Contains("answer", "Denied", "alice comes from 8.8.8.8")
	p.Contains("main", "PortcullisDeny1", "trust policy", "with change #12")
	if got := webtest.Attr(p.ID("source_ip"), "value"); got != "8.8.8.8" {
		t.Errorf("the question came back with the address %q", got)
	}
}

// TestExplainMarksTheStatementThatDecided: nobody searches a document for the statement,
// or a list for the name of an account.
func TestExplainMarksTheStatementThatDecided(t *testing.T) {
	c := webtest.Office(t).As("viewer")
	c.Changes.Accounts = access.Page[access.Account]{Items: []access.Account{{ID: "111122223333", Name: "payments"}}}
	c.Changes.Desired.Answer = change.Explanation{
		Decision:    iam.Decision{Verdict: "denied", Sentence: "no", Statement: "PortcullisDenyNetwork", Document: iam.DocumentTrust},
		TrustPolicy: `{"Statement":[{"Sid":"PortcullisAllow","Effect":"Allow"},{"Sid":"PortcullisDenyNetwork","Effect":"Deny"}]}`,
		UserPolicy:  `{"Statement":[{"Sid":"PortcullisDenyNetwork","Effect":"Allow"}]}`,
	}
	p := c.Page("/explain?account=111122223333&role=Bob&user=alice&source_ip=8.8.8.8")
	marks := p.All("mark")
	if len(marks) != 2 || marks[0].FirstChild == nil || marks[1].FirstChild != nil {
		t.Fatalf("%d marks, want one with the statement in the trust policy and an empty one", len(marks))
	}
	if got := marks[0].FirstChild.Data; !strings.Contains(got, "Deny") || strings.Contains(got, "PortcullisAllow") {
		t.Errorf("marked is %s", got)
	}
	p.Contains("decided", "payments")
}

func TestExplainKeepsAWrongQuestion(t *testing.T) {
	c := webtest.Office(t).As("viewer")
	p := c.Parse(c.Get("/explain?account=1&role=Bob&revision=yesterday"), http.StatusUnprocessableEntity)
	p.Contains("revision-problem", "A revision is a number")
	c.Changes.Refuse = access.Invalid("account", "Give the 12-digit id of the account that the role is in.")
	p = c.Parse(c.Get("/explain?account=1&role=Bob"), http.StatusUnprocessableEntity)
	p.Contains("account-problem", "Give the 12-digit id")
	if got := webtest.Attr(p.ID("role"), "value"); got != "Bob" {
		t.Errorf("the role came back as %q", got)
	}
}
