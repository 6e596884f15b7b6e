package pages_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/web/webtest"
)

func aFinding() access.Finding {
	return access.Finding{
		ID: 7, Account: "111122223333", AccountName: "payments", Kind: access.FindingDrift, Reason: access.ReasonEdited,
		Resource: access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}, Sentence: "Somebody edited <b>Bob</b>.", Advice: "Push the account again.",
		Live: `{"Version":"2012-10-17","Statement":[{"Sid":"PortcullisAllow"}]}`, Desired: `{"Version":"2012-10-17","Statement":[{"Sid":"PortcullisDeny"}]}`,
		FirstSeen: webtest.FoundAt, LastSeen: webtest.FoundAt.Add(time.Hour), Version: 1,
	}
}

func TestFindingsAreListedFilteredAndEscaped(t *testing.T) {
	c := webtest.New(t).As("viewer")
	c.Organization.Found = access.Page[access.Finding]{Items: []access.Finding{aFinding()}, Next: "more", Total: -1}
	c.Get("/findings?kind=drift&state=acknowledged&account=111122223333&q=bob").Says(t, http.StatusOK,
		"Somebody edited &lt;b&gt;Bob&lt;/b&gt;.", "payments", "/findings/7", "cursor=more", "!<b>Bob</b>", "!Scan every account")
	q := c.Organization.Asked
	if len(q.States) != 1 || q.States[0] != access.FindingAcknowledged || len(q.Kinds) != 1 || q.Kinds[0] != access.FindingDrift || q.Account != "111122223333" || q.Search != "bob" {
		t.Errorf("asked for %+v", q)
	}
	c.Organization.Found = access.Page[access.Finding]{Total: -1}
	c.Get("/findings").Says(t, http.StatusOK, "Everything is as desired")
	c.Get("/findings?kind=nonsense").Says(t, http.StatusOK, "Everything is as desired")
}

func TestFindingsThatSayTheSameAreOneLine(t *testing.T) {
	c := webtest.New(t).As("viewer")
	same, one := aFinding(), aFinding()
	same.Sentence = "The vendor of 111122223333 gets in."
	c.Organization.Groups.Items = []access.FindingGroup{
		{Group: "abc", Newest: same, Findings: 21, Accounts: 21, FirstSeen: webtest.FoundAt, LastSeen: webtest.FoundAt},
		{Group: "def", Newest: one, Findings: 1, Accounts: 1, FirstSeen: webtest.FoundAt, LastSeen: webtest.FoundAt},
	}
	c.Get("/findings?kind=drift").Says(t, http.StatusOK, "The vendor of … gets in.", "in 21 accounts", "/findings?group=abc&amp;kind=drift", "/findings/7", "payments")
	c.Get("/findings?group=abc").Says(t, http.StatusOK, "Nothing like this was found")
	if c.Organization.Asked.Group != "abc" {
		t.Errorf("asked for %+v", c.Organization.Asked)
	}
}

func TestFindingsAreAcknowledgedTogether(t *testing.T) {
	c := webtest.New(t).As("viewer")
	c.Organization.Found.Items = []access.Finding{aFinding()}
	c.Get("/findings?group=abc").Says(t, http.StatusOK, "Somebody edited", "!/findings/acknowledge")
	if a := c.Post("/findings/acknowledge", "which", "all", "selection", "cafe", "reason", "x"); a.Status != http.StatusForbidden {
		t.Errorf("a viewer acknowledges: %d", a.Status)
	}
	c = webtest.New(t).As("operator")
	c.Organization.Found.Items = []access.Finding{aFinding()}
	seen := "7:" + aFinding().Digest()
	c.Get("/findings?group=abc").Says(t, http.StatusOK, `value="`+seen+`"`, `value="cafe"`, "Acknowledge the one that matches")
	c.Post("/findings/acknowledge", "which", "all", "group", "abc", "selection", "cafe", "reason", "the contract").LeadsTo(t, "/findings")
	c.Post("/findings/acknowledge", "which", "ticked", "finding", seen, "selection", "cafe", "reason", "the contract").LeadsTo(t, "/findings")
	c.Post("/findings/acknowledge", "which", "ticked", "group", "abc", "reason", "the contract").Says(t, http.StatusUnprocessableEntity, "Choose at least one finding.", "the contract")
	c.Post("/findings/acknowledge", "which", "ticked", "group", "abc", "finding", "7:other", "reason", "the contract").Says(t, http.StatusConflict, "Finding 7: What was found looks different by now")
	want := fmt.Sprintf(`together map[] abc cafe "the contract", together map[7:%s]  cafe "the contract"`, aFinding().Digest())
	if did := strings.Join(c.Organization.Did[:2], ", "); did != want {
		t.Errorf("did %s, want %s", did, want)
	}
}

