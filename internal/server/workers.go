package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/internal/drift"
	"portcullis.internal/portcullis/internal/jobs"
	"portcullis.internal/portcullis/internal/rollout"
	"portcullis.internal/portcullis/internal/telemetry"
)

// How the job queue is tuned. Jobs are started at once, since a person may be watching.
const (
	fetchCooldown = 5 * time.Millisecond
	fetchPoll     = 500 * time.Millisecond
	syncWorkers   = 8
	// rescueMargin is how long after its time limit a job counts as lost.
	rescueMargin = time.Minute
)

// newWorkers makes the client that works on jobs.
func newWorkers(cfg Config, s services) (*river.Client[pgx.Tx], error) {
	workers := river.NewWorkers()
	if err := errors.Join(rollout.Register(workers, s.pusher), drift.Register(workers, s.drift), change.Register(workers, s.changes)); err != nil {
		return nil, err
	}
	client, err := river.NewClient(riverpgxv5.New(s.store.Pool()), &river.Config{
		Queues: map[string]river.QueueConfig{
			jobs.QueueRollout: rolloutQueue(cfg),
			jobs.QueueSync:    {MaxWorkers: syncWorkers},
			jobs.QueueTime:    {MaxWorkers: 1},
			jobs.QueueDrift:   {MaxWorkers: 1},
		},
		Workers:              workers,
		FetchCooldown:        fetchCooldown,
		FetchPollInterval:    fetchPoll,
		JobTimeout:           rollout.JobTimeout,
		RescueStuckJobsAfter: max(rollout.JobTimeout, drift.OrganizationTimeout, drift.CompareTimeout, change.TimeTimeout) + rescueMargin,
		PeriodicJobs:         periodically(cfg),
		ReindexerIndexNames:  reindexNames(cfg),
		Logger:               telemetry.Quiet(cfg.Log),
		Middleware:           []rivertype.Middleware{cfg.work},
		ErrorHandler:         failedJobs{cfg.Log},
	})
	if err != nil {
		return nil, fmt.Errorf("setting up the job queue: %w", err)
	}
	return client, nil
}

// reindexNames are the indexes that the job queue rebuilds each night: its default ones, which is nil, if the database role
// owns them. Postgres lets no other role rebuild an index.
func reindexNames(cfg Config) []string {
	if cfg.owner {
		return nil
	}
	return []string{}
}

func rolloutQueue(cfg Config) river.QueueConfig { return river.QueueConfig{MaxWorkers: cfg.Workers} }

func periodically(cfg Config) []*river.PeriodicJob {
	periodic := []*river.PeriodicJob{syncPeriodically(cfg), keepTimePeriodically(), comparePeriodically()}
	if cfg.DriftInterval > 0 {
		periodic = append(periodic, scanPeriodically(cfg))
	}
	return periodic
}

// scanPeriodically has every account read now and then. What was read is compared.
func scanPeriodically(cfg Config) *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(cfg.DriftInterval),
		func() (river.JobArgs, *river.InsertOpts) {
			return jobs.ScanAccounts{}, &river.InsertOpts{
				Queue:      jobs.QueueDrift,
				UniqueOpts: river.UniqueOpts{ByPeriod: time.Minute},
			}
		}, nil)
}

// compareEvery is how late it is noticed at most that a rollout has ended. What was read
// is compared as soon as it was.
const compareEvery = 15 * time.Second

func comparePeriodically() *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(compareEvery),
		func() (river.JobArgs, *river.InsertOpts) {
			return jobs.CompareAccounts{}, &river.InsertOpts{
				Queue: jobs.QueueDrift, MaxAttempts: 1,
				UniqueOpts: river.UniqueOpts{ByPeriod: compareEvery},
			}
		},
		&river.PeriodicJobOpts{RunOnStart: true})
}

// syncPeriodically reads the organization now and then. The demo has read it already
// when the workers start.
func syncPeriodically(cfg Config) *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(cfg.SyncEvery),
		func() (river.JobArgs, *river.InsertOpts) {
			return jobs.SyncOrganization{}, &river.InsertOpts{
				Queue:      jobs.QueueSync,
				UniqueOpts: river.UniqueOpts{ByPeriod: time.Minute},
			}
		},
		&river.PeriodicJobOpts{RunOnStart: !cfg.Demo})
}

// timeEvery is the longest delay of an expiry or a scheduled change, if nothing else delays it.
const timeEvery = 10 * time.Second

// keepTimePeriodically looks for what is due. One replica, whichever leads the queue,
// asks for it, and any works on it: two rounds at once do no harm.
func keepTimePeriodically() *river.PeriodicJob {
	return river.NewPeriodicJob(river.PeriodicInterval(timeEvery),
		func() (river.JobArgs, *river.InsertOpts) {
			return jobs.KeepTime{}, &river.InsertOpts{
				Queue: jobs.QueueTime, MaxAttempts: 1,
				UniqueOpts: river.UniqueOpts{ByPeriod: timeEvery},
			}
		},
		&river.PeriodicJobOpts{RunOnStart: true})
}

// stopWorkers lets running jobs end, and cancels those that do not end in time: their targets are
// requeued.
func stopWorkers(client *river.Client[pgx.Tx], grace time.Duration) func(context.Context) error {
	return func(ctx context.Context) error {
		soft, cancel := context.WithTimeout(ctx, grace)
		defer cancel()
		if err := client.Stop(soft); err == nil || ctx.Err() != nil {
			return err
		}
		return client.StopAndCancel(ctx)
	}
}
