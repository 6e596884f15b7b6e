package web

import (
	"io"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"portcullis/internal/access"
	"portcullis/internal/authz"
)

// apiPrefix is where the HTTP API lives. What is below it answers JSON, errors too, and
// knows bearer tokens only: no cookie counts there, so no foreign page can use one.
const apiPrefix = "/api/v1"

func (s *Server) apiRoutes() {
	for _, r := range []struct {
		path   string
		need   authz.Permission
		answer apiHandler
	}{
		{"/accounts", authz.Read, s.apiAccounts},
		{"/accounts/:id", authz.Read, s.apiAccount},
		{"/allowlists", authz.Read, s.apiAllowlists},
		{"/allowlists/:id", authz.Read, s.apiAllowlist},
		{"/mappings", authz.Read, s.apiMappings},
		{"/mappings/:id", authz.Read, s.apiMapping},
		{"/changes", authz.Read, s.apiChanges},
		{"/changes/:id", authz.Read, s.apiChange},
		{"/changes/:id/plan", authz.Read, s.apiChangePlan},
		{"/changes/:id/comments", authz.Read, s.apiComments},
		{"/rollouts", authz.Read, s.apiRollouts},
		{"/rollouts/:id", authz.Read, s.apiRollout},
		{"/rollouts/:id/targets", authz.Read, s.apiTargets},
		{"/rollouts/:id/targets/:account", authz.Read, s.apiTarget},
		{"/findings", authz.Read, s.apiFindings},
		{"/findings/groups", authz.Read, s.apiFindingGroups},
		{"/findings/selection", authz.Read, s.apiFindingSelection},
		{"/findings/:id", authz.Read, s.apiFinding},
		{"/explain", authz.Read, s.apiExplain},
		{"/audit", authz.ReadAudit, s.apiAudit},
	} {
		s.api(http.MethodGet, apiPrefix+r.path, r.need, asJSON(r.answer))
	}
	s.api(http.MethodGet, apiPrefix+"/state", authz.Read, s.apiState)
	s.apiStream(apiPrefix+"/rollouts/:id/events", authz.Read, s.apiWatch)
	s.open(apiPrefix+"/openapi.json", s.apiDescription)
	s.apiActions()
	s.apiWaveRoutes()
	s.apiTroubleRoutes()
	s.apiPeopleRoutes()
}

// apiActions are the routes that change something.
func (s *Server) apiActions() {
	s.api(http.MethodPut, apiPrefix+"/changes/:id", authz.EditChange, s.asAction(s.apiRevise))
	for _, r := range []struct {
		path string
		need authz.Permission
		act  apiAction
	}{
		{"/changes", authz.EditChange, s.apiPropose},
		{"/changes/:id/submit", authz.EditChange, s.apiSubmit},
		{"/changes/:id/reviews", authz.ReviewChange, s.apiReview},
		{"/changes/:id/apply", authz.ApplyChange, s.apiApply},
		{"/changes/:id/schedule", authz.ApplyChange, s.apiSchedule},
		{"/changes/:id/unschedule", authz.ApplyChange, s.apiStep(s.cfg.Changes.CancelSchedule)},
		{"/changes/:id/comments", authz.Read, s.apiSay},
		{"/changes/:id/clone", authz.EditChange, s.apiClone},
		// An admin withdraws without the right to edit: the service decides who may.
		{"/changes/:id/withdraw", authz.Read, s.apiStep(s.cfg.Changes.Withdraw)},
		{"/changes/:id/rebase", authz.EditChange, s.apiRebase},
		{"/rollouts", authz.ControlRollout, s.apiPushAgain},
		{"/rollouts/:id/pause", authz.ControlRollout, s.apiControlled(s.cfg.Rollouts.Pause)},
		{"/rollouts/:id/resume", authz.ControlRollout, s.apiControlled(s.cfg.Rollouts.Resume)},
		{"/rollouts/:id/retry", authz.ControlRollout, s.apiControlled(s.cfg.Rollouts.Retry)},
		{"/rollouts/:id/abort", authz.ControlRollout, s.apiEnded(s.cfg.Rollouts.Abort)},
		{"/findings/acknowledge", authz.SettleFinding, s.apiAcknowledgeTogether},
		{"/findings/:id/acknowledge", authz.SettleFinding, s.apiAcknowledge},
		{"/findings/:id/reopen", authz.SettleFinding, s.apiReopen},
		{"/findings/:id/repair", authz.ControlRollout, s.apiRepair},
		{"/drift/scan", authz.SyncAccounts, s.apiScan},
		{"/organization/sync", authz.SyncAccounts, s.apiSync},
	} {
		s.api(http.MethodPost, apiPrefix+r.path, r.need, s.asAction(r.act))
	}
}

// apiRequest is what a handler of the API gets: who asks, and what for.
type apiRequest struct {
	echo.Context
	actor access.Actor
	query *query
}

// id reads the id in the path. What is no id names no object.
func (r apiRequest) id(what string) (int64, error) {
	n, err := strconv.ParseInt(r.Param("id"), 10, 64)
	if err != nil || n < 1 {
		return 0, access.Errorf(access.KindNotFound, "There is no %s %q.", what, r.Param("id"))
	}
	return n, nil
}

// apiHandler returns the value to be sent as JSON, or a longAnswer.
type apiHandler func(r apiRequest) (any, error)

// longAnswer is one that may be too long to be encoded as a whole. It writes JSON, piece by
// piece, and nothing can go wrong any more but the writing.
type longAnswer interface{ writeJSON(w io.Writer) error }

// asJSON makes a route's handler. The answer is encoded before a byte of it is sent, unless
// it is a long one.
func asJSON(h apiHandler) handler {
	return func(c echo.Context, actor access.Actor) error {
		q := newQuery(c.QueryParams())
		answer, err := h(apiRequest{Context: c, actor: actor, query: q})
		if err == nil {
			err = q.unknown()
		}
		if err != nil {
			return err
		}
		if long, ok := answer.(longAnswer); ok {
			c.Response().Header().Set(echo.HeaderContentType, "application/json")
			c.Response().WriteHeader(http.StatusOK)
			return long.writeJSON(c.Response())
		}
		return sendJSON(c, answer)
	}
}

func sendJSON(c echo.Context, v any) error {
	body, err := encodeJSON(v)
	if err != nil {
		return err
	}
	return sendBytes(c, "application/json", body)
}

func sendBytes(c echo.Context, contentType string, body []byte) error {
	return c.Blob(http.StatusOK, contentType, body)
}