func TestAFindingShowsItsDiffAndWhatMayBeDone(t *testing.T) {
	c := webtest.New(t).As("viewer")
	c.Organization.Found.Items = []access.Finding{aFinding()}
	c.Get("/findings/7").Says(t, http.StatusOK, "PortcullisAllow", "PortcullisDeny", "From live to desired", "!/findings/7/acknowledge", "!/findings/7/repair")
	c.Get("/findings/8").Says(t, http.StatusNotFound)

	c = webtest.New(t).As("operator")
	c.Organization.Found.Items = []access.Finding{aFinding()}
	c.Get("/findings/7").Says(t, http.StatusOK, "/findings/7/acknowledge", "/findings/7/repair", aFinding().Digest())
	c.Post("/findings/7/acknowledge", "digest", aFinding().Digest(), "reason", "").Says(t, http.StatusUnprocessableEntity, "Say why this may stay")
	c.Post("/findings/7/acknowledge", "digest", "another", "reason", "the contract").Says(t, http.StatusConflict, "looks different by now", "the contract")
	c.Post("/findings/7/acknowledge", "digest", aFinding().Digest(), "reason", "the contract").LeadsTo(t, "/findings/7")
	c.Post("/findings/7/repair").LeadsTo(t, "/rollouts/12")
	c.Post("/findings/scan").LeadsTo(t, "/findings")
	if did := strings.Join(c.Organization.Did, ", "); !strings.Contains(did, `acknowledge 7 "the contract", repair 7, scan`) {
		t.Errorf("did %s", did)
	}
	acknowledged := aFinding()
	acknowledged.Ack = &access.Acknowledgement{By: access.PersonRef{Name: "Opa"}, At: webtest.FoundAt, Reason: "the contract"}
	c.Organization.Found.Items = []access.Finding{acknowledged}
	c.Get("/findings/7").Says(t, http.StatusOK, "the contract", "Opa", "/findings/7/reopen", "!/findings/7/acknowledge")
	c.Post("/findings/7/reopen").LeadsTo(t, "/findings/7")
}

// TestTheOverviewShowsWhatGoesOn: a rollout that goes on has a bar and one that is done has
// none, failures are not shown as good, and an account that cannot be read leads to why.
func TestTheOverviewShowsWhatGoesOn(t *testing.T) {
	c := webtest.New(t).As("operator")
	c.Changes.Desired.Overview = change.Overview{Totals: access.Totals{Unreadable: 1}}
	card := func(r access.Rollout) (webtest.Page, []string) {
		c.Rollouts.Shown = r
		p := c.Page("/")
		var bars []string
		for n := range p.ID("rollouts").Descendants() {
			if n.Data == "svg" && webtest.Attr(n, "role") == "img" {
				bars = append(bars, webtest.Attr(n, "aria-label"))
			}
		}
		return p, bars
	}
	_, bars := card(access.Rollout{ID: 4, Title: "Going on", State: access.RolloutRunning, Counts: access.TargetCounts{Waiting: 30, Running: 10, Succeeded: 60}})
	if want := []string{"60 of 100 accounts done, 10 in flight."}; !slices.Equal(bars, want) {
		t.Errorf("bars %q of a rollout that goes on, want %q", bars, want)
	}
	p, bars := card(access.Rollout{ID: 3, Revision: 7, State: access.RolloutCompleted, Counts: access.TargetCounts{Succeeded: 99, Failed: 1}})
	if len(bars) > 0 {
		t.Errorf("bars %q of a rollout that is done", bars)
	}
	p.Contains("rollouts", "Revision 7, pushed again")
	for n := range p.ID("rollouts").Descendants() {
		if webtest.Attr(n, "data-state") != "" && strings.Contains(webtest.Attr(n, "class"), "pc-good") {
			t.Error("a rollout with a failure is shown as good")
		}
	}
	p, _ = card(access.Rollout{ID: 5, Title: "Berlin", State: access.RolloutHalted, Note: "Halted: 11 failed, and at most 10 may."})
	p.Contains("main", "The rollout “Berlin” has halted. Halted: 11 failed, and at most 10 may. See what went wrong, and decide")
	if !slices.ContainsFunc(p.All("a"), func(a *html.Node) bool { return webtest.Attr(a, "href") == "/findings?kind=unreachable" }) {
		t.Error("an account that cannot be read does not lead to why")
	}
}

func TestTheOverviewCountsFindings(t *testing.T) {
	c := webtest.New(t).As("viewer")
	c.Organization.Found.Items = []access.Finding{aFinding()}
	c.Get("/").Says(t, http.StatusOK, "Open findings", "1 document in AWS is not as desired", "/findings?kind=drift")
}
