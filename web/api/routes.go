package api

import (
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"portcullis/internal/access"
	"portcullis/internal/authz"
	"portcullis/web/transport"
)

// apiPrefix is where the HTTP API lives. What is below it answers JSON, errors too, and
// knows bearer tokens only: no cookie counts there, so no foreign page can use one.
const apiPrefix = "/api/v1"

// Config is what the API is made of.
type Config struct {
	Server       *transport.Server
	Changes      Changes
	Rollouts     Rollouts
	Organization Organization
	Identity     Identity
	Replies      Replies

	Description fs.FS                            // the parts of the API's description, openapi/*.yaml
	Sentence    func(access.TroubleGroup) string // says in words what is wrong with a group of targets
	Log         *slog.Logger
	Now         func() time.Time
}

// API answers programs in JSON.
type API struct {
	*apiBase
	accounts    accountAPI
	allowlists  allowlistAPI
	mappings    mappingAPI
	changes     changeAPI
	rollouts    rolloutAPI
	strategies  strategyAPI
	findings    findingAPI
	people      peopleAPI
	explain     explainAPI
	state       stateAPI
	audit       auditAPI
	description []byte
}

// New makes the API. It fails when its description cannot be put together.
func New(cfg Config) (*API, error) {
	description, err := describeAPI(cfg.Description)
	if err != nil {
		return nil, err
	}
	b := &apiBase{Server: cfg.Server, replies: cfg.Replies, log: cfg.Log, now: cfg.Now}
	return &API{
		apiBase:    b,
		accounts:   accountAPI{b, cfg.Changes, cfg.Organization},
		allowlists: allowlistAPI{b, cfg.Changes},
		mappings:   mappingAPI{b, cfg.Changes},
		changes:    changeAPI{apiBase: b, reader: cfg.Changes, editor: cfg.Changes, reviewer: cfg.Changes, scheduler: cfg.Changes},
		rollouts: rolloutAPI{
			apiBase: b, viewer: cfg.Rollouts, controller: cfg.Rollouts, targets: cfg.Rollouts,
			pusher: cfg.Changes, adopter: cfg.Changes, sentence: cfg.Sentence,
		},
		strategies:  strategyAPI{b, cfg.Rollouts},
		findings:    findingAPI{b, cfg.Organization},
		people:      peopleAPI{b, cfg.Identity},
		explain:     explainAPI{b, cfg.Changes},
		state:       stateAPI{b, cfg.Changes},
		audit:       auditAPI{b, cfg.Changes},
		description: description,
	}, nil
}

// AddRoutes adds the routes of the API to the server's route table.
func (s *API) AddRoutes() {
	s.readRoutes()
	s.actionRoutes()
	s.rolloutRoutes()
	s.strategyRoutes()
	s.peopleRoutes()
	s.exchangeRoutes()
	s.Open(apiPrefix+"/openapi.json", s.apiDescription)
}

