package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/internal/iam"
	"portcullis.internal/portcullis/test/harness"
)

// narrowed is the network that the edit by hand leaves of an entry. A rollback that restores a wider one lets people in,
// so one person cannot start it.
const narrowed = "103.15.250.128/25"

const completed = `document.querySelector("#rollout-status").innerText.toLowerCase().includes("completed")`

// TestRolloutInWaves approves a wave of a rollout, overwrites an edit by hand that was made
// meanwhile, and rolls the rollout back, all of it in the browser.
func TestRolloutInWaves(t *testing.T) {
	t.Parallel()
	c := harness.Demo(t, "--accounts", "8")
	crew := harness.DemoCrew(c)
	viewer := c.API(harness.DemoPerson("viewer"))
	viewer.WaitForRollout("1", time.Minute) // the sample data
	const newStrategy = "/settings/strategies/new"
	strategy := crew.SignIn(harness.DemoPerson("editor")).Get(newStrategy).Form(newStrategy)
	strategy.Fill("name", "Canaries first").Fill("default", "yes").Fill("waves/0/name", "Canaries")
	strategy.Fill("waves/0/selects", "count").Fill("waves/0/accounts", "2").Fill("waves/0/requires_approval", "yes")
	crew.Decide(
		strategy.Submit().Want(http.StatusOK, "Canaries (The first 2 accounts): requires approval"),
		"Canaries first",
	)
	before := statesOf(c.Sandbox)
	rollout := crew.Decide(crew.AddEntries("office", "52.94.10.0/24 west wing"), "Open the west wing")

	b := openTab(t, c)
	b.signIn(crew.Operator)
	awaitingApproval(b, rollout)
	edited := last(t, viewer, rollout)
	theirs := strings.ReplaceAll(c.Sandbox.State(edited.Account).Roles["Bob"], "103.15.250.0/24", narrowed)
	if theirs == c.Sandbox.State(edited.Account).Roles["Bob"] {
		t.Fatalf("nothing to edit in %s", theirs)
	}
	c.Sandbox.EditByHand(edited.Account, "Bob", theirs)
	b.press("Approve wave 1")
	b.eventually(time.Minute, "the page says that the rollout is completed", completed)
	overwrite(b, rollout, edited)
	if got := c.Sandbox.State(edited.Account).Roles["Bob"]; strings.Contains(got, narrowed) || !strings.Contains(got, "52.94.10.0/24") {
		t.Errorf("the edit was not overwritten: %s", got)
	}
	rollBack(b)
	restored(t, before, statesOf(c.Sandbox), edited.Account)
}

// awaitingApproval waits until the page, which is not loaded again, says that the first wave
// awaits approval, and that no later wave was written.
func awaitingApproval(b *tab, rollout string) {
	b.t.Helper()
	b.open("/rollouts/" + rollout)
	b.eventually(time.Minute, "the page offers to approve the wave", `document.querySelector("#rollout-actions").innerText.includes("Approve wave 1")`)
	b.eventually(10*time.Second, "the first wave awaits approval", `!!document.querySelector("#waves [data-wave-state=awaiting_approval]")`)
	b.want("Wave 1 of 2", "The next wave starts when an operator approves wave 1", "Canaries", "2 of 2 accounts done")
	for _, target := range b.c.API(harness.DemoPerson("viewer")).Targets(rollout)[2:] {
		if target.State != "waiting" {
			b.t.Errorf("account %s is %s before the wave was approved", target.Account, target.State)
		}
	}
	b.silent()
	b.look("rollout-approval")
}

// last is the last target of a rollout that can be reached.
func last(t *testing.T, viewer *harness.API, rollout string) harness.Target {
	t.Helper()
	targets := viewer.Targets(rollout)
	for i := len(targets) - 1; i >= 0; i-- {
		if targets[i].State == "waiting" {
			return targets[i]
		}
	}
	t.Fatalf("no account of rollout %s waits", rollout)
	return harness.Target{}
}

// overwrite follows what went wrong to the account, looks at the documents there, and
// has the edit overwritten.
func overwrite(b *tab, rollout string, edited harness.Target) {
	b.t.Helper()
	b.eventually(10*time.Second, "the page tells of the conflict", `document.querySelector("#rollout-failures").innerText.includes("somebody else has edited role Bob")`)
	b.look("rollout-conflict")
	b.press("See the account")
	b.want("Only conflict, where somebody else has edited role Bob")
	b.open("/rollouts/" + rollout + "/targets/" + string(edited.Account))
	b.want("What somebody has edited", narrowed, "What overwriting would change", "52.94.10.0/24")
	b.look("conflict")
	eval[bool](b, `document.querySelector("input[type=radio][value=overwrite]").click(), true`)
	b.press("Do what I have chosen")
	b.want("Decided")
	b.open("/rollouts/" + rollout)
	b.eventually(time.Minute, "the page says that the rollout is completed", completed)
	b.eventually(10*time.Second, "nothing is wrong any more", `document.querySelector("#rollout-failures").innerText.trim() === ""`)
	b.silent()
}

func rollBack(b *tab) {
	b.t.Helper()
	eval[bool](b, `document.querySelector("form[action$=rollback]").closest("details").open = true`)
	b.fill("#rollback-reason", "The west wing is not ready.")
	b.press("Roll the rollout back")
	b.eventually(time.Minute, "the page says that it is rolled back", `document.querySelector("#rollout-status").innerText.toLowerCase().includes("rolled back")`)
	b.want("The west wing is not ready.")
	b.silent()
	b.look("rolled-back")
}

// restored checks that what the rollout wrote is as it was before. In the account that
// somebody had edited, that is the edit.
func restored(t *testing.T, before, after map[access.AccountID]sandbox.AccountState, edited access.AccountID) {
	t.Helper()
	for id, was := range before {
		for role, document := range was.Roles {
			if id == edited && role == "Bob" {
				if got := after[id].Roles[role]; !strings.Contains(got, narrowed) {
					t.Errorf("account %s: %s was not put back as somebody had edited it: %s", id, role, got)
				}
				continue
			}
			if got := after[id].Roles[role]; !iam.Equal(got, document, nil) {
				t.Errorf("account %s: %s is\n%s\nwant it as before\n%s", id, role, got, document)
			}
		}
	}
}
