package server

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"portcullis.internal/portcullis/internal/authn"
	"portcullis.internal/portcullis/internal/aws"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/telemetry"
)

// Server is a running console.
type Server struct {
	cfg     Config
	console net.Listener
	http    *http.Server // answers on console
	metrics net.Listener // nil where there are none
	box     *SandboxRunning
	cloud   *aws.Cloud
	started stack

	failOnce sync.Once
	failed   chan error
	stopOnce sync.Once
	stopErr  error
}

// Start starts everything and returns when the console is ready. When something fails,
// what was started before is stopped again.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, failed: make(chan error, 1)}
	if err := s.start(ctx); err != nil {
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.StopTimeout)
		defer cancel()
		if stopErr := s.started.stop(stopCtx); stopErr != nil {
			cfg.Log.Error("stopping after a failed start", "error", stopErr)
		}
		return nil, err
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) error {
	var err error
	if s.cfg.dieAt, err = deadlyPoint(s.cfg, os.Getenv); err != nil {
		return err
	}
	if s.cfg.clock, err = jumpingClock(s.cfg, os.Getenv); err != nil {
		return err
	}
	entrance, metrics := &door{}, telemetry.NewMetrics(s.cfg.Version)
	if err := s.traceAndMeasure(ctx, metrics); err != nil {
		return err
	}
	// What only reads the configuration comes before all that others notice.
	if s.cfg.Sandbox == nil {
		if err := s.connect(ctx); err != nil {
			return err
		}
	}
	if err := s.listen(ctx, metrics.Measure(s.cfg.tracing.Requests(entrance)), metrics.Handler()); err != nil {
		return err
	}
	st, err := s.openDatabase(ctx)
	if err != nil {
		return err
	}
	if err := s.startSandbox(ctx); err != nil {
		return err
	}
	watchCloud(metrics, s.cloud)
	watchCredentials(metrics, s.cloud)
	s.cfg.replica = replicaName(s.console.Addr())
	s.cfg.scans = watchScans(metrics)
	metrics.WatchDatabase(st.Stats, st.Pool().Stat, s.cfg.Log)
	svc := newServices(s.cfg, st, s.cloud)
	s.started.push("the watched rollouts", func(context.Context) error { svc.rollouts.Close(); return nil })
	// A request in flight needs the database and the services, so it ends before they close.
	s.started.push("the requests", shutdown(s.http))
	console, err := svc.console(s.cfg, s.untilStop())
	if err != nil {
		return err
	}
	guard := newCredentialsGuard(s.cfg, s.cloud, st)
	guard.start(ctx)
	if err := s.startBackground(ctx, svc, guard); err != nil {
		return err
	}
	if s.cfg.Demo {
		if err := seedDemo(ctx, svc); err != nil {
			return fmt.Errorf("laying out the demo: %w", err)
		}
	}
	entrance.open(console.Handler())
	return nil
}

// connect sets up AWS and the probes of strategies.
func (s *Server) connect(ctx context.Context) error {
	var err error
	if s.cloud, err = connect(ctx, s.cfg, s.box); err != nil {
		return err
	}
	s.cfg.probe, err = probing(ctx, s.cfg, s.box)
	return err
}

// openDatabase opens the database, and refuses one that is not for this console.
func (s *Server) openDatabase(ctx context.Context) (*store.Store, error) {
	if s.cfg.Demo {
		if err := lockDir(s.cfg.Database.Dir, &s.started); err != nil {
			return nil, err
		}
	}
	st, err := openDatabase(ctx, s.cfg.Database, s.cfg.Log, &s.started)
	if err != nil {
		return nil, err
	}
	if s.cfg.owner, err = st.OwnsTables(ctx); err != nil {
		return nil, err
	}
	if s.cfg.owner && !s.cfg.Database.private() {
		s.cfg.Log.WarnContext(ctx, "the database role of the console owns the tables and can change the audit log; "+
			"use the role that portcullis migrate makes")
	}
	return st, checkMark(ctx, s.cfg, st)
}

// traceAndMeasure sets up what watches over all the rest. It comes first, so that it ends
// last.
func (s *Server) traceAndMeasure(ctx context.Context, m *telemetry.Metrics) error {
	t, err := telemetry.StartTracing(ctx, s.cfg.Version, s.cfg.Log, s.started.push)
	if err != nil {
		return err
	}
	s.cfg.tracing, s.cfg.Database.trace, s.cfg.work = t, t.Statements(), m.WatchWork(t)
	s.cfg.onRequeue = s.cfg.work.CountRequeued
	return nil
}

