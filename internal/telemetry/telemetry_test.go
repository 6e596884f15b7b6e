package telemetry

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"portcullis/internal/access"
)

func TestMeasuredTakesTheFirstByte(t *testing.T) {
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
	m.registry.MustRegister(newFigures(func(context.Context, time.Time) (access.Figures, error) {
		return access.Figures{}, io.ErrUnexpectedEOF
	}, slog.New(slog.DiscardHandler)))
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	status, body := w.Code, w.Body.String()
	if status != http.StatusOK || !strings.Contains(body, "portcullis_database_up 0") || strings.Contains(body, "portcullis_targets{") {
		t.Errorf("%d: %.500s\nwant that the database is down, and no counts of what it knows", status, body)
	}
}
