package web_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"portcullis/internal/access"
	"portcullis/internal/change"
	"portcullis/internal/policy"
)

func author() access.PersonRef {
	e := people["editor"]
	return e.Ref()
}

// draft is a change with one edit, that its reader may edit and submit.
func draft() change.View {
	entry, _ := access.ParseEntry("12.148.80.0/22")
	entry.Note = "<script>alert(1)</script>"
	no := access.Errorf(access.KindConflict, "A change that is draft cannot be reviewed.")
	return change.View{
		Change: access.Change{
			ID: 12, Title: "New office <b>", State: access.ChangeDraft, Author: author(), Base: 6, Version: 3, Required: 1,
			Edits: []access.Edit{{Op: access.EditAddEntry, ID: "al-1", Entry: &entry}}, CreatedAt: noon, UpdatedAt: noon,
		},
		Targets: 2, Writes: 2,
		Folded: []access.FoldedOperation{{
			Kind: access.OpTrustPolicy, Resource: access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"},
			Accounts: []access.PlannedTarget{{Account: "111122223333", AccountName: "payments"}, {Account: "111122224444", AccountName: "ledger"}},
			Example: access.PlannedOperation{
				Before: `{"Version":"2012-10-17","Statement":[]}`, After: `{"Version":"2012-10-17","Statement":[{"Sid":"PortcullisAllow"}]}`,
				BeforeKnown: true, Size: 812, Limit: 2048,
			},
		}},
		Permissions: access.ChangePermissions{Review: no, Apply: no, Rebase: no},
	}
}

func inReview() change.View {
	v := draft()
	v.State, v.Digest, v.Reason = access.ChangeInReview, strings.Repeat("ab", 32), "We moved."
	no := access.Errorf(access.KindConflict, "A change that is in review cannot be submitted.")
	v.Permissions = access.ChangePermissions{Edit: no, Submit: no, Apply: no, Rebase: no, Withdraw: no}
	return v
}

// TestTheDecisionIsOneLinkAway for who may take it, on a page that is long on a phone.
func TestTheDecisionIsOneLinkAway(t *testing.T) {
	leads := func(v change.View) bool {
		c := newConsole(t).as("approver")
		c.changes.view = v
		p := c.page("/changes/12")
		return p.id("decision") != nil && slices.ContainsFunc(p.all("a"), func(a *html.Node) bool { return attr(a, "href") == "#decision" })
	}
	may, mayNot := inReview(), inReview()
	mayNot.Permissions.Review = access.Errorf(access.KindForbidden, "You wrote it.")
	mayNot.Permissions.Apply = mayNot.Permissions.Review
	if !leads(may) {
		t.Error("who may decide is not led to the decision")
	}
	if leads(mayNot) {
		t.Error("somebody is led to a decision that they cannot take")
	}
}

func TestChangePageOfADraft(t *testing.T) {
	c := newConsole(t).as("editor")
	c.changes.view = draft()
	p := c.page("/changes/12")
	if got := attr(p.id("title"), "value"); got != "New office <b>" {
		t.Errorf("the title field holds %q", got)
	}
	p.contains("documents", "Trust policy of Bob", "2 accounts", "812 / 2,048", "payments", "PortcullisAllow")
	if p.form("/changes/12/edit") == nil || p.form("/changes/12/drop") == nil {
		t.Error("a draft that may be edited has no form to edit it")
	}
	if p.form("/changes/12/review") != nil || p.form("/changes/12/apply") != nil {
		t.Error("a draft offers to be reviewed or applied")
	}
	for n := range p.root.Descendants() {
		if n.Data == "script" && attr(n, "src") == "" || n.Data == "b" {
			t.Errorf("a title or note came through as markup: <%s>", n.Data)
		}
	}
}

// TestAccountsOfADocumentArePaged: a document that is the same in thousands of accounts
// names them page by page.
func TestAccountsOfADocumentArePaged(t *testing.T) {
	c := newConsole(t).as("editor")
	c.changes.view = draft()
	f := &c.changes.view.Folded[0]
	f.Accounts = nil
	for i := range 450 {
		f.Accounts = append(f.Accounts, access.PlannedTarget{Account: access.AccountID(fmt.Sprintf("%012d", i)), AccountName: fmt.Sprintf("acct-%d.", i)})
	}
	has := func(path string, shown, hidden []string) {
		t.Helper()
		text := c.page(path).text("documents")
		for _, s := range shown {
			if !strings.Contains(text, s) {
				t.Errorf("%s does not show %q", path, s)
			}
		}
		for _, s := range hidden {
			if strings.Contains(text, s) {
				t.Errorf("%s shows %q", path, s)
			}
		}
	}
	has("/changes/12", []string{"450 accounts", "acct-199.", "and 250 more", "show all of them"}, []string{"acct-200."})
	has("/changes/12?fold=1&from=200", []string{"acct-200.", "acct-399.", "201 to 400 of 450 accounts", "The 200 before", "The next 200"}, []string{"acct-199.", "acct-400."})
	has("/changes/12?fold=1&from=400", []string{"acct-449.", "401 to 450 of 450", "The 200 before"}, []string{"The next 200"})
	has("/changes/12?fold=1&from=99999", []string{"The 200 before"}, []string{"acct-449."})
	has("/changes/12?fold=-3&from=x", []string{"acct-0."}, []string{"acct-200."})
}

