package pages_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/rollout"
	"portcullis.internal/portcullis/web"
	"portcullis.internal/portcullis/web/webtest"
)

func statements(network string) string {
	return `{"Version":"2012-10-17","Statement":[{"Sid":"Theirs","Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"},` +
		`{"Sid":"PortcullisDeny","Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Condition":{"NotIpAddress":{"aws:SourceIp":"` + network + `"}}}]}`
}

func conflict() access.Operation {
	op := access.Operation{ID: 4, State: access.OperationConflict, Message: "Somebody else has edited role Bob.", Found: statements("198.51.100.0/24")}
	op.Kind, op.Resource = access.OpTrustPolicy, access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}
	op.Before, op.After = statements("203.0.113.0/24"), statements("192.0.2.0/24")
	op.OursAfter = `[{"Sid":"PortcullisDeny","Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Condition":{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}]`
	return op
}

// threeWaves shows a rollout in three waves, the first of which awaits approval.
func threeWaves(c *webtest.Console) {
	r := webtest.RunningRollout()
	r.Wave, r.Waves, r.Phase, r.Later = 1, 3, access.PhaseAwaitingApproval, 2
	r.Counts = access.TargetCounts{Waiting: 2, Succeeded: 1, Failed: 14, Conflict: 1}
	c.Rollouts.Shown, c.Rollouts.TargetPage = r, webtest.ThreeTargets()
	c.Rollouts.InsightNow = rollout.Insight{
		Waves: []access.Wave{
			{Number: 1, Name: "Canaries", Targets: 16, State: access.WaveAwaitingApproval, RequiresApproval: true, Bake: 10 * time.Minute, MaxFailures: 20, BegunAt: webtest.Noon, Health: access.Health{Good: 4, Bad: 1}},
			{Number: 2, Name: "Half", Targets: 1, State: access.WaveWaiting, MaxFailures: access.NoFailures},
			{Number: 3, Name: "The rest", Targets: 1, State: access.WaveWaiting},
		},
		Failures: []access.FailureGroup{
			{State: access.TargetFailed, Class: access.CloudDenied, Code: "AccessDenied", Cause: "the deployment role lacks iam:UpdateAssumeRolePolicy", Advice: "Bring it to the template.", Targets: 14, OUs: []access.OUCount{{OU: "Root/Sandbox", Targets: 14}}},
			{State: access.TargetConflict, Cause: "somebody else has edited role Bob", Targets: 1, OUs: []access.OUCount{{OU: "Root/Prod", Targets: 1}}},
		},
		Samples: []access.ProgressSample{{At: webtest.Noon.Add(time.Minute), Ended: 8, Attempts: 10}, {At: webtest.Noon.Add(2 * time.Minute), Ended: 16, Failed: 15, Attempts: 30, Throttles: 10}},
	}
}

func TestRolloutPage(t *testing.T) {
	c := webtest.New(t).As("operator")
	c.Rollouts.Shown, c.Rollouts.TargetPage = webtest.RunningRollout(), webtest.ThreeTargets()
	p := c.Page("/rollouts/3?state=running")
	p.Contains("rollout-status", "Running", "1 of 3 accounts done, 1 in flight.", "At most 20 accounts at once")
	p.Contains("target-rows", "payments", "111122223333", "Succeeded", "Waits for its turn")
	if p.Form("/rollouts/3/pause") == nil || p.Form("/rollouts/3/abort") == nil {
		t.Error("a running rollout cannot be paused or aborted")
	}
	if p.Form("/rollouts/3/resume") != nil || p.Form("/rollouts/3/retry") != nil {
		t.Error("a running rollout without failures offers to be resumed or retried")
	}
	if d := cmp.Diff([]access.TargetState{access.TargetRunning}, c.Rollouts.Query.States); d != "" {
		t.Errorf("states asked for (-want +got):\n%s", d)
	}
}

func TestRolloutPageOffersNothingToAViewer(t *testing.T) {
	c := webtest.New(t).As("viewer")
	c.Rollouts.Shown, c.Rollouts.TargetPage = webtest.RunningRollout(), webtest.ThreeTargets()
	if got := c.Page("/rollouts/3").Text("rollout-actions"); got != "" {
		t.Errorf("a viewer is offered %q", got)
	}
}

