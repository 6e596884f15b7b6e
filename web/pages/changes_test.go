package pages_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/internal/policy"
	"portcullis.internal/portcullis/web/webtest"
)

// TestTheDecisionIsOneLinkAway for who may take it, on a page that is long on a phone.
func TestTheDecisionIsOneLinkAway(t *testing.T) {
	leads := func(v change.View) bool {
		c := webtest.New(t).As("approver")
		c.Changes.ChangeView = v
		p := c.Page("/changes/12")
		return p.ID("decision") != nil && slices.ContainsFunc(p.All("a"), func(a *html.Node) bool { return webtest.Attr(a, "href") == "#decision" })
	}
	may, mayNot := webtest.ViewInReview(), webtest.ViewInReview()
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
	c := webtest.New(t).As("editor")
	c.Changes.ChangeView = webtest.DraftView()
	p := c.Page("/changes/12")
	if got := webtest.Attr(p.ID("title"), "value"); got != "New office <b>" {
		t.Errorf("the title field holds %q", got)
	}
	p.Contains("documents", "Trust policy of Bob", "2 accounts", "812 / 2,048", "payments", "PortcullisAllow")
	if p.Form("/changes/12/edit") == nil || p.Form("/changes/12/drop") == nil {
		t.Error("a draft that may be edited has no form to edit it")
	}
	if p.Form("/changes/12/review") != nil || p.Form("/changes/12/apply") != nil {
		t.Error("a draft offers to be reviewed or applied")
	}
	for n := range p.Root.Descendants() {
		if n.Data == "script" && webtest.Attr(n, "src") == "" || n.Data == "b" {
			t.Errorf("a title or note came through as markup: <%s>", n.Data)
		}
	}
}

func TestLargeReachIsFlagged(t *testing.T) {
	c := webtest.New(t).As("approver")
	c.Changes.ChangeView = webtest.ViewInReview()
	if strings.Contains(c.Page("/changes/12").Text("main"), "Large reach") {
		t.Error("a change without large reach is flagged")
	}
	c.Changes.ChangeView.Issues = []policy.Issue{{
		Code: policy.CodeLargeReach, Severity: policy.SeverityWarning, Object: "role Bob", Message: "role Bob will admit alice from 8.4 million addresses, 0.2 % of IPv4",
	}}
	c.Page("/changes/12").Contains("main", "Large reach", "8.4 million addresses, 0.2 % of IPv4")
}

// TestAccountsOfADocumentArePaged: a document that is the same in thousands of accounts
// names them page by page.
func TestAccountsOfADocumentArePaged(t *testing.T) {
	c := webtest.New(t).As("editor")
	c.Changes.ChangeView = webtest.DraftView()
	f := &c.Changes.ChangeView.Folded[0]
	f.Accounts = nil
	for i := range 450 {
		f.Accounts = append(f.Accounts, access.PlannedTarget{Account: access.AccountID(fmt.Sprintf("%012d", i)), AccountName: fmt.Sprintf("acct-%d.", i)})
	}
	has := func(path string, shown, hidden []string) {
		t.Helper()
		text := c.Page(path).Text("documents")
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
	c := webtest.New(t).As("editor")
	c.Changes.ChangeView = webtest.DraftView()
	entry, _ := access.ParseEntry("9.9.9.9/32")
	theirs := access.Change{ID: 11, Title: "Theirs", Revision: 7, Author: webtest.Author(), Edits: []access.Edit{{Op: access.EditAddEntry, ID: "al-1", Entry: &entry}}}
	c.Changes.ChangeView.ChangedSince = access.ChangedSince{From: 6, To: 9, Applied: []access.AppliedChange{{Change: theirs, Same: true}}, More: 2}
	c.Changes.ChangeView.Permissions.Rebase = nil
	p := c.Page("/changes/12")
	if p.Form("/changes/12/rebase") == nil {
		t.Error("a draft that others have applied something under cannot be rebased")
	}
	p.Contains("since", "Theirs", "revision 7", "Touches the same", "Add 9.9.9.9/32", "2 more revisions")
}

func TestChangeEditAndSubmitInOneStep(t *testing.T) {
	c := webtest.New(t).As("editor")
	c.Changes.ChangeView = webtest.DraftView()
	a := c.Post("/changes/12/edit", "version", "3", "title", "Office", "reason", "Moved", "then", "submit")
	if a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/changes/12" {
		t.Fatalf("answered %d to %q", a.Status, a.Header.Get("Location"))
	}
	want := []string{`edit 12@3 "Office" "Moved" 1`, "submit 12@4"}
	if d := cmp.Diff(want, c.Changes.Did); d != "" {
		t.Errorf("what was asked of the service (-want +got):\n%s", d)
	}
	c.Page("/changes/12").Contains("", "Submitted. Somebody else reviews it now.")
}

