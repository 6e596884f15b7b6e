package web

import (
	"github.com/labstack/echo/v4"

	"portcullis/internal/access"
	"portcullis/internal/authz"
	"portcullis/web/view"
)

// jobRoutes is the job queue's own page: a look into the machine room for whoever runs
// the console. It can only be read. What it could otherwise do, such as cancelling a
// job, would go past the engine and leave no trace in the audit log; a rollout is
// controlled on its own page.
func (s *Server) jobRoutes() {
	s.get(view.JobsURL(), authz.ReadJobs, s.showJobs)
	s.get(view.JobsURL()+"/*", authz.ReadJobs, s.showJobs)
}

func (s *Server) showJobs(c echo.Context, _ access.Actor) error {
	if s.cfg.Jobs == nil {
		return access.Errorf(access.KindNotFound, "There is no job queue here.")
	}
	s.cfg.Jobs.ServeHTTP(c.Response(), c.Request())
	return nil
}
