package api_test

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/web/webtest"
)

func TestAPIProposes(t *testing.T) {
	c := webtest.New(t)
	a := c.Tell(http.MethodPost, "/changes", "editor", `{"title":"Tokyo","reason":"SEC-1","edits":[
		{"op":"entry.add","id":"al-1","entry":{"cidr":"12.148.80.0/22","note":"<b>","expires":"2028-01-01T00:00:00Z"}},
		{"op":"mapping.add","mapping":{"role":"team-a/Bob","users":["alice","444455556666:ops/dave"],"accounts":{"all":true},"allowlists":["office"],"require_mfa":true,"mfa_max_age":"1h"}}]}`, "If-Match", `"7"`)
	got := a.JSON(t, http.StatusCreated)
	if a.Header.Get("Location") != "/api/v1/changes/12" || a.Header.Get("ETag") != `"1"` || got["state"] != "draft" {
		t.Errorf("Location %q, ETag %q, %v", a.Header.Get("Location"), a.Header.Get("ETag"), got)
	}
	if d := cmp.Diff([]string{`propose on 7 "Tokyo"`}, c.Changes.Did); d != "" {
		t.Errorf("did (-want +got):\n%s", d)
	}
	p := c.Changes.Proposal
	if m := p.Edits[1].Mapping; m == nil || m.Role.Path != "/team-a/" || m.Users[1].Account != "444455556666" || m.MFAMaxAge != time.Hour {
		t.Errorf("mapping %+v", p.Edits[1].Mapping)
	}
	if e := p.Edits[0].Entry; e == nil || p.Edits[0].Key != "12.148.80.0/22" || e.Note != "<b>" || e.Expires.Year() != 2028 {
		t.Errorf("entry %+v", e)
	}
	c.Tell(http.MethodPost, "/changes", "editor", `{"title":"All","desired":{"allowlists":[{"name":"office","entries":["103.15.250.0/24"]}],"mappings":[]}}`).JSON(t, http.StatusCreated)
	if d := c.Changes.Proposal.Desired; d == nil || len(d.Allowlists) != 1 || d.Allowlists[0].Entries[0].Key() != "103.15.250.0/24" {
		t.Errorf("desired %+v", d)
	}
}

// TestAPIKeepsSuspiciousTexts: pages show these characters as code points, the API gives them back verbatim.
func TestAPIKeepsSuspiciousTexts(t *testing.T) {
	c := webtest.New(t)
	c.Tell(http.MethodPost, "/changes", "editor", `{"title":"of\u202efice p\u0430ypal"}`).JSON(t, http.StatusCreated)
	if got := c.Changes.Proposal.Title; got != "of\u202efice p\u0430ypal" {
		t.Errorf("the title became %q", got)
	}
	c.Changes.ChangeView = webtest.DraftView()
	c.Changes.ChangeView.Reason = "see\u200b \u202eticket"
	got := c.Tell(http.MethodGet, "/changes/12", "editor", "").JSON(t, http.StatusOK)
	if got["reason"] != c.Changes.ChangeView.Reason {
		t.Errorf("the reason is %q, want %q", got["reason"], c.Changes.ChangeView.Reason)
	}
}