func TestEndedRolloutHasASummaryAndNoStream(t *testing.T) {
	c := webtest.New(t).As("viewer")
	r := webtest.RunningRollout()
	r.State, r.EndedAt = access.RolloutCompleted, webtest.Noon.Add(90*time.Second)
	r.Counts = access.TargetCounts{Succeeded: 20, Unchanged: 3, Failed: 1}
	c.Rollouts.Shown, c.Rollouts.TargetPage = r, webtest.ThreeTargets()
	a := c.Get("/rollouts/3")
	c.Parse(a, http.StatusOK).Contains("rollout-status", "Completed", "20 accounts written and read back, 3 already as desired. 1 account not as desired: see below.", "1 min 30 s")
	if !strings.Contains(a.Body, `class="pc-badge pc-dot pc-caution" data-state="completed"`) {
		t.Error("a rollout that ended with a failure is shown as good")
	}
	if strings.Contains(a.Body, "sse-connect") {
		t.Error("the page of an ended rollout asks for events")
	}
}

func TestRolloutActions(t *testing.T) {
	c := webtest.New(t).As("operator")
	c.Rollouts.Shown, c.Rollouts.TargetPage = webtest.RunningRollout(), webtest.ThreeTargets()
	for _, action := range []string{"pause", "resume", "retry"} {
		if a := c.Post("/rollouts/3/" + action); a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/rollouts/3" {
			t.Errorf("%s answered %d to %q", action, a.Status, a.Header.Get("Location"))
		}
	}
	c.Post("/rollouts/3/abort", "reason", "wrong list")
	if d := cmp.Diff([]string{"pause 3", "resume 3", "retry 3", `abort 3 "wrong list"`}, c.Rollouts.Did); d != "" {
		t.Errorf("what was asked of the service (-want +got):\n%s", d)
	}
}

func TestMaintenanceWindowOverride(t *testing.T) {
	c := webtest.New(t).As("operator")
	c.Rollouts.Shown, c.Rollouts.TargetPage = webtest.RunningRollout(), webtest.ThreeTargets()
	if c.Page("/rollouts/3").Form("/rollouts/3/override-window") != nil {
		t.Error("the page offers to override the window of a rollout that does not wait for it")
	}
	r := webtest.RunningRollout()
	r.Phase, r.Wave, r.Waves = access.PhaseMaintenanceWindow, 1, 3
	c.Rollouts.Shown = r
	if c.Page("/rollouts/3").Form("/rollouts/3/override-window") == nil {
		t.Error("the page does not offer to override the maintenance window")
	}
	c.Post("/rollouts/3/override-window", "override-reason", "an office has moved", "all-waves", "yes")
	if d := cmp.Diff([]string{`override window 3 "an office has moved" true`}, c.Rollouts.Did); d != "" {
		t.Errorf("what was asked of the service (-want +got):\n%s", d)
	}
	r.Phase, r.WindowOverride = access.PhasePushing, access.WindowOverride{Wave: 1, By: "Opa", Reason: "an office has moved"}
	c.Rollouts.Shown = r
	c.Page("/rollouts/3").Contains("rollout-window-override", "until wave 1 is done", "Opa: an office has moved")
}

func TestBadHealthIsShownAndLookedAtAgain(t *testing.T) {
	c := webtest.New(t).As("operator")
	r := webtest.RunningRollout()
	r.State, r.Phase, r.Wave, r.Waves, r.ChecksBad = access.RolloutHalted, access.PhaseChecking, 2, 3, 1
	c.Rollouts.Shown, c.Rollouts.TargetPage = r, webtest.ThreeTargets()
	c.Rollouts.InsightNow.Bad = access.Page[access.Check]{Total: 1, Items: []access.Check{{RolloutID: 3, Wave: 2, Round: 2, Kind: access.CheckReadBack, Account: "111122223333", Message: "The role Bob is no longer what the rollout has left."}}}
	p := c.Page("/rollouts/3")
	p.Contains("bad-checks", "Bad health of wave 2", "looked at 2 times", "Read back", "no longer what the rollout has left", "111122223333")
	if p.Form("/rollouts/3/recheck") == nil || p.Form("/rollouts/3/resume") == nil {
		t.Error("a rollout that halted over its health is not offered to be checked again and to be resumed")
	}
	c.Post("/rollouts/3/recheck")
	if d := cmp.Diff([]string{"recheck 3"}, c.Rollouts.Did); d != "" {
		t.Errorf("what was asked of the service (-want +got):\n%s", d)
	}
}