// listen opens the ports and answers on them, if only that the console is starting.
func (s *Server) listen(ctx context.Context, console, metrics http.Handler) error {
	var err error
	if s.console, err = listen(ctx, "The console", s.cfg.Listen, "--listen"); err != nil {
		return err
	}
	s.http = serve(s.console, console, s.cfg.Log, s.fail)
	s.started.push("the console", shutdown(s.http)) // in case the start fails before there are requests
	if s.cfg.MetricsListen == metricsOff {
		return nil
	}
	if s.metrics, err = listenMetrics(ctx, s.cfg.MetricsListen, s.cfg.Log); err != nil {
		return err
	}
	s.started.push("the metrics", shutdown(serve(s.metrics, metrics, s.cfg.Log, s.fail)))
	return nil
}

func (s *Server) startSandbox(ctx context.Context) error {
	if s.cfg.Sandbox == nil {
		return nil
	}
	box, err := StartSandbox(ctx, *s.cfg.Sandbox, s.cfg.Log)
	if err != nil {
		return err
	}
	s.box = box
	s.started.push("the sandbox organization", box.Stop)
	return s.connect(ctx)
}

// untilStop is a context that ends as soon as the server begins to stop.
func (s *Server) untilStop() context.Context {
	live, end := context.WithCancel(context.Background())
	s.started.push("the live pages", func(context.Context) error { end(); return nil })
	return live
}

// reviewsEvery is how often it is looked for changes that were submitted to other replicas.
const reviewsEvery = 10 * time.Second

// workAhead has changes worked out before reviewers look at them.
func workAhead(changes *change.Service) func(context.Context) error {
	return func(ctx context.Context) error {
		tick := time.NewTicker(reviewsEvery)
		defer tick.Stop()
		return changes.WorkAhead(ctx, tick.C)
	}
}

func (s *Server) startBackground(ctx context.Context, svc services, guard *credentialsGuard) error {
	workers, err := newWorkers(s.cfg, svc)
	if err != nil {
		return err
	}
	checkpoints, err := s.checkpoints(svc.store)
	if err != nil {
		return err
	}
	parts := newSupervisor(s.cfg.Log)
	parts.start(ctx, map[string]func(context.Context) error{
		"audit checkpoints": checkpoints,
		"memory":            telemetry.SaveMemory,
		"reviews":           workAhead(svc.changes),
		"rollouts":          svc.rollouts.Run,
		"sessions":          func(ctx context.Context) error { return authn.SweepSessions(ctx, svc.store, s.cfg.Log) },
	})
	s.started.push("the background parts", parts.stop)
	if err := workers.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("starting the job queue: %w", err)
	}
	s.started.push("the workers", stopWorkers(workers, s.cfg.StopTimeout*2/3))
	guard.fetch.client = workers
	watch := newSupervisor(s.cfg.Log)
	watch.start(ctx, map[string]func(context.Context) error{
		"AWS credentials": guard.run, "silent targets": svc.pusher.ReportSilences,
	})
	s.started.push("the watch over AWS", watch.stop)
	return nil
}

// URL is where the console answers.
func (s *Server) URL() string { return "http://" + s.console.Addr().String() }

// MetricsURL is where Prometheus reads; empty where there are no metrics.
func (s *Server) MetricsURL() string {
	if s.metrics == nil {
		return ""
	}
	return "http://" + s.metrics.Addr().String() + "/metrics"
}

// SandboxURL is the endpoint of the sandbox organization; empty where there is none.
func (s *Server) SandboxURL() string {
	if s.box == nil {
		return ""
	}
	return s.box.URL
}

// Sandbox is the sandbox organization; nil where there is none.
func (s *Server) Sandbox() *SandboxRunning { return s.box }

// fail notes the first thing that makes it pointless to go on.
func (s *Server) fail(err error) { s.failOnce.Do(func() { s.failed <- err }) }

// Wait returns when the context ends, with nil, or when the server cannot go on, with
// the reason. Either way Stop is to be called.
func (s *Server) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.failed:
		return err
	}
}

// Stop stops everything in the order reversed. It is safe to call more than once.
func (s *Server) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() {
		ctx, cancel := context.WithTimeout(ctx, s.cfg.StopTimeout)
		defer cancel()
		s.stopErr = s.started.stop(ctx)
	})
	return s.stopErr
}
