package server

import (
	"context"
	"log/slog"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// failedJobs logs background jobs that fail. The job queue itself logs them only for its developers.
type failedJobs struct{ log *slog.Logger }

// HandleError logs a job that returned an error, and leaves its retry to the job queue.
func (f failedJobs) HandleError(ctx context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	if ctx.Err() == nil { // else the console stops, and the job is done again
		f.log.Warn("background job failed", "kind", job.Kind, "job", job.ID, "attempt", job.Attempt,
			"of", job.MaxAttempts, "args", string(job.EncodedArgs), "error", err)
	}
	return nil
}

// HandlePanic logs a job that panicked.
func (f failedJobs) HandlePanic(
	_ context.Context, job *rivertype.JobRow, value any, trace string,
) *river.ErrorHandlerResult {
	f.log.Error("background job panicked", "kind", job.Kind, "job", job.ID, "attempt", job.Attempt,
		"args", string(job.EncodedArgs), "panic", value, "trace", trace)
	return nil
}
