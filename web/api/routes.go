package api

import (
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/web/transport"
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
	Sentence    func(access.FailureGroup) string // describes a group of failed targets in words
	Log         *slog.Logger
	Now         func() time.Time
}

// API answers programs in JSON.
type API struct {
	*base
	accounts    accountAPI
	org         organizationAPI
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
	return &API{
		base:       &base{Server: cfg.Server, replies: cfg.Replies, log: cfg.Log, now: cfg.Now},
		accounts:   accountAPI{cfg.Changes},
		org:        organizationAPI{cfg.Organization, cfg.Organization},
		allowlists: allowlistAPI{cfg.Changes},
		mappings:   mappingAPI{cfg.Changes},
		changes:    changeAPI{reader: cfg.Changes, editor: cfg.Changes, reviewer: cfg.Changes, scheduler: cfg.Changes},
		rollouts: rolloutAPI{
			server: cfg.Server, viewer: cfg.Rollouts, controller: cfg.Rollouts, targets: cfg.Rollouts,
			pusher: cfg.Changes, adopter: cfg.Changes, sentence: cfg.Sentence,
		},
		strategies:  strategyAPI{cfg.Changes},
		findings:    findingAPI{cfg.Organization},
		people:      peopleAPI{cfg.Identity},
		explain:     explainAPI{cfg.Changes},
		state:       stateAPI{cfg.Changes},
		audit:       auditAPI{cfg.Changes},
		description: description,
	}, nil
}

// AddRoutes adds the routes of the API to the server's route table.
func (s *API) AddRoutes() {
	s.readRoutes()
	s.actionRoutes()
	s.rolloutRoutes()
	s.peopleRoutes()
	s.exchangeRoutes()
	s.Open(apiPrefix+"/openapi.json", s.sendDescription)
}

// readRoutes are the routes that change nothing.
func (s *API) readRoutes() {
	for _, r := range []struct {
		path   string
		need   authz.Permission
		answer readHandler
	}{
		{"/accounts", authz.Read, s.accounts.list},
		{"/accounts/:id", authz.Read, s.accounts.one},
		{"/organization", authz.Read, s.org.one},
		{"/organization/left-behind", authz.Read, s.org.leftBehind},
		{"/allowlists", authz.Read, s.allowlists.list},
		{"/allowlists/:id", authz.Read, s.allowlists.one},
		{"/mappings", authz.Read, s.mappings.list},
		{"/mappings/:id", authz.Read, s.mappings.one},
		{"/changes", authz.Read, s.changes.list},
		{"/changes/:id", authz.Read, s.changes.one},
		{"/changes/:id/plan", authz.Read, s.changes.plan},
		{"/changes/:id/comments", authz.Read, s.changes.comments},
		{"/rollouts", authz.Read, s.rollouts.list},
		{"/rollouts/:id", authz.Read, s.rollouts.one},
		{"/rollouts/:id/targets", authz.Read, s.rollouts.listTargets},
		{"/rollouts/:id/targets/:account", authz.Read, s.rollouts.oneTarget},
		{"/rollouts/:id/waves", authz.Read, s.rollouts.waves},
		{"/rollouts/:id/waves/:wave/checks", authz.Read, s.rollouts.checks},
		{"/rollouts/:id/strategy", authz.Read, s.rollouts.strategy},
		{"/rollouts/:id/failures", authz.Read, s.rollouts.failures},
		{"/rollouts/:id/samples", authz.Read, s.rollouts.progressSamples},
		{"/strategies", authz.Read, s.strategies.list},
		{"/strategies/:id", authz.Read, s.strategies.one},
		{"/strategies/:id/history", authz.Read, s.strategies.history},
		{"/findings", authz.Read, s.findings.list},
		{"/findings/groups", authz.Read, s.findings.groups},
		{"/findings/selection", authz.Read, s.findings.selection},
		{"/findings/:id", authz.Read, s.findings.one},
		{"/explain", authz.Read, s.explain.answer},
		{"/audit", authz.ReadAudit, s.audit.list},
	} {
		s.API(http.MethodGet, apiPrefix+r.path, r.need, asJSON(r.answer))
	}
	s.API(http.MethodGet, apiPrefix+"/state", authz.Read, s.state.export)
	s.APIStream(apiPrefix+"/rollouts/:id/events", authz.Read, s.rollouts.watch)
}

// actionRoute is a route that changes something.
type actionRoute struct {
	path string
	need authz.Permission
	act  action
}

func (s *API) addActions(method string, routes []actionRoute) {
	for _, r := range routes {
		s.API(method, apiPrefix+r.path, r.need, s.asAction(r.act))
	}
}

// actionRoutes change the desired state and findings, and read the organization again.
func (s *API) actionRoutes() {
	c, f := &s.changes, &s.findings
	s.addActions(http.MethodPut, []actionRoute{{"/changes/:id", authz.EditChange, c.revise}})
	s.addActions(http.MethodDelete, []actionRoute{
		{"/changes/:id/reviews/mine", authz.ReviewChange, c.step(c.reviewer.WithdrawReview)},
	})
	s.addActions(http.MethodPost, []actionRoute{
		{"/changes", authz.EditChange, c.propose},
		{"/changes/:id/submit", authz.EditChange, c.submit},
		{"/changes/:id/reviews", authz.ReviewChange, c.review},
		{"/changes/:id/apply", authz.ApplyChange, c.apply},
		{"/changes/:id/schedule", authz.ApplyChange, c.schedule},
		{"/changes/:id/unschedule", authz.ApplyChange, c.step(c.scheduler.CancelSchedule)},
		{"/changes/:id/comments", authz.Read, c.comment},
		{"/changes/:id/clone", authz.EditChange, c.clone},
		{"/changes/:id/revert", authz.EditChange, c.revert},
		// An admin withdraws without the right to edit: the service decides who may.
		{"/changes/:id/withdraw", authz.Read, c.step(c.editor.Withdraw)},
		{"/changes/:id/rebase", authz.EditChange, c.rebase},
		{"/findings/acknowledge", authz.ManageFindings, f.acknowledgeTogether},
		{"/findings/:id/acknowledge", authz.ManageFindings, f.acknowledge},
		{"/findings/:id/reopen", authz.ManageFindings, f.reopen},
		{"/findings/:id/repair", authz.ControlRollout, f.repair},
		{"/drift/scan", authz.SyncAccounts, f.scan},
		{"/organization/sync", authz.SyncAccounts, s.org.read},
		{"/organization/accept", authz.AcceptSync, s.org.accept},
	})
}