func TestChangeFormComesBackFilledIn(t *testing.T) {
	c := webtest.New(t).As("editor")
	c.Changes.ChangeView = webtest.DraftView()
	c.Changes.Refuse = access.Invalid("reason", "say why the change is needed")
	p := c.Parse(c.Post("/changes/12/edit", "version", "3", "title", "Kept as typed", "reason", "", "then", "submit"), http.StatusUnprocessableEntity)
	if got := webtest.Attr(p.ID("title"), "value"); got != "Kept as typed" {
		t.Errorf("the title came back as %q", got)
	}
	reason := p.ID("reason")
	if webtest.Attr(reason, "aria-invalid") != "true" || !strings.Contains(webtest.Attr(reason, "aria-describedby"), "reason-problem") {
		t.Error("the field that is wrong is not marked")
	}
	p.Contains("reason-problem", "Say why the change is needed")
	p.Contains("problems", "Say why the change is needed")
}

func TestReviewIsBoundToTheDigestOfThePage(t *testing.T) {
	c := webtest.New(t).As("approver")
	c.Changes.ChangeView = webtest.ViewInReview()
	p := c.Page("/changes/12")
	form := p.Form("/changes/12/review")
	if form == nil {
		t.Fatal("the page has no form to review the change")
	}
	if p.Form("/changes/12/edit") != nil {
		t.Error("an approver is offered the form of the title")
	}
	var digest string
	for n := range form.Descendants() {
		if webtest.Attr(n, "name") == "digest" {
			digest = webtest.Attr(n, "value")
		}
	}
	if a := c.Post("/changes/12/review", "digest", digest, "verdict", "approve", "comment", "fine"); a.Status != http.StatusSeeOther {
		t.Fatalf("answered %d", a.Status)
	}
	want := []string{"approve 12 " + c.Changes.ChangeView.Digest + ` "fine"`}
	if d := cmp.Diff(want, c.Changes.Did); d != "" {
		t.Errorf("what was asked of the service (-want +got):\n%s", d)
	}
}

func TestReviewRefusedKeepsTheComment(t *testing.T) {
	c := webtest.New(t).As("approver")
	c.Changes.ChangeView = webtest.ViewInReview()
	c.Changes.Refuse = access.Errorf(access.KindConflict, "The change is no longer what you were looking at.")
	p := c.Parse(c.Post("/changes/12/review", "digest", "old", "verdict", "reject", "comment", "Too wide."), http.StatusConflict)
	p.Contains("comment", "Too wide.")
	p.Contains("problems", "no longer what you were looking at")
}

func TestChangePageSaysWhyNot(t *testing.T) {
	c := webtest.New(t).As("editor")
	c.Changes.ChangeView = webtest.ViewInReview()
	c.Changes.ChangeView.Permissions.Review = access.Errorf(access.KindForbidden, "You wrote or edited this change, so somebody else has to review it.")
	p := c.Page("/changes/12")
	p.Contains("decision", "somebody else has to review it")
	if p.Form("/changes/12/review") != nil {
		t.Error("the author is offered to review")
	}
}

func TestApplyLeadsToTheRollout(t *testing.T) {
	c := webtest.New(t).As("operator")
	c.Changes.ChangeView = webtest.ViewInReview()
	a := c.Post("/changes/12/apply", "digest", "d1")
	if a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/rollouts/31" {
		t.Errorf("answered %d to %q", a.Status, a.Header.Get("Location"))
	}
	if d := cmp.Diff([]string{"apply 12 d1"}, c.Changes.Did); d != "" {
		t.Errorf("what was asked of the service (-want +got):\n%s", d)
	}
}