func TestAPIRefusesWhatItCannotRead(t *testing.T) {
	c := webtest.New(t)
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
		"invalid UTF-8":      {"{\"title\":\"off\xffice\"}", 400, ""},
		"a hidden role":      {edit(`{"op":"mapping.add","mapping":{"role":"B\u202eob","users":["alice"],"accounts":{"all":true},"allowlists":["o"]}}`), 422, "/edits/0/mapping/role"},
		"a Cyrillic user":    {edit(`{"op":"mapping.add","mapping":{"role":"Bob","users":["\u0430lice"],"accounts":{"all":true},"allowlists":["o"]}}`), 422, "/edits/0/mapping/users/0"},
		"a hidden OU":        {edit(`{"op":"mapping.add","mapping":{"role":"Bob","users":["alice"],"accounts":{"ous":["Root/Pr\u200bod"]},"allowlists":["o"]}}`), 422, "/edits/0/mapping/accounts/ous"},
		"no accounts":        {edit(`{"op":"mapping.add","mapping":{"role":"Bob","users":["alice"],"accounts":{},"allowlists":["o"]}}`), 422, "/edits/0/mapping/accounts"},
		"a bad desired list": {`{"title":"x","desired":{"allowlists":[{"name":"o","entries":["office"]}]}}`, 422, "/desired"},
		"desired, empty":     {`{"title":"x","desired":{}}`, 422, "/desired"},
		"desired and edits":  {`{"title":"x","edits":[],"desired":{"allowlists":[],"mappings":[]}}`, 422, "/desired"},
		"desired, misspelt":  {`{"title":"x","desired":{"allowlist":[]}}`, 422, "/desired"},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.Tell(http.MethodPost, "/changes", "editor", tc.body).JSON(t, tc.status)
			pointer := ""
			if list, ok := got["errors"].([]any); ok {
				pointer, _ = list[0].(map[string]any)["pointer"].(string)
			}
			if pointer != tc.pointer {
				t.Errorf("pointer %q, want %q: %v", pointer, tc.pointer, got)
			}
		})
	}
	for body, want := range map[string]string{
		"{\"title\":\"off\xffice\"}": "not valid UTF-8: byte 14 (0xFF) is invalid",
		edit(`{"op":"mapping.add","mapping":{"role":"B\u202eob","users":["alice"],"accounts":{"all":true},"allowlists":["o"]}}`): "character 2 of “B⟨U+202E⟩ob” is U+202E",
	} {
		got := c.Tell(http.MethodPost, "/changes", "editor", body).Body
		if !strings.Contains(got, want) {
			t.Errorf("%q: %s, want %q in it", body, got, want)
		}
	}
	if a := c.Tell(http.MethodPost, "/changes", "editor", `{"title":"x"}`, "Content-Type", "text/plain"); a.Status != http.StatusUnsupportedMediaType {
		t.Errorf("as text: %d", a.Status)
	}
	for body, want := range map[string]string{`[]`: "an object", `{"title":7}`: "a string", `{"edits":{}}`: "an array", `{"edits":["x"]}`: "an object"} {
		got := c.Tell(http.MethodPost, "/changes", "editor", body).JSON(t, 422)
		if detail, _ := got["detail"].(string); !strings.HasSuffix(detail, "it has to be "+want) {
			t.Errorf("%s: %q, want it to say that %s is wanted", body, detail, want)
		}
	}
	if a := c.Tell(http.MethodPost, "/changes/12/withdraw", "editor", `{"state":"approved"}`); a.Status != http.StatusBadRequest {
		t.Errorf("a body where none is taken: %d", a.Status)
	}
	if a := c.Tell(http.MethodPost, "/changes/12/submit", "editor", `{"state":"approved"}`); a.Status != http.StatusUnprocessableEntity {
		t.Errorf("what is not for the caller to set: %d", a.Status)
	}
	if a := c.Tell(http.MethodPost, "/changes", "editor", `{"title":"`+strings.Repeat("x", 5<<20)+`"}`); a.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("5 MB: %d", a.Status)
	}
	if len(c.Changes.Did) > 0 {
		t.Errorf("something was done: %v", c.Changes.Did)
	}
}

