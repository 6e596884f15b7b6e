package web_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"portcullis/internal/access"
	"portcullis/internal/onboard"
	"portcullis/internal/rollout"
	"portcullis/web"
)

func running() access.Rollout {
	operator := people["operator"]
	return access.Rollout{
		ID: 3, ChangeID: 12, Title: "New office", Revision: 7, State: access.RolloutRunning, Window: 20, MaxFailures: 10,
		Counts: access.TargetCounts{Waiting: 1, Running: 1, Succeeded: 1}, StartedBy: operator.Ref(), CreatedAt: noon, StartedAt: noon,
	}
}

func threeTargets() access.Page[access.Target] {
	target := func(account access.AccountID, name string, state access.TargetState) access.Target {
		return access.Target{RolloutID: 3, Account: account, AccountName: name, OU: "Root/Prod", State: state}
	}
	return access.Page[access.Target]{Total: 3, Items: []access.Target{
		target("111122223333", "payments", access.TargetSucceeded), target("111122224444", "ledger", access.TargetRunning), target("111122225555", "web", access.TargetWaiting),
	}}
}

func TestRolloutPage(t *testing.T) {
	c := newConsole(t).as("operator")
	c.rollouts.rollout, c.rollouts.targets = running(), threeTargets()
	p := c.page("/rollouts/3?state=running")
	p.contains("rollout-status", "Running", "1 of 3 accounts done, 1 in flight.", "At most 20 accounts at once")
	p.contains("target-rows", "payments", "111122223333", "Succeeded", "Waits for its turn")
	if p.form("/rollouts/3/pause") == nil || p.form("/rollouts/3/abort") == nil {
		t.Error("a running rollout cannot be paused or aborted")
	}
	if p.form("/rollouts/3/resume") != nil || p.form("/rollouts/3/retry") != nil {
		t.Error("a running rollout without failures offers to be resumed or retried")
	}
	if d := cmp.Diff([]access.TargetState{access.TargetRunning}, c.rollouts.query.States); d != "" {
		t.Errorf("states asked for (-want +got):\n%s", d)
	}
}

func TestRolloutPageOffersNothingToAViewer(t *testing.T) {
	c := newConsole(t).as("viewer")
	c.rollouts.rollout, c.rollouts.targets = running(), threeTargets()
	if got := c.page("/rollouts/3").text("rollout-actions"); got != "" {
		t.Errorf("a viewer is offered %q", got)
	}
}

func TestEndedRolloutHasASummaryAndNoStream(t *testing.T) {
	c := newConsole(t).as("viewer")
	r := running()
	r.State, r.EndedAt = access.RolloutCompleted, noon.Add(90*time.Second)
	r.Counts = access.TargetCounts{Succeeded: 20, Unchanged: 3, Failed: 1}
	c.rollouts.rollout, c.rollouts.targets = r, threeTargets()
	a := c.get("/rollouts/3")
	c.parse(a, http.StatusOK).contains("rollout-status", "Completed", "20 accounts written and read back, 3 already as desired. 1 account not as desired: see below.", "1 min 30 s")
	if !strings.Contains(a.body, `class="pc-badge pc-dot pc-caution" data-state="completed"`) {
		t.Error("a rollout that ended with a failure is shown as good")
	}
	if strings.Contains(a.body, "sse-connect") {
		t.Error("the page of an ended rollout asks for events")
	}
}

func TestRolloutActions(t *testing.T) {
	c := newConsole(t).as("operator")
	c.rollouts.rollout, c.rollouts.targets = running(), threeTargets()
	for _, action := range []string{"pause", "resume", "retry"} {
		if a := c.post("/rollouts/3/" + action); a.status != http.StatusSeeOther || a.header.Get("Location") != "/rollouts/3" {
			t.Errorf("%s answered %d to %q", action, a.status, a.header.Get("Location"))
		}
	}
	c.post("/rollouts/3/abort", "reason", "wrong list")
	if d := cmp.Diff([]string{"pause 3", "resume 3", "retry 3", `abort 3 "wrong list"`}, c.rollouts.did); d != "" {
		t.Errorf("what was asked of the service (-want +got):\n%s", d)
	}
}