// TestWhatOthersAppliedIsTold on the page of a draft.
func TestWhatOthersAppliedIsTold(t *testing.T) {
	c := newConsole(t).as("editor")
	c.changes.view = draft()
	entry, _ := access.ParseEntry("9.9.9.9/32")
	theirs := access.Change{ID: 11, Title: "Theirs", Revision: 7, Author: author(), Edits: []access.Edit{{Op: access.EditAddEntry, ID: "al-1", Entry: &entry}}}
	c.changes.view.ChangedSince = access.ChangedSince{From: 6, To: 9, Applied: []access.AppliedChange{{Change: theirs, Same: true}}, More: 2}
	c.changes.view.Permissions.Rebase = nil
	p := c.page("/changes/12")
	if p.form("/changes/12/rebase") == nil {
		t.Error("a draft that others have applied something under cannot be rebased")
	}
	p.contains("since", "Theirs", "revision 7", "Touches the same", "Add 9.9.9.9/32", "2 more revisions")
}

func TestChangeEditAndSubmitInOneStep(t *testing.T) {
	c := newConsole(t).as("editor")
	c.changes.view = draft()
	a := c.post("/changes/12/edit", "version", "3", "title", "Office", "reason", "Moved", "then", "submit")
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/changes/12" {
		t.Fatalf("answered %d to %q", a.status, a.header.Get("Location"))
	}
	want := []string{`edit 12@3 "Office" "Moved" 1`, "submit 12@4"}
	if d := cmp.Diff(want, c.changes.did); d != "" {
		t.Errorf("what was asked of the service (-want +got):\n%s", d)
	}
	c.page("/changes/12").contains("", "Submitted. Somebody else reviews it now.")
}

func TestChangeFormComesBackFilledIn(t *testing.T) {
	c := newConsole(t).as("editor")
	c.changes.view = draft()
	c.changes.refuse = access.Invalid("reason", "say why the change is needed")
	p := c.parse(c.post("/changes/12/edit", "version", "3", "title", "Kept as typed", "reason", "", "then", "submit"), http.StatusUnprocessableEntity)
	if got := attr(p.id("title"), "value"); got != "Kept as typed" {
		t.Errorf("the title came back as %q", got)
	}
	reason := p.id("reason")
	if attr(reason, "aria-invalid") != "true" || !strings.Contains(attr(reason, "aria-describedby"), "reason-problem") {
		t.Error("the field that is wrong is not marked")
	}
	p.contains("reason-problem", "Say why the change is needed")
	p.contains("problems", "Say why the change is needed")
}

func TestReviewIsBoundToTheDigestOfThePage(t *testing.T) {
	c := newConsole(t).as("approver")
	c.changes.view = inReview()
	p := c.page("/changes/12")
	form := p.form("/changes/12/review")
	if form == nil {
		t.Fatal("the page has no form to review the change")
	}
	if p.form("/changes/12/edit") != nil {
		t.Error("an approver is offered the form of the title")
	}
	var digest string
	for n := range form.Descendants() {
		if attr(n, "name") == "digest" {
			digest = attr(n, "value")
		}
	}
	if a := c.post("/changes/12/review", "digest", digest, "verdict", "approve", "comment", "fine"); a.status != http.StatusSeeOther {
		t.Fatalf("answered %d", a.status)
	}
	want := []string{"approve 12 " + c.changes.view.Digest + ` "fine"`}
	if d := cmp.Diff(want, c.changes.did); d != "" {
		t.Errorf("what was asked of the service (-want +got):\n%s", d)
	}
}

func TestReviewRefusedKeepsTheComment(t *testing.T) {
	c := newConsole(t).as("approver")
	c.changes.view = inReview()
	c.changes.refuse = access.Errorf(access.KindConflict, "The change is no longer what you were looking at.")
	p := c.parse(c.post("/changes/12/review", "digest", "old", "verdict", "reject", "comment", "Too wide."), http.StatusConflict)
	p.contains("comment", "Too wide.")
	p.contains("problems", "no longer what you were looking at")
}

func TestChangePageSaysWhyNot(t *testing.T) {
	c := newConsole(t).as("editor")
	c.changes.view = inReview()
	c.changes.view.Permissions.Review = access.Errorf(access.KindForbidden, "You wrote or edited this change, so somebody else has to review it.")
	p := c.page("/changes/12")
	p.contains("decision", "somebody else has to review it")
	if p.form("/changes/12/review") != nil {
		t.Error("the author is offered to review")
	}
}

