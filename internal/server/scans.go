package server

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/drift"
	"portcullis.internal/portcullis/internal/telemetry"
)

// scanMetrics notes what this process reads of accounts and what it finds there.
type scanMetrics struct {
	reads     *prometheus.HistogramVec
	compared  prometheus.Counter
	compares  prometheus.Histogram
	movements *prometheus.CounterVec
}

func watchScans(m *telemetry.Metrics) *scanMetrics {
	s := &scanMetrics{
		reads: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "portcullis_scan_read_seconds", Help: "Time that this process took to read an account, by outcome: read, put_off, failed.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"outcome"}),
		compared: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "portcullis_scan_accounts_total", Help: "Accounts that this process has compared with the desired state.",
		}),
		compares: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "portcullis_scan_compare_seconds", Help: "Time that this process took to compare accounts with the desired state, one batch at a time.",
			Buckets: []float64{.01, .05, .1, .5, 1, 5, 10, 30, 60, 300},
		}),
		movements: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "portcullis_finding_changes_total", Help: "Findings that scans of this process opened, reopened or resolved, by kind.",
		}, []string{"kind", "change"}),
	}
	for _, kind := range access.FindingKinds() {
		for _, change := range []string{"opened", "reopened", "resolved"} {
			s.movements.WithLabelValues(string(kind), change)
		}
	}
	m.Register(s.reads, s.compared, s.compares, s.movements)
	return s
}

// Read notes that an account was read, or why it was not.
func (s *scanMetrics) Read(outcome drift.ReadOutcome, took time.Duration) {
	s.reads.WithLabelValues(string(outcome)).Observe(took.Seconds())
}

// Compared records that accounts were compared with the desired state.
func (s *scanMetrics) Compared(accounts int, took time.Duration) {
	s.compared.Add(float64(accounts))
	s.compares.Observe(took.Seconds())
}

// Found notes what has become of findings.
func (s *scanMetrics) Found(o access.ScanOutcome) {
	for change, findings := range map[string][]access.Finding{"opened": o.Opened, "reopened": o.Reopened, "resolved": o.Resolved} {
		for _, f := range findings {
			s.movements.WithLabelValues(string(f.Kind), change).Inc()
		}
	}
}