func TestRolloutActionRefused(t *testing.T) {
	c := webtest.New(t).As("operator")
	c.Rollouts.Shown, c.Rollouts.TargetPage = webtest.RunningRollout(), webtest.ThreeTargets()
	c.Rollouts.Refuse = access.Errorf(access.KindConflict, "A rollout that is completed cannot be paused.")
	c.Parse(c.Post("/rollouts/3/pause"), http.StatusConflict).Contains("main", "A rollout that is completed cannot be paused.", "payments")
}

// A form of a rollout or of a target comes back as it was sent when the database is busy.
func TestRolloutActionKeepsWhatWasTyped(t *testing.T) {
	c := webtest.New(t).As("operator")
	c.Rollouts.Shown, c.Rollouts.TargetPage = webtest.RunningRollout(), webtest.ThreeTargets()
	c.Rollouts.TargetPage.Items = c.Rollouts.TargetPage.Items[2:] // one that waits
	c.Rollouts.Refuse = access.Errorf(access.KindUnavailable, "Other changes are being saved at this moment.")
	for _, tt := range []struct{ path, field, typed string }{
		{"/rollouts/3/abort", "reason", "wrong network"},
		{"/rollouts/3/max-in-flight", "max_in_flight", "7"},
		{"/rollouts/3/targets/111122225555/skip", "reason", "closed next week"},
	} {
		a := c.Post(tt.path, tt.field, tt.typed)
		if got := a.Header.Get("Retry-After"); got == "" {
			t.Errorf("%s: no Retry-After", tt.path)
		}
		p := c.Parse(a, http.StatusServiceUnavailable)
		p.Contains("main", "Other changes are being saved at this moment.")
		form := p.Form(tt.path)
		if form == nil || !strings.Contains(a.Body, `value="`+tt.typed+`"`) {
			t.Errorf("%s: %q is not in the form that comes back", tt.path, tt.typed)
		}
	}
}

func TestPushAgain(t *testing.T) {
	c := webtest.New(t).As("operator")
	c.Rollouts.Shown = webtest.RunningRollout()
	if c.Page("/rollouts").Form("/rollouts") == nil {
		t.Error("an operator is not offered to push again")
	}
	if a := c.Post("/rollouts"); a.Header.Get("Location") != "/rollouts/32" {
		t.Errorf("answered %d to %q", a.Status, a.Header.Get("Location"))
	}
}

func TestTargetPage(t *testing.T) {
	c := webtest.New(t).As("viewer")
	c.Rollouts.Shown, c.Rollouts.TargetPage = webtest.RunningRollout(), webtest.ThreeTargets()
	op := access.Operation{State: access.OperationWritten, LiveBefore: `{"Statement":[{"Sid":"Theirs"}]}`, Written: `{"Statement":[{"Sid":"Theirs"},{"Sid":"PortcullisDeny"}]}`}
	op.Kind, op.Resource = access.OpTrustPolicy, access.Resource{Kind: access.ResourceRole, Path: "/team-a/", Name: "Bob"}
	c.Rollouts.OperationList = []access.Operation{op}
	p := c.Page("/rollouts/3/targets/111122223333")
	p.Contains("main", "Trust policy of team-a/Bob", "Written", "PortcullisDeny", "Theirs")
	signs := 0
	for n := range p.Root.Descendants() {
		if webtest.Attr(n, "class") == "pc-sign" && n.FirstChild != nil && n.FirstChild.Data == "+" {
			signs++
		}
	}
	if signs == 0 {
		t.Error("the lines that come carry no + sign")
	}
}

func TestRolloutStreamFollowsTheRolloutToItsEnd(t *testing.T) {
	c := webtest.New(t).As("operator")
	c.Rollouts.Shown, c.Rollouts.TargetPage = webtest.RunningRollout(), webtest.ThreeTargets()
	stream := c.Watch("/rollouts/3/events")
	stream.Want("status", "1 of 3 accounts done")
	stream.Want("actions", "/rollouts/3/pause")
	stream.Want("failures")
	stream.Want("waves")
	stream.Want("chart")
	stream.Want("rows", `hx-swap-oob="true"`, "target-111122223333", "target-111122224444")

	paused := webtest.RunningRollout()
	paused.State = access.RolloutPaused
	c.Rollouts.Updates <- paused
	stream.Want("status", "Paused")
	stream.Want("actions", "/rollouts/3/resume")

	done := webtest.RunningRollout()
	done.State, done.Counts = access.RolloutCompleted, access.TargetCounts{Succeeded: 3}
	c.Rollouts.Updates <- done
	stream.Want("status", "3 accounts written and read back.")
	stream.Want("actions")
	stream.Want("end")
	if name, _ := stream.Next(); name != "" {
		t.Errorf("after the end came %q", name)
	}
}

