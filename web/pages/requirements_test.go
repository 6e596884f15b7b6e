package pages_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/web/webtest"
)

func openings(n int) []access.Opening {
	opens := make([]access.Opening, n)
	for i := range opens {
		opens[i] = access.Opening{
			Account: access.AccountID(fmt.Sprintf("%012d", 100000000000+i)), Role: access.RoleName{Path: "/team/", Name: "Bob"},
			Basis: access.BasisWritten,
		}
		if i%100 == 0 {
			opens[i].Basis = access.BasisUnread
		}
	}
	return opens
}

// opensMany is a change whose user policy opens a role in n accounts.
func opensMany(n int) access.PlannedOperation {
	policy := func(resource string) string {
		return `{"Version":"2012-10-17","Statement":[{"Sid":"PortcullisAssume","Effect":"Allow","Action":"sts:AssumeRole","Resource":["` + resource + `"]}]}`
	}
	return access.PlannedOperation{
		Kind: access.OpUserPolicy, Resource: access.Resource{Kind: access.ResourceUser, Path: "/", Name: "alice"}, BeforeKnown: true,
		Before: policy("arn:aws:iam::100000000007:role/team/Bob"), After: policy("arn:aws:iam::*:role/team/Bob"), Size: 100, Limit: 2048,
		Requires: access.Requirements{Opens: openings(n)}.Encode(),
	}
}

func TestChangePageFoldsOpenedRoles(t *testing.T) {
	page := func(n int) webtest.Answer {
		c := webtest.New(t).As("approver")
		c.Changes.ChangeView = webtest.ViewInReview()
		f := &c.Changes.ChangeView.Folded[0]
		f.Kind, f.Resource, f.Example = access.OpUserPolicy, opensMany(n).Resource, opensMany(n)
		a := c.Get("/changes/12")
		c.Parse(a, http.StatusOK).Contains("documents", "Newly opens", "team/Bob", "not read", "stay out of this policy", "List all",
			"written by this plan: opened once its trust policy is verified", "The form while none of these roles is verified",
			"arn:aws:iam::100000000007:role/team/Bob")
		return a
	}
	few, many := page(300), page(1500)
	if more := len(many.Body) - len(few.Body); more > 200 {
		t.Errorf("the page of 1,500 accounts is %d bytes longer than that of 300", more)
	}
	c := webtest.New(t).As("approver")
	c.Changes.ChangeView = webtest.ViewInReview()
	c.Changes.ChangeView.Folded[0].Example = opensMany(1500)
	p := c.Page("/changes/12?requires=1&from=1400")
	p.Contains("requirements", "1,401 to 1,500 of 1,500", "team/Bob in account 100000001400: not read")
	if strings.Contains(p.Text("requirements"), "100000001399") {
		t.Error("the last page of the list begins too early")
	}
}

func TestChangePageShowsTheOrderOfARevocation(t *testing.T) {
	c := webtest.New(t).As("approver")
	c.Changes.ChangeView = webtest.ViewInReview()
	op := &c.Changes.ChangeView.Folded[0].Example
	op.Kind, op.BeforeKnown, op.Before = access.OpTrustPolicy, true, `{"Version":"2012-10-17","Statement":[]}`
	op.OursAfter = `[{"Sid":"PortcullisAllow","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/bob"},` +
		`"Action":"sts:AssumeRole"}]`
	op.After = `{"Version":"2012-10-17","Statement":` + op.OursAfter + `}`
	op.Requires = access.Requirements{Revoked: []access.UserName{{Account: "111122223333", Path: "/ops/", Name: "carol"}}}.Encode()
	c.Page("/changes/12").Contains("documents", "Stops admitting 1 user", "111122223333:ops/carol",
		"The closing form, which is written first", "PortcullisDenyRevoked", "user/ops/carol")
}

func showBlocked(c *webtest.Console) {
	threeWaves(c)
	c.Rollouts.InsightNow.Failures = []access.FailureGroup{{
		State: access.TargetFailed, Class: access.CloudBlocked, Cause: "documents that come first could not be set or verified", Targets: 1,
	}}
	c.Rollouts.TargetPage.Items[0].Pass = access.PassGrants
	c.Rollouts.TargetPage.Items[0].State = access.TargetWaiting
	c.Rollouts.Openings = openings(1500)
}

func TestRolloutPageOfBlockedAndContinuingTargets(t *testing.T) {
	c := webtest.New(t).As("approver")
	showBlocked(c)
	p := c.Page("/rollouts/3")
	p.Contains("failures", "Blocked by other accounts", "See the roles without proof, and accept them")
	p.Contains("target-rows", "Continues later: waits for roles in other accounts")
	c.Rollouts.Shown.OpenUnverified = "111122223333,444455556666"
	c.Page("/rollouts/3").Contains("rollout-status", "open roles in 2 accounts without proof")
	viewer := webtest.New(t).As("viewer")
	showBlocked(viewer)
	viewer.Page("/rollouts/3").Contains("failures", "which another reviewer can accept")
	if viewer.Page("/rollouts/3/open-unverified").Form("/rollouts/3/open-unverified") != nil {
		t.Error("a viewer is offered to accept roles without proof")
	}
}

func TestReviewerAcceptsRolesOnAPage(t *testing.T) {
	c := webtest.New(t).As("approver")
	showBlocked(c)
	p := c.Page("/rollouts/3/open-unverified")
	if p.Form("/rollouts/3/open-unverified") == nil {
		t.Fatal("a reviewer is not offered to accept roles without proof")
	}
	if text := p.Text("accounts"); !strings.Contains(text, "100000000499") || strings.Contains(text, "100000000500") {
		t.Error("the form does not name the first 500 accounts")
	}
	p.Contains("main", "The form names the first 500 of 1,500 accounts")
	a := c.Post("/rollouts/3/open-unverified", "accounts", "111122223333\r\n444455556666", "reason", "the auditors know")
	c.Went(a, "/rollouts/3")
	if d := cmp.Diff([]string{`open unverified 3 [111122223333 444455556666] "the auditors know"`}, c.Rollouts.Did); d != "" {
		t.Errorf("calls of the service (-want +got):\n%s", d)
	}
	c.Rollouts.Refuse = access.Invalid("accounts", "There is no account %q in the organization.", "9")
	again := c.Parse(c.Post("/rollouts/3/open-unverified", "accounts", "9", "reason", "because"), http.StatusUnprocessableEntity)
	if again.Text("accounts") != "9" || again.Text("reason") != "because" {
		t.Errorf("the form came back with %q and %q", again.Text("accounts"), again.Text("reason"))
	}
}

func TestStarterCannotAcceptOnAPage(t *testing.T) {
	c := webtest.New(t).As("approver")
	showBlocked(c)
	c.Rollouts.Shown.StartedBy = access.PersonRef{ID: webtest.People["approver"].PersonID}
	if c.Page("/rollouts/3/open-unverified").Form("/rollouts/3/open-unverified") != nil {
		t.Error("the page offers the starter of a rollout to accept roles without proof")
	}
}