func TestApplyLeadsToTheRollout(t *testing.T) {
	c := newConsole(t).as("operator")
	c.changes.view = inReview()
	a := c.post("/changes/12/apply", "digest", "d1")
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/rollouts/31" {
		t.Errorf("answered %d to %q", a.status, a.header.Get("Location"))
	}
	if d := cmp.Diff([]string{"apply 12 d1"}, c.changes.did); d != "" {
		t.Errorf("what was asked of the service (-want +got):\n%s", d)
	}
}

// A right that somebody lacks is refused before the service is asked, whatever they send.
func TestActionsNeedTheirRole(t *testing.T) {
	for _, tc := range []struct{ who, path string }{
		{"viewer", "/changes/12/edit"},
		{"viewer", "/changes/12/submit"},
		{"viewer", "/changes/12/drop"},
		{"viewer", "/changes/12/rebase"},
		{"editor", "/changes/12/review"},
		{"editor", "/changes/12/apply"},
		{"approver", "/changes/12/apply"},
		{"editor", "/rollouts"},
		{"viewer", "/rollouts/3/pause"},
		{"editor", "/rollouts/3/start"},
		{"approver", "/rollouts/3/recheck"},
		{"editor", "/rollouts/3/abort"},
		{"viewer", "/accounts/sync"},
	} {
		t.Run(tc.who+tc.path, func(t *testing.T) {
			c := newConsole(t).as(tc.who)
			c.changes.view = draft()
			if a := c.post(tc.path, "digest", "d", "version", "3", "index", "0"); a.status != http.StatusForbidden {
				t.Errorf("answered %d, want 403", a.status)
			}
			if len(c.changes.did)+len(c.rollouts.did)+c.organization.synced > 0 {
				t.Errorf("the service was asked: %v %v", c.changes.did, c.rollouts.did)
			}
		})
	}
}

func TestChangeListTabsAndMine(t *testing.T) {
	c := newConsole(t).as("editor")
	c.changes.listed = access.Page[access.Change]{Items: []access.Change{draft().Change}, Next: "n+1", Total: -1}
	p := c.page("/changes?tab=applied&mine=1&q=office")
	if d := cmp.Diff([]access.ChangeState{access.ChangeApplied}, c.changes.query.States); d != "" {
		t.Errorf("states asked for (-want +got):\n%s", d)
	}
	if c.changes.query.Author != 2 || c.changes.query.Search != "office" {
		t.Errorf("asked for %+v", c.changes.query)
	}
	p.contains("change-rows", "#12", "New office <b>", "Draft", "Edda Editor")
	if !strings.Contains(attr(p.id("change-rows-pager").LastChild, "href"), "cursor=n%2B1") {
		t.Error("the pager does not carry the cursor on")
	}
}

func TestUnknownChangeIsNotFound(t *testing.T) {
	c := newConsole(t).as("viewer")
	for _, path := range []string{"/changes/99", "/changes/x", "/changes/-1", "/rollouts/99", "/accounts/999999999999"} {
		if a := c.get(path); a.status != http.StatusNotFound {
			t.Errorf("%s answered %d, want 404: %s", path, a.status, a.body)
		}
	}
}

func TestWhatAChangeClearsStandsOnItsPage(t *testing.T) {
	c := newConsole(t).as("viewer")
	c.changes.view = inReview()
	if c.page("/changes/12").id("cleared") != nil {
		t.Error("a change that clears nothing says that it does")
	}
	c.changes.view.Cleared = []policy.Issue{
		{Code: policy.CodeWholeInternet, Severity: policy.SeverityWarning, Object: "allowlist <b>office", Message: "0.0.0.0/0 admits the whole internet", Advice: "remove it"},
		{Code: policy.CodeNoMFA, Severity: policy.SeverityWarning, Object: "mapping Bob", Message: "Bob needs no MFA"},
	}
	p := c.page("/changes/12")
	p.contains("main", "This change clears 2 warnings")
	p.contains("cleared", "<b>office", "Bob needs no MFA")
	if strings.Contains(p.text("cleared"), "Remove it") {
		t.Error("advice is given for what is gone")
	}
}

func TestAnEditSaysThatReviewsAreVoid(t *testing.T) {
	c := newConsole(t).as("editor")
	c.changes.view, c.changes.desired.allowlists = draft(), []access.AllowlistRow{{ID: "al-1", Name: "office"}}
	for voided, want := range map[int]string{1: "The review that the change had is void.", 2: "The 2 reviews that the change had are void."} {
		c.changes.voided = voided
		for path, fields := range map[string][]string{
			"/changes/12/edit":    {"version", "3", "title", "A title", "reason", "A reason"},
			"/changes/12/drop":    {"version", "3", "index", "0"},
			"/changes/12/entries": {"allowlist", "office", "lines", "9.9.9.9"},
		} {
			if a := c.post(path, fields...); a.status != http.StatusSeeOther {
				t.Fatalf("%s: status %d", path, a.status)
			}
			if said := c.page("/changes/12").text(""); !strings.Contains(said, want) {
				t.Errorf("after %s the page does not say %q", path, want)
			}
		}
	}
}
