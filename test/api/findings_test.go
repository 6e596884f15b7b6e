package api

import (
	"fmt"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/test/harness"
)

func init() {
	bodies["acknowledgeFinding"] = `{"digest":"x","reason":"x"}`
	bodies["acknowledgeFindings"] = `{"findings":[],"reason":"x"}`
}

// acknowledgesTogether takes what findings say most often, and accepts it in all accounts.
func (j *judge) acknowledgesTogether() {
	var groups []map[string]any
	harness.Eventually(j.t, time.Minute, "the demo's bypasses are found", func() (bool, string) {
		groups = j.send("viewer", "GET", "/findings/groups?kind=bypass", "").want(200).items()
		return len(groups) > 0, fmt.Sprint(groups)
	})
	group := fmt.Sprint(groups[0]["group"])
	query := "?kind=bypass&group=" + group
	found := j.send("viewer", "GET", "/findings"+query, "").want(200).items()
	first := fmt.Sprintf(`{"findings":[{"id":%v,"digest":%q}],"reason":"it is known"}`, found[0]["id"], found[0]["digest"])
	before := j.send("viewer", "GET", "/findings/selection"+query, "").want(200)
	all := func(of answer) string {
		return fmt.Sprintf(`{"filter":{"kind":"bypass","group":%q},"selection":%q,"reason":"it is known"}`, group, of.text("selection"))
	}
	j.send("operator", "POST", "/findings/acknowledge", `{"reason":"it is known"}`).want(422)
	j.send("operator", "POST", "/findings/acknowledge", `{"findings":[{"id":999999,"digest":"x"}],"reason":"it is known"}`).want(404)
	if n := j.send("operator", "POST", "/findings/acknowledge", first).want(200).number("acknowledged"); n != 1 {
		j.t.Errorf("%v were acknowledged, want the one", n)
	}
	if len(found) > 1 {
		j.send("operator", "POST", "/findings/acknowledge", all(before)).want(409)
		now := j.send("viewer", "GET", "/findings/selection"+query, "").want(200)
		if n := j.send("operator", "POST", "/findings/acknowledge", all(now)).want(200).number("acknowledged"); n != now.number("count") {
			j.t.Errorf("%v were acknowledged, want all %v", n, now.number("count"))
		}
	}
	// The first scan of the demo may go on meanwhile: what it finds is accepted as well.
	harness.Eventually(j.t, time.Minute, "none is open", func() (bool, string) {
		left := j.send("viewer", "GET", "/findings"+query, "").want(200).items()
		if len(left) > 0 {
			j.send("operator", "POST", "/findings/acknowledge", all(j.send("viewer", "GET", "/findings/selection"+query, "").want(200)))
		}
		return len(left) == 0, fmt.Sprintf("%d are open", len(left))
	})
}

// finds has somebody edit a role by hand, finds it, acknowledges it, changes its mind,
// and puts it right.
func (j *judge) finds(c *harness.Console) {
	target := j.send("viewer", "GET", "/changes/1/plan", "").want(200).object()["targets"].([]any)[0].(map[string]any)
	account := fmt.Sprint(target["account"])
	var role, document string
	for name, trust := range c.Sandbox.State(access.AccountID(account)).Roles {
		if strings.Contains(trust, `"Portcullis`) && !strings.Contains(name, "/") {
			role, document = name, trust
		}
	}
	if role == "" {
		j.t.Fatalf("account %s holds no role with a statement of Portcullis", account)
	}
	at := strings.Index(document, `"Portcullis`)
	edited := document[:at] + `"PortcullisForged` + document[at+len(`"Portcullis`):]
	c.Sandbox.EditByHand(access.AccountID(account), role, edited)
	j.send("operator", "POST", "/drift/scan", "").want(202)
	var path string
	var found map[string]any
	harness.Eventually(j.t, time.Minute, "the edit is found", func() (bool, string) {
		for _, f := range j.send("viewer", "GET", "/findings?kind=drift&state=open&account="+account, "").want(200).items() {
			if r, _ := f["resource"].(map[string]any); r["name"] == role {
				path = fmt.Sprint("/findings/", f["id"])
				found = j.send("viewer", "GET", path, "").want(200).object()
			}
		}
		// The role may have been found before: where the account was not pushed.
		live := fmt.Sprint(found["live"])
		return strings.Contains(live, "PortcullisForged"), live
	})
	if desired := fmt.Sprint(found["desired"]); strings.Contains(desired, "PortcullisForged") {
		j.t.Errorf("the finding takes the edit for desired: %s", desired)
	}
	j.send("viewer", "GET", "/findings?limit=1&state=open,acknowledged,resolved&q="+role, "").want(200)
	j.send("viewer", "GET", "/findings?kind=strange", "").want(422)
	j.send("operator", "POST", path+"/acknowledge", `{"digest":"another","reason":"fine"}`).want(409)
	j.send("operator", "POST", path+"/acknowledge", fmt.Sprintf(`{"digest":%q,"reason":" "}`, found["digest"])).want(422)
	settled := j.send("operator", "POST", path+"/acknowledge", fmt.Sprintf(`{"digest":%q,"reason":"a test"}`, found["digest"])).want(200)
	if settled.text("state") != "acknowledged" {
		j.t.Errorf("after it was acknowledged: %s", settled.body)
	}
	j.send("operator", "POST", path+"/reopen", "").want(200)
	j.send("operator", "POST", path+"/reopen", "").want(409)
	repair := j.send("operator", "POST", path+"/repair", "").want(201)
	j.watches(fmt.Sprint("/rollouts/", repair.number("id")))
	j.send("operator", "POST", "/drift/scan", "").want(202)
	harness.Eventually(j.t, time.Minute, "the finding is resolved", func() (bool, string) {
		state := j.send("viewer", "GET", path, "").want(200).text("state")
		return state == "resolved", state
	})
	j.send("operator", "POST", path+"/repair", "").want(409)
	j.send("operator", "POST", path+"/acknowledge", fmt.Sprintf(`{"digest":%q,"reason":"a test"}`, found["digest"])).want(409)
}