// readRoutes are the routes that change nothing.
func (s *API) readRoutes() {
	for _, r := range []struct {
		path   string
		need   authz.Permission
		answer apiHandler
	}{
		{"/accounts", authz.Read, s.accounts.apiAccounts},
		{"/accounts/:id", authz.Read, s.accounts.apiAccount},
		{"/allowlists", authz.Read, s.allowlists.apiAllowlists},
		{"/allowlists/:id", authz.Read, s.allowlists.apiAllowlist},
		{"/mappings", authz.Read, s.mappings.apiMappings},
		{"/mappings/:id", authz.Read, s.mappings.apiMapping},
		{"/changes", authz.Read, s.changes.apiChanges},
		{"/changes/:id", authz.Read, s.changes.apiChange},
		{"/changes/:id/plan", authz.Read, s.changes.apiChangePlan},
		{"/changes/:id/comments", authz.Read, s.changes.apiComments},
		{"/rollouts", authz.Read, s.rollouts.apiRollouts},
		{"/rollouts/:id", authz.Read, s.rollouts.apiRollout},
		{"/rollouts/:id/targets", authz.Read, s.rollouts.apiTargets},
		{"/rollouts/:id/targets/:account", authz.Read, s.rollouts.apiTarget},
		{"/rollouts/:id/waves", authz.Read, s.rollouts.apiWaves},
		{"/rollouts/:id/waves/:wave/checks", authz.Read, s.rollouts.apiChecks},
		{"/rollouts/:id/strategy", authz.Read, s.rollouts.apiStrategyOf},
		{"/rollouts/:id/troubles", authz.Read, s.rollouts.apiTroubles},
		{"/rollouts/:id/samples", authz.Read, s.rollouts.apiSamples},
		{"/strategies", authz.Read, s.strategies.apiStrategies},
		{"/strategies/:id", authz.Read, s.strategies.apiStrategy},
		{"/findings", authz.Read, s.findings.apiFindings},
		{"/findings/groups", authz.Read, s.findings.apiFindingGroups},
		{"/findings/selection", authz.Read, s.findings.apiFindingSelection},
		{"/findings/:id", authz.Read, s.findings.apiFinding},
		{"/explain", authz.Read, s.explain.apiExplain},
		{"/audit", authz.ReadAudit, s.audit.apiAudit},
	} {
		s.API(http.MethodGet, apiPrefix+r.path, r.need, asJSON(r.answer))
	}
	s.API(http.MethodGet, apiPrefix+"/state", authz.Read, s.state.apiState)
	s.APIStream(apiPrefix+"/rollouts/:id/events", authz.Read, s.rollouts.apiWatch)
}

// apiActionRoute is a route that changes something.
type apiActionRoute struct {
	path string
	need authz.Permission
	act  apiAction
}

func (s *API) addActions(method string, routes []apiActionRoute) {
	for _, r := range routes {
		s.API(method, apiPrefix+r.path, r.need, s.asAction(r.act))
	}
}

// actionRoutes change the desired state, findings and what is known of the organization.
func (s *API) actionRoutes() {
	c, f := &s.changes, &s.findings
	s.addActions(http.MethodPut, []apiActionRoute{{"/changes/:id", authz.EditChange, c.apiRevise}})
	s.addActions(http.MethodPost, []apiActionRoute{
		{"/changes", authz.EditChange, c.apiPropose},
		{"/changes/:id/submit", authz.EditChange, c.apiSubmit},
		{"/changes/:id/reviews", authz.ReviewChange, c.apiReview},
		{"/changes/:id/apply", authz.ApplyChange, c.apiApply},
		{"/changes/:id/schedule", authz.ApplyChange, c.apiSchedule},
		{"/changes/:id/unschedule", authz.ApplyChange, c.apiStep(c.scheduler.CancelSchedule)},
		{"/changes/:id/comments", authz.Read, c.apiSay},
		{"/changes/:id/clone", authz.EditChange, c.apiClone},
		// An admin withdraws without the right to edit: the service decides who may.
		{"/changes/:id/withdraw", authz.Read, c.apiStep(c.editor.Withdraw)},
		{"/changes/:id/rebase", authz.EditChange, c.apiRebase},
		{"/findings/acknowledge", authz.SettleFinding, f.apiAcknowledgeTogether},
		{"/findings/:id/acknowledge", authz.SettleFinding, f.apiAcknowledge},
		{"/findings/:id/reopen", authz.SettleFinding, f.apiReopen},
		{"/findings/:id/repair", authz.ControlRollout, f.apiRepair},
		{"/drift/scan", authz.SyncAccounts, f.apiScan},
		{"/organization/sync", authz.SyncAccounts, s.accounts.apiSync},
	})
}

