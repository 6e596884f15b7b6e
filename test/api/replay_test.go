package api

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/test/harness"
)

// object reads the answer as a JSON object.
func (a answer) object() map[string]any {
	a.t.Helper()
	var v map[string]any
	if err := json.Unmarshal(a.body, &v); err != nil {
		a.t.Fatalf("%s: %v: %s", a.what, err, clip(a.body))
	}
	return v
}

func (a answer) text(name string) string { s, _ := a.object()[name].(string); return s }

func (a answer) number(name string) int { n, _ := a.object()[name].(float64); return int(n) }

func (a answer) items() []map[string]any {
	var out []map[string]any
	list, _ := a.object()["items"].([]any)
	for _, v := range list {
		one, _ := v.(map[string]any)
		out = append(out, one)
	}
	return out
}

// TestReplay sends every documented request, and every answer is judged.
func TestReplay(t *testing.T) {
	c := harness.Demo(t, "--accounts", "6", "--max-in-flight", "1")
	c.API(harness.DemoPerson("viewer")).WaitForInventories(time.Minute)
	j := newJudge(t, c)
	j.reads()
	j.exports()
	j.exchanges()
	id := j.proposes()
	j.revises(id)
	j.goesOtherWays()
	left := j.overridesGuards()
	j.rollsOut(c, id)
	j.acknowledgesTogether()
	j.finds(c)
	j.fallsBehind(left, id)
	j.decides(c)
	j.goesInWaves(c)
	j.makesTokens(c)
	j.managesPeople(c)
	j.refuses()
	j.wants("2", "401", "403", "404")
}

func (j *judge) reads() {
	accounts := j.send("viewer", "GET", "/accounts?limit=2", "").want(200)
	next := accounts.text("next")
	if next == "" || len(accounts.items()) != 2 {
		j.t.Errorf("a page of two accounts: %s", clip(accounts.body))
	}
	j.send("viewer", "GET", "/accounts?ou=Root&limit=2&cursor="+next, "").want(200)
	account, _ := accounts.items()[0]["id"].(string)
	j.send("viewer", "GET", "/accounts/"+account, "").want(200)
	lists := j.send("viewer", "GET", "/allowlists", "").want(200).items()
	j.send("viewer", "GET", fmt.Sprint("/allowlists/", lists[0]["id"], "?limit=1"), "").want(200)
	mappings := j.send("viewer", "GET", "/mappings", "").want(200).items()
	j.send("viewer", "GET", fmt.Sprint("/mappings/", mappings[0]["id"]), "").want(200)
	j.send("viewer", "GET", "/state", "").want(200)
	j.send("viewer", "GET", "/state?revision=1", "", "Accept", "application/yaml").want(200)
	j.send("viewer", "GET", "/changes?state=applied", "").want(200)
	j.send("auditor", "GET", "/audit?action=change.apply&limit=5", "").want(200)
	role, _ := mappings[0]["role"].(string)
	user, _ := mappings[0]["users"].([]any)[0].(string)
	target := j.send("viewer", "GET", "/changes/1/plan", "").want(200).object()["targets"].([]any)[0].(map[string]any)["account"]
	j.send("viewer", "GET", fmt.Sprintf("/explain?account=%s&role=%s&user=%s&source_ip=8.8.8.8", target, role, user), "").want(200)
	j.send("viewer", "GET", fmt.Sprintf("/explain?account=%s&role=%s&user=%s&source_ip=8.8.8.8&change=99999", target, role, user), "").want(404)
	for _, path := range []string{"/accounts?cursor=x", "/changes?state=open", "/audit?from=yesterday", "/explain?account=1", "/mappings?limit=-1", "/state?revision=x"} {
		j.send("admin", "GET", path, "").want(422)
	}
	j.send("viewer", "GET", "/state?revision=99", "").want(404)
	if past := j.send("viewer", "GET", "/state?at=2020-01-01", "").want(200); past.header.Get("ETag") != `"0"` {
		j.t.Errorf("the state before there was any has the tag %s", past.header.Get("ETag"))
	}
	j.send("viewer", "GET", "/state?at=2020-01-01&revision=1", "").want(422)
	j.send("viewer", "GET", fmt.Sprintf("/explain?account=%s&role=%s&user=%s&source_ip=8.8.8.8&at=2020-01-01T10:00:00Z", target, role, user), "").want(200)
}

