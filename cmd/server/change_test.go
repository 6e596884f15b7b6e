package main_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"portcullis.internal/portcullis/internal/aws/sandbox"
	"portcullis.internal/portcullis/test/harness"
)

// TestAPipelineProposesWhatPeopleApprove takes scenario files through the API with the
// commands alone.
func TestAPipelineProposesWhatPeopleApprove(t *testing.T) {
	demo := harness.Demo(t, "--accounts", "4")
	demo.API(harness.DemoPerson("viewer")).WaitForInventories(time.Minute)
	as := func(who string) []string {
		return []string{"PORTCULLIS_URL=" + demo.URL(), "PORTCULLIS_TOKEN=" + harness.DemoPerson(who).Token}
	}
	now := state(t, demo)
	submit := func(text string, more ...string) run {
		args := append([]string{"change", "submit", "-f", scenario(t, text), "--title", "From the pipeline", "--reason", "SEC-1"}, more...)
		return command(t, as("editor"), args...)
	}
	if r := submit(now); r.code != 0 || !strings.Contains(r.out, "nothing to change") {
		t.Errorf("the state as it is: code %d, %s%s; want that nothing is to do", r.code, r.out, r.err)
	}
	submit(strings.Replace(now, `"entries": [`, `"entries": ["10.0.0.0/8", `, 1)).refused(t, 1, "RFC 1918")
	more := strings.Replace(now, `"entries": [`, `"entries": ["12.148.80.0/22", `, 1)
	submit(more, "--revision", "0").refused(t, 1, "revision")

	r := submit(more)
	if r.code != 0 || !strings.Contains(r.out, "is in review: 1 edits") {
		t.Fatalf("submit: code %d, %s%s", r.code, r.out, r.err)
	}
	id, digest := found(t, r.out, `Change (\d+)`), found(t, r.out, `digest (\w+)`)
	if s := command(t, as("viewer"), "change", "status", id); s.code != 0 || !strings.Contains(s.out, "documents in") || found(t, s.out, `digest (\w+)`) != digest {
		t.Errorf("status: code %d, %s%s", s.code, s.out, s.err)
	}
	command(t, as("editor"), "change", "approve", id, "--digest", digest).refused(t, 1, "role approver")
	command(t, as("approver"), "change", "approve", id, "--digest", "another").refused(t, 1, "no longer what you were looking at")
	command(t, as("operator"), "change", "apply", id).refused(t, 1)
	if a := command(t, as("approver"), "change", "approve", id, "--digest", digest); a.code != 0 || !strings.Contains(a.out, "is approved") {
		t.Fatalf("approve: code %d, %s%s", a.code, a.out, a.err)
	}
	command(t, as("operator"), "change", "apply", id, "--strategy", "nothing like it").refused(t, 1)
	if a := command(t, as("operator"), "change", "apply", id, "--strategy", "All at once", "--wait", "--timeout", "2m"); a.code != 0 || !strings.Contains(a.out, "is completed") {
		t.Fatalf("apply: code %d, %s%s", a.code, a.out, a.err)
	}
	command(t, as("editor"), "change", "revert", id).refused(t, 2, "--reason")
	r = command(t, as("editor"), "change", "revert", id, "--reason", "SEC-2")
	if r.code != 0 || !strings.Contains(r.out, "Revert change "+id) {
		t.Errorf("revert: code %d, %s%s", r.code, r.out, r.err)
	}
	if s := command(t, as("editor"), "change", "status", id, "--wait"); s.code != 0 {
		t.Errorf("waiting for what is over: code %d, %s%s", s.code, s.out, s.err)
	}
	if s := submit(now, "--wait", "--timeout", "500ms"); s.code != 7 {
		t.Errorf("waiting for a review that nobody writes: code %d, %s%s; want 7", s.code, s.out, s.err)
	}
}

func TestChangeUsage(t *testing.T) {
	status := []string{"change", "status", "1"}
	command(t, nil, status...).refused(t, 2, "PORTCULLIS_TOKEN")
	command(t, []string{"PORTCULLIS_TOKEN=x", "PORTCULLIS_URL=http://console.example.com"}, status...).refused(t, 2, "https")
	command(t, []string{"PORTCULLIS_TOKEN=x", "PORTCULLIS_URL=console"}, status...).refused(t, 2, "no address")
	command(t, []string{"PORTCULLIS_TOKEN=s3cret-word", "PORTCULLIS_URL=http://127.0.0.1:1"}, status...).refused(t, 1, "does not answer", "--url")
	command(t, []string{"PORTCULLIS_TOKEN=x"}, "change", "approve", "1").refused(t, 2, "--digest")
}

func state(t *testing.T, demo *harness.Console) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, demo.URL()+"/api/v1/state", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+harness.DemoPerson("viewer").Token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v: %s", resp.Status, err, text)
	}
	return string(text)
}

func scenario(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "scenario.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func found(t *testing.T, text, pattern string) string {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no %s in %q", pattern, text)
	}
	return m[1]
}

// TestHowAWaitEnds sees every end that a change and its rollout can come to by its exit
// code, as a pipeline does.
func TestHowAWaitEnds(t *testing.T) {
	demo := harness.Demo(t, "--accounts", "4")
	demo.API(harness.DemoPerson("viewer")).WaitForInventories(time.Minute)
	as := func(who string) []string {
		return []string{"PORTCULLIS_URL=" + demo.URL(), "PORTCULLIS_TOKEN=" + harness.DemoPerson(who).Token}
	}
	propose := func(entry string) (id, digest string) {
		t.Helper()
		text := strings.Replace(state(t, demo), `"entries": [`, `"entries": ["`+entry+`", `, 1)
		r := command(t, as("editor"), "change", "submit", "-f", scenario(t, text), "--title", "From the pipeline", "--reason", "SEC-1")
		if r.code != 0 {
			t.Fatalf("submit: code %d, %s%s", r.code, r.out, r.err)
		}
		return found(t, r.out, `Change (\d+)`), found(t, r.out, `digest (\w+)`)
	}
	ends := func(who string, want int, says string, args ...string) {
		t.Helper()
		if r := command(t, as(who), append(args, "--wait", "--timeout", "2m")...); r.code != want || !strings.Contains(r.out, says) {
			t.Errorf("%v: code %d, %s%s; want %d and %q", args, r.code, r.out, r.err, want, says)
		}
	}

	withdrawn, _ := propose("12.148.80.0/22")
	demo.SignIn(harness.DemoPerson("editor")).Get("/changes/" + withdrawn).Form("/withdraw").Submit().Want(http.StatusOK)
	ends("editor", 5, "is withdrawn", "change", "status", withdrawn)

	rejected, _ := propose("12.148.84.0/22")
	demo.SignIn(harness.DemoPerson("approver")).Get("/changes/"+rejected).Form("/review").Fill("comment", "not these").Submit("Reject").Want(http.StatusOK)
	ends("viewer", 5, "is rejected", "change", "status", rejected)

	id, digest := propose("12.148.88.0/22")
	if r := command(t, as("approver"), "change", "approve", id, "--digest", digest); r.code != 0 {
		t.Fatalf("approve: code %d, %s", r.code, r.err)
	}
	demo.Sandbox.SetFaults(sandbox.Fault{Actions: []string{"iam:UpdateAssumeRolePolicy"}, Fail: 1, Status: 403, Code: "AccessDenied", Message: "not today"})
	ends("operator", 6, "failed", "change", "apply", id)
	ends("viewer", 6, "failed", "change", "status", id)
}
