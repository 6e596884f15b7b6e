package rollout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/jobs"
)

// JobTimeout is the longest that one push may take. What it leaves undone is found out
// by the next claim.
const JobTimeout = 5 * time.Minute

// Register makes a River client's workers push targets.
func Register(workers *river.Workers, p *Pusher) error {
	if err := errors.Join(river.AddWorkerSafely(workers, &pushWorker{pusher: p}), river.AddWorkerSafely(workers, &checkWorker{pusher: p})); err != nil {
		return fmt.Errorf("registering the rollout workers: %w", err)
	}
	return nil
}

type pushWorker struct {
	river.WorkerDefaults[jobs.PushTarget]
	pusher *Pusher
}

// Work pushes one target. A push that is snoozed keeps its job; it costs no attempt.
func (w *pushWorker) Work(ctx context.Context, job *river.Job[jobs.PushTarget]) error {
	err := w.pusher.Push(ctx, job.Args.RolloutID, access.AccountID(job.Args.Account))
	var later *SnoozeError
	if errors.As(err, &later) {
		return river.JobSnooze(later.After)
	}
	return err
}

// Timeout bounds one push.
func (w *pushWorker) Timeout(*river.Job[jobs.PushTarget]) time.Duration { return JobTimeout }

// NextRetry comes when the claim of the failed attempt has run out.
func (w *pushWorker) NextRetry(*river.Job[jobs.PushTarget]) time.Time {
	return time.Now().Add(w.pusher.cfg.Lease)
}
