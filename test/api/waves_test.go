package api

import (
	"fmt"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/test/harness"
)

// goesInWaves has strategies reviewed and applied, and rolls a change out by one of them. It approves a wave, skips an
// account, changes the limit of accounts in flight, confirms the rollout and rolls it back.
func (j *judge) goesInWaves(c *harness.Console) {
	const careful = `{"name":"Careful","description":"One first","waves":[{"name":"Canary","count":1,"requires_approval":true,"max_failures":{"none":true}},{"percent":60,"bake":"1s"}],
		"read_back":true,"probes":[],"confirm_within":"1h","max_failures":{"percent":90}}`
	for _, wrong := range []string{
		`{"name":"Careful","waves":[{}]}`, `{"name":"Careful","confirm_within":"soon"}`, `{"name":"Careful","default":true}`,
	} {
		j.send("editor", "POST", "/changes", `{"title":"x","edits":[{"op":"strategy.add","strategy":`+wrong+`}]}`).
			want(422)
	}
	j.strategies(
		`{"op":"strategy.add","strategy":`+careful+`}`,
		`{"op":"strategy.add","strategy":{"name":"Quick","max_in_flight":50,
		"maintenance_window":{"days":[1],"from":"22:00","to":"04:00","zone":"Europe/Berlin"},
		"probes":[{"role":"Bob","allowed":true}]}}`,
	)
	id := j.strategy("Careful")
	read := j.send("viewer", "GET", "/strategies/"+id, "").want(200)
	j.strategies(
		`{"op":"strategy.remove","id":"`+j.strategy("Quick")+`"}`,
		`{"op":"strategy.update","id":"`+id+`","strategy":`+
			strings.Replace(careful, "One first", "One account first", 1)+`}`,
		`{"op":"strategy.default","id":"`+id+`"}`,
	)
	j.send("viewer", "GET", "/strategies/"+id+"?revision="+strings.Trim(read.header.Get("ETag"), `"`), "").want(200)
	j.send("viewer", "GET", "/strategies?revision=99999", "").want(404)
	if steps := j.send("viewer", "GET", "/strategies/"+id+"/history", "").want(200).items(); len(steps) != 2 {
		j.t.Errorf("the history of the strategy is %v", steps)
	}
	if now := j.send("viewer", "GET", "/strategies/"+id, "").
		want(200); now.text("description") != "One account first" ||
		!strings.Contains(string(now.body), `"default":true`) {
		j.t.Errorf("the strategy is %s", now.body)
	}

	rollout := j.appliedBy("Careful")
	awaiting := j.until(rollout, func(r answer) bool { return r.text("phase") == "awaiting_approval" })
	j.send("viewer", "GET", rollout+"/strategy", "").want(200)
	if waves := j.send("viewer", "GET", rollout+"/waves", "").want(200).items(); len(waves) < 2 {
		j.t.Fatalf("the rollout has %d waves: %v", len(waves), waves)
	}
	if checks := j.send("viewer", "GET", rollout+"/waves/1/checks", "").want(200).items(); len(checks) != 1 || checks[0]["state"] != "good" {
		j.t.Errorf("the canary was not read back: %v", checks)
	}
	if checks := j.send("viewer", "GET", rollout+"/waves/1/checks?round=7", "").want(200).items(); len(checks) != 0 {
		j.t.Errorf("the seventh round of checks is %v", checks)
	}
	j.send("viewer", "GET", rollout+"/waves/99/checks", "").want(404)
	waiting := j.send("viewer", "GET", rollout+"/targets?state=waiting", "").want(200).items()
	last := fmt.Sprint(rollout, "/targets/", waiting[len(waiting)-1]["account"])
	j.send("operator", "POST", last+"/retry", "").want(409)
	j.send("operator", "POST", last+"/skip", `{"reason":"it is being moved"}`).want(200)
	j.send("operator", "POST", rollout+"/max-in-flight", `{"max_in_flight":0}`).want(422)
	j.send("operator", "POST", rollout+"/max-in-flight", `{"max_in_flight":3}`).want(200)
	unproved := fmt.Sprintf(`{"accounts":[%q],"reason":"the account is being closed"}`, waiting[0]["account"])
	j.send("operator", "POST", rollout+"/open-unverified", unproved).want(403)
	j.send("approver2", "POST", rollout+"/open-unverified", unproved).want(200)
	j.send("approver2", "POST", rollout+"/open-unverified", `{"accounts":["999999999999"],"reason":"x"}`).want(422)
	j.send("operator", "POST", rollout+"/skip-queue", "").want(409)
	j.send("operator", "POST", rollout+"/recheck", "").want(409)
	j.send("operator", "POST", rollout+"/override-window", `{"reason":" "}`).want(422)
	j.send("operator", "POST", rollout+"/override-window", `{"reason":"it waits for an approval","all_waves":true}`).want(409)
	j.send("operator", "POST", rollout+"/confirm", "").want(409)
	j.send("operator", "POST", rollout+"/waves/0/approve", "").want(404)
	j.send("operator", "POST", rollout+"/waves/7/approve", "").want(409)
	j.send("operator", "POST", rollout+"/waves/1/approve", "", "If-Match", awaiting.header.Get("ETag")).want(200)
	if first := j.send("viewer", "GET", rollout+"/waves", "").want(200).items()[0]; first["approved_by"] == nil {
		j.t.Errorf("after the approval the first wave is %v", first)
	}
	j.until(rollout, func(r answer) bool { return r.text("phase") == "confirm" })
	j.send("operator", "POST", rollout+"/confirm", "").want(200)
	j.watches(rollout)
	j.send("operator", "POST", rollout+"/rollback", `{"reason":" "}`).want(422)
	j.send("operator", "POST", rollout+"/rollback", `{"reason":"it locks people out"}`).want(200)
	back := j.until(rollout, func(r answer) bool { return r.text("state") == "rolled_back" })
	j.reviewsRollback(back)
	j.overridesAndChecksAgain()
	j.retriesOne(c)
	j.skipsQueue()
}