func TestRolloutOutsideOfItsHoursCanStartNow(t *testing.T) {
	c := newConsole(t).as("operator")
	c.rollouts.rollout, c.rollouts.targets = running(), threeTargets()
	if c.page("/rollouts/3").form("/rollouts/3/start") != nil {
		t.Error("a rollout that waits for nothing is offered to start now")
	}
	r := running()
	r.Phase, r.Wave, r.Waves = access.PhaseHours, 1, 3
	c.rollouts.rollout = r
	if c.page("/rollouts/3").form("/rollouts/3/start") == nil {
		t.Error("a rollout outside of its hours cannot be started now")
	}
	c.post("/rollouts/3/start", "start-reason", "an office has moved", "all-waves", "yes")
	if d := cmp.Diff([]string{`start 3 "an office has moved" true`}, c.rollouts.did); d != "" {
		t.Errorf("what was asked of the service (-want +got):\n%s", d)
	}
	r.Phase, r.OffHours = access.PhasePushing, access.OffHours{Wave: 1, By: "Opa", Reason: "an office has moved"}
	c.rollouts.rollout = r
	c.page("/rollouts/3").contains("rollout-off-hours", "until wave 1 is done", "Opa: an office has moved")
}

func TestBadHealthIsShownAndLookedAtAgain(t *testing.T) {
	c := newConsole(t).as("operator")
	r := running()
	r.State, r.Phase, r.Wave, r.Waves, r.ChecksBad = access.RolloutHalted, access.PhaseChecking, 2, 3, 1
	c.rollouts.rollout, c.rollouts.targets = r, threeTargets()
	c.rollouts.insight.Bad = access.Page[access.Check]{Total: 1, Items: []access.Check{{RolloutID: 3, Wave: 2, Round: 2, Kind: access.CheckReadBack, Account: "111122223333", Message: "The role Bob is no longer what the rollout has left."}}}
	p := c.page("/rollouts/3")
	p.contains("bad-checks", "Bad health of wave 2", "looked at 2 times", "Read back", "no longer what the rollout has left", "111122223333")
	if p.form("/rollouts/3/recheck") == nil || p.form("/rollouts/3/resume") == nil {
		t.Error("a rollout that halted over its health is not offered to be checked again and to be resumed")
	}
	c.post("/rollouts/3/recheck")
	if d := cmp.Diff([]string{"recheck 3"}, c.rollouts.did); d != "" {
		t.Errorf("what was asked of the service (-want +got):\n%s", d)
	}
}

func TestRolloutActionRefused(t *testing.T) {
	c := newConsole(t).as("operator")
	c.rollouts.rollout, c.rollouts.targets = running(), threeTargets()
	c.rollouts.refuse = access.Errorf(access.KindConflict, "A rollout that is completed cannot be paused.")
	c.parse(c.post("/rollouts/3/pause"), http.StatusConflict).contains("main", "A rollout that is completed cannot be paused.", "payments")
}

func TestPushAgain(t *testing.T) {
	c := newConsole(t).as("operator")
	c.rollouts.rollout = running()
	if c.page("/rollouts").form("/rollouts") == nil {
		t.Error("an operator is not offered to push again")
	}
	if a := c.post("/rollouts"); a.header.Get("Location") != "/rollouts/32" {
		t.Errorf("answered %d to %q", a.status, a.header.Get("Location"))
	}
}

func TestTargetPage(t *testing.T) {
	c := newConsole(t).as("viewer")
	c.rollouts.rollout, c.rollouts.targets = running(), threeTargets()
	op := access.Operation{State: access.OperationWritten, LiveBefore: `{"Statement":[{"Sid":"Theirs"}]}`, Written: `{"Statement":[{"Sid":"Theirs"},{"Sid":"PortcullisDeny"}]}`}
	op.Kind, op.Resource = access.OpTrustPolicy, access.Resource{Kind: access.ResourceRole, Path: "/team-a/", Name: "Bob"}
	c.rollouts.operations = []access.Operation{op}
	p := c.page("/rollouts/3/targets/111122223333")
	p.contains("main", "Trust policy of team-a/Bob", "Written", "PortcullisDeny", "Theirs")
	signs := 0
	for n := range p.root.Descendants() {
		if attr(n, "class") == "pc-sign" && n.FirstChild != nil && n.FirstChild.Data == "+" {
			signs++
		}
	}
	if signs == 0 {
		t.Error("the lines that come carry no + sign")
	}
}

