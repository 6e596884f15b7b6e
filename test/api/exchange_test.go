package api

import (
	"fmt"
	"strings"
)

// exchanges takes out what there is and brings it in again.
func (j *judge) exchanges() {
	list := fmt.Sprint("/allowlists/", j.send("viewer", "GET", "/allowlists", "").want(200).items()[0]["id"], "/entries.csv")
	file := j.send("viewer", "GET", list, "").want(200)
	if !strings.HasPrefix(string(file.body), "entry,note,ticket,expires\n") {
		j.t.Errorf("the entries are %s", clip(file.body))
	}
	bring := func(query, text string, header ...string) answer {
		return j.send("editor", "POST", list+query, text, append([]string{"Content-Type", "text/csv"}, header...)...)
	}
	if a := bring("?mode=replace", string(file.body)).want(422); !strings.Contains(string(a.body), `"/lines"`) {
		j.t.Errorf("what is there already: %s", a.body)
	}
	if a := bring("?mode=add", "8.8.8.0/24\n10.0.0.0/8\n").want(422); !strings.Contains(string(a.body), `"/lines/2"`) {
		j.t.Errorf("a wrong line: %s", a.body)
	}
	bring("?mode=some", "8.8.8.0/24\n").want(422)
	bring("?mode=add", "8.8.8.0/24\n", "Content-Type", "application/json").want(415)
	draft := bring("?mode=add", "8.8.8.0/24,'=1+1\n", "Idempotency-Key", "import-1").want(201)
	if again := bring("?mode=add", "8.8.8.0/24,'=1+1\n", "Idempotency-Key", "import-1").want(201); again.number("id") != draft.number("id") {
		j.t.Errorf("sent twice: changes %d and %d", draft.number("id"), again.number("id"))
	}
	more := bring(fmt.Sprintf("?mode=add&change=%d", draft.number("id")), "8.8.4.0/24\n").want(201)
	if edits, _ := more.object()["edits"].([]any); len(edits) != 2 || more.number("id") != draft.number("id") {
		j.t.Errorf("one file more into change %d makes %s", draft.number("id"), clip(more.body))
	}

	target := j.send("viewer", "GET", "/changes/1/plan", "").want(200).object()["targets"].([]any)[0].(map[string]any)["account"]
	account := fmt.Sprint("/accounts/", target, "/export?format=")
	if a := j.send("viewer", "GET", account+"terraform", "").want(200); !strings.Contains(string(a.body), `resource "aws_iam_role"`) {
		j.t.Errorf("Terraform: %s", clip(a.body))
	}
	if a := j.send("viewer", "GET", account+"cloudformation", "").want(200); a.object()["Resources"] == nil {
		j.t.Errorf("CloudFormation: %s", clip(a.body))
	}
	j.send("viewer", "GET", account+"pulumi", "").want(422)

	lines := j.send("auditor", "GET", "/audit/export?format=jsonl&action=export", "").want(200)
	if n := strings.Count(string(lines.body), "\n"); n < 4 || !strings.Contains(string(lines.body), `"action":"export.audit"`) {
		j.t.Errorf("%d exports are on record, want all of them:\n%s", n, clip(lines.body))
	}
	j.send("auditor", "GET", "/audit/export?format=csv&addr=127.0.0.0/8", "").want(200)
	j.send("auditor", "GET", "/audit/export?format=csv&addr=here", "").want(422)
	j.send("auditor", "GET", "/audit?addr=127.0.0.1&limit=5", "").want(200)
}
