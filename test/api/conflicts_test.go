package api

import (
	"fmt"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/test/harness"
)

func init() {
	bodies["resolveConflicts"] = `{"operations":[{"operation":1,"choice":"skip","seen":""}]}`
	bodies["adoptEdit"] = `{"operation":1}`
}

// decides has somebody edit role Bob while a change waits, decides to adopt the edit, and
// lets a draft follow it.
func (j *judge) decides(c *harness.Console) {
	digest, path := j.approvedFor("office")
	account := fmt.Sprint(j.send("viewer", "GET", path+"/plan", "").want(200).object()["targets"].([]any)[0].(map[string]any)["account"])
	bob := c.Sandbox.State(access.AccountID(account)).Roles["Bob"]
	edited := strings.ReplaceAll(bob, "103.15.250.0/24", "103.15.252.0/24")
	if edited == bob {
		j.t.Fatalf("there is nothing to edit in %s", bob)
	}
	c.Sandbox.EditByHand(access.AccountID(account), "Bob", edited)
	applied := j.send("operator", "POST", path+"/apply", `{"digest":"`+digest+`","strategy":"All at once"}`).want(201)
	rollout := fmt.Sprint("/rollouts/", applied.number("id"))
	j.watches(rollout)

	failures := j.send("viewer", "GET", rollout+"/failures", "").want(200).items()
	if len(failures) != 1 || failures[0]["state"] != "conflict" || failures[0]["example"] != account || failures[0]["summary"] != "Conflict in 1 account of OU "+strings.TrimPrefix(ouOf(failures[0]), "Root/")+": somebody else has edited role Bob" {
		j.t.Errorf("the failures are %v", failures)
	}
	j.send("viewer", "GET", rollout+"/samples", "").want(200)
	listed := j.send("viewer", "GET", rollout+"/targets?state=conflict&wave=1&cause=somebody+else+has+edited+role+Bob", "").want(200).items()
	if len(listed) != 1 || listed[0]["account"] != account {
		j.t.Fatalf("by its cause the list holds %v", listed)
	}
	target := fmt.Sprint(rollout, "/targets/", account)
	operation := j.conflict(target)
	decide := func(who, choice, seen string) answer {
		return j.send(who, "POST", target+"/resolve", fmt.Sprintf(`{"operations":[{"operation":%v,"choice":%q,"seen":%q}]}`, operation["id"], choice, seen))
	}
	seen := fmt.Sprint(operation["found_sha256"])
	decide("editor", "overwrite", seen).want(403)
	decide("operator", "burn", seen).want(422)
	decide("operator", "overwrite", access.DocumentDigest(bob)).want(412)
	decide("operator", "adopt", seen).want(200)
	decide("operator", "adopt", seen).want(409)
	j.watches(rollout)
	j.send("operator", "POST", target+"/adopt", fmt.Sprintf(`{"operation":%v}`, operation["id"])).want(403)
	j.send("editor", "POST", target+"/adopt", `{"operation":0}`).want(409)
	draft := j.send("editor", "POST", target+"/adopt", fmt.Sprintf(`{"operation":%v}`, operation["id"])).want(201)
	if said := string(draft.body); !strings.Contains(said, "103.15.252.0/24") || !strings.Contains(said, "103.15.250.0/24") {
		j.t.Errorf("the draft is %s, want the one network to come and the other to go", clip(draft.body))
	}
}

// conflict is the operation of a target that is in conflict.
func (j *judge) conflict(target string) map[string]any {
	j.t.Helper()
	operations, _ := j.send("viewer", "GET", target, "").want(200).object()["operations"].([]any)
	for _, o := range operations {
		if op, _ := o.(map[string]any); op["state"] == "conflict" {
			return op
		}
	}
	j.t.Fatalf("%s has no operation in conflict", target)
	return nil
}

func ouOf(failure map[string]any) string {
	ous, _ := failure["ous"].([]any)
	first, _ := ous[0].(map[string]any)
	return fmt.Sprint(first["ou"])
}
