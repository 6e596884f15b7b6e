package web_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"portcullis/internal/access"
	"portcullis/internal/change"
)

func aFinding() access.Finding {
	return access.Finding{
		ID: 7, Account: "111122223333", AccountName: "payments", Kind: access.FindingDrift, Reason: access.ReasonEdited,
		Resource: access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}, Sentence: "Somebody edited <b>Bob</b>.", Advice: "Push the account again.",
		Live: `{"Version":"2012-10-17","Statement":[{"Sid":"PortcullisAllow"}]}`, Desired: `{"Version":"2012-10-17","Statement":[{"Sid":"PortcullisDeny"}]}`,
		FirstSeen: foundAt, LastSeen: foundAt.Add(time.Hour), Version: 1,
	}
}

var foundAt = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func TestFindingsAreListedFilteredAndEscaped(t *testing.T) {
	c := newConsole(t).as("viewer")
	c.organization.found = access.Page[access.Finding]{Items: []access.Finding{aFinding()}, Next: "more", Total: -1}
	c.get("/findings?kind=drift&state=acknowledged&account=111122223333&q=bob").says(t, http.StatusOK,
		"Somebody edited &lt;b&gt;Bob&lt;/b&gt;.", "payments", "/findings/7", "cursor=more", "!<b>Bob</b>", "!Scan every account")
	q := c.organization.asked
	if len(q.States) != 1 || q.States[0] != access.FindingAcknowledged || len(q.Kinds) != 1 || q.Kinds[0] != access.FindingDrift || q.Account != "111122223333" || q.Search != "bob" {
		t.Errorf("asked for %+v", q)
	}
	c.organization.found = access.Page[access.Finding]{Total: -1}
	c.get("/findings").says(t, http.StatusOK, "Everything is as desired")
	c.get("/findings?kind=nonsense").says(t, http.StatusOK, "Everything is as desired")
}

func TestFindingsThatSayTheSameAreOneLine(t *testing.T) {
	c := newConsole(t).as("viewer")
	same, one := aFinding(), aFinding()
	same.Sentence = "The vendor of 111122223333 gets in."
	c.organization.groups.Items = []access.FindingGroup{
		{Alike: "abc", Newest: same, Findings: 21, Accounts: 21, FirstSeen: foundAt, LastSeen: foundAt},
		{Alike: "def", Newest: one, Findings: 1, Accounts: 1, FirstSeen: foundAt, LastSeen: foundAt},
	}
	c.get("/findings?kind=drift").says(t, http.StatusOK, "The vendor of … gets in.", "in 21 accounts", "/findings?alike=abc&amp;kind=drift", "/findings/7", "payments")
	c.get("/findings?alike=abc").says(t, http.StatusOK, "Nothing like this was found")
	if c.organization.asked.Alike != "abc" {
		t.Errorf("asked for %+v", c.organization.asked)
	}
}

func TestFindingsAreAcknowledgedTogether(t *testing.T) {
	c := newConsole(t).as("viewer")
	c.organization.found.Items = []access.Finding{aFinding()}
	c.get("/findings?alike=abc").says(t, http.StatusOK, "Somebody edited", "!/findings/acknowledge")
	if a := c.post("/findings/acknowledge", "which", "all", "selection", "cafe", "reason", "x"); a.status != http.StatusForbidden {
		t.Errorf("a viewer acknowledges: %d", a.status)
	}
	c = newConsole(t).as("operator")
	c.organization.found.Items = []access.Finding{aFinding()}
	seen := "7:" + aFinding().Digest()
	c.get("/findings?alike=abc").says(t, http.StatusOK, `value="`+seen+`"`, `value="cafe"`, "Acknowledge the one that matches")
	c.post("/findings/acknowledge", "which", "all", "alike", "abc", "selection", "cafe", "reason", "the contract").to(t, "/findings")
	c.post("/findings/acknowledge", "which", "ticked", "finding", seen, "selection", "cafe", "reason", "the contract").to(t, "/findings")
	c.post("/findings/acknowledge", "which", "ticked", "alike", "abc", "reason", "the contract").says(t, http.StatusUnprocessableEntity, "Choose at least one finding.", "the contract")
	c.post("/findings/acknowledge", "which", "ticked", "alike", "abc", "finding", "7:other", "reason", "the contract").says(t, http.StatusConflict, "Finding 7: What was found looks different by now")
	want := fmt.Sprintf(`together map[] abc cafe "the contract", together map[7:%s]  cafe "the contract"`, aFinding().Digest())
	if did := strings.Join(c.organization.did[:2], ", "); did != want {
		t.Errorf("did %s, want %s", did, want)
	}
}