func TestTakeBackAnApproval(t *testing.T) {
	c := webtest.New(t).As("approver")
	c.Changes.ChangeView = webtest.ViewInReview()
	c.Changes.ChangeView.Reviews = []access.Review{{
		Reviewer: access.PersonRef{ID: 3, Name: "Arno Approver"}, Verdict: access.VerdictApprove, Digest: c.Changes.ChangeView.Digest,
		At: webtest.Noon,
	}}
	p := c.Page("/changes/12")
	p.Contains("reviews", "the approval expires", webtest.Noon.Add(access.DefaultApprovalsValidFor).Format("2 Jan 2006"))
	p.Contains("decision", "Take back my approval")
	if a := c.Post("/changes/12/withdraw-review"); a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/changes/12" {
		t.Errorf("answered %d to %q", a.Status, a.Header.Get("Location"))
	}
	if d := cmp.Diff([]string{"withdraw review of 12"}, c.Changes.Did); d != "" {
		t.Errorf("calls of the service (-want +got):\n%s", d)
	}
	c.Changes.ChangeView.Permissions.WithdrawReview = access.Errorf(access.KindConflict, "You have no approval.")
	c.Changes.ChangeView.Reviews[0].Void, c.Changes.ChangeView.Reviews[0].Because = true, access.VoidTakenBack
	p = c.Page("/changes/12")
	p.Contains("reviews", "Void approval", "the reviewer took the approval back")
	if p.Form("/changes/12/withdraw-review") != nil {
		t.Error("a person without an approval is offered to take one back")
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
		{"editor", "/rollouts/3/override-window"},
		{"approver", "/rollouts/3/recheck"},
		{"editor", "/rollouts/3/abort"},
		{"viewer", "/accounts/sync"},
	} {
		t.Run(tc.who+tc.path, func(t *testing.T) {
			c := webtest.New(t).As(tc.who)
			c.Changes.ChangeView = webtest.DraftView()
			if a := c.Post(tc.path, "digest", "d", "version", "3", "index", "0"); a.Status != http.StatusForbidden {
				t.Errorf("answered %d, want 403", a.Status)
			}
			if len(c.Changes.Did)+len(c.Rollouts.Did)+c.Organization.Synced > 0 {
				t.Errorf("the service was asked: %v %v", c.Changes.Did, c.Rollouts.Did)
			}
		})
	}
}

func TestChangeListTabsAndMine(t *testing.T) {
	c := webtest.New(t).As("editor")
	c.Changes.Listed = access.Page[access.Change]{Items: []access.Change{webtest.DraftView().Change}, Next: "n+1", Total: -1}
	p := c.Page("/changes?tab=applied&mine=1&q=office")
	if d := cmp.Diff([]access.ChangeState{access.ChangeApplied}, c.Changes.Query.States); d != "" {
		t.Errorf("states asked for (-want +got):\n%s", d)
	}
	if c.Changes.Query.Author != 2 || c.Changes.Query.Search != "office" {
		t.Errorf("asked for %+v", c.Changes.Query)
	}
	p.Contains("change-rows", "#12", "New office <b>", "Draft", "Edda Editor")
	if !strings.Contains(webtest.Attr(p.ID("change-rows-pager").LastChild, "href"), "cursor=n%2B1") {
		t.Error("the pager does not carry the cursor on")
	}
}

func TestUnknownChangeIsNotFound(t *testing.T) {
	c := webtest.New(t).As("viewer")
	for _, path := range []string{"/changes/99", "/changes/x", "/changes/-1", "/rollouts/99", "/accounts/999999999999"} {
		if a := c.Get(path); a.Status != http.StatusNotFound {
			t.Errorf("%s answered %d, want 404: %s", path, a.Status, a.Body)
		}
	}
}

func TestResolvedIssuesAreOnThePageOfTheChange(t *testing.T) {
	c := webtest.New(t).As("viewer")
	c.Changes.ChangeView = webtest.ViewInReview()
	if c.Page("/changes/12").ID("cleared") != nil {
		t.Error("a change that clears nothing says that it does")
	}
	c.Changes.ChangeView.Cleared = []policy.Issue{
		{Code: policy.CodeWholeInternet, Severity: policy.SeverityWarning, Object: "allowlist <b>office", Message: "0.0.0.0/0 admits the whole internet", Advice: "remove it"},
		{Code: policy.CodeNoMFA, Severity: policy.SeverityWarning, Object: "mapping Bob", Message: "Bob needs no MFA"},
	}
	p := c.Page("/changes/12")
	p.Contains("main", "This change clears 2 warnings")
	p.Contains("cleared", "<b>office", "Bob needs no MFA")
	if strings.Contains(p.Text("cleared"), "Remove it") {
		t.Error("advice is given for what is gone")
	}
}

