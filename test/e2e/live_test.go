package e2e

import (
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/test/harness"
)

// TestLivePageOutlivesServer kills the server while somebody watches a rollout. When it is back, the
// page goes on by itself, and says in the end that all is done.
func TestLivePageOutlivesServer(t *testing.T) {
	t.Parallel()
	db, box := harness.NewDatabase(t), harness.StartSandbox(t, 24)
	crew := harness.NewCrew(harness.Serve(t, db, box.Env()...), db)
	crew.API(crew.Editor).WaitForInventories(time.Minute)
	crew.AddAllowlist("office", "103.15.250.0/24 office")
	box.SetFaults(sandbox.Fault{Latency: sandbox.Duration(200 * time.Millisecond)})
	written := box.Writes()
	rollout := crew.Decide(crew.AddMapping(harness.Mapping{Role: "Bob", Users: "alice\nbob", Allowlists: []string{"office"}, Except: "Root/Suspended\nRoot/Workloads/Acquired"}), "Bob for two")

	b := openTab(t, crew.Console)
	b.signIn(crew.Operator)
	b.open("/rollouts/" + rollout)
	eval[bool](b, "window.neverLoadedAgain = true")
	harness.Eventually(t, time.Minute, "some writes take effect", func() (bool, string) { return box.Writes() > written+3, "" })
	crew.Kill()
	b.silent("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE", "[object Event]")
	crew.Console = crew.Again()
	b.eventually(2*time.Minute, "the page says that the rollout is completed", `document.querySelector("#rollout-status").innerText.toLowerCase().includes("completed") && window.neverLoadedAgain`)
	b.silent("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE", "[object Event]")
	if r, err := crew.API(crew.Editor).Rollout(rollout); err != nil || r.Counts["succeeded"] != r.Targets {
		t.Errorf("the rollout ended with %v (%v)", r.Counts, err)
	}
}