func TestRolloutStreamOfAFilterSendsTheWholeTable(t *testing.T) {
	c := webtest.New(t).As("viewer")
	c.Rollouts.Shown, c.Rollouts.TargetPage = webtest.RunningRollout(), access.Page[access.Target]{}
	stream := c.Watch("/rollouts/3/events?state=failed")
	stream.Want("status")
	stream.Want("failures")
	stream.Want("waves")
	stream.Want("chart")
	stream.Want("table", "No account is failed now.")
}

// A button that stays is not replaced under somebody's hand.
func TestRolloutStreamLeavesButtonsThatThePageOffers(t *testing.T) {
	c := webtest.New(t).As("operator")
	c.Rollouts.Shown, c.Rollouts.TargetPage = webtest.RunningRollout(), webtest.ThreeTargets()
	offers := ""
	for n := range c.Page("/rollouts/3").Root.Descendants() {
		if events, err := url.Parse(webtest.Attr(n, "sse-connect")); err == nil && events.Path != "" {
			offers = events.RequestURI()
		}
	}
	stream := c.Watch(offers)
	stream.Want("status")
	stream.Want("failures")
}

func TestRolloutStreamNeedsSignIn(t *testing.T) {
	c := webtest.New(t)
	if a := c.Get("/rollouts/3/events"); a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Header.Get("Location"), "/signin") {
		t.Errorf("answered %d to %q", a.Status, a.Header.Get("Location"))
	}
}

// A stream is no way to go on reading for somebody who may not any more.
func TestAStreamEndsWithItsReader(t *testing.T) {
	for name, end := range map[string]func(*webtest.Console){
		"signed out":                  func(c *webtest.Console) { c.Post("/signout") },
		"signed out everywhere":       func(c *webtest.Console) { atomic.AddInt64(&c.Generation, 1) },
		"the token is revoked":        func(c *webtest.Console) { c.Revoked.Store(true) },
		"another is signed in by now": func(c *webtest.Console) { c.As("viewer") },
	} {
		t.Run(name, func(t *testing.T) {
			c := webtest.NewWith(t, func(cfg *web.Config) { cfg.StreamLook = time.Nanosecond }).As("operator")
			c.Rollouts.Shown, c.Rollouts.TargetPage = webtest.RunningRollout(), webtest.ThreeTargets()
			var stream webtest.Events
			if byToken := name == "the token is revoked"; byToken {
				stream = c.WatchBy("/api/v1/rollouts/3/events", "Authorization", "Bearer token-viewer")
				c.Rollouts.Updates <- webtest.RunningRollout()
				stream.Want("rollout")
			} else {
				stream = c.Watch("/rollouts/3/events")
				for _, part := range []string{"status", "actions", "failures", "waves", "chart", "rows"} {
					stream.Want(part)
				}
			}
			end(c)
			paused := webtest.RunningRollout()
			paused.State = access.RolloutPaused
			c.Rollouts.Updates <- paused
			if name, data := stream.Next(); name != "" {
				t.Errorf("%s came afterwards: %s", name, data)
			}
		})
	}
}

func TestRolloutPageShowsWavesAndWhyItWaits(t *testing.T) {
	c := webtest.New(t).As("operator")
	threeWaves(c)
	p := c.Page("/rollouts/3")
	p.Contains("rollout-status", "Wave 1 of 3", "Wave 1 is done. The next wave starts when an operator approves wave 1.")
	p.Contains("waves", "Canaries", "Awaiting approval", "at most 20 may fail", "10 min of watching", "4 of 5 checks good, 1 bad", "none may fail", "The rest")
	p.Contains("progress", "AWS has throttled 10 of 30 attempts, 33 %.")
	if p.Form("/rollouts/3/waves/1/approve") == nil {
		t.Fatal("the page does not offer to approve the wave")
	}
	if p.Form("/rollouts/3/rollback") == nil || p.Form("/rollouts/3/max-in-flight") == nil || p.Form("/rollouts/3/confirm") != nil {
		t.Error("the page does not offer what is possible, and nothing else")
	}
}