// rolloutRoutes steer rollouts and decide about conflicts.
func (s *API) rolloutRoutes() {
	r := &s.rollouts
	s.addActions(http.MethodPost, []apiActionRoute{
		{"/rollouts", authz.ControlRollout, r.apiPushAgain},
		{"/rollouts/:id/pause", authz.ControlRollout, r.apiControlled(r.controller.Pause)},
		{"/rollouts/:id/resume", authz.ControlRollout, r.apiControlled(r.controller.Resume)},
		{"/rollouts/:id/retry", authz.ControlRollout, r.apiControlled(r.controller.Retry)},
		{"/rollouts/:id/abort", authz.ControlRollout, r.apiEnded(r.controller.Abort)},
		{"/rollouts/:id/gate", authz.ControlRollout, r.apiOpenGate},
		{"/rollouts/:id/confirm", authz.ControlRollout, r.apiControlled(r.controller.Confirm)},
		{"/rollouts/:id/overtake", authz.ControlRollout, r.apiControlled(r.controller.Overtake)},
		{"/rollouts/:id/start", authz.ControlRollout, r.apiStartNow},
		{"/rollouts/:id/recheck", authz.ControlRollout, r.apiControlled(r.controller.CheckAgain)},
		{"/rollouts/:id/window", authz.ControlRollout, r.apiSetWindow},
		{"/rollouts/:id/rollback", authz.ControlRollout, r.apiEnded(r.controller.RollBack)},
		{"/rollouts/:id/targets/:account/retry", authz.ControlRollout, r.apiRetryTarget},
		{"/rollouts/:id/targets/:account/skip", authz.ControlRollout, r.apiSkipTarget},
		{"/rollouts/:id/targets/:account/resolve", authz.ControlRollout, r.apiResolve},
		{"/rollouts/:id/targets/:account/adopt", authz.EditChange, r.apiAdopt},
	})
}

func (s *API) strategyRoutes() {
	s.addActions(http.MethodPost, []apiActionRoute{{"/strategies", authz.ManageStrategies, s.strategies.apiAddStrategy}})
	s.addActions(http.MethodPut, []apiActionRoute{{"/strategies/:id", authz.ManageStrategies, s.strategies.apiEditStrategy}})
	s.addActions(http.MethodDelete, []apiActionRoute{{"/strategies/:id", authz.ManageStrategies, s.strategies.apiRemoveStrategy}})
}

func (s *API) peopleRoutes() {
	p := &s.people
	s.API(http.MethodGet, apiPrefix+"/people", authz.ManagePeople, asJSON(p.apiPeople))
	s.API(http.MethodGet, apiPrefix+"/people/:id", authz.ManagePeople, asJSON(p.apiPerson))
	s.addActions(http.MethodPost, []apiActionRoute{
		{"/people", authz.ManagePeople, p.apiInvite},
		{"/people/:id/password", authz.ManagePeople, p.apiResetPassword},
		{"/people/:id/signout", authz.ManagePeople, p.apiSignOut},
	})
	s.addActions(http.MethodPatch, []apiActionRoute{{"/people/:id", authz.ManagePeople, p.apiPlace}})
}

// exchangeRoutes take data out and in as files.
func (s *API) exchangeRoutes() {
	s.APIDownload(apiPrefix+"/allowlists/:id/entries.csv", authz.Read, transport.ExportEntries(s.allowlists.allowlists))
	s.addActions(http.MethodPost, []apiActionRoute{{"/allowlists/:id/entries.csv", authz.EditChange, s.allowlists.apiImportEntries}})
	s.API(http.MethodGet, apiPrefix+"/accounts/:id/export", authz.Read, s.accounts.apiExportAccount)
	s.APIDownload(apiPrefix+"/audit/export", authz.ReadAudit, s.ExportAudit(s.audit.audit))
}

// apiRequest is what a handler of the API gets: who asks, and what for.
type apiRequest struct {
	echo.Context
	actor access.Actor
	query *transport.Query
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
func asJSON(h apiHandler) transport.Handler {
	return func(c echo.Context, actor access.Actor) error {
		q := transport.NewQuery(c.QueryParams())
		answer, err := h(apiRequest{Context: c, actor: actor, query: q})
		if err == nil {
			err = q.Unknown()
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
	return transport.SendBytes(c, "application/json", body)
}