func TestAPIDecides(t *testing.T) {
	c := webtest.New(t)
	c.Changes.ChangeView, c.Rollouts.Shown = webtest.ViewInReview(), webtest.RunningRollout()
	digest := c.Changes.ChangeView.Digest
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
		if a := c.Tell(step.method, step.path, step.who, step.body, "If-Match", `"3"`); a.Status != step.status {
			t.Errorf("%s %s: %d, want %d: %s", step.method, step.path, a.Status, step.status, a.Body)
		}
		if a := c.Tell(step.method, step.path, step.who, step.body, "If-Match", `"2"`); a.Status != http.StatusPreconditionFailed && step.method != "PUT" {
			t.Errorf("%s %s on another version: %d, want 412", step.method, step.path, a.Status)
		}
	}
	want := []string{`revise 12@3 "Two"`, `revise 12@2 "Two"`, "submit 12@3", fmt.Sprintf("approve 12 %s %q", digest, "seen"), "apply 12 " + digest, "withdraw 12", "rebase 12"}
	if d := cmp.Diff(want, c.Changes.Did); d != "" {
		t.Errorf("did (-want +got):\n%s", d)
	}
	if got := c.Tell("PUT", "/changes/12", "editor", `{"title":"x"}`).JSON(t, http.StatusPreconditionRequired); got["type"] != "/problems/unconditional" {
		t.Errorf("without If-Match: %v", got)
	}
	for _, path := range []string{"/changes/12/reviews", "/changes/12/apply"} {
		who := map[bool]string{true: "approver", false: "operator"}[strings.HasSuffix(path, "reviews")]
		body := map[bool]string{true: `{"verdict":"approve"}`, false: `{}`}[strings.HasSuffix(path, "reviews")]
		c.Tell("POST", path, who, body).JSON(t, http.StatusUnprocessableEntity)
	}
}

