package pages

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/web/view"
)

// jobPages are the job queue's own pages.
type jobPages struct {
	*site
	queue http.Handler // nil for none
}

// routes is the job queue's own page: a look into the machine room for whoever runs
// the console. It can only be read. What it could otherwise do, such as cancelling a
// job, would go past the engine and leave no trace in the audit log; a rollout is
// controlled on its own page.
func (s *jobPages) routes() {
	s.Get(view.JobsURL(), authz.ReadJobs, s.showJobs)
	s.Get(view.JobsURL()+"/*", authz.ReadJobs, s.showJobs)
}

func (s *jobPages) showJobs(c echo.Context, _ access.Actor) error {
	if s.queue == nil {
		return access.Errorf(access.KindNotFound, "There is no job queue here.")
	}
	s.queue.ServeHTTP(c.Response(), c.Request())
	return nil
}