// events reads server-sent events, one by one.
type events struct {
	t    *testing.T
	body *bufio.Scanner
}

func (c *console) watch(path string) events {
	c.t.Helper()
	return c.watchBy(path, "Accept", "text/event-stream")
}

// watchBy is watch with a header.
func (c *console) watchBy(path, header, value string) events {
	c.t.Helper()
	r := c.request(http.MethodGet, path, nil)
	r.Header.Set(header, value)
	got, err := c.client.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { got.Body.Close() })
	if kind := got.Header.Get("Content-Type"); got.StatusCode != http.StatusOK || kind != "text/event-stream" || got.Header.Get("Content-Encoding") != "" {
		body, _ := io.ReadAll(got.Body)
		c.t.Fatalf("status %d, %s: %s", got.StatusCode, kind, body)
	}
	return events{c.t, bufio.NewScanner(got.Body)}
}

// next returns the name and the data of the next event; "" at the end.
func (e events) next() (name, data string) {
	e.t.Helper()
	for e.body.Scan() {
		line := e.body.Text()
		switch {
		case line == "" && name != "":
			return name, data
		case strings.HasPrefix(line, "event: "):
			name = strings.TrimPrefix(line, "event: ")
		case strings.HasPrefix(line, "data: "):
			data += strings.TrimPrefix(line, "data: ") + "\n"
		}
	}
	return name, data
}

func (e events) want(name string, parts ...string) {
	e.t.Helper()
	got, data := e.next()
	if got != name {
		e.t.Fatalf("event %q, want %q; it says %s", got, name, data)
	}
	for _, part := range parts {
		if !strings.Contains(data, part) {
			e.t.Errorf("event %s does not hold %q:\n%s", name, part, data)
		}
	}
}

func TestRolloutStreamFollowsTheRolloutToItsEnd(t *testing.T) {
	c := newConsole(t).as("operator")
	c.rollouts.rollout, c.rollouts.targets = running(), threeTargets()
	stream := c.watch("/rollouts/3/events")
	stream.want("status", "1 of 3 accounts done")
	stream.want("actions", "/rollouts/3/pause")
	stream.want("troubles")
	stream.want("waves")
	stream.want("chart")
	stream.want("rows", `hx-swap-oob="true"`, "target-111122223333", "target-111122224444")

	paused := running()
	paused.State = access.RolloutPaused
	c.rollouts.updates <- paused
	stream.want("status", "Paused")
	stream.want("actions", "/rollouts/3/resume")

	done := running()
	done.State, done.Counts = access.RolloutCompleted, access.TargetCounts{Succeeded: 3}
	c.rollouts.updates <- done
	stream.want("status", "3 accounts written and read back.")
	stream.want("actions")
	stream.want("end")
	if name, _ := stream.next(); name != "" {
		t.Errorf("after the end came %q", name)
	}
}

func TestRolloutStreamOfAFilterSendsTheWholeTable(t *testing.T) {
	c := newConsole(t).as("viewer")
	c.rollouts.rollout, c.rollouts.targets = running(), access.Page[access.Target]{}
	stream := c.watch("/rollouts/3/events?state=failed")
	stream.want("status")
	stream.want("troubles")
	stream.want("waves")
	stream.want("chart")
	stream.want("table", "No account is failed now.")
}

// A button that stays is not replaced under somebody's hand.
func TestRolloutStreamLeavesButtonsThatThePageOffers(t *testing.T) {
	c := newConsole(t).as("operator")
	c.rollouts.rollout, c.rollouts.targets = running(), threeTargets()
	offers := ""
	for n := range c.page("/rollouts/3").root.Descendants() {
		if events, err := url.Parse(attr(n, "sse-connect")); err == nil && events.Path != "" {
			offers = events.RequestURI()
		}
	}
	stream := c.watch(offers)
	stream.want("status")
	stream.want("troubles")
}

func TestRolloutStreamNeedsSignIn(t *testing.T) {
	c := newConsole(t)
	if a := c.get("/rollouts/3/events"); a.status != http.StatusSeeOther || !strings.HasPrefix(a.header.Get("Location"), "/signin") {
		t.Errorf("answered %d to %q", a.status, a.header.Get("Location"))
	}
}

