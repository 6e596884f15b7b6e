package api

import (
	"encoding/json"
	"fmt"
)

// overridesGuards composes a change that leaves people without an address, and submits it with the
// necessary overrides. It returns another draft, which stays open.
func (j *judge) overridesGuards() (draft int) {
	mapping := j.send("viewer", "GET", "/mappings?limit=1", "").want(200).items()[0]
	mapping["allowlists"] = []string{"void"}
	edited, err := json.Marshal(mapping)
	if err != nil {
		j.t.Fatal(err)
	}
	c := j.send("editor", "POST", "/changes", fmt.Sprintf(`{"title":"Nobody","reason":"SEC-3","edits":[{"op":"allowlist.add","allowlist":{"name":"void"}},{"op":"mapping.update","id":%q,"mapping":%s}]}`, mapping["id"], edited)).want(201)
	path := fmt.Sprint("/changes/", c.number("id"))
	guards, _ := j.send("editor", "GET", path, "").want(200).object()["guards"].([]any)
	if len(guards) == 0 {
		j.t.Fatal("no guard has found anything in a change that leaves people without any address")
	}
	overrides := []map[string]any{}
	for _, g := range guards {
		found, _ := g.(map[string]any)
		if found["guard"] != "no_address" || found["mode"] != "confirm" || found["overridden"] != false {
			j.t.Errorf("a guard has found %v", found)
		}
		overrides = append(overrides, map[string]any{"guard": found["guard"], "object": found["object"]})
	}
	body, err := json.Marshal(map[string]any{"override_guards": overrides})
	if err != nil {
		j.t.Fatal(err)
	}
	j.send("editor", "POST", path+"/submit", "").want(422)
	j.send("editor", "POST", path+"/submit", `{"override_guards":[{"guard":"no_address","object":"nothing"}]}`).want(422)
	j.send("editor", "POST", path+"/submit", string(body), "Content-Type", "text/plain").want(415)
	j.send("editor", "POST", path+"/submit", string(body)).want(200)
	guards, _ = j.send("editor", "GET", path, "").want(200).object()["guards"].([]any)
	for _, g := range guards {
		if found, _ := g.(map[string]any); found["overridden"] != true {
			j.t.Errorf("after the override: %v", found)
		}
	}
	j.send("editor", "POST", path+"/withdraw", "").want(200)
	left := j.send("editor", "POST", "/changes", `{"title":"Left lying","reason":"SEC-4","edits":[{"op":"allowlist.add","allowlist":{"name":"left"}}]}`).want(201)
	return left.number("id")
}

// fallsBehind looks at a draft under which others have applied something, and rebases it.
func (j *judge) fallsBehind(draft, theirs int) {
	path := fmt.Sprint("/changes/", draft)
	for _, a := range []answer{j.send("editor", "GET", path, "").want(200), j.send("editor", "POST", path+"/rebase", "").want(200), j.send("editor", "GET", path, "").want(200)} {
		since, _ := a.object()["since"].(map[string]any)
		applied, _ := since["applied"].([]any)
		if len(applied) == 0 {
			j.t.Errorf("nothing is told of what others applied: %s", clip(a.body))
			continue
		}
		if first, _ := applied[0].(map[string]any); first["change"] != float64(theirs) || first["same"] != false {
			j.t.Errorf("others applied first %v, want change %d", first, theirs)
		}
	}
	j.send("editor", "POST", path+"/withdraw", "").want(200)
}
