package pages

import (
	"context"
	"strconv"
	"strings"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/web/transport"
	"portcullis.internal/portcullis/web/view"
)

// controlRoutes are the buttons and forms of a rollout's page.
func (s *rolloutPages) controlRoutes() {
	r := s.controller
	for _, b := range []struct {
		path, done string
		act        func(context.Context, access.Actor, int64) (access.Rollout, error)
	}{
		{"pause", "Paused. Accounts in flight are finished.", r.Pause},
		{"resume", "Resumed.", r.Resume},
		{"retry", "The failed accounts are retried.", r.Retry},
		{"confirm", "Confirmed. The rollout stays.", r.Confirm},
		{"recheck", "The health of the wave is looked at again.", r.CheckAgain},
		{"skip-queue", "It skips the queue. The older rollout skips the accounts that blocked it.", r.SkipQueue},
	} {
		s.Post("/rollouts/:id/"+b.path, authz.ControlRollout, s.controlRollout(b.done, b.act))
	}
	s.Post("/rollouts/:id/abort", authz.ControlRollout, s.abortRollout)
	s.Post("/rollouts/:id/waves/:wave/approve", authz.ControlRollout, s.approveWave)
	s.Post("/rollouts/:id/override-window", authz.ControlRollout, s.overrideWindow)
	s.Get("/rollouts/:id/open-unverified", authz.Read, s.showUnverified)
	s.Post("/rollouts/:id/open-unverified", authz.ReviewChange, s.openUnverified)
	s.Post("/rollouts/:id/max-in-flight", authz.ControlRollout, s.changeMaxInFlight)
	s.Download("/rollouts/:id/undo-by-hand", authz.Read, transport.UndoByHand("rollout", s.viewer))
	s.Post("/rollouts/:id/rollback", authz.ControlRollout, s.rollBack)
}

// controlRollout makes the handler of a button on a rollout's page.
func (s *rolloutPages) controlRollout(done string, act func(context.Context, access.Actor, int64) (access.Rollout, error)) transport.Handler {
	return func(c echo.Context, actor access.Actor) error {
		id, err := idParam(c)
		if err != nil {
			return err
		}
		if _, err := act(c.Request().Context(), actor, id); err != nil {
			return s.rolloutRefused(c, actor, id, err)
		}
		s.Flash(c, done)
		return s.See(c, view.RolloutURL(id))
	}
}

func (s *rolloutPages) abortRollout(c echo.Context, actor access.Actor) error {
	return s.controlRollout("Aborted. Accounts in flight are finished.", func(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error) {
		return s.controller.Abort(ctx, actor, id, c.FormValue("reason"))
	})(c, actor)
}

func (s *rolloutPages) rollBack(c echo.Context, actor access.Actor) error {
	return s.controlRollout("It is rolled back: what it wrote is put back as it was.", func(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error) {
		return s.controller.RollBack(ctx, actor, id, c.FormValue("rollback-reason"))
	})(c, actor)
}

// approveWave names the wave, so that an old page does not approve a later wave.
func (s *rolloutPages) approveWave(c echo.Context, actor access.Actor) error {
	wave, err := strconv.Atoi(c.Param("wave"))
	if err != nil || wave <= 0 {
		return noPage()
	}
	return s.controlRollout("The wave is approved. The next wave starts.", func(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error) {
		return s.controller.ApproveWave(ctx, actor, id, wave)
	})(c, actor)
}

func (s *rolloutPages) overrideWindow(c echo.Context, actor access.Actor) error {
	return s.controlRollout("It starts now, outside the maintenance window.", func(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error) {
		return s.controller.OverrideWindow(ctx, actor, id, c.FormValue("override-reason"), c.FormValue("all-waves") != "")
	})(c, actor)
}

func (s *rolloutPages) changeMaxInFlight(c echo.Context, actor access.Actor) error {
	return s.controlRollout("Max in flight has changed.", func(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error) {
		maxInFlight, err := strconv.Atoi(strings.TrimSpace(c.FormValue("max_in_flight")))
		if err != nil {
			return access.Rollout{}, access.Invalid("max_in_flight", "%q is no number of accounts: write it in digits, from 1 to %d.", c.FormValue("max_in_flight"), access.MostInFlight)
		}
		return s.controller.SetMaxInFlight(ctx, actor, id, maxInFlight)
	})(c, actor)
}

// rolloutRefused shows the rollout as it is now, with why the action was refused.
func (s *rolloutPages) rolloutRefused(c echo.Context, actor access.Actor, id int64, refusal error) error {
	return s.refill(c, refusal, func(view.Problems) (templ.Component, error) {
		p, err := s.rolloutPage(c, actor, id)
		if err != nil {
			return nil, err
		}
		p.Shell = s.shell(c, actor, view.RolloutTitle(p.Rollout), "rollouts", view.Crumb{Label: "Rollouts", URL: view.RolloutsURL()})
		p.Problem, p.Typed = access.MessageOf(refusal), c.Request().PostForm
		return view.Rollout(p), nil
	})
}
