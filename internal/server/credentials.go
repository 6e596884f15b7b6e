package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/riverqueue/river"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/jobs"
	"portcullis.internal/portcullis/internal/telemetry"
)

// How often the guard asks AWS who the console is, and how long it waits for an answer.
const (
	lookEvery       = time.Second     // at what the calls of this replica have told
	askAccepted     = time.Minute     // AWS, while it accepts the credentials
	askRefused      = 5 * time.Second // AWS, while it refuses them
	identityWithin  = 10 * time.Second
	firstAskWithin  = 3 * time.Second // before the console is ready
	readableWithin  = time.Minute
	stopFetchWithin = 2 * time.Second
)

// ownIdentity is who the console is to AWS.
type ownIdentity interface {
	CredentialsRefused() (since time.Time, why error)
	Identity(ctx context.Context) (access.CallerIdentity, error)
	ReadableOrganization(ctx context.Context) (id string, err error)
	LacksExternalID() bool
}

// refusedReplicas records for other replicas whose credentials AWS refuses.
type refusedReplicas interface {
	ReportRefused(ctx context.Context, replica string, since time.Time, words string) error
}

// credentialsGuard watches whether AWS accepts the console's own credentials. While AWS refuses them, this replica
// fetches no jobs of rollouts, is not ready, and reports it for the pages of all replicas. It still serves pages. The
// guard asks AWS again until the credentials are accepted.
type credentialsGuard struct {
	cloud   ownIdentity
	store   refusedReplicas
	log     *slog.Logger
	replica string
	fetch   *rolloutFetch

	refused  bool // as the log says
	askedAt  time.Time
	reported time.Time
}

func newCredentialsGuard(cfg Config, cloud ownIdentity, store refusedReplicas) *credentialsGuard {
	return &credentialsGuard{
		cloud: cloud, store: store, log: cfg.Log, replica: cfg.replica, fetch: &rolloutFetch{queue: rolloutQueue(cfg)},
	}
}

// errorText describes an error of AWS, with the advice.
func errorText(err error) string {
	var e *access.CloudError
	if errors.As(err, &e) {
		return e.Error() + ". " + e.Advice
	}
	return err.Error()
}

// start asks AWS who the console is, and logs it. Without an answer in a short time the console starts all the same.
func (g *credentialsGuard) start(ctx context.Context) {
	if g.cloud.LacksExternalID() {
		g.log.Warn("deployment roles are assumed without an external id; set PORTCULLIS_EXTERNAL_ID, and demand it " +
			"in the trust policies of the deployment roles")
	}
	ctx, cancel := context.WithTimeout(ctx, firstAskWithin)
	defer cancel()
	g.askedAt = time.Now()
	who, err := g.cloud.Identity(ctx)
	switch _, why := g.cloud.CredentialsRefused(); {
	case err == nil:
		g.log.Info("AWS accepts the console's credentials", "account", who.Account, "identity", who.ARN)
	case why == nil:
		g.log.Warn("AWS does not say who the console is", "error", errorText(err))
	default:
		g.look(ctx)
	}
}

// run watches until the context ends.
func (g *credentialsGuard) run(ctx context.Context) error {
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() { g.logOrganization(ctx) })
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		g.askIfDue(ctx)
		g.look(ctx)
	}
}

// logOrganization logs which organization the credentials belong to, and whether the console can read it.
func (g *credentialsGuard) logOrganization(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, readableWithin)
	defer cancel()
	id, err := g.cloud.ReadableOrganization(ctx)
	switch {
	case err == nil:
		g.log.Info("the console can read the organization", "organization", id)
	case !errors.Is(ctx.Err(), context.Canceled):
		g.log.Warn("the console cannot read the organization", "organization", id, "error", errorText(err))
	}
}

func (g *credentialsGuard) askIfDue(ctx context.Context) {
	every := askAccepted
	if g.refused {
		every = askRefused
	}
	if time.Since(g.askedAt) < every {
		return
	}
	g.askedAt = time.Now()
	ctx, cancel := context.WithTimeout(ctx, identityWithin)
	defer cancel()
	_, _ = g.cloud.Identity(ctx) // look asks the cloud what came of it
}

// look makes this replica follow what AWS has said last.
func (g *credentialsGuard) look(ctx context.Context) {
	since, why := g.cloud.CredentialsRefused()
	switch was := g.refused; {
	case why != nil && !was:
		g.log.Error("AWS refuses the console's own credentials; this replica starts no targets until AWS accepts them",
			"error", errorText(why), "replica", g.replica)
	case why == nil && was:
		g.log.Info("AWS accepts the console's own credentials again", "replica", g.replica)
	}
	g.fetch.allow(ctx, why == nil, g.log)
	if why != nil && time.Since(g.reported) >= askRefused || why == nil && g.refused {
		g.report(ctx, since, why)
	}
	g.refused = why != nil
}

func (g *credentialsGuard) report(ctx context.Context, since time.Time, why error) {
	text := ""
	if why != nil {
		text = errorText(why)
	}
	if err := g.store.ReportRefused(ctx, g.replica, since, text); err != nil && ctx.Err() == nil {
		g.log.Warn("reporting whether AWS accepts the console's credentials failed", "error", err)
		return
	}
	g.reported = time.Now()
}

// refusal is why the console is not ready; nil while AWS accepts its credentials, and while AWS has not said.
func refusal(cloud ownIdentity) error {
	since, why := cloud.CredentialsRefused()
	if why == nil {
		return nil
	}
	return access.Wrap(access.KindUnavailable, why, "AWS refuses the console's own credentials since %s. "+
		"The log has the reason.", since.UTC().Format(time.RFC3339))
}

// rolloutFetch lets this replica fetch jobs of rollouts, or not.
type rolloutFetch struct {
	client *river.Client[pgx.Tx] // nil before the workers start
	queue  river.QueueConfig
	state  fetchState
}

type fetchState int

const (
	fetching fetchState = iota
	stopping
	stopped
)

// allow starts or stops fetching. A stop waits for the jobs at work, and goes on at the next call if they last.
func (f *rolloutFetch) allow(ctx context.Context, allowed bool, log *slog.Logger) {
	if f.client == nil {
		return
	}
	if f.state == stopping || f.state == fetching && !allowed {
		ctx, cancel := context.WithTimeout(ctx, stopFetchWithin)
		defer cancel()
		if err := f.client.Queues().Remove(ctx, jobs.QueueRollout); err != nil {
			f.state = stopping
			return
		}
		f.state = stopped
	}
	if f.state == stopped && allowed {
		if err := f.client.Queues().Add(jobs.QueueRollout, f.queue); err != nil {
			log.Warn("fetching jobs of rollouts again failed, will retry", "error", err)
			return
		}
		f.state = fetching
	}
}

// replicaName names this replica for people, by its machine and its address.
func replicaName(at net.Addr) string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "unknown host"
	}
	return fmt.Sprintf("%s (%s)", host, at)
}

// watchCredentials adds to the metrics whether AWS accepts the credentials of this process.
func watchCredentials(m *telemetry.Metrics, cloud ownIdentity) {
	m.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "portcullis_aws_credentials_refused",
		Help: "1 while AWS refuses the own credentials of this process, else 0.",
	}, func() float64 {
		if _, why := cloud.CredentialsRefused(); why != nil {
			return 1
		}
		return 0
	}))
}