func TestRolloutPageGroupsFailures(t *testing.T) {
	c := webtest.New(t).As("viewer")
	threeWaves(c)
	p := c.Page("/rollouts/3")
	p.Contains("failures", "15 accounts", "Denied by IAM", "AccessDenied in 14 accounts of OU Sandbox: the deployment role lacks iam:UpdateAssumeRolePolicy", "Bring it to the template.",
		"Conflict in 1 account of OU Prod: somebody else has edited role Bob")
	p = c.Page("/rollouts/3?state=failed&class=denied&wave=1&cause=the+deployment+role+lacks+iam%3AUpdateAssumeRolePolicy")
	p.Contains("targets", "Only failed, in wave 1 (Canaries), where the deployment role lacks iam:UpdateAssumeRolePolicy.")
	want := access.TargetQuery{States: []access.TargetState{access.TargetFailed}, Wave: 1, Class: access.CloudDenied, Cause: "the deployment role lacks iam:UpdateAssumeRolePolicy"}
	if d := cmp.Diff(want, c.Rollouts.Query); d != "" {
		t.Errorf("asked for (-want +got):\n%s", d)
	}
}

func TestRolloutWithoutFailuresHasNoSuchCard(t *testing.T) {
	c := webtest.New(t).As("viewer")
	c.Rollouts.Shown, c.Rollouts.TargetPage = webtest.RunningRollout(), webtest.ThreeTargets()
	p := c.Page("/rollouts/3")
	for _, id := range []string{"failures", "waves"} {
		if p.ID(id) != nil {
			t.Errorf("a rollout of one wave in which all goes well shows %s", id)
		}
	}
}

func TestRolloutEstimate(t *testing.T) {
	c := webtest.New(t).As("viewer")
	threeWaves(c)
	c.Rollouts.Shown.Phase, c.Rollouts.Shown.Later = access.PhasePushing, 0
	c.Rollouts.Shown.Counts.Waiting = 40
	c.Page("/rollouts/3").Contains("rollout-estimate", "About 5 min for the rest of this wave at the pace of the last minutes, then 10 min of watching, then the approval of an operator, then 2 more waves.")
	c.Rollouts.InsightNow.Samples = c.Rollouts.InsightNow.Samples[:1]
	if c.Page("/rollouts/3").ID("rollout-estimate") != nil {
		t.Error("an estimate of one progress sample")
	}
}

func TestRolloutControls(t *testing.T) {
	c := webtest.New(t).As("operator")
	c.Rollouts.Shown, c.Rollouts.TargetPage = webtest.RunningRollout(), webtest.ThreeTargets()
	const target = "/rollouts/3/targets/111122223333"
	for _, post := range [][]string{
		{"/rollouts/3/waves/2/approve"},
		{"/rollouts/3/confirm"},
		{"/rollouts/3/skip-queue"},
		{"/rollouts/3/max-in-flight", "max_in_flight", " 7 "},
		{"/rollouts/3/rollback", "rollback-reason", "wrong"},
		{target + "/retry"},
		{target + "/skip", "reason", "not ours"},
		{target + "/resolve", "choice-9", "skip", "choice-4", "overwrite", "seen-4", "abc", "seen-7", "left open"},
	} {
		to := "/rollouts/3"
		if strings.HasPrefix(post[0], target) {
			to = target
		}
		if a := c.Post(post[0], post[1:]...); a.Status != http.StatusSeeOther || a.Header.Get("Location") != to {
			t.Errorf("%s answered %d to %q", post[0], a.Status, a.Header.Get("Location"))
		}
	}
	want := []string{
		"approve wave 3 2", "confirm 3", "skip queue 3", "max in flight 3 7", `rollback 3 "wrong"`, "retry 3 111122223333", `skip 3 111122223333 "not ours"`,
		"resolve 3 111122223333 [{OperationID:4 Choice:overwrite Seen:abc} {OperationID:9 Choice:skip Seen:}]",
	}
	if d := cmp.Diff(want, c.Rollouts.Did); d != "" {
		t.Errorf("what was asked of the service (-want +got):\n%s", d)
	}
	c.Parse(c.Post("/rollouts/3/max-in-flight", "max_in_flight", "many"), http.StatusUnprocessableEntity).Contains("main", "is no number of accounts")
	c.Parse(c.Post("/rollouts/3/waves/first/approve"), http.StatusNotFound).Contains("main", "No page has this address")
}

