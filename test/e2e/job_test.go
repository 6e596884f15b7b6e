package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/test/harness"
)

// pasted are the lines that the editor pastes: a network, one with a note of several
// words, and IPv6.
const pasted = "12.148.80.0/22   new data centre, hall B\n198.41.128.0/24  office Lisbon\n2a0c:9a40:77::/48"

// TestMainJob is the whole job as three people do it: edit an allowlist, have it
// reviewed by somebody else, push it to every account, and see that it holds.
func TestMainJob(t *testing.T) {
	c := harness.Demo(t)
	api := c.API(harness.DemoPerson("viewer"))
	api.WaitForRollout("1", time.Minute) // the sample data
	before := statesOf(c.Sandbox)
	account := bobsAccount(t, before)
	refused(t, c.Sandbox, account, "12.148.80.9")

	editor := openTab(t, c)
	change := compose(editor)
	submit(editor, change)
	cannotReview(editor, change)
	approve(t, c, change)
	rollout := applyAndWatch(t, c, change)

	if err := c.Sandbox.Assume(t, account, "alice", "Bob", "12.148.80.9"); err != nil {
		t.Errorf("alice from the new range: %v, want to be let in", err)
	}
	refused(t, c.Sandbox, account, "8.8.8.8")
	refused(t, c.Sandbox, account, "12.148.84.0") // the first address behind the range
	foreignUntouched(t, before, statesOf(c.Sandbox))
	pushAgain(t, c, rollout)
}

// compose pastes entries into the allowlist and returns the path of the draft.
func compose(b *tab) string {
	b.t.Helper()
	b.signIn(harness.DemoPerson("editor"))
	b.press("Allowlists")
	b.press("office")
	b.fill("#lines", pasted)
	b.accessible()
	b.press("Add to draft")
	change := b.path()
	if !strings.HasPrefix(change, "/changes/") {
		b.t.Fatalf("the paste leads to %s", b.where())
	}
	b.want("12.148.80.0/22", "new data centre, hall B", "198.41.128.0/24", "2a0c:9a40:77::/48", "3 added")
	b.want("What it means for people", "People", "Roles", "Accounts", "Documents", "alice")
	b.want("1,280 addresses") // 4 × 256 and 256 of IPv4, whatever IPv6 adds
	b.want("Trust policy of Bob", "Trust policy of ReadOnly")
	for _, line := range []string{"12.148.80.0/22", "198.41.128.0/24"} {
		if !eval[bool](b, fmt.Sprintf(`[...document.querySelectorAll("#documents ins, #documents .pc-added, #documents [class*=add]")].some(e => e.textContent.includes(%q))`, line)) {
			b.t.Errorf("no document shows %s as added; at %s", line, b.where())
		}
	}
	b.look("change-draft")
	return change
}

func submit(b *tab, change string) {
	b.t.Helper()
	b.fill("#title", "Open hall B of the data centre")
	b.fill("#reason", "NET-204: the racks are live on Monday.")
	b.press("Submit for review")
	if b.path() != change {
		b.t.Fatalf("submitting leads to %s", b.where())
	}
	b.want("Open hall B of the data centre", "NET-204")
}

// cannotReview checks that the author is not offered a review, and that the service
// refuses one that is sent all the same.
func cannotReview(b *tab, change string) {
	b.t.Helper()
	if b.has("Approve") {
		b.t.Errorf("the author is offered to approve; at %s", b.where())
	}
	digest := eval[string](b, `document.querySelector("[data-copy]")?.getAttribute("data-copy") || ""`)
	b.silent()
	status := eval[int](b, fmt.Sprintf(`fetch(%q, {method: "POST", body: new URLSearchParams({verdict: "approve", digest: %q})}).then(r => r.status)`, change+"/review", digest))
	if status != http.StatusForbidden {
		b.t.Errorf("the author's own review is answered with %d, want %d", status, http.StatusForbidden)
	}
	b.silent("403")
	b.open(change)
	b.want("In review")
}

func approve(t *testing.T, c *harness.Console, change string) {
	t.Helper()
	b := openTab(t, c)
	b.signIn(harness.DemoPerson("approver"))
	b.open(change)
	b.want("12.148.80.0/22", "Open hall B of the data centre", "NET-204")
	b.look("change-review")
	b.fill("#comment", "Looks right: hall B has these from the registry.")
	b.press("Approve")
	b.want("Approved")
	b.silent()
}

