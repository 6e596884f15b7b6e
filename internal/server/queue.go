package server

import (
	"fmt"
	"log/slog"
	"net/http"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"riverqueue.com/riverui"

	"portcullis.internal/portcullis/internal/store"
	"portcullis.internal/portcullis/internal/telemetry"
	"portcullis.internal/portcullis/web/view"
)

// queuePages are the pages of the job queue. Their background services are not started:
// they would count jobs all day for a page that is hardly ever looked at.
func queuePages(st *store.Store, log *slog.Logger) (http.Handler, error) {
	if st == nil { // only the routes are wanted
		return nil, nil //nolint:nilnil // there are no pages, and that is no error
	}
	client, err := river.NewClient(riverpgxv5.New(st.Pool()), &river.Config{Logger: telemetry.Quiet(log)})
	if err != nil {
		return nil, fmt.Errorf("setting up the pages of the job queue: %w", err)
	}
	pages, err := riverui.NewHandler(&riverui.HandlerOpts{
		Endpoints: riverui.NewEndpoints(client, nil), Logger: telemetry.Quiet(log), Prefix: view.JobsURL(),
	})
	if err != nil {
		return nil, fmt.Errorf("setting up the pages of the job queue: %w", err)
	}
	return pages, nil
}
