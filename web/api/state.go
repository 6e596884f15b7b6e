package api

import (
	"context"
	"mime"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/web/transport"
)

// StateExporter takes the desired state of a revision out.
type StateExporter interface {
	ExportScenario(ctx context.Context, actor access.Actor, revision int64, yaml bool) (body []byte, at int64, err error)
	MomentAt(ctx context.Context, actor access.Actor, revision int64, at time.Time) (change.Moment, error)
}

// stateAPI answers the desired state.
type stateAPI struct {
	states StateExporter
}

// export answers the desired state as a scenario file: JSON, or YAML when the asker
// prefers it. The ETag is the revision. It is an export as from the page.
func (s *stateAPI) export(c echo.Context, actor access.Actor) error {
	q := transport.NewQuery(c.QueryParams())
	revision, when := q.Number("revision", change.Head), q.Moment("at")
	if err := q.Err(); err != nil {
		return err
	}
	if !when.IsZero() {
		m, err := s.states.MomentAt(c.Request().Context(), actor, revision, when)
		if err != nil {
			return err
		}
		revision = m.Number
	}
	yaml := wantsYAML(c.Request().Header.Get("Accept"))
	body, at, err := s.states.ExportScenario(c.Request().Context(), actor, revision, yaml)
	if err != nil {
		return err
	}
	c.Response().Header().Add("Vary", "Accept")
	c.Response().Header().Set("ETag", transport.VersionTag(at))
	if yaml {
		return transport.SendBytes(c, "application/yaml", body)
	}
	return transport.SendBytes(c, "application/json", body)
}

// wantsYAML reports whether YAML stands before JSON among what the asker accepts.
func wantsYAML(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		switch kind, _, _ := mime.ParseMediaType(strings.TrimSpace(part)); kind {
		case "application/yaml", "application/x-yaml", "text/yaml":
			return true
		case "application/json":
			return false
		}
	}
	return false
}
