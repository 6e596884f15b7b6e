package change

import (
	"context"
	"fmt"
	"time"

	"github.com/riverqueue/river"

	"portcullis.internal/portcullis/internal/jobs"
)

// TimeTimeout bounds one round of what is due. What is left over is for the next.
const TimeTimeout = 10 * time.Minute

// Register makes a River client's workers keep the time.
func Register(workers *river.Workers, s *Service) error {
	if err := river.AddWorkerSafely(workers, &clock{service: s}); err != nil {
		return fmt.Errorf("registering the clock: %w", err)
	}
	return nil
}

type clock struct {
	river.WorkerDefaults[jobs.KeepTime]
	service *Service
}

// Work does what is due. A round that fails is not repeated: the next one follows within seconds.
func (w *clock) Work(ctx context.Context, _ *river.Job[jobs.KeepTime]) error {
	return w.service.KeepTime(ctx)
}

// Timeout bounds one round.
func (w *clock) Timeout(*river.Job[jobs.KeepTime]) time.Duration { return TimeTimeout }
