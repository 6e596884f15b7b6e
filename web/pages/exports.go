package pages

import (
	"context"
	"strconv"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/web/transport"
)

// ScenarioService takes the desired state out as a scenario, and a scenario in as a draft.
type ScenarioService interface {
	ExportScenario(ctx context.Context, actor access.Actor, revision int64, yaml bool) (body []byte, at int64, err error)
	ImportScenario(ctx context.Context, actor access.Actor, title, reason, text string) (access.Change, error)
}

// scenarioPages take scenarios out and in.
type scenarioPages struct {
	*site
	scenarios ScenarioService
}

func (s *scenarioPages) routes() {
	s.Get("/scenario.yaml", authz.Read, s.exportScenario(true))
	s.Get("/scenario.json", authz.Read, s.exportScenario(false))
	s.Get("/import", authz.EditChange, s.askImportScenario)
	s.Post("/import", authz.EditChange, s.importScenario)
}

func (s *scenarioPages) exportScenario(yaml bool) transport.Handler {
	return func(c echo.Context, actor access.Actor) error {
		q := transport.NewQuery(c.QueryParams())
		revision := q.Number("revision", change.Head)
		if err := q.Err(); err != nil {
			return err
		}
		body, at, err := s.scenarios.ExportScenario(c.Request().Context(), actor, revision, yaml)
		if err != nil {
			return err
		}
		kind, ending := "application/json", ".json"
		if yaml {
			kind, ending = "application/yaml", ".yaml"
		}
		transport.Attach(c, kind, "portcullis-revision-"+strconv.FormatInt(at, 10)+ending)
		return transport.SendBytes(c, kind, body)
	}
}

func (s *accountPages) exportAccount(format change.Format) transport.Handler {
	return func(c echo.Context, actor access.Actor) error {
		id := access.AccountID(c.Param("id"))
		body, _, err := s.accounts.ExportAccount(c.Request().Context(), actor, id, format)
		if err != nil {
			return err
		}
		kind, ending := "text/plain; charset=utf-8", ".tf"
		if format == change.FormatCloudFormation {
			kind, ending = "application/json", ".template.json"
		}
		transport.Attach(c, kind, "portcullis-"+string(id)+ending)
		return transport.SendBytes(c, kind, body)
	}
}