func TestAFindingShowsItsDiffAndWhatMayBeDone(t *testing.T) {
	c := newConsole(t).as("viewer")
	c.organization.found.Items = []access.Finding{aFinding()}
	c.get("/findings/7").says(t, http.StatusOK, "PortcullisAllow", "PortcullisDeny", "From live to desired", "!/findings/7/acknowledge", "!/findings/7/repair")
	c.get("/findings/8").says(t, http.StatusNotFound)

	c = newConsole(t).as("operator")
	c.organization.found.Items = []access.Finding{aFinding()}
	c.get("/findings/7").says(t, http.StatusOK, "/findings/7/acknowledge", "/findings/7/repair", aFinding().Digest())
	c.post("/findings/7/acknowledge", "digest", aFinding().Digest(), "reason", "").says(t, http.StatusUnprocessableEntity, "Say why this may stay")
	c.post("/findings/7/acknowledge", "digest", "another", "reason", "the contract").says(t, http.StatusConflict, "looks different by now", "the contract")
	c.post("/findings/7/acknowledge", "digest", aFinding().Digest(), "reason", "the contract").to(t, "/findings/7")
	c.post("/findings/7/repair").to(t, "/rollouts/12")
	c.post("/findings/scan").to(t, "/findings")
	if did := strings.Join(c.organization.did, ", "); !strings.Contains(did, `acknowledge 7 "the contract", repair 7, scan`) {
		t.Errorf("did %s", did)
	}
	acknowledged := aFinding()
	acknowledged.Ack = &access.Acknowledgement{By: access.PersonRef{Name: "Opa"}, At: foundAt, Reason: "the contract"}
	c.organization.found.Items = []access.Finding{acknowledged}
	c.get("/findings/7").says(t, http.StatusOK, "the contract", "Opa", "/findings/7/reopen", "!/findings/7/acknowledge")
	c.post("/findings/7/reopen").to(t, "/findings/7")
}

// TestTheOverviewShowsWhatGoesOn: a rollout that goes on has a bar and one that is done has
// none, failures are not shown as good, and an account that cannot be read leads to why.
func TestTheOverviewShowsWhatGoesOn(t *testing.T) {
	c := newConsole(t).as("operator")
	c.changes.desired.overview = change.Overview{Totals: access.Totals{Unreadable: 1}}
	card := func(r access.Rollout) (page, []string) {
		c.rollouts.rollout = r
		p := c.page("/")
		var bars []string
		for n := range p.id("rollouts").Descendants() {
			if n.Data == "svg" && attr(n, "role") == "img" {
				bars = append(bars, attr(n, "aria-label"))
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
	p.contains("rollouts", "Revision 7, pushed again")
	for n := range p.id("rollouts").Descendants() {
		if attr(n, "data-state") != "" && strings.Contains(attr(n, "class"), "pc-good") {
			t.Error("a rollout with a failure is shown as good")
		}
	}
	p, _ = card(access.Rollout{ID: 5, Title: "Berlin", State: access.RolloutHalted, Note: "Halted: 11 failed, and at most 10 may."})
	p.contains("main", "The rollout “Berlin” has halted. Halted: 11 failed, and at most 10 may. See what went wrong, and decide")
	if !slices.ContainsFunc(p.all("a"), func(a *html.Node) bool { return attr(a, "href") == "/findings?kind=unreachable" }) {
		t.Error("an account that cannot be read does not lead to why")
	}
}

func TestTheOverviewCountsFindings(t *testing.T) {
	c := newConsole(t).as("viewer")
	c.organization.found.Items = []access.Finding{aFinding()}
	c.get("/").says(t, http.StatusOK, "Open findings", "1 document in AWS is not as desired", "/findings?kind=drift")
}