// A stream is no way to go on reading for somebody who may not any more.
func TestAStreamEndsWithItsReader(t *testing.T) {
	for name, end := range map[string]func(*console){
		"signed out":                  func(c *console) { c.post("/signout") },
		"signed out everywhere":       func(c *console) { atomic.AddInt64(&c.generation, 1) },
		"the token is revoked":        func(c *console) { c.revoked.Store(true) },
		"another is signed in by now": func(c *console) { c.as("viewer") },
	} {
		t.Run(name, func(t *testing.T) {
			c := newConsoleWith(t, func(cfg *web.Config) { cfg.StreamLook = time.Nanosecond }).as("operator")
			c.rollouts.rollout, c.rollouts.targets = running(), threeTargets()
			var stream events
			if byToken := name == "the token is revoked"; byToken {
				stream = c.watchBy("/api/v1/rollouts/3/events", "Authorization", "Bearer token-viewer")
				c.rollouts.updates <- running()
				stream.want("rollout")
			} else {
				stream = c.watch("/rollouts/3/events")
				for _, part := range []string{"status", "actions", "troubles", "waves", "chart", "rows"} {
					stream.want(part)
				}
			}
			end(c)
			paused := running()
			paused.State = access.RolloutPaused
			c.rollouts.updates <- paused
			if name, data := stream.next(); name != "" {
				t.Errorf("%s came afterwards: %s", name, data)
			}
		})
	}
}

// waving is a rollout in three waves that waits at the gate after the first.
func waving(c *console) {
	r := running()
	r.Wave, r.Waves, r.Phase, r.Later = 1, 3, access.PhaseGate, 2
	r.Counts = access.TargetCounts{Waiting: 2, Succeeded: 1, Failed: 14, Conflict: 1}
	c.rollouts.rollout, c.rollouts.targets = r, threeTargets()
	c.rollouts.insight = rollout.Insight{
		Waves: []access.Wave{
			{Number: 1, Name: "Canaries", Targets: 16, State: access.WaveGate, Gate: true, Bake: 10 * time.Minute, MaxFailures: 20, BegunAt: noon, Health: access.Health{Good: 4, Bad: 1}},
			{Number: 2, Name: "Half", Targets: 1, State: access.WaveWaiting, MaxFailures: access.NoFailures},
			{Number: 3, Name: "The rest", Targets: 1, State: access.WaveWaiting},
		},
		Troubles: []access.TroubleGroup{
			{State: access.TargetFailed, Class: access.CloudDenied, Code: "AccessDenied", Cause: "the deployment role lacks iam:UpdateAssumeRolePolicy", Advice: "Bring it to the template.", Targets: 14, OUs: []access.OUCount{{OU: "Root/Sandbox", Targets: 14}}},
			{State: access.TargetConflict, Cause: "somebody else has edited role Bob", Targets: 1, OUs: []access.OUCount{{OU: "Root/Prod", Targets: 1}}},
		},
		Samples: []access.Sample{{At: noon.Add(time.Minute), Ended: 8, Attempts: 10}, {At: noon.Add(2 * time.Minute), Ended: 16, Failed: 15, Attempts: 30, Throttles: 10}},
	}
}

func TestRolloutPageShowsWavesAndWhyItWaits(t *testing.T) {
	c := newConsole(t).as("operator")
	waving(c)
	p := c.page("/rollouts/3")
	p.contains("rollout-status", "Wave 1 of 3", "Wave 1 is done. The next one begins when somebody opens the gate.")
	p.contains("waves", "Canaries", "At its gate", "at most 20 may fail", "10 min of watching", "4 of 5 checks good, 1 bad", "none may fail", "The rest")
	p.contains("course", "AWS has throttled 10 of 30 attempts, 33 %.")
	gate := p.form("/rollouts/3/gate")
	if gate == nil {
		t.Fatal("the gate cannot be opened")
	}
	if p.form("/rollouts/3/rollback") == nil || p.form("/rollouts/3/window") == nil || p.form("/rollouts/3/confirm") != nil {
		t.Error("the page does not offer what is possible, and nothing else")
	}
}