func TestConflictShowsThreeDocumentsAndAsks(t *testing.T) {
	c := webtest.New(t).As("operator")
	c.Rollouts.Shown, c.Rollouts.TargetPage = webtest.RunningRollout(), webtest.ThreeTargets()
	c.Rollouts.TargetPage.Items[0].State = access.TargetConflict
	c.Rollouts.OperationList = []access.Operation{conflict()}
	p := c.Page("/rollouts/3/targets/111122223333")
	p.Contains("conflicts", "What somebody has edited", "203.0.113.0/24", "198.51.100.0/24", "What overwriting would change", "192.0.2.0/24", "Overwrite the edit", "Adopt the edit", "Leave it for now")
	form := p.Form("/rollouts/3/targets/111122223333/resolve")
	if form == nil || !hasField(form, "seen-4", access.DocumentDigest(statements("198.51.100.0/24"))) {
		t.Error("the form does not say which live document was seen")
	}
	c.Rollouts.Refuse = access.Errorf(access.KindStale, "The live document of role Bob is another one than you decided about.")
	c.Parse(c.Post("/rollouts/3/targets/111122223333/resolve", "choice-4", "overwrite", "seen-4", "old"), http.StatusConflict).Contains("main", "is another one than you decided about", "198.51.100.0/24")
}

func TestConflictAsksNobodyWhoMayNotDecide(t *testing.T) {
	c := webtest.New(t).As("viewer")
	c.Rollouts.Shown, c.Rollouts.TargetPage = webtest.RunningRollout(), webtest.ThreeTargets()
	c.Rollouts.TargetPage.Items[0].State = access.TargetConflict
	c.Rollouts.OperationList = []access.Operation{conflict()}
	p := c.Page("/rollouts/3/targets/111122223333")
	p.Contains("conflicts", "What somebody has edited")
	for n := range p.Root.Descendants() {
		if webtest.Attr(n, "type") == "radio" {
			t.Fatal("a viewer is asked to decide")
		}
	}
}

func hasField(form *html.Node, name, value string) bool {
	for n := range form.Descendants() {
		if webtest.Attr(n, "name") == name && webtest.Attr(n, "value") == value {
			return true
		}
	}
	return false
}

func TestRolloutsListSaysWhatEachWaitsFor(t *testing.T) {
	c := webtest.New(t).As("viewer")
	threeWaves(c)
	c.Page("/rollouts").Contains("rollout-rows", "Wave 1 of 3", "The next wave starts when an operator approves wave 1.")
}

func TestAdoptedEditIsOfferedAsAChange(t *testing.T) {
	c := webtest.New(t).As("editor")
	c.Rollouts.Shown, c.Rollouts.TargetPage = webtest.RunningRollout(), webtest.ThreeTargets()
	adopted := conflict()
	adopted.State, adopted.Resolution = access.OperationSkipped, access.Resolution{Choice: access.ConflictAdopt, Seen: adopted.Found, By: webtest.People["operator"].Ref(), At: webtest.Noon}
	skipped := conflict()
	skipped.ID, skipped.State, skipped.Resolution = 5, access.OperationSkipped, access.Resolution{Choice: access.ConflictSkip, Seen: skipped.Found}
	c.Rollouts.OperationList = []access.Operation{adopted, skipped}
	const path = "/rollouts/3/targets/111122223333"
	form := c.Page(path).Form(path + "/adopt")
	if form == nil || !hasField(form, "operation", "4") {
		t.Fatal("no change is offered for the edit that was adopted")
	}
	if a := c.Post(path+"/adopt", "operation", "4"); a.Header.Get("Location") != "/changes/31" {
		t.Errorf("answered %d to %q", a.Status, a.Header.Get("Location"))
	}
	if d := cmp.Diff([]string{"adopt 111122223333 Bob " + access.DocumentDigest(adopted.Found)[:8]}, c.Changes.Did); d != "" {
		t.Errorf("what was asked of the service (-want +got):\n%s", d)
	}
	c.Parse(c.Post(path+"/adopt", "operation", "5"), http.StatusConflict).Contains("main", "no such edit that was adopted")
	if c.As("operator").Page(path).Form(path+"/adopt") != nil {
		t.Error("somebody who cannot compose changes is offered one")
	}
}
