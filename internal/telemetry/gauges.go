package telemetry

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"portcullis.internal/portcullis/internal/access"
)

// statsWithin is the time limit of a scrape's database query.
const statsWithin = 3 * time.Second

// statsCollector reports the stats of the database to Prometheus, which are the same on every
// replica. A histogram counts a rollout when a scrape first sees its end.
type statsCollector struct {
	ask func(ctx context.Context, since time.Time) (access.Stats, error)
	log *slog.Logger

	up, rollouts, targets, jobs, findings   *prometheus.Desc
	readSuccess, readError, refused, silent *prometheus.Desc
	durations                               *prometheus.HistogramVec

	mu   sync.Mutex
	seen time.Time
}

func newStatsCollector(ask func(context.Context, time.Time) (access.Stats, error), log *slog.Logger) *statsCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &statsCollector{
		ask: ask, log: log, seen: time.Now(),
		up:       desc("portcullis_database_up", "1 when the database answered this scrape, else 0."),
		rollouts: desc("portcullis_rollouts", "Rollouts that have not ended, by state; the same on every replica.", "state"),
		targets:  desc("portcullis_targets", "Accounts of rollouts that have not ended, by state; the same on every replica.", "state"),
		jobs:     desc("portcullis_jobs", "Background jobs that have not ended, by queue and state; the same on every replica.", "queue", "state"),
		findings: desc("portcullis_findings", "Findings that are open, by kind; the same on every replica.", "kind"),
		readSuccess: desc("portcullis_read_success_timestamp_seconds",
			"When the organization or an account was read last, as Unix time; 0 for never; "+
				"the same on every replica.", "of"),
		readError: desc("portcullis_read_error_timestamp_seconds",
			"When reading the organization or an account failed last, as Unix time; 0 for never, "+
				"and for the organization after a success; the same on every replica.", "of"),
		refused: desc("portcullis_refused_replicas",
			"Replicas whose own credentials AWS refuses; the same on every replica."),
		silent: desc("portcullis_unanswered_targets",
			"Accounts in flight whose calls AWS does not answer; the same on every replica."),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "portcullis_rollout_seconds", Help: "Time from a rollout's start to its end, by how it ended; the same on every replica.",
			Buckets: []float64{1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600},
		}, []string{"state"}),
	}
}

// Describe says which metrics there are.
func (f *statsCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		f.up, f.rollouts, f.targets, f.jobs, f.findings, f.readSuccess, f.readError, f.refused, f.silent,
	} {
		ch <- d
	}
	f.durations.Describe(ch)
}

// Collect asks the database. Without an answer only that is told.
func (f *statsCollector) Collect(ch chan<- prometheus.Metric) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), statsWithin)
	defer cancel()
	now, err := f.ask(ctx, f.seen)
	ch <- prometheus.MustNewConstMetric(f.up, prometheus.GaugeValue, map[bool]float64{true: 1}[err == nil])
	if err != nil {
		f.log.Debug("the stats of the database are missing in the metrics", "error", err)
		return
	}
	for _, s := range openStates {
		ch <- prometheus.MustNewConstMetric(f.rollouts, prometheus.GaugeValue, float64(now.Rollouts[s]), string(s))
	}
	for _, s := range access.TargetStates() {
		ch <- prometheus.MustNewConstMetric(f.targets, prometheus.GaugeValue, float64(now.Targets.Of(s)), string(s))
	}
	for _, j := range now.Jobs {
		ch <- prometheus.MustNewConstMetric(f.jobs, prometheus.GaugeValue, float64(j.Count), j.Queue, j.State)
	}
	for _, k := range access.FindingKinds() {
		ch <- prometheus.MustNewConstMetric(f.findings, prometheus.GaugeValue, float64(now.Findings[k]), string(k))
	}
	f.collectReadings(ch, now)
	for _, e := range now.Ended {
		f.durations.WithLabelValues(string(e.State)).Observe(e.Took.Seconds())
		f.seen = e.At
	}
	f.durations.Collect(ch)
}

// collectReadings reports the last readings of AWS, refused replicas and unanswered targets.
func (f *statsCollector) collectReadings(ch chan<- prometheus.Metric, now access.Stats) {
	for of, r := range now.Readings {
		ch <- prometheus.MustNewConstMetric(f.readSuccess, prometheus.GaugeValue, unixTime(r.SucceededAt), of)
		ch <- prometheus.MustNewConstMetric(f.readError, prometheus.GaugeValue, unixTime(r.FailedAt), of)
	}
	ch <- prometheus.MustNewConstMetric(f.refused, prometheus.GaugeValue, float64(now.Refused))
	ch <- prometheus.MustNewConstMetric(f.silent, prometheus.GaugeValue, float64(now.Silent))
}

func unixTime(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

var openStates = []access.RolloutState{access.RolloutScheduled, access.RolloutRunning, access.RolloutPaused, access.RolloutHalted, access.RolloutRollingBack}

// WatchDatabase adds what the database knows, and how busy the way to it is. ask returns
// what the database knows now, with the rollouts that ended since the given time.
func (m *Metrics) WatchDatabase(
	ask func(context.Context, time.Time) (access.Stats, error), pool func() *pgxpool.Stat, log *slog.Logger,
) {
	gauge := func(name, help string, of func(*pgxpool.Stat) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return of(pool()) })
	}
	m.registry.MustRegister(newStatsCollector(ask, log),
		gauge("portcullis_database_connections", "Connections to the database.", func(s *pgxpool.Stat) float64 { return float64(s.TotalConns()) }),
		gauge("portcullis_database_connections_used", "Connections to the database that are in use.", func(s *pgxpool.Stat) float64 { return float64(s.AcquiredConns()) }),
		gauge("portcullis_database_connections_limit", "The most connections to the database there may be.", func(s *pgxpool.Stat) float64 { return float64(s.MaxConns()) }),
	)
}

// CallRates are the limits on calls to AWS at this moment.
type CallRates struct {
	SlowedAccounts int     // accounts whose IAM is called more slowly, since it throttled
	STS            float64 // calls a second; +Inf without a limit
	Organizations  float64
}

// WatchCallRates adds the limits on calls to AWS.
func (m *Metrics) WatchCallRates(rates func() CallRates) {
	gauge := func(name, help string, of func(CallRates) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return of(rates()) })
	}
	m.registry.MustRegister(
		gauge("portcullis_aws_slowed_accounts", "Accounts whose IAM is called more slowly at this moment, since it throttled.", func(r CallRates) float64 { return float64(r.SlowedAccounts) }),
		gauge("portcullis_aws_sts_rate", "Calls a second that STS may get at this moment; +Inf without a limit.", func(r CallRates) float64 { return r.STS }),
		gauge("portcullis_aws_organizations_rate", "Calls a second that Organizations may get at this moment; +Inf without a limit.", func(r CallRates) float64 { return r.Organizations }),
	)
}