// exports takes files out, and puts one in.
func (j *judge) exports() {
	list, _ := j.send("viewer", "GET", "/allowlists", "").want(200).items()[0]["id"].(string)
	file := j.send("viewer", "GET", "/allowlists/"+list+"/entries.csv", "").want(200)
	more := string(file.body) + "9.9.9.9/32,imported,,\n"
	draft := j.send("editor", "POST", "/allowlists/"+list+"/entries.csv?mode=replace", more, "Content-Type", "text/csv").want(201)
	if edits, _ := draft.object()["edits"].([]any); len(edits) != 1 {
		j.t.Errorf("the file as it was and one line more make the edits %v", draft.object()["edits"])
	}
	j.send("editor", "POST", "/allowlists/"+list+"/entries.csv?mode=add", "entry\n10.0.0.0/8\n", "Content-Type", "text/csv").want(422)
	account := j.send("viewer", "GET", "/changes/1/plan", "").want(200).object()["targets"].([]any)[0].(map[string]any)["account"]
	for _, format := range []string{"terraform", "cloudformation"} {
		j.send("viewer", "GET", fmt.Sprintf("/accounts/%s/export?format=%s", account, format), "").want(200)
	}
	for _, format := range []string{"csv", "jsonl"} {
		j.send("auditor", "GET", "/audit/export?format="+format, "").want(200)
	}
}

// proposes has a change proposed as the whole desired state, and returns its number.
func (j *judge) proposes() int {
	state := j.send("editor", "GET", "/state", "").want(200)
	head := state.header.Get("ETag")
	propose := func(desired string, header ...string) answer {
		return j.send("editor", "POST", "/changes", `{"title":"By file","reason":"SEC-1","desired":`+desired+`}`, header...)
	}
	if a := propose(string(state.body)).want(409); a.text("type") != "/problems/unchanged" {
		j.t.Errorf("the state as it is: %s", a.body)
	}
	desired := string(state.body)
	at := strings.Index(desired, `"entries": [`) + len(`"entries": [`)
	desired = desired[:at] + `{"cidr": "12.148.80.0/22", "note": "Tokyo"}, ` + desired[at:]
	propose(desired, "If-Match", `"0"`).want(412)
	draft := propose(desired, "If-Match", head, "Idempotency-Key", "proposal-1").want(201)
	if edits, _ := draft.object()["edits"].([]any); len(edits) != 1 {
		j.t.Errorf("one entry more makes the edits %v", draft.object()["edits"])
	}
	again := propose(desired, "If-Match", head, "Idempotency-Key", "proposal-1").want(201)
	if again.number("id") != draft.number("id") || again.header.Get("Idempotent-Replayed") != "true" {
		j.t.Errorf("sent twice: changes %d and %d", draft.number("id"), again.number("id"))
	}
	propose(string(state.body), "If-Match", head, "Idempotency-Key", "proposal-1").want(422)
	j.send("editor", "POST", "/changes", `title`).want(400)
	j.send("editor", "POST", "/changes", `{"title":"x"}`, "Content-Type", "text/plain").want(415)
	return draft.number("id")
}

func (j *judge) revises(id int) {
	path := fmt.Sprint("/changes/", id)
	c := j.send("editor", "GET", path, "").want(200)
	edits, err := json.Marshal(c.object()["edits"])
	if err != nil {
		j.t.Fatal(err)
	}
	body := `{"title":"Open Tokyo","reason":"SEC-12","edits":` + string(edits) + `}`
	j.send("editor", "PUT", path, body).want(428)
	j.send("editor", "PUT", path, body, "If-Match", `"0"`).want(412)
	j.send("editor", "PUT", path, body, "If-Match", c.header.Get("ETag")).want(200)
	j.send("viewer", "GET", path+"/plan", "").want(200)
}

// goesOtherWays rejects, withdraws and rebases changes of one small edit.
func (j *judge) goesOtherWays() {
	small := func(title, name string) answer {
		return j.send("editor", "POST", "/changes", `{"title":"`+title+`","reason":"SEC-2","edits":[{"op":"allowlist.add","allowlist":{"name":"`+name+`","entries":[{"cidr":"9.9.9.9/32"}]}}]}`).want(201)
	}
	of := func(a answer) string { return fmt.Sprint("/changes/", a.number("id")) }
	rejected := small("To be rejected", "one")
	c := j.send("editor", "POST", of(rejected)+"/submit", "", "If-Match", rejected.header.Get("ETag")).want(200)
	j.send("editor", "POST", of(rejected)+"/submit", "", "If-Match", rejected.header.Get("ETag")).want(412)
	j.send("editor", "POST", of(rejected)+"/submit", "").want(409)
	j.send("approver", "POST", of(rejected)+"/reviews", `{"verdict":"reject","digest":"`+c.text("digest")+`"}`).want(422)
	j.send("approver", "POST", of(rejected)+"/reviews", `{"verdict":"reject","digest":"`+c.text("digest")+`","comment":"not now"}`).want(200)
	j.send("viewer", "POST", of(rejected)+"/comments", `{"body":"Why not?"}`).want(201)
	j.send("viewer", "POST", of(rejected)+"/comments", `{"body":""}`).want(422)
	if said := j.send("viewer", "GET", of(rejected)+"/comments", "").want(200).items(); len(said) != 1 {
		j.t.Errorf("%d comments, want the one", len(said))
	}
	if clone := j.send("editor", "POST", of(rejected)+"/clone", "").want(201); of(clone) == of(rejected) || clone.text("state") != "draft" {
		j.t.Errorf("the clone: %s", clip(clone.body))
	}
	withdrawn := small("To be withdrawn", "two")
	j.send("editor", "POST", of(withdrawn)+"/rebase", "").want(200)
	j.send("editor", "POST", of(withdrawn)+"/withdraw", "").want(200)
	j.send("editor", "POST", of(withdrawn)+"/withdraw", "").want(409)
}