// applyAndWatch applies the change and looks at the rollout's page without ever loading
// it again, until it says that all is done.
func applyAndWatch(t *testing.T, c *harness.Console, change string) (rollout string) {
	t.Helper()
	c.Sandbox.SetFaults(sandbox.Fault{Latency: sandbox.Duration(250 * time.Millisecond)})
	defer c.Sandbox.SetFaults()
	b := openTab(t, c)
	b.signIn(harness.DemoPerson("operator"))
	b.open(change)
	b.press("Apply")
	rollout = b.path()
	if !strings.HasPrefix(rollout, "/rollouts/") {
		t.Fatalf("applying leads to %s", b.where())
	}
	eval[bool](b, `window.progressSeen = new Set(), new MutationObserver(() => {
		const bar = document.querySelector("#rollout-status .pc-shares"); if (bar) progressSeen.add(bar.getAttribute("aria-label"))
	}).observe(document.body, {subtree: true, childList: true, attributes: true}), true`)
	b.eventually(time.Minute, "the page says that the rollout is completed", `document.querySelector("#rollout-status").innerText.toLowerCase().includes("completed")`)
	b.eventually(10*time.Second, "every row is done", `[...document.querySelectorAll("#target-rows tr")].every(r => !/waiting|running/i.test(r.innerText))`)
	if seen := eval[int](b, "progressSeen.size"); seen < 3 {
		t.Errorf("the progress was seen at %d places, want several: it has to move without the page being loaded again", seen)
	}
	b.want("Succeeded")
	b.silent()
	b.look("rollout")
	return strings.TrimPrefix(rollout, "/rollouts/")
}

// pushAgain has the same state pushed once more: unchanged everywhere, and not a single
// write by the sandbox's own record.
func pushAgain(t *testing.T, c *harness.Console, first string) {
	t.Helper()
	written := c.Sandbox.Writes()
	b := openTab(t, c)
	b.signIn(harness.DemoPerson("operator"))
	b.open("/rollouts")
	b.look("rollouts")
	b.press("Push")
	rollout := strings.TrimPrefix(b.path(), "/rollouts/")
	if rollout == first {
		t.Fatalf("pushing again leads to the rollout of before; at %s", b.where())
	}
	b.eventually(time.Minute, "the page says that the rollout is completed", `document.querySelector("#rollout-status").innerText.toLowerCase().includes("completed")`)
	b.silent()
	r, err := c.API(harness.DemoPerson("viewer")).Rollout(rollout)
	if err != nil {
		t.Fatal(err)
	}
	if r.Targets == 0 || r.Counts["unchanged"] != r.Targets {
		t.Errorf("pushed again: %v of %d targets, want all unchanged", r.Counts, r.Targets)
	}
	if more := c.Sandbox.Writes() - written; more != 0 {
		t.Errorf("pushed again there were %d writes by the sandbox's record, want none", more)
	}
}

// statesOf is what every account of a sandbox holds.
func statesOf(s *harness.Sandbox) map[access.AccountID]sandbox.AccountState {
	states := map[access.AccountID]sandbox.AccountState{}
	for _, a := range s.Accounts() {
		if a.State == access.AccountActive {
			states[a.ID] = s.State(a.ID)
		}
	}
	return states
}

// bobsAccount is an account in which alice is mapped to the role Bob.
func bobsAccount(t *testing.T, states map[access.AccountID]sandbox.AccountState) access.AccountID {
	t.Helper()
	for id, s := range states {
		if s.Users["alice"][access.UserPolicyName] != "" && strings.Contains(s.Roles["Bob"], "Portcullis") {
			return id
		}
	}
	t.Fatal("alice can assume Bob in no account: the sample data has not been pushed")
	return ""
}

// refused checks over the wire that alice is not let in from an address.
func refused(t *testing.T, s *harness.Sandbox, account access.AccountID, from string) {
	t.Helper()
	if err := s.Assume(t, account, "alice", "Bob", from); err == nil || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("alice from %s: %v, want AccessDenied", from, err)
	}
}

func foreignUntouched(t *testing.T, before, after map[access.AccountID]sandbox.AccountState) {
	t.Helper()
	roles := 0
	for id, state := range before {
		for role, was := range state.Roles {
			a, errA := iam.Foreign(was)
			b, errB := iam.Foreign(after[id].Roles[role])
			if errA != nil || errB != nil || !iam.Equal(a, b, nil) {
				t.Errorf("role %s of account %s: the statements of others were %s and are %s (%v, %v)", role, id, a, b, errA, errB)
			}
			roles++
		}
	}
	if roles < 50 {
		t.Errorf("only %d roles were compared", roles)
	}
}
