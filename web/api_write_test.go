package web_test

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis/internal/access"
)

func TestAPIProposes(t *testing.T) {
	c := newConsole(t)
	a := c.tell(http.MethodPost, "/changes", "editor", `{"title":"Tokyo","reason":"SEC-1","edits":[
		{"op":"entry.add","id":"al-1","entry":{"cidr":"12.148.80.0/22","note":"<b>","expires":"2028-01-01T00:00:00Z"}},
		{"op":"mapping.add","mapping":{"role":"team-a/Bob","users":["alice","444455556666:ops/dave"],"accounts":{"all":true},"allowlists":["office"],"require_mfa":true,"mfa_max_age":"1h"}}]}`, "If-Match", `"7"`)
	got := a.json(t, http.StatusCreated)
	if a.header.Get("Location") != "/api/v1/changes/12" || a.header.Get("ETag") != `"1"` || got["state"] != "draft" {
		t.Errorf("Location %q, ETag %q, %v", a.header.Get("Location"), a.header.Get("ETag"), got)
	}
	if d := cmp.Diff([]string{`propose on 7 "Tokyo"`}, c.changes.did); d != "" {
		t.Errorf("did (-want +got):\n%s", d)
	}
	p := c.changes.proposal
	if m := p.Edits[1].Mapping; m == nil || m.Role.Path != "/team-a/" || m.Users[1].Account != "444455556666" || m.MFAMaxAge != time.Hour {
		t.Errorf("mapping %+v", p.Edits[1].Mapping)
	}
	if e := p.Edits[0].Entry; e == nil || p.Edits[0].Key != "12.148.80.0/22" || e.Note != "<b>" || e.Expires.Year() != 2028 {
		t.Errorf("entry %+v", e)
	}
	c.tell(http.MethodPost, "/changes", "editor", `{"title":"All","desired":{"allowlists":[{"name":"office","entries":["103.15.250.0/24"]}],"mappings":[]}}`).json(t, http.StatusCreated)
	if d := c.changes.proposal.Desired; d == nil || len(d.Allowlists) != 1 || d.Allowlists[0].Entries[0].Key() != "103.15.250.0/24" {
		t.Errorf("desired %+v", d)
	}
}

func TestAPIRefusesWhatItCannotRead(t *testing.T) {
	c := newConsole(t)
	edit := func(s string) string { return `{"title":"x","edits":[` + s + `]}` }
	for name, tc := range map[string]struct {
		body    string
		status  int
		pointer string
	}{
		"nothing":            {"", 400, ""},
		"no JSON":            {"title=x", 400, ""},
		"cut off":            {`{"title":"x"`, 400, ""},
		"two objects":        {`{"title":"x"}{}`, 400, ""},
		"an array":           {`[]`, 422, "/"},
		"another key":        {`{"title":"x","state":"approved"}`, 422, "/state"},
		"a key within":       {edit(`{"op":"entry.add","id":"al-1","digest":"x"}`), 422, "/digest"},
		"a wrong type":       {`{"title":7}`, 422, "/title"},
		"a private range":    {edit(`{"op":"entry.add","id":"al-1","entry":{"cidr":"10.0.0.0/8"}}`), 422, "/edits/0/entry/cidr"},
		"host bits":          {edit(`{"op":"entry.add","id":"al-1","entry":{"cidr":"12.148.80.1/22"}}`), 422, "/edits/0/entry/cidr"},
		"two kinds":          {edit(`{"op":"entry.add","id":"al-1","entry":{"cidr":"9.9.9.9","vpc":"vpc-0a1b2c3d"}}`), 422, "/edits/0/entry/cidr"},
		"no entry":           {edit(`{"op":"entry.add","id":"al-1"}`), 422, "/edits/0/entry"},
		"a strange user":     {edit(`{"op":"mapping.add","mapping":{"role":"Bob","users":["al ice"],"accounts":{"all":true},"allowlists":["o"]}}`), 422, "/edits/0/mapping/users/0"},
		"no accounts":        {edit(`{"op":"mapping.add","mapping":{"role":"Bob","users":["alice"],"accounts":{},"allowlists":["o"]}}`), 422, "/edits/0/mapping/accounts"},
		"a bad desired list": {`{"title":"x","desired":{"allowlists":[{"name":"o","entries":["office"]}]}}`, 422, "/desired"},
		"desired, empty":     {`{"title":"x","desired":{}}`, 422, "/desired"},
		"desired and edits":  {`{"title":"x","edits":[],"desired":{"allowlists":[],"mappings":[]}}`, 422, "/desired"},
		"desired, misspelt":  {`{"title":"x","desired":{"allowlist":[]}}`, 422, "/desired"},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.tell(http.MethodPost, "/changes", "editor", tc.body).json(t, tc.status)
			pointer := ""
			if list, ok := got["errors"].([]any); ok {
				pointer, _ = list[0].(map[string]any)["pointer"].(string)
			}
			if pointer != tc.pointer {
				t.Errorf("pointer %q, want %q: %v", pointer, tc.pointer, got)
			}
		})
	}
	if a := c.tell(http.MethodPost, "/changes", "editor", `{"title":"x"}`, "Content-Type", "text/plain"); a.status != http.StatusUnsupportedMediaType {
		t.Errorf("as text: %d", a.status)
	}
	for body, want := range map[string]string{`[]`: "an object", `{"title":7}`: "a string", `{"edits":{}}`: "an array", `{"edits":["x"]}`: "an object"} {
		got := c.tell(http.MethodPost, "/changes", "editor", body).json(t, 422)
		if detail, _ := got["detail"].(string); !strings.HasSuffix(detail, "it has to be "+want) {
			t.Errorf("%s: %q, want it to say that %s is wanted", body, detail, want)
		}
	}
	if a := c.tell(http.MethodPost, "/changes/12/withdraw", "editor", `{"state":"approved"}`); a.status != http.StatusBadRequest {
		t.Errorf("a body where none is taken: %d", a.status)
	}
	if a := c.tell(http.MethodPost, "/changes/12/submit", "editor", `{"state":"approved"}`); a.status != http.StatusUnprocessableEntity {
		t.Errorf("what is not for the caller to set: %d", a.status)
	}
	if a := c.tell(http.MethodPost, "/changes", "editor", `{"title":"`+strings.Repeat("x", 5<<20)+`"}`); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("5 MB: %d", a.status)
	}
	if len(c.changes.did) > 0 {
		t.Errorf("something was done: %v", c.changes.did)
	}
}