// rollsOut takes the change through its review, and its rollout through every control.
func (j *judge) rollsOut(c *harness.Console, id int) {
	path := fmt.Sprint("/changes/", id)
	digest := j.send("editor", "POST", path+"/submit", "").want(200).text("digest")
	j.send("editor", "POST", path+"/reviews", `{"verdict":"approve","digest":"`+digest+`"}`).want(403)
	j.send("approver", "POST", path+"/reviews", `{"verdict":"approve","digest":"another"}`).want(409)
	j.send("operator", "POST", path+"/apply", `{"digest":"`+digest+`"}`).want(409)
	j.send("approver", "POST", path+"/reviews", `{"verdict":"approve","digest":"`+digest+`","comment":"seen"}`).want(200)
	j.send("viewer", "DELETE", path+"/reviews/mine", "").want(403)
	j.send("approver", "DELETE", path+"/reviews/mine", "", "If-Match", `"1"`).want(412)
	if taken := j.send("approver", "DELETE", path+"/reviews/mine", "").want(200); taken.text("state") != "in_review" {
		j.t.Errorf("after the approval was taken back: %s", clip(taken.body))
	}
	j.send("approver", "DELETE", path+"/reviews/mine", "").want(409)
	j.send("approver", "POST", path+"/reviews", `{"verdict":"approve","digest":"`+digest+`"}`).want(200)
	j.schedules(path, digest)
	j.send("operator", "POST", path+"/schedule", `{"digest":"`+digest+`","at":"2000-01-01T02:00:00Z"}`).want(422)
	j.send("operator", "POST", path+"/schedule", `{"digest":"`+digest+`","at":"`+time.Now().Add(time.Hour).UTC().Format(time.RFC3339)+`","start_within":"30m"}`).want(200)
	j.send("operator", "POST", path+"/unschedule", "").want(200)
	c.Sandbox.SetFaults(
		sandbox.Fault{Actions: []string{"iam:UpdateAssumeRolePolicy"}, Fail: 1, Status: 403, Code: "AccessDenied", Message: "not now", Count: 1},
		sandbox.Fault{Actions: []string{"sts:AssumeRole"}, Latency: sandbox.Duration(400 * time.Millisecond)},
	)
	applied := j.send("operator", "POST", path+"/apply", `{"digest":"`+digest+`"}`, "Idempotency-Key", "apply-1").want(201)
	j.send("operator", "POST", path+"/apply", `{"digest":"`+digest+`"}`, "Idempotency-Key", "apply-1").want(201)
	rollout := fmt.Sprint("/rollouts/", applied.number("id"))
	j.send("operator", "POST", rollout+"/resume", "", "If-Match", `"paused"`).want(412)
	j.send("operator", "POST", rollout+"/pause", "", "If-Match", applied.header.Get("ETag")).want(200)
	j.send("operator", "POST", rollout+"/pause", "").want(409)
	j.send("viewer", "GET", "/rollouts?state=paused", "").want(200)
	j.send("operator", "POST", rollout+"/resume", "").want(200)
	j.watches(rollout)
	targets := j.send("viewer", "GET", rollout+"/targets?state=failed", "").want(200).items()
	if len(targets) != 1 {
		j.t.Fatalf("%d targets failed, want the one that was made to", len(targets))
	}
	j.send("viewer", "GET", fmt.Sprint(rollout, "/targets/", targets[0]["account"]), "").want(200)
	j.send("operator", "POST", rollout+"/retry", "").want(200)
	j.watches(rollout)
	again := fmt.Sprint("/rollouts/", j.send("operator", "POST", "/rollouts", "").want(201).number("id"))
	j.send("operator", "POST", again+"/abort", `{"reason":""}`).want(422)
	j.send("operator", "POST", again+"/abort", `{"reason":"seen enough"}`).want(200)
	j.send("operator", "POST", "/organization/sync", "").want(202)
	c.Sandbox.SetFaults()
	j.organization(c)
}

