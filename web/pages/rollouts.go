package pages

import (
	"context"
	"time"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/rollout"
	"portcullis.internal/portcullis/web/transport"
	"portcullis.internal/portcullis/web/view"
)

// RolloutViewer reads rollouts. A recent reading is as of a time or later, and is made once however
// many browsers watch.
type RolloutViewer interface {
	Rollouts(ctx context.Context, actor access.Actor, q access.RolloutQuery) (access.Page[access.Rollout], error)
	Rollout(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error)
	Targets(ctx context.Context, actor access.Actor, id int64, q access.TargetQuery) (access.Page[access.Target], error)
	Insight(ctx context.Context, actor access.Actor, id int64) (rollout.Insight, error)
	RecentInsight(ctx context.Context, actor access.Actor, id int64, since time.Time) (rollout.Insight, error)
	RecentTargets(ctx context.Context, actor access.Actor, id int64, q access.TargetQuery, since time.Time) (access.Page[access.Target], error)
	Watch(ctx context.Context, actor access.Actor, id int64) (<-chan access.Rollout, error)
	Unverified(ctx context.Context, actor access.Actor, id int64) ([]access.Opening, error)
	RollBackWithin(ctx context.Context, actor access.Actor) (time.Duration, error)
	transport.HandUndoer
}

// RolloutController steers a rollout.
type RolloutController interface {
	Pause(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error)
	Resume(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error)
	Retry(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error)
	Abort(ctx context.Context, actor access.Actor, id int64, reason string) (access.Rollout, error)
	RollBack(ctx context.Context, actor access.Actor, id int64, reason string) (access.Rollout, error)
	Confirm(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error)
	CheckAgain(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error)
	SkipQueue(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error)
	ApproveWave(ctx context.Context, actor access.Actor, id int64, wave int) (access.Rollout, error)
	OverrideWindow(ctx context.Context, actor access.Actor, id int64, reason string, allWaves bool) (access.Rollout, error)
	SetMaxInFlight(ctx context.Context, actor access.Actor, id int64, maxInFlight int) (access.Rollout, error)
	OpenUnverified(
		ctx context.Context, actor access.Actor, id int64, accounts []access.AccountID, reason string,
	) (access.Rollout, error)
}

// Pusher starts a rollout of the newest revision.
type Pusher interface {
	PushAgain(ctx context.Context, actor access.Actor) (access.Rollout, error)
}

// rolloutPages are the pages of rollouts.
type rolloutPages struct {
	*site
	viewer     RolloutViewer
	controller RolloutController
	pusher     Pusher
}

func (s *rolloutPages) routes() {
	s.Get("/rollouts", authz.Read, s.showRollouts)
	s.Post("/rollouts", authz.ControlRollout, s.pushAgain)
	s.Get("/rollouts/:id", authz.Read, s.showRollout)
	s.Stream("/rollouts/:id/events", authz.Read, s.streamRollout)
	s.controlRoutes()
}

// rolloutGroups are the tabs of the list.
var rolloutGroups = map[string][]access.RolloutState{
	"active": {access.RolloutScheduled, access.RolloutRunning, access.RolloutPaused, access.RolloutHalted, access.RolloutRollingBack},
	"ended":  {access.RolloutCompleted, access.RolloutAborted, access.RolloutRolledBack},
}

func (s *rolloutPages) showRollouts(c echo.Context, actor access.Actor) error {
	q := queryOf(c)
	group := q.Text("state")
	states, known := rolloutGroups[group]
	if !known {
		group = ""
	}
	page := q.Page()
	rollouts, err := s.viewer.Rollouts(c.Request().Context(), actor, access.RolloutQuery{States: states, PageQuery: page})
	if err != nil {
		return err
	}
	shell := s.shell(c, actor, "Rollouts", "rollouts")
	return s.ok(c, view.Rollouts(view.RolloutsPage{
		Shell: shell, Rollouts: rollouts, State: group, Cursor: page.Cursor, MayPush: authz.Can(actor, authz.ControlRollout),
	}))
}

func (s *rolloutPages) pushAgain(c echo.Context, actor access.Actor) error {
	rollout, err := s.pusher.PushAgain(c.Request().Context(), actor)
	if err != nil {
		return err
	}
	return s.See(c, view.RolloutURL(rollout.ID))
}

func (s *rolloutPages) showRollout(c echo.Context, actor access.Actor) error {
	id, err := idParam(c)
	if err != nil {
		return err
	}
	p, err := s.rolloutPage(c, actor, id)
	if err != nil {
		return err
	}
	p.Shell = s.shell(c, actor, view.RolloutTitle(p.Rollout), "rollouts", view.Crumb{Label: "Rollouts", URL: view.RolloutsURL()})
	return s.ok(c, view.Rollout(p))
}

// rolloutPage reads the rollout and the page of its targets that the address asks for.
func (s *rolloutPages) rolloutPage(c echo.Context, actor access.Actor, id int64) (view.RolloutPage, error) {
	ctx := c.Request().Context()
	rollout, err := s.viewer.Rollout(ctx, actor, id)
	if err != nil {
		return view.RolloutPage{}, err
	}
	within, err := s.viewer.RollBackWithin(ctx, actor)
	if err != nil {
		return view.RolloutPage{}, err
	}
	p := s.rolloutProps(c, actor, rollout, within)
	insight, err := s.viewer.Insight(ctx, actor, id)
	if err != nil {
		return view.RolloutPage{}, err
	}
	p.Waves, p.Bad, p.Failures, p.ProgressSamples = insight.Waves, insight.Bad, insight.Failures, insight.Samples
	p.Targets, err = s.viewer.Targets(ctx, actor, id, targetQuery(p))
	return p, err
}

func (s *rolloutPages) rolloutProps(
	c echo.Context, actor access.Actor, rollout access.Rollout, within time.Duration,
) view.RolloutPage {
	q := queryOf(c)
	p := view.RolloutPage{
		Rollout: rollout, RollBackWithin: within, Cursor: q.Text("cursor"), Now: s.now(),
		FromWave: int(max(q.Number("from_wave", 0), 0)),
	}
	p.Filter = view.TargetFilter{
		Wave: int(max(q.Number("wave", 0), 0)), Class: access.CloudClass(q.Text("class")), Cause: q.Text("cause"), Search: q.Text("q"),
	}
	if one := transport.States(q, "state", access.TargetStates()); len(one) == 1 {
		p.Filter.State = one[0]
	}
	p.MayAccept = mayAccept(rollout, actor)
	p.Actions = view.ActionsOf(rollout, authz.Require(actor, authz.ControlRollout), p.Now, within)
	return p
}

// targetQuery asks for the targets that a page shows.
func targetQuery(p view.RolloutPage) access.TargetQuery {
	f := p.Filter
	q := access.TargetQuery{Wave: f.Wave, Class: f.Class, Cause: f.Cause, PageQuery: access.PageQuery{Search: f.Search, Cursor: p.Cursor}}
	if f.State != "" {
		q.States = []access.TargetState{f.State}
	}
	return q
}