func TestAPIControlsRollouts(t *testing.T) {
	c := webtest.New(t)
	c.Rollouts.Shown = webtest.RunningRollout()
	for _, path := range []string{"/rollouts/3/pause", "/rollouts/3/resume", "/rollouts/3/retry"} {
		if a := c.Tell("POST", path, "operator", "", "If-Match", `"running"`); a.Status != http.StatusOK {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
		if a := c.Tell("POST", path, "operator", "", "If-Match", `"paused"`); a.Status != http.StatusPreconditionFailed {
			t.Errorf("%s in another state: %d, want 412", path, a.Status)
		}
	}
	c.Tell("POST", "/rollouts/3/abort", "operator", `{"reason":"wrong list"}`).JSON(t, http.StatusOK)
	if d := cmp.Diff([]string{"pause 3", "resume 3", "retry 3", `abort 3 "wrong list"`}, c.Rollouts.Did); d != "" {
		t.Errorf("did (-want +got):\n%s", d)
	}
	c.Rollouts.Did = nil
	for _, body := range []string{"", "{}"} {
		c.Tell("POST", "/rollouts/3/abort", "operator", body).JSON(t, http.StatusOK)
		c.Tell("POST", "/rollouts/3/rollback", "operator", body).JSON(t, http.StatusOK)
	}
	if len(c.Rollouts.Did) != 4 || !strings.Contains(c.Rollouts.Did[0], "No reason was given") {
		t.Errorf("ended in a hurry: %v", c.Rollouts.Did)
	}
	c.Tell("POST", "/rollouts", "operator", "").JSON(t, http.StatusCreated)
	if a := c.Tell("POST", "/organization/sync", "operator", ""); a.Status != http.StatusAccepted || c.Organization.Synced != 1 {
		t.Errorf("sync: %d, %d times", a.Status, c.Organization.Synced)
	}
}

func TestAPIRevertsAndUndoesByHand(t *testing.T) {
	c := webtest.New(t)
	a := c.Tell("POST", "/changes/12/revert", "editor", `{"reason":"too much"}`)
	if a.Status != http.StatusCreated || a.Header.Get("Location") != "/api/v1/changes/13" {
		t.Errorf("revert: %d %s to %q", a.Status, a.Body, a.Header.Get("Location"))
	}
	c.Tell("POST", "/changes/12/revert", "editor", "").JSON(t, http.StatusCreated)
	if d := cmp.Diff([]string{`revert 12 "too much"`, `revert 12 ""`}, c.Changes.Did); d != "" {
		t.Errorf("did (-want +got):\n%s", d)
	}
	if a := c.Tell("POST", "/changes/12/revert", "viewer", ""); a.Status != http.StatusForbidden {
		t.Errorf("revert by a viewer: %d, want 403", a.Status)
	}
	for path, want := range map[string]string{"/changes/12": "# change 12", "/rollouts/3": "# rollout 3"} {
		a := c.Tell("GET", path+"/undo-by-hand", "viewer", "")
		kind := a.Header.Get("Content-Type")
		if a.Status != http.StatusOK || !strings.Contains(a.Body, want) ||
			!strings.HasPrefix(kind, "text/x-shellscript") {
			t.Errorf("%s by hand: %d %s (%s)", path, a.Status, a.Body, kind)
		}
	}
}

func TestAPIDoesThingsOnce(t *testing.T) {
	c := webtest.New(t)
	post := func(key, body string) webtest.Answer {
		return c.Tell("POST", "/changes", "editor", body, "Idempotency-Key", key)
	}
	first := post("k-1", `{"title":"One"}`)
	second := post("k-1", `{"title":"One"}`)
	if first.Status != http.StatusCreated || second.Status != http.StatusCreated || first.Body != second.Body || second.Header.Get("ETag") != `"1"` ||
		second.Header.Get("Location") != first.Header.Get("Location") || second.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%d %s, then %d %s %v", first.Status, first.Body, second.Status, second.Body, second.Header)
	}
	if len(c.Changes.Did) != 1 {
		t.Errorf("done: %v, want once", c.Changes.Did)
	}
	if got := post("k-1", `{"title":"Two"}`).JSON(t, http.StatusUnprocessableEntity); !strings.Contains(fmt.Sprint(got), "another request") {
		t.Errorf("another body: %v", got)
	}
	if a := c.Tell("POST", "/changes", "editor", `{"title":"One"}`, "Idempotency-Key", "k-1", "If-Match", `"4"`); a.Status != http.StatusUnprocessableEntity {
		t.Errorf("another If-Match: %d", a.Status)
	}
	post("", `{"title":"One"}`).JSON(t, http.StatusCreated)
	post("k 2", `{"title":"One"}`).JSON(t, http.StatusUnprocessableEntity)
	c.Changes.Refuse = access.Invalid("title", "no")
	post("k-3", `{"title":"Three"}`).JSON(t, http.StatusUnprocessableEntity)
	c.Changes.Refuse = nil
	post("k-3", `{"title":"Corrected"}`).JSON(t, http.StatusCreated) // nothing had been done
	c.Changes.Refuse = errors.New("the answer of COMMIT was lost")
	post("k-4", `{"title":"Four"}`).JSON(t, http.StatusInternalServerError)
	c.Changes.Refuse = nil
	if got := post("k-4", `{"title":"Four"}`).JSON(t, http.StatusConflict); !strings.Contains(fmt.Sprint(got["detail"]), "look whether it took effect") {
		t.Errorf("after an unknown effect: %v", got)
	}
}

func TestAPIPaces(t *testing.T) {
	c := webtest.NewPaced(t, 2)
	for range 4 {
		c.API("/rollouts", "viewer").JSON(t, http.StatusOK)
	}
	a := c.API("/rollouts", "viewer")
	if got := a.JSON(t, http.StatusTooManyRequests); got["type"] != "/problems/too_many" || a.Header.Get("Retry-After") != "1" {
		t.Errorf("%v, Retry-After %q", got, a.Header.Get("Retry-After"))
	}
	c.API("/rollouts", "editor").JSON(t, http.StatusOK) // another token from there
	for range 12 {
		c.API("/rollouts", "nobody")
	}
	if a := c.API("/rollouts", "auditor"); a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" {
		t.Errorf("the address after many calls: %d", a.Status)
	}
}

func TestAPIStreamsARollout(t *testing.T) {
	c := webtest.New(t)
	now := webtest.RunningRollout()
	c.Rollouts.Updates <- now
	r := c.Request(http.MethodGet, "/api/v1/rollouts/3/events", nil)
	r.Header.Set("Authorization", "Bearer token-viewer")
	resp, err := c.Client.Do(r)
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
	c.Rollouts.Updates <- now
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