// organization makes the sandbox another organization, accepts it, and lets an account leave.
func (j *judge) organization(c *harness.Console) {
	before := j.send("viewer", "GET", "/organization", "").want(200).text("id")
	j.send("operator", "POST", "/organization/sync?wait=28s", "").want(204)
	c.Sandbox.SetOrganizationID("o-zzzzzzzzzz")
	j.send("operator", "POST", "/organization/sync?wait=28s", "").want(409)
	awaits, _ := j.send("viewer", "GET", "/organization", "").want(200).object()["awaits_confirmation"].(map[string]any)
	j.send("admin", "POST", "/organization/accept", `{"digest":"another"}`).want(409)
	accepted := j.send("admin", "POST", "/organization/accept", fmt.Sprintf(`{"digest":%q}`,
		awaits["digest"])).want(200)
	if basis := accepted.text("basis"); basis != "" {
		j.t.Errorf("the only admin of the demo, who is not its only person, accepts alone as %q", basis)
	}
	harness.MustCommand(j.t, []string{"PORTCULLIS_DATA_DIR=" + c.Data}, "", "organization", "accept", "o-zzzzzzzzzz")
	identity := c.Sandbox.Accounts()[1].ID
	c.Sandbox.SetAccountState(identity, access.AccountLeft)
	j.send("operator", "POST", "/organization/sync?wait=28s", "").want(204)
	j.send("viewer", "GET", "/organization", "").want(200)
	left := j.send("viewer", "GET", "/organization/left-behind", "").want(200).items()
	if len(left) != 1 || left[0]["account"] != string(identity) {
		j.t.Errorf("left behind are %v, want the documents in %s", left, identity)
	}
	c.Sandbox.SetAccountState(identity, access.AccountActive)
	// The deployment roles trust callers of the organization in which they were made.
	c.Sandbox.SetOrganizationID(before)
	j.send("operator", "POST", "/organization/sync?wait=28s", "").want(409)
	harness.MustCommand(j.t, []string{"PORTCULLIS_DATA_DIR=" + c.Data}, "", "organization", "accept", before)
	j.send("operator", "POST", "/organization/sync?wait=28s", "").want(204)
}

// schedules gives an approved change a time, and takes it back.
func (j *judge) schedules(path, digest string) {
	at := time.Now().UTC().Add(time.Hour).Format(time.RFC3339)
	j.send("operator", "POST", path+"/schedule", `{"digest":"`+digest+`","at":"2020-01-01T00:00:00Z"}`).want(422)
	j.send("operator", "POST", path+"/schedule", `{"digest":"another","at":"`+at+`"}`).want(409)
	scheduled := j.send("operator", "POST", path+"/schedule", `{"digest":"`+digest+`","at":"`+at+`","start_within":"4h"}`).want(200)
	if plan, _ := scheduled.object()["schedule"].(map[string]any); plan["at"] != at {
		j.t.Errorf("scheduled for %v, want %s", plan["at"], at)
	}
	j.send("operator", "POST", path+"/unschedule", "").want(200)
	j.send("operator", "POST", path+"/unschedule", "").want(409)
}

// watches reads the stream of a rollout to its end. Each event is judged as the answer to
// a question for the rollout would be.
func (j *judge) watches(rollout string) {
	r := j.request("viewer", "GET", rollout+"/events", "")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		j.t.Fatal(err)
	}
	defer resp.Body.Close()
	j.note("GET", rollout+"/events", resp.StatusCode)
	operation := j.note("GET", rollout, http.StatusOK)
	event, seen := "", 0
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch {
		case name == "event":
			event = value
		case name == "data" && event == "rollout":
			seen++
			h := http.Header{"Content-Type": {"application/json"}, "Etag": {`"x"`}}
			j.check(operation, answer{t: j.t, what: "an event of " + rollout, status: 200, header: h, body: []byte(value)})
		}
	}
	if event != "end" || seen == 0 {
		j.t.Errorf("the stream of %s ended with %q after %d events", rollout, event, seen)
	}
	if state := j.send("viewer", "GET", rollout, "").want(200).text("state"); state != string(access.RolloutCompleted) {
		j.t.Errorf("after the stream the rollout is %s", state)
	}
}
