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
	s.queue.ServeHTTP(noStore{c.Response()}, c.Request())
	return nil
}

// noStore keeps answers of a handler out of caches, whatever the handler says about it.
type noStore struct{ http.ResponseWriter }

// WriteHeader sends the header with no-store.
func (w noStore) WriteHeader(status int) {
	w.Header().Set("Cache-Control", "no-store")
	w.ResponseWriter.WriteHeader(status)
}

// Write sends the header first, if the handler has not.
func (w noStore) Write(b []byte) (int, error) {
	w.Header().Set("Cache-Control", "no-store")
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (w noStore) Unwrap() http.ResponseWriter { return w.ResponseWriter }