// rolloutRoutes steer rollouts and decide about conflicts.
func (s *API) rolloutRoutes() {
	r := &s.rollouts
	s.addActions(http.MethodPost, []actionRoute{
		{"/rollouts", authz.ControlRollout, r.pushAgain},
		{"/rollouts/:id/pause", authz.ControlRollout, r.step(r.controller.Pause)},
		{"/rollouts/:id/resume", authz.ControlRollout, r.step(r.controller.Resume)},
		{"/rollouts/:id/retry", authz.ControlRollout, r.step(r.controller.Retry)},
		{"/rollouts/:id/abort", authz.ControlRollout, r.end(r.controller.Abort)},
		{"/rollouts/:id/waves/:wave/approve", authz.ControlRollout, r.approveWave},
		{"/rollouts/:id/confirm", authz.ControlRollout, r.step(r.controller.Confirm)},
		{"/rollouts/:id/skip-queue", authz.ControlRollout, r.step(r.controller.SkipQueue)},
		{"/rollouts/:id/override-window", authz.ControlRollout, r.overrideWindow},
		{"/rollouts/:id/open-unverified", authz.ReviewChange, r.openUnverified},
		{"/rollouts/:id/recheck", authz.ControlRollout, r.step(r.controller.CheckAgain)},
		{"/rollouts/:id/max-in-flight", authz.ControlRollout, r.setMaxInFlight},
		{"/rollouts/:id/rollback", authz.ControlRollout, r.end(r.controller.RollBack)},
		{"/rollouts/:id/targets/:account/retry", authz.ControlRollout, r.retryTarget},
		{"/rollouts/:id/targets/:account/skip", authz.ControlRollout, r.skipTarget},
		{"/rollouts/:id/targets/:account/resolve", authz.ControlRollout, r.resolve},
		{"/rollouts/:id/targets/:account/adopt", authz.EditChange, r.adopt},
	})
}

func (s *API) peopleRoutes() {
	p := &s.people
	s.API(http.MethodGet, apiPrefix+"/people", authz.ManagePeople, asJSON(p.list))
	s.API(http.MethodGet, apiPrefix+"/people/:id", authz.ManagePeople, asJSON(p.one))
	s.addActions(http.MethodPost, []actionRoute{
		{"/people", authz.ManagePeople, p.invite},
		{"/people/:id/password", authz.ManagePeople, p.resetPassword},
		{"/people/:id/vouch", authz.ManagePeople, p.vouch},
		{"/people/:id/signout", authz.ManagePeople, p.signOut},
	})
	s.addActions(http.MethodPatch, []actionRoute{{"/people/:id", authz.ManagePeople, p.place}})
}

// exchangeRoutes take data out and in as files.
func (s *API) exchangeRoutes() {
	s.APIDownload(apiPrefix+"/allowlists/:id/entries.csv", authz.Read, transport.ExportEntries(s.allowlists.allowlists))
	s.addActions(http.MethodPost, []actionRoute{{"/allowlists/:id/entries.csv", authz.EditChange, s.allowlists.importEntries}})
	s.API(http.MethodGet, apiPrefix+"/accounts/:id/export", authz.Read, s.accounts.export)
	s.APIDownload(apiPrefix+"/changes/:id/undo-by-hand", authz.Read, transport.UndoByHand("change", s.changes.reader))
	s.APIDownload(apiPrefix+"/rollouts/:id/undo-by-hand", authz.Read, transport.UndoByHand("rollout", s.rollouts.viewer))
	s.APIDownload(apiPrefix+"/audit/export", authz.ReadAudit, s.ExportAudit(s.audit.audit))
}

// request is what a handler of the API gets: who asks, and what for.
type request struct {
	echo.Context
	actor access.Actor
	query *transport.Query
}

// id reads the id in the path. What is no id names no object.
func (r request) id(what string) (int64, error) {
	n, err := strconv.ParseInt(r.Param("id"), 10, 64)
	if err != nil || n < 1 {
		return 0, access.Errorf(access.KindNotFound, "There is no %s %q.", what, r.Param("id"))
	}
	return n, nil
}

// readHandler returns the value to be sent as JSON, or a longAnswer.
type readHandler func(r request) (any, error)

// longAnswer is one that may be too long to be encoded as a whole. It writes JSON, piece by
// piece, and nothing can go wrong any more but the writing.
type longAnswer interface{ writeJSON(w io.Writer) error }

// asJSON makes a route's handler. The answer is encoded before a byte of it is sent, unless
// it is a long one.
func asJSON(h readHandler) transport.Handler {
	return func(c echo.Context, actor access.Actor) error {
		q := transport.NewQuery(c.QueryParams())
		answer, err := h(request{Context: c, actor: actor, query: q})
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