func TestRolloutPageGroupsWhatWentWrong(t *testing.T) {
	c := newConsole(t).as("viewer")
	waving(c)
	p := c.page("/rollouts/3")
	p.contains("troubles", "15 accounts", "Denied by IAM", "AccessDenied in 14 accounts of OU Sandbox: the deployment role lacks iam:UpdateAssumeRolePolicy", "Bring it to the template.",
		"Conflict in 1 account of OU Prod: somebody else has edited role Bob")
	p = c.page("/rollouts/3?state=failed&class=denied&wave=1&cause=the+deployment+role+lacks+iam%3AUpdateAssumeRolePolicy")
	p.contains("targets", "Only failed, in wave 1 (Canaries), where the deployment role lacks iam:UpdateAssumeRolePolicy.")
	want := access.TargetQuery{States: []access.TargetState{access.TargetFailed}, Wave: 1, Class: access.CloudDenied, Cause: "the deployment role lacks iam:UpdateAssumeRolePolicy"}
	if d := cmp.Diff(want, c.rollouts.query); d != "" {
		t.Errorf("asked for (-want +got):\n%s", d)
	}
}

func TestRolloutWithoutTroubleHasNoSuchCard(t *testing.T) {
	c := newConsole(t).as("viewer")
	c.rollouts.rollout, c.rollouts.targets = running(), threeTargets()
	p := c.page("/rollouts/3")
	for _, id := range []string{"troubles", "waves"} {
		if p.id(id) != nil {
			t.Errorf("a rollout of one wave in which all goes well shows %s", id)
		}
	}
}

func TestRolloutEstimate(t *testing.T) {
	c := newConsole(t).as("viewer")
	waving(c)
	c.rollouts.rollout.Phase, c.rollouts.rollout.Later = access.PhasePushing, 0
	c.rollouts.rollout.Counts.Waiting = 40
	c.page("/rollouts/3").contains("rollout-estimate", "About 5 min for the rest of this wave at the pace of the last minutes, then 10 min of watching, then a gate that somebody opens, then 2 more waves.")
	c.rollouts.insight.Samples = c.rollouts.insight.Samples[:1]
	if c.page("/rollouts/3").id("rollout-estimate") != nil {
		t.Error("an estimate of one sample")
	}
}

func TestRolloutControls(t *testing.T) {
	c := newConsole(t).as("operator")
	c.rollouts.rollout, c.rollouts.targets = running(), threeTargets()
	const target = "/rollouts/3/targets/111122223333"
	for _, post := range [][]string{
		{"/rollouts/3/gate", "wave", "2"},
		{"/rollouts/3/confirm"},
		{"/rollouts/3/overtake"},
		{"/rollouts/3/window", "window", " 7 "},
		{"/rollouts/3/rollback", "rollback-reason", "wrong"},
		{target + "/retry"},
		{target + "/skip", "reason", "not ours"},
		{target + "/resolve", "choice-9", "skip", "choice-4", "overwrite", "seen-4", "abc", "seen-7", "left open"},
	} {
		to := "/rollouts/3"
		if strings.HasPrefix(post[0], target) {
			to = target
		}
		if a := c.post(post[0], post[1:]...); a.status != http.StatusSeeOther || a.header.Get("Location") != to {
			t.Errorf("%s answered %d to %q", post[0], a.status, a.header.Get("Location"))
		}
	}
	want := []string{
		"gate 3 2", "confirm 3", "overtake 3", "window 3 7", `rollback 3 "wrong"`, "retry 3 111122223333", `skip 3 111122223333 "not ours"`,
		"resolve 3 111122223333 [{OperationID:4 Choice:overwrite Seen:abc} {OperationID:9 Choice:skip Seen:}]",
	}
	if d := cmp.Diff(want, c.rollouts.did); d != "" {
		t.Errorf("what was asked of the service (-want +got):\n%s", d)
	}
	c.parse(c.post("/rollouts/3/window", "window", "many"), http.StatusUnprocessableEntity).contains("main", "is no number of accounts")
}

func conflict() access.Operation {
	op := access.Operation{ID: 4, State: access.OperationConflict, Message: "Somebody else has edited role Bob.", Found: statements("198.51.100.0/24")}
	op.Kind, op.Resource = access.OpTrustPolicy, access.Resource{Kind: access.ResourceRole, Path: "/", Name: "Bob"}
	op.Before, op.After = statements("203.0.113.0/24"), statements("192.0.2.0/24")
	op.OursAfter = `[{"Sid":"PortcullisDeny","Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Condition":{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}]`
	return op
}

func statements(network string) string {
	return `{"Version":"2012-10-17","Statement":[{"Sid":"Theirs","Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"},` +
		`{"Sid":"PortcullisDeny","Effect":"Deny","Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Condition":{"NotIpAddress":{"aws:SourceIp":"` + network + `"}}}]}`
}

