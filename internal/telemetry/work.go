package telemetry

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// WorkMetrics counts and times the background jobs of this process. It is a middleware of
// the job queue.
type WorkMetrics struct {
	river.MiddlewareDefaults
	jobs      *prometheus.HistogramVec
	requeued  prometheus.Counter
	beginSpan func(ctx context.Context, kind string) (context.Context, func(error))
}

// WatchWork adds the background jobs. Their spans go to t, which may be nil.
func (m *Metrics) WatchWork(t *Tracing) *WorkMetrics {
	w := &WorkMetrics{
		jobs: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "portcullis_job_seconds", Help: "Time that this process worked on a background job, by kind and outcome: done, put_off, failed.",
			Buckets: []float64{.01, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300},
		}, []string{"kind", "outcome"}),
		requeued: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "portcullis_lease_takeovers_total", Help: "Targets that this process requeued because their lease had expired.",
		}),
		beginSpan: t.job,
	}
	m.registry.MustRegister(w.jobs, w.requeued)
	return w
}

// CountRequeued counts targets that this process requeued because their lease had expired.
func (w *WorkMetrics) CountRequeued(targets int) { w.requeued.Add(float64(targets)) }

// Work measures one job.
func (w *WorkMetrics) Work(ctx context.Context, job *rivertype.JobRow, work func(context.Context) error) error {
	began := time.Now()
	ctx, end := w.beginSpan(ctx, job.Kind)
	err := work(ctx)
	end(err)
	w.jobs.WithLabelValues(job.Kind, outcome(err)).Observe(time.Since(began).Seconds())
	return err
}

// outcome is what became of a job, by what its worker returned.
func outcome(err error) string {
	var snoozed *river.JobSnoozeError
	switch {
	case err == nil:
		return "done"
	case errors.As(err, &snoozed):
		return "put_off"
	default:
		return "failed"
	}
}