func TestAPIDecides(t *testing.T) {
	c := newConsole(t)
	c.changes.view, c.rollouts.rollout = inReview(), running()
	digest := c.changes.view.Digest
	for _, step := range []struct {
		method, path, who, body string
		status                  int
	}{
		{"PUT", "/changes/12", "editor", `{"title":"Two"}`, 200},
		{"POST", "/changes/12/submit", "editor", ``, 200},
		{"POST", "/changes/12/reviews", "approver", `{"verdict":"approve","digest":"` + digest + `","comment":"seen"}`, 200},
		{"POST", "/changes/12/apply", "operator", `{"digest":"` + digest + `"}`, 201},
		{"POST", "/changes/12/withdraw", "editor", `{}`, 200},
		{"POST", "/changes/12/rebase", "editor", ``, 200},
	} {
		if a := c.tell(step.method, step.path, step.who, step.body, "If-Match", `"3"`); a.status != step.status {
			t.Errorf("%s %s: %d, want %d: %s", step.method, step.path, a.status, step.status, a.body)
		}
		if a := c.tell(step.method, step.path, step.who, step.body, "If-Match", `"2"`); a.status != http.StatusPreconditionFailed && step.method != "PUT" {
			t.Errorf("%s %s on another version: %d, want 412", step.method, step.path, a.status)
		}
	}
	want := []string{`revise 12@3 "Two"`, `revise 12@2 "Two"`, "submit 12@3", fmt.Sprintf("approve 12 %s %q", digest, "seen"), "apply 12 " + digest, "withdraw 12", "rebase 12"}
	if d := cmp.Diff(want, c.changes.did); d != "" {
		t.Errorf("did (-want +got):\n%s", d)
	}
	if got := c.tell("PUT", "/changes/12", "editor", `{"title":"x"}`).json(t, http.StatusPreconditionRequired); got["type"] != "/problems/unconditional" {
		t.Errorf("without If-Match: %v", got)
	}
	for _, path := range []string{"/changes/12/reviews", "/changes/12/apply"} {
		who := map[bool]string{true: "approver", false: "operator"}[strings.HasSuffix(path, "reviews")]
		body := map[bool]string{true: `{"verdict":"approve"}`, false: `{}`}[strings.HasSuffix(path, "reviews")]
		c.tell("POST", path, who, body).json(t, http.StatusUnprocessableEntity)
	}
}

