package web

import (
	"context"
	"strconv"

	"github.com/labstack/echo/v4"

	"portcullis/internal/access"
	"portcullis/internal/authz"
	"portcullis/internal/change"
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
	s.get("/scenario.yaml", authz.Read, s.exportScenario(true))
	s.get("/scenario.json", authz.Read, s.exportScenario(false))
	s.get("/import", authz.EditChange, s.askImportScenario)
	s.post("/import", authz.EditChange, s.importScenario)
}

func (s *scenarioPages) exportScenario(yaml bool) handler {
	return func(c echo.Context, actor access.Actor) error {
		q := newQuery(c.QueryParams())
		revision := q.number("revision", change.Head)
		if err := q.err(); err != nil {
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
		attach(c, kind, "portcullis-revision-"+strconv.FormatInt(at, 10)+ending)
		return sendBytes(c, kind, body)
	}
}

func (s *accountPages) exportAccount(format change.Format) handler {
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
		attach(c, kind, "portcullis-"+string(id)+ending)
		return sendBytes(c, kind, body)
	}
}
