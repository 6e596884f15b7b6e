package telemetry

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"portcullis.internal/portcullis/internal/access"
)

func TestMeasureUntilFirstByte(t *testing.T) {
	m := NewMetrics("test")
	h := m.Measure(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/missing" {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write([]byte("x"))
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Errorf("flushing through the measurement: %v", err)
		}
	}))
	for _, path := range []string{"/", "/missing"} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
	}
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("BREW", "/", nil))
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{
		`portcullis_http_request_seconds_count{method="GET",status="200"} 1`,
		`portcullis_http_request_seconds_count{method="GET",status="404"} 1`,
		`portcullis_http_request_seconds_count{method="other",status="200"} 1`,
		`portcullis_info{version="test"} 1`,
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
}

func TestTracesAreOffUnlessAskedFor(t *testing.T) {
	const place = "http://collector:4318"
	for _, tt := range []struct {
		env  map[string]string
		want bool
	}{
		{nil, false},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": place}, true},
		{map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": place}, true},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": place, "OTEL_SDK_DISABLED": "true"}, false},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": place, "OTEL_TRACES_EXPORTER": "none"}, false},
	} {
		if got := tracesWanted(func(name string) string { return tt.env[name] }); got != tt.want {
			t.Errorf("with %v: %v, want %v", tt.env, got, tt.want)
		}
	}
	var off *Tracing
	if h := http.NotFoundHandler(); off.Statements() != nil || off.Calls() != nil || off.Requests(h) == nil {
		t.Error("without traces something is traced")
	}
}

// A database that does not answer is what the metrics have to tell; they do not fail.
func TestMetricsWithoutDatabase(t *testing.T) {
	m := NewMetrics("test")
	m.WatchCallRates(func() CallRates { return CallRates{} })
	m.registry.MustRegister(newStatsCollector(func(context.Context, time.Time) (access.Stats, error) {
		return access.Stats{}, io.ErrUnexpectedEOF
	}, slog.New(slog.DiscardHandler)))
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	status, body := w.Code, w.Body.String()
	if status != http.StatusOK || !strings.Contains(body, "portcullis_database_up 0") || strings.Contains(body, "portcullis_targets{") {
		t.Errorf("%d: %.500s\nwant that the database is down, and no counts of what it knows", status, body)
	}
}

// Alerts and dashboards refer to these names.
func TestMetricNames(t *testing.T) {
	pool, err := pgxpool.New(t.Context(), "postgres://localhost:1/none")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	m := NewMetrics("test")
	calls := func() access.CallCount { return access.CallCount{} }
	m.CountCalls(calls)
	m.CountPurpose("scan", calls)
	m.WatchCallRates(func() CallRates { return CallRates{} })
	m.WatchDatabase(func(context.Context, time.Time) (access.Stats, error) {
		return access.Stats{
			Jobs:     []access.JobCount{{Queue: "rollout", State: "available", Count: 1}},
			Ended:    []access.RolloutEnd{{State: access.RolloutCompleted}},
			Readings: map[string]access.Reading{"organization": {}},
		}, nil
	}, pool.Stat, slog.New(slog.DiscardHandler))
	work(t, m.WatchWork(nil), nil)
	m.Measure(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "portcullis_") {
			got = append(got, strings.TrimPrefix(f.GetName(), "portcullis_"))
		}
	}
	want := []string{
		"aws_attempts_total", "aws_calls_total", "aws_organizations_rate", "aws_purpose_calls_total",
		"aws_purpose_throttles_total", "aws_slowed_accounts", "aws_sts_rate", "aws_throttles_total", "aws_writes_total",
		"database_connections", "database_connections_limit", "database_connections_used", "database_up", "findings",
		"http_request_seconds", "info", "job_seconds", "jobs", "lease_takeovers_total",
		"read_error_timestamp_seconds", "read_success_timestamp_seconds", "refused_replicas",
		"rollout_seconds", "rollouts",
		"targets", "unanswered_targets",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// work runs a job that ends with an error.
func work(t *testing.T, w *WorkMetrics, err error) {
	t.Helper()
	got := w.Work(t.Context(), &rivertype.JobRow{Kind: "push_target"}, func(context.Context) error { return err })
	if !errors.Is(got, err) {
		t.Errorf("the job returns %v, want %v", got, err)
	}
}

func TestJobOutcomes(t *testing.T) {
	m := NewMetrics("test")
	w := m.WatchWork(nil)
	for _, err := range []error{nil, nil, river.JobSnooze(time.Second), io.ErrUnexpectedEOF} {
		work(t, w, err)
	}
	w.CountRequeued(3)
	rec := httptest.NewRecorder()
	m.Handler().ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{
		`portcullis_job_seconds_count{kind="push_target",outcome="done"} 2`,
		`portcullis_job_seconds_count{kind="push_target",outcome="put_off"} 1`,
		`portcullis_job_seconds_count{kind="push_target",outcome="failed"} 1`,
		`portcullis_lease_takeovers_total 3`,
	} {
		if !strings.Contains(rec.Body.String(), want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
}