// reviewsRollback reviews the change of a rollback: until then, the operator can roll back nothing else alone.
func (j *judge) reviewsRollback(rolledBack answer) {
	back := j.send("viewer", "GET", fmt.Sprint("/rollouts/", rolledBack.number("rolled_back_by")), "").want(200)
	path := fmt.Sprint("/changes/", back.number("change"))
	flagged := j.send("viewer", "GET", path, "").want(200)
	verdict := fmt.Sprintf(`{"verdict":"approve","digest":%q}`, flagged.text("digest"))
	j.send("approver2", "POST", path+"/reviews", verdict).want(200)
	j.send("viewer", "GET", path+"/undo-by-hand", "").want(200)
	j.send("viewer", "GET", fmt.Sprint("/rollouts/", back.number("id"), "/undo-by-hand"), "").want(200)
	j.send("editor", "POST", path+"/revert", `{"reason":"it was right"}`).want(201)
}

// overridesAndChecksAgain lets a rollout run outside its maintenance window. Then it checks the wave
// again, which is bad: no role lets the probe user in.
func (j *judge) overridesAndChecksAgain() {
	day := (int(time.Now().UTC().Weekday()) + 3) % 7
	strategy := fmt.Sprintf(`{"name":"Another night","maintenance_window":{"days":[%d],"from":"02:00","to":"03:00"},"probes":[{"role":"Bob","allowed":true}],"max_failures":{"percent":90}}`, day)
	j.strategies(`{"op":"strategy.add","strategy":` + strategy + `}`)
	rollout := j.appliedBy("Another night")
	j.until(rollout, func(r answer) bool { return r.text("phase") == "maintenance_window" })
	j.send("operator", "POST", rollout+"/override-window", `{"reason":"it cannot wait"}`).want(200)
	halted := func(r answer) bool { return r.text("state") == "halted" }
	j.until(rollout, halted)
	j.send("operator", "POST", rollout+"/recheck", "").want(200)
	j.until(rollout, halted)
	for round, want := range []string{"2", "1", "2"} { // 0 is the last one
		checks := j.send("viewer", "GET", fmt.Sprint(rollout, "/waves/1/checks?round=", round), "").want(200).items()
		if len(checks) == 0 || fmt.Sprint(checks[0]["round"]) != want || checks[0]["state"] != "bad" {
			j.t.Errorf("round %d of the checks is %v, want bad ones of round %s", round, checks, want)
		}
	}
	j.send("operator", "POST", rollout+"/rollback", `{"reason":"nobody is let in"}`).want(200)
	j.until(rollout, func(r answer) bool { return r.text("state") == "rolled_back" })
}