func TestConflictShowsThreeDocumentsAndAsks(t *testing.T) {
	c := newConsole(t).as("operator")
	c.rollouts.rollout, c.rollouts.targets = running(), threeTargets()
	c.rollouts.targets.Items[0].State = access.TargetConflict
	c.rollouts.operations = []access.Operation{conflict()}
	p := c.page("/rollouts/3/targets/111122223333")
	p.contains("conflicts", "What somebody has edited", "203.0.113.0/24", "198.51.100.0/24", "What overwriting would change", "192.0.2.0/24", "Overwrite the edit", "Adopt the edit", "Leave it for now")
	form := p.form("/rollouts/3/targets/111122223333/resolve")
	if form == nil || !hasField(form, "seen-4", access.DocumentDigest(statements("198.51.100.0/24"))) {
		t.Error("the form does not say which live document was seen")
	}
	c.rollouts.refuse = access.Errorf(access.KindStale, "The live document of role Bob is another one than you decided about.")
	c.parse(c.post("/rollouts/3/targets/111122223333/resolve", "choice-4", "overwrite", "seen-4", "old"), http.StatusConflict).contains("main", "is another one than you decided about", "198.51.100.0/24")
}

func TestConflictAsksNobodyWhoMayNotDecide(t *testing.T) {
	c := newConsole(t).as("viewer")
	c.rollouts.rollout, c.rollouts.targets = running(), threeTargets()
	c.rollouts.targets.Items[0].State = access.TargetConflict
	c.rollouts.operations = []access.Operation{conflict()}
	p := c.page("/rollouts/3/targets/111122223333")
	p.contains("conflicts", "What somebody has edited")
	for n := range p.root.Descendants() {
		if attr(n, "type") == "radio" {
			t.Fatal("a viewer is asked to decide")
		}
	}
}

func hasField(form *html.Node, name, value string) bool {
	for n := range form.Descendants() {
		if attr(n, "name") == name && attr(n, "value") == value {
			return true
		}
	}
	return false
}

func TestRolloutsListSaysWhatEachWaitsFor(t *testing.T) {
	c := newConsole(t).as("viewer")
	waving(c)
	c.page("/rollouts").contains("rollout-rows", "Wave 1 of 3", "The next one begins when somebody opens the gate.")
}

func (f *changes) Adopt(_ context.Context, _ access.Actor, a onboard.Adoption) (access.Change, error) {
	return access.Change{ID: 31}, f.note("adopt %s %s %s", a.Account, a.Role, access.DocumentDigest(a.Live)[:8])
}

func TestAdoptedEditIsOfferedAsAChange(t *testing.T) {
	c := newConsole(t).as("editor")
	c.rollouts.rollout, c.rollouts.targets = running(), threeTargets()
	adopted := conflict()
	adopted.State, adopted.Resolution = access.OperationSkipped, access.Resolution{Choice: access.ConflictAdopt, Seen: adopted.Found, By: people["operator"].Ref(), At: noon}
	skipped := conflict()
	skipped.ID, skipped.State, skipped.Resolution = 5, access.OperationSkipped, access.Resolution{Choice: access.ConflictSkip, Seen: skipped.Found}
	c.rollouts.operations = []access.Operation{adopted, skipped}
	const path = "/rollouts/3/targets/111122223333"
	form := c.page(path).form(path + "/adopt")
	if form == nil || !hasField(form, "operation", "4") {
		t.Fatal("no change is offered for the edit that was adopted")
	}
	if a := c.post(path+"/adopt", "operation", "4"); a.header.Get("Location") != "/changes/31" {
		t.Errorf("answered %d to %q", a.status, a.header.Get("Location"))
	}
	if d := cmp.Diff([]string{"adopt 111122223333 Bob " + access.DocumentDigest(adopted.Found)[:8]}, c.changes.did); d != "" {
		t.Errorf("what was asked of the service (-want +got):\n%s", d)
	}
	c.parse(c.post(path+"/adopt", "operation", "5"), http.StatusConflict).contains("main", "no such edit that was adopted")
	if c.as("operator").page(path).form(path+"/adopt") != nil {
		t.Error("somebody who cannot compose changes is offered one")
	}
}