func TestAPIControlsRollouts(t *testing.T) {
	c := newConsole(t)
	c.rollouts.rollout = running()
	for _, path := range []string{"/rollouts/3/pause", "/rollouts/3/resume", "/rollouts/3/retry"} {
		if a := c.tell("POST", path, "operator", "", "If-Match", `"running"`); a.status != http.StatusOK {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
		if a := c.tell("POST", path, "operator", "", "If-Match", `"paused"`); a.status != http.StatusPreconditionFailed {
			t.Errorf("%s in another state: %d, want 412", path, a.status)
		}
	}
	c.tell("POST", "/rollouts/3/abort", "operator", `{"reason":"wrong list"}`).json(t, http.StatusOK)
	if d := cmp.Diff([]string{"pause 3", "resume 3", "retry 3", `abort 3 "wrong list"`}, c.rollouts.did); d != "" {
		t.Errorf("did (-want +got):\n%s", d)
	}
	c.rollouts.did = nil
	for _, body := range []string{"", "{}"} {
		c.tell("POST", "/rollouts/3/abort", "operator", body).json(t, http.StatusOK)
		c.tell("POST", "/rollouts/3/rollback", "operator", body).json(t, http.StatusOK)
	}
	if len(c.rollouts.did) != 4 || !strings.Contains(c.rollouts.did[0], "No reason was given") {
		t.Errorf("ended in a hurry: %v", c.rollouts.did)
	}
	c.tell("POST", "/rollouts", "operator", "").json(t, http.StatusCreated)
	if a := c.tell("POST", "/organization/sync", "operator", ""); a.status != http.StatusAccepted || c.organization.synced != 1 {
		t.Errorf("sync: %d, %d times", a.status, c.organization.synced)
	}
}

func TestAPIDoesThingsOnce(t *testing.T) {
	c := newConsole(t)
	post := func(key, body string) answer {
		return c.tell("POST", "/changes", "editor", body, "Idempotency-Key", key)
	}
	first := post("k-1", `{"title":"One"}`)
	second := post("k-1", `{"title":"One"}`)
	if first.status != http.StatusCreated || second.status != http.StatusCreated || first.body != second.body || second.header.Get("ETag") != `"1"` ||
		second.header.Get("Location") != first.header.Get("Location") || second.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%d %s, then %d %s %v", first.status, first.body, second.status, second.body, second.header)
	}
	if len(c.changes.did) != 1 {
		t.Errorf("done: %v, want once", c.changes.did)
	}
	if got := post("k-1", `{"title":"Two"}`).json(t, http.StatusUnprocessableEntity); !strings.Contains(fmt.Sprint(got), "another request") {
		t.Errorf("another body: %v", got)
	}
	if a := c.tell("POST", "/changes", "editor", `{"title":"One"}`, "Idempotency-Key", "k-1", "If-Match", `"4"`); a.status != http.StatusUnprocessableEntity {
		t.Errorf("another If-Match: %d", a.status)
	}
	post("", `{"title":"One"}`).json(t, http.StatusCreated)
	post("k 2", `{"title":"One"}`).json(t, http.StatusUnprocessableEntity)
	c.changes.refuse = access.Invalid("title", "no")
	post("k-3", `{"title":"Three"}`).json(t, http.StatusUnprocessableEntity)
	c.changes.refuse = nil
	post("k-3", `{"title":"Corrected"}`).json(t, http.StatusCreated) // nothing had been done
	c.changes.refuse = errors.New("the answer of COMMIT was lost")
	post("k-4", `{"title":"Four"}`).json(t, http.StatusInternalServerError)
	c.changes.refuse = nil
	if got := post("k-4", `{"title":"Four"}`).json(t, http.StatusConflict); !strings.Contains(fmt.Sprint(got["detail"]), "look whether it took effect") {
		t.Errorf("after an unknown effect: %v", got)
	}
}

func TestAPIPaces(t *testing.T) {
	c := newPacedConsole(t, 2)
	for range 4 {
		c.api("/rollouts", "viewer").json(t, http.StatusOK)
	}
	a := c.api("/rollouts", "viewer")
	if got := a.json(t, http.StatusTooManyRequests); got["type"] != "/problems/too_many" || a.header.Get("Retry-After") != "1" {
		t.Errorf("%v, Retry-After %q", got, a.header.Get("Retry-After"))
	}
	c.api("/rollouts", "editor").json(t, http.StatusOK) // another token from there
	for range 12 {
		c.api("/rollouts", "nobody")
	}
	if a := c.api("/rollouts", "auditor"); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
		t.Errorf("the address after many calls: %d", a.status)
	}
}

func TestAPIStreamsARollout(t *testing.T) {
	c := newConsole(t)
	now := running()
	c.rollouts.updates <- now
	r := c.request(http.MethodGet, "/api/v1/rollouts/3/events", nil)
	r.Header.Set("Authorization", "Bearer token-viewer")
	resp, err := c.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if kind := resp.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Errorf("Content-Type %q", kind)
	}
	lines := bufio.NewScanner(resp.Body)
	next := func(want string) {
		t.Helper()
		for lines.Scan() {
			if lines.Text() != "" {
				if !strings.HasPrefix(lines.Text(), want) {
					t.Fatalf("got %q, want %q", lines.Text(), want)
				}
				return
			}
		}
		t.Fatalf("the stream ended before %q", want)
	}
	next("event: rollout")
	next(`data: {"id":3,`)
	now.State, now.Counts = access.RolloutCompleted, access.TargetCounts{Succeeded: 3}
	c.rollouts.updates <- now
	next("event: rollout")
	next(`data: {"id":3,`)
	next("event: end")
	next("data: {}")
	for lines.Scan() {
		if lines.Text() != "" {
			t.Errorf("after the end: %q", lines.Text())
		}
	}
}