// strategies has edits of strategies reviewed and applied.
func (j *judge) strategies(edits ...string) {
	j.t.Helper()
	change := `{"title":"Strategies","reason":"SEC-9","edits":[` + strings.Join(edits, ",") + `]}`
	path := fmt.Sprint("/changes/", j.send("editor", "POST", "/changes", change).want(201).number("id"))
	digest := j.send("editor", "POST", path+"/submit", "").want(200).text("digest")
	j.send("editor", "POST", path+"/apply", `{"digest":"`+digest+`"}`).want(403)
	j.send("operator", "POST", path+"/apply", `{"digest":"`+digest+`"}`).want(409)
	j.send("approver", "POST", path+"/reviews", `{"verdict":"approve","digest":"`+digest+`"}`).want(200)
	j.send("operator", "POST", path+"/apply", `{"digest":"`+digest+`"}`).want(201)
}

// strategy is the id of a strategy.
func (j *judge) strategy(name string) string {
	j.t.Helper()
	for _, s := range j.send("viewer", "GET", "/strategies", "").want(200).items() {
		if s["name"] == name {
			return fmt.Sprint(s["id"])
		}
	}
	j.t.Fatalf("there is no strategy %s", name)
	return ""
}

// appliedBy has a change applied by a strategy, and returns the path of its rollout.
func (j *judge) appliedBy(strategy string) string {
	digest, path := j.approved()
	return fmt.Sprint("/rollouts/", j.send("operator", "POST", path+"/apply", `{"digest":"`+digest+`","strategy":"`+strategy+`"}`).want(201).number("id"))
}

// approved has one more network let in, and returns the change with its digest.
func (j *judge) approved() (digest, path string) { return j.approvedFor("") }

// approvedFor is approved for one allowlist; "" for the first that a mapping uses.
func (j *judge) approvedFor(name string) (digest, path string) {
	j.networks++
	lists := j.send("viewer", "GET", "/allowlists", "").want(200).items()
	entry := fmt.Sprintf("198.51.100.%d/32", j.networks)
	var list any
	for _, l := range lists {
		if n, _ := l["mappings"].(float64); n > 0 && (name == "" || l["name"] == name) {
			list = l["id"]
			break
		}
	}
	edit := fmt.Sprintf(`{"title":"Let %s in","reason":"SEC-9","edits":[{"op":"entry.add","id":%q,"entry":{"cidr":%q}}]}`, entry, list, entry)
	path = fmt.Sprint("/changes/", j.send("editor", "POST", "/changes", edit).want(201).number("id"))
	digest = j.send("editor", "POST", path+"/submit", "").want(200).text("digest")
	j.send("approver", "POST", path+"/reviews", `{"verdict":"approve","digest":"`+digest+`"}`).want(200)
	return digest, path
}

// until asks for a rollout until it is as wanted.
func (j *judge) until(rollout string, reached func(answer) bool) answer {
	j.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		r := j.send("viewer", "GET", rollout, "").want(200)
		if reached(r) {
			return r
		}
		if time.Now().After(deadline) {
			j.t.Fatalf("%s did not get where it should: %s", rollout, clip(r.body))
		}
		<-time.After(100 * time.Millisecond)
	}
}

// retriesOne retries one failed account.
func (j *judge) retriesOne(c *harness.Console) {
	c.Sandbox.SetFaults(sandbox.Fault{Actions: []string{"iam:UpdateAssumeRolePolicy"}, Fail: 1, Status: 403, Code: "AccessDenied", Message: "not now", Count: 1})
	rollout := j.appliedBy(access.BuiltinStrategy)
	j.until(rollout, func(r answer) bool { return r.text("state") == "completed" })
	failed := j.send("viewer", "GET", rollout+"/targets?state=failed", "").want(200).items()
	if len(failed) == 0 {
		j.t.Fatal("no target failed, and one was made to")
	}
	j.send("operator", "POST", fmt.Sprint(rollout, "/targets/", failed[0]["account"], "/retry"), "").want(200)
	j.watches(rollout)
	c.Sandbox.SetFaults()
}

// skipsQueue lets a rollout start ahead of one that waits for an approval.
func (j *judge) skipsQueue() {
	older := j.appliedBy("Careful")
	j.until(older, func(r answer) bool { return r.text("phase") == "awaiting_approval" })
	digest, path := j.approved()
	applied := j.send("operator", "POST", path+"/apply", `{"digest":"`+digest+`","strategy":"All at once"}`).want(201)
	newer := fmt.Sprint("/rollouts/", applied.number("id"))
	j.until(newer, func(r answer) bool { return strings.Contains(string(r.body), `"blocked_by"`) })
	j.send("operator", "POST", newer+"/skip-queue", "").want(200)
	j.until(newer, func(r answer) bool { return r.text("state") == "completed" })
}
