package web

import (
	"mime"
	"strings"

	"github.com/labstack/echo/v4"

	"portcullis/internal/access"
	"portcullis/internal/change"
)

// apiState answers the desired state as a scenario file: JSON, or YAML when the asker
// prefers it. The ETag is the revision. It is an export as from the page.
func (s *Server) apiState(c echo.Context, actor access.Actor) error {
	q := newQuery(c.QueryParams())
	revision, when := q.number("revision", change.Head), q.moment("at")
	if err := q.err(); err != nil {
		return err
	}
	if !when.IsZero() {
		m, err := s.cfg.Changes.MomentAt(c.Request().Context(), actor, revision, when)
		if err != nil {
			return err
		}
		revision = m.Number
	}
	yaml := wantsYAML(c.Request().Header.Get("Accept"))
	body, at, err := s.cfg.Changes.ExportScenario(c.Request().Context(), actor, revision, yaml)
	if err != nil {
		return err
	}
	c.Response().Header().Add("Vary", "Accept")
	c.Response().Header().Set("ETag", versionTag(at))
	if yaml {
		return sendBytes(c, "application/yaml", body)
	}
	return sendBytes(c, "application/json", body)
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
