package telemetry

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"portcullis.internal/portcullis/internal/access"
)

// Metrics is what Prometheus reads of this process.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
}

// NewMetrics returns the metrics of the process itself and of HTTP requests. The other
// methods add more.
func NewMetrics(version string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "portcullis_http_request_seconds", Help: "Time to answer a request, by method and status.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"method", "status"}),
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "portcullis_info", Help: "Always 1; the version is a label.", ConstLabels: prometheus.Labels{"version": version},
	})
	info.Set(1)
	m.registry.MustRegister(m.requests, info, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// CountCalls adds the calls to AWS, which the cloud counts itself.
func (m *Metrics) CountCalls(total func() access.CallCount) {
	counter := func(name, help string, of func(access.CallCount) int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(of(total())) })
	}
	m.registry.MustRegister(
		counter("portcullis_aws_calls_total", "Calls to AWS.", func(c access.CallCount) int64 { return c.Calls }),
		counter("portcullis_aws_writes_total", "Calls to AWS that write.", func(c access.CallCount) int64 { return c.Writes }),
		counter("portcullis_aws_attempts_total", "Requests to AWS; more than calls where calls were repeated.", func(c access.CallCount) int64 { return c.Attempts }),
		counter("portcullis_aws_throttles_total", "Requests that AWS answered with: slow down.", func(c access.CallCount) int64 { return c.Throttles }),
	)
}

// CountPurpose adds the calls to AWS for one purpose, for example "scan".
func (m *Metrics) CountPurpose(purpose string, total func() access.CallCount) {
	counter := func(name, help string, of func(access.CallCount) int64) prometheus.Collector {
		opts := prometheus.CounterOpts{Name: name, Help: help, ConstLabels: prometheus.Labels{"purpose": purpose}}
		return prometheus.NewCounterFunc(opts, func() float64 { return float64(of(total())) })
	}
	m.registry.MustRegister(
		counter("portcullis_aws_purpose_calls_total", "Calls to AWS by what they are made for: rollout, scan, organization.", func(c access.CallCount) int64 { return c.Calls }),
		counter("portcullis_aws_purpose_throttles_total", "Requests that AWS answered with: slow down, by what they were made for.", func(c access.CallCount) int64 { return c.Throttles }),
	)
}

// Register adds metrics of other packages. It panics if one of the names is in use.
func (m *Metrics) Register(cs ...prometheus.Collector) { m.registry.MustRegister(cs...) }

// Handler answers GET /metrics.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry}))
	return mux
}

// Measure records the time until an answer begins. The time until its end would count how long a
// person watches a stream, which says nothing about the server.
func (m *Metrics) Measure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mw := &measured{ResponseWriter: w, began: time.Now()}
		next.ServeHTTP(mw, r)
		mw.begin(http.StatusOK)
		m.requests.WithLabelValues(method(r.Method), strconv.Itoa(mw.status)).Observe(mw.took.Seconds())
	})
}

// measured notes when an answer begins, and with what status.
type measured struct {
	http.ResponseWriter
	began  time.Time
	took   time.Duration
	status int
}

func (m *measured) begin(status int) {
	if m.status == 0 {
		m.status, m.took = status, time.Since(m.began)
	}
}

func (m *measured) WriteHeader(status int) {
	if status >= http.StatusOK { // 1xx come before the answer
		m.begin(status)
	}
	m.ResponseWriter.WriteHeader(status)
}

func (m *measured) Write(b []byte) (int, error) {
	m.begin(http.StatusOK)
	return m.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (m *measured) Unwrap() http.ResponseWriter { return m.ResponseWriter }

// Flush is asked for by type in some libraries.
func (m *measured) Flush() {
	m.begin(http.StatusOK)
	if f, ok := m.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

// method keeps made-up methods from making up label values.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete:
		return m
	default:
		return "other"
	}
}