func TestAnEditSaysThatReviewsAreVoid(t *testing.T) {
	c := webtest.New(t).As("editor")
	c.Changes.ChangeView, c.Changes.Desired.Allowlists = webtest.DraftView(), []access.AllowlistRow{{ID: "al-1", Name: "office"}}
	for voided, want := range map[int]string{1: "The review that the change had is void.", 2: "The 2 reviews that the change had are void."} {
		c.Changes.Voided = voided
		for path, fields := range map[string][]string{
			"/changes/12/edit":    {"version", "3", "title", "A title", "reason", "A reason"},
			"/changes/12/drop":    {"version", "3", "index", "0"},
			"/changes/12/entries": {"allowlist", "office", "lines", "9.9.9.9"},
		} {
			if a := c.Post(path, fields...); a.Status != http.StatusSeeOther {
				t.Fatalf("%s: status %d", path, a.Status)
			}
			if said := c.Page("/changes/12").Text(""); !strings.Contains(said, want) {
				t.Errorf("after %s the page does not say %q", path, want)
			}
		}
	}
}

// TestReviewSaysWhichRevisionWasSeen and whether the change was rebased since.
func TestReviewSaysWhichRevisionWasSeen(t *testing.T) {
	c := webtest.New(t).As("approver")
	c.Changes.ChangeView = webtest.ViewInReview()
	c.Changes.ChangeView.Base, c.Changes.ChangeView.Warnings = 9, strings.Repeat("cd", 32)
	c.Changes.ChangeView.Reviews = []access.Review{
		{Verdict: access.VerdictApprove, Base: 9},
		{Verdict: access.VerdictApprove, Base: 6},
		{Verdict: access.VerdictApprove, Base: 4, Void: true},
	}
	p := c.Page("/changes/12")
	p.Contains("reviews", "Approved at revision 9.", "Approved at revision 6; rebased to 9 without a difference.",
		"The reviewer saw revision 4.")
	got := map[string]string{}
	for n := range p.Form("/changes/12/review").Descendants() {
		got[webtest.Attr(n, "name")] = webtest.Attr(n, "value")
	}
	if got["base"] != "9" || got["warnings"] != c.Changes.ChangeView.Warnings {
		t.Errorf("the form sends base %q and warnings %q, want those of the page", got["base"], got["warnings"])
	}
}

func TestRebaseSaysWhatBecomesOfReviews(t *testing.T) {
	for want, saved := range map[string]access.Change{
		"Rebased to revision 9 without a difference.": {State: access.ChangeApproved, Base: 9},
		"their reviews are void.":                     {State: access.ChangeDraft, Base: 9, Voided: 1},
		"Rebased. Look at it again, then submit it.":  {State: access.ChangeDraft, Base: 9},
	} {
		c := webtest.New(t).As("editor")
		c.Changes.ChangeView, c.Changes.Rebased = webtest.DraftView(), saved
		a := c.Post("/changes/12/rebase")
		if a.Status != http.StatusSeeOther {
			t.Fatalf("answered %d", a.Status)
		}
		if got := c.Page("/changes/12").Text(""); !strings.Contains(got, want) {
			t.Errorf("the page after the rebase does not say %q", want)
		}
	}
}

// TestDangersAreBadges: the page of a change, the list and the first page mark dangers and emergencies.
func TestDangersAreBadges(t *testing.T) {
	c := webtest.New(t).As("approver")
	v := webtest.ViewInReview()
	plain := v.Change
	v.Dangers, v.EmergencyUntil = access.Dangers(), time.Date(2027, 3, 2, 15, 4, 0, 0, time.UTC)
	marks := []string{"Emergency until 2 Mar 2027, 15:04 UTC"}
	for _, d := range access.Dangers() {
		if d.Name() == "" {
			t.Errorf("the danger %s has no name", d)
		}
		marks = append(marks, d.Name())
	}
	c.Changes.ChangeView, c.Changes.Listed = v, access.Page[access.Change]{Items: []access.Change{v.Change}, Total: 1}
	c.Changes.Desired.Overview = change.Overview{ForYou: []access.Change{v.Change}}
	for path, id := range map[string]string{"/changes/12": "main", "/changes": "change-rows", "/": "for-you"} {
		c.Page(path).Contains(id, marks...)
	}
	c.Changes.ChangeView.Change, c.Changes.Listed.Items = plain, []access.Change{plain}
	c.Changes.Desired.Overview.ForYou = []access.Change{plain}
	for path, id := range map[string]string{"/changes/12": "main", "/changes": "change-rows", "/": "for-you"} {
		text := c.Page(path).Text(id)
		for _, mark := range marks {
			if strings.Contains(text, mark) {
				t.Errorf("%s marks a change without dangers as %q", path, mark)
			}
		}
	}
}
