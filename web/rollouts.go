package web

import (
	"github.com/labstack/echo/v4"

	"portcullis/internal/access"
	"portcullis/internal/authz"
	"portcullis/web/view"
)

func (s *Server) rolloutRoutes() {
	s.get("/rollouts", authz.Read, s.showRollouts)
	s.post("/rollouts", authz.ControlRollout, s.pushAgain)
	s.get("/rollouts/:id", authz.Read, s.showRollout)
	s.stream("/rollouts/:id/events", authz.Read, s.streamRollout)
	s.rolloutControlRoutes()
	s.targetRoutes()
}

// rolloutGroups are the tabs of the list.
var rolloutGroups = map[string][]access.RolloutState{
	"active": {access.RolloutScheduled, access.RolloutRunning, access.RolloutPaused, access.RolloutHalted, access.RolloutRollingBack},
	"ended":  {access.RolloutCompleted, access.RolloutAborted, access.RolloutRolledBack},
}

func (s *Server) showRollouts(c echo.Context, actor access.Actor) error {
	q := newQuery(c.QueryParams())
	group := q.text("state")
	states, known := rolloutGroups[group]
	if !known {
		group = ""
	}
	page := q.page()
	rollouts, err := s.cfg.Rollouts.Rollouts(c.Request().Context(), actor, access.RolloutQuery{States: states, PageQuery: page})
	if err != nil {
		return err
	}
	shell := s.shell(c, actor, "Rollouts", "rollouts")
	return s.ok(c, view.Rollouts(view.RolloutsPage{
		Shell: shell, Rollouts: rollouts, State: group, Cursor: page.Cursor, MayPush: authz.Can(actor, authz.ControlRollout),
	}))
}

func (s *Server) pushAgain(c echo.Context, actor access.Actor) error {
	rollout, err := s.cfg.Changes.PushAgain(c.Request().Context(), actor)
	if err != nil {
		return err
	}
	return s.see(c, view.RolloutURL(rollout.ID))
}

func (s *Server) showRollout(c echo.Context, actor access.Actor) error {
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
func (s *Server) rolloutPage(c echo.Context, actor access.Actor, id int64) (view.RolloutPage, error) {
	ctx := c.Request().Context()
	rollout, err := s.cfg.Rollouts.Rollout(ctx, actor, id)
	if err != nil {
		return view.RolloutPage{}, err
	}
	p := s.rolloutProps(c, actor, rollout)
	insight, err := s.cfg.Rollouts.Insight(ctx, actor, id)
	if err != nil {
		return view.RolloutPage{}, err
	}
	p.Waves, p.Bad, p.Troubles, p.Samples = insight.Waves, insight.Bad, insight.Troubles, insight.Samples
	p.Targets, err = s.cfg.Rollouts.Targets(ctx, actor, id, targetQuery(p))
	return p, err
}

func (s *Server) rolloutProps(c echo.Context, actor access.Actor, rollout access.Rollout) view.RolloutPage {
	q := newQuery(c.QueryParams())
	p := view.RolloutPage{Rollout: rollout, Cursor: q.text("cursor"), Now: s.cfg.Now(), FromWave: int(max(q.number("from_wave", 0), 0))}
	p.Filter = view.TargetFilter{
		Wave: int(max(q.number("wave", 0), 0)), Class: access.CloudClass(q.text("class")), Cause: q.text("cause"), Search: q.text("q"),
	}
	if one := states(q, "state", access.TargetStates()); len(one) == 1 {
		p.Filter.State = one[0]
	}
	p.Actions = view.ActionsOf(rollout, authz.Require(actor, authz.ControlRollout), p.Now)
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
