package server

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// collector keeps what is sent to it as traces.
type collector struct {
	mu   sync.Mutex
	sent strings.Builder
}

func (c *collector) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent.Write(body)
}

// waitForMetrics waits until the metrics have a line of each pattern. What was pushed is
// read and compared some time later.
func waitForMetrics(t *testing.T, s *Server, lines []string) {
	t.Helper()
	for deadline := time.After(60 * time.Second); ; {
		_, metrics := get(t, s.MetricsURL(), "")
		lines = slices.DeleteFunc(lines, func(line string) bool { return regexp.MustCompile(`(?m)^` + line + `$`).MatchString(metrics) })
		if len(lines) == 0 {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("the metrics have no lines %q", lines)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// TestWatched looks at a demo through its metrics and its traces.
func TestWatched(t *testing.T) {
	c := &collector{}
	srv := httptest.NewServer(c)
	defer srv.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", srv.URL)
	s := startDemo(t, openDir(t))
	waitUntilPushed(t, s)
	waitForMetrics(t, s, []string{
		`portcullis_database_up 1`, `portcullis_targets\{state="waiting"\} 0`, `portcullis_rollouts\{state="running"\} 0`,
		`portcullis_rollout_seconds_count\{state="completed"\} 1`, `portcullis_job_seconds_count\{kind="push_target",outcome="done"\} [1-9]\d*`,
		`portcullis_job_seconds_count\{kind="read_inventory",outcome="done"\} [1-9]\d*`, `portcullis_lease_takeovers_total 0`,
		`portcullis_scan_read_seconds_count\{outcome="read"\} [1-9]\d*`, `portcullis_scan_accounts_total [1-9]\d*`, `portcullis_scan_compare_seconds_count [1-9]\d*`,
		`portcullis_finding_changes_total\{change="opened",kind="bypass"\} [1-9]\d*`, `portcullis_findings\{kind="bypass"\} [1-9]\d*`,
		`portcullis_aws_purpose_calls_total\{purpose="scan"\} [1-9]\d*`, `portcullis_aws_purpose_calls_total\{purpose="organization"\} [1-9]\d*`, `portcullis_aws_purpose_calls_total\{purpose="rollout"\} [1-9]\d*`,
		`portcullis_read_success_timestamp_seconds\{of="organization"\} 1\.\d+e\+09`,
		`portcullis_read_success_timestamp_seconds\{of="accounts"\} 1\.\d+e\+09`,
		`portcullis_read_error_timestamp_seconds\{of="organization"\} 0`,
		`portcullis_refused_replicas 0`, `portcullis_unanswered_targets 0`,
		`portcullis_aws_credentials_refused 0`,
		`portcullis_aws_slowed_accounts 0`, `portcullis_aws_sts_rate \+Inf`, `portcullis_database_connections_limit \d+`,
	})
	if _, again := get(t, s.MetricsURL(), ""); !strings.Contains(again, `portcullis_rollout_seconds_count{state="completed"} 1`) {
		t.Error("a second scrape counts the rollout again")
	}
	stop(t, s)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range []string{"GET /api/v1/rollouts", "job push_target", "STS.AssumeRole", "IAM.UpdateAssumeRolePolicy", "SELECT"} {
		if !strings.Contains(c.sent.String(), name) {
			t.Errorf("no span of %s was sent", name)
		}
	}
	for _, secret := range []string{demoTokenPrefix, demoPassword, "argon2id$"} {
		if strings.Contains(c.sent.String(), secret) {
			t.Errorf("the traces contain %s", secret)
		}
	}
}

// The job queue's pages are for administrators, and can only be read.
func TestQueuePages(t *testing.T) {
	s := startDemo(t, openDir(t))
	waitUntilPushed(t, s)
	admin, operator := signIn(t, s, "admin"), signIn(t, s, "operator")
	for path, want := range map[string]string{
		"/jobs/": `id="root"`, "/jobs/api/states": `"completed"`, "/jobs/api/jobs?state=completed&limit=100": `"push_target"`, "/jobs/api/queues": `"rollout"`,
	} {
		status, body := ask(t, admin, http.MethodGet, s.URL()+path)
		// The queue notes ended jobs in batches, some time after their end.
		for end := time.Now().Add(20 * time.Second); !strings.Contains(body, want) && time.Now().Before(end); {
			status, body = ask(t, admin, http.MethodGet, s.URL()+path)
		}
		if status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d, want %s: %.300s", path, status, want, body)
		}
		if status, _ := ask(t, operator, http.MethodGet, s.URL()+path); status != http.StatusForbidden {
			t.Errorf("%s as an operator: %d, want 403", path, status)
		}
	}
	for _, path := range []string{"/jobs/", "/jobs/api/states"} {
		resp, err := admin.Get(s.URL() + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control %q, want no-store", path, got)
		}
	}
	for path, methods := range map[string]string{"/jobs/api/jobs/cancel": "POST", "/jobs/api/jobs/delete": "POST", "/jobs/api/jobs/retry": "POST", "/jobs/api/queues/rollout/pause": "PUT", "/jobs/api/queues/rollout": "PATCH"} {
		if status, _ := ask(t, admin, methods, s.URL()+path); status != http.StatusMethodNotAllowed {
			t.Errorf("%s %s: %d, want 405: the pages can only be read", methods, path, status)
		}
	}
}

func signIn(t *testing.T, s *Server, name string) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	resp, err := client.PostForm(s.URL()+"/signin", url.Values{"email": {name + demoDomain}, "password": {demoPassword}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("signing in as %s: %s", name, resp.Status)
	}
	return client
}

func ask(t *testing.T, client *http.Client, method, address string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}
