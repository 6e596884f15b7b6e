package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
	"portcullis/internal/change"
	"portcullis/internal/iam"
)

func TestExplainAsksOnlyWhenAsked(t *testing.T) {
	c := office(t).as("viewer")
	c.page("/explain").contains("main", "Nothing asked yet")
	p := c.page("/explain")
	for id, want := range map[string]string{"known-users": "alice", "known-roles": "team-a/Bob"} {
		offered := false
		for n := range p.id(id).Descendants() {
			offered = offered || attr(n, "value") == want
		}
		if !offered {
			t.Errorf("#%s does not offer %s", id, want)
		}
	}
	if c.changes.desired.question != (change.ExplainRequest{}) {
		t.Error("the service was asked although nobody asked")
	}
}

func TestExplainAnswers(t *testing.T) {
	c := office(t).as("viewer")
	c.changes.desired.answer = change.Explanation{
		Decision: iam.Decision{Verdict: "denied", Sentence: "alice comes from 8.8.8.8, which is in none of the networks.", Statement: "PortcullisDeny1", Document: "trust policy"},
		Revision: 7,
	}
	p := c.page("/explain?account=111122223333&role=Bob&user=alice&source_ip=8.8.8.8&mfa=yes&change=%2312")
	want := change.ExplainRequest{Account: "111122223333", Role: "Bob", User: "alice", SourceIP: "8.8.8.8", MFA: true, Revision: change.Head, ChangeID: 12}
	if diff := cmp.Diff(want, c.changes.desired.question); diff != "" {
		t.Errorf("asked of the service (-want +got):\n%s", diff)
	}
	p.contains("answer", "Denied", "alice comes from 8.8.8.8")
	p.contains("main", "PortcullisDeny1", "trust policy", "with change #12")
	if got := attr(p.id("source_ip"), "value"); got != "8.8.8.8" {
		t.Errorf("the question came back with the address %q", got)
	}
}

// TestExplainMarksTheStatementThatDecided: nobody searches a document for the statement,
// or a list for the name of an account.
func TestExplainMarksTheStatementThatDecided(t *testing.T) {
	c := office(t).as("viewer")
	c.changes.accounts = access.Page[access.Account]{Items: []access.Account{{ID: "111122223333", Name: "payments"}}}
	c.changes.desired.answer = change.Explanation{
		Decision:    iam.Decision{Verdict: "denied", Sentence: "no", Statement: "PortcullisDenyNetwork", Document: iam.DocumentTrust},
		TrustPolicy: `{"Statement":[{"Sid":"PortcullisAllow","Effect":"Allow"},{"Sid":"PortcullisDenyNetwork","Effect":"Deny"}]}`,
		UserPolicy:  `{"Statement":[{"Sid":"PortcullisDenyNetwork","Effect":"Allow"}]}`,
	}
	p := c.page("/explain?account=111122223333&role=Bob&user=alice&source_ip=8.8.8.8")
	marks := p.all("mark")
	if len(marks) != 2 || marks[0].FirstChild == nil || marks[1].FirstChild != nil {
		t.Fatalf("%d marks, want one with the statement in the trust policy and an empty one", len(marks))
	}
	if got := marks[0].FirstChild.Data; !strings.Contains(got, "Deny") || strings.Contains(got, "PortcullisAllow") {
		t.Errorf("marked is %s", got)
	}
	p.contains("decided", "payments")
}

func TestExplainKeepsAWrongQuestion(t *testing.T) {
	c := office(t).as("viewer")
	p := c.parse(c.get("/explain?account=1&role=Bob&revision=yesterday"), http.StatusUnprocessableEntity)
	p.contains("revision-problem", "A revision is a number")
	c.changes.refuse = access.Invalid("account", "Give the 12-digit id of the account that the role is in.")
	p = c.parse(c.get("/explain?account=1&role=Bob"), http.StatusUnprocessableEntity)
	p.contains("account-problem", "Give the 12-digit id")
	if got := attr(p.id("role"), "value"); got != "Bob" {
		t.Errorf("the role came back as %q", got)
	}
}
