package web

import (
	"github.com/labstack/echo/v4"

	"portcullis/internal/access"
	"portcullis/internal/authz"
	"portcullis/web/view"
)

func (s *Server) overviewRoutes() {
	s.get("/", authz.Read, s.showOverview)
}

func (s *Server) showOverview(c echo.Context, actor access.Actor) error {
	ctx := c.Request().Context()
	o, err := s.cfg.Changes.Overview(ctx, actor)
	if err != nil {
		return err
	}
	rollouts, err := s.cfg.Rollouts.Rollouts(ctx, actor, access.RolloutQuery{PageQuery: access.PageQuery{Limit: 5}})
	if err != nil {
		return err
	}
	findings, err := s.cfg.Organization.FindingCounts(ctx, actor)
	if err != nil {
		return err
	}
	return s.ok(c, view.Overview(view.OverviewProps{
		Shell: s.shell(c, actor, "Overview", "overview"), MayEdit: authz.Can(actor, authz.EditChange),
		Revision: o.Revision, Allowlists: o.Allowlists, Entries: o.Entries, Mappings: o.Mappings, Accounts: o.Accounts,
		Unreadable: o.Unreadable, OUs: o.OUs, ForYou: o.ForYou, Recent: o.Recent, Rollouts: rollouts.Items,
		Findings: findings, Expiring: o.Expiring, Missed: o.Missed, Now: s.cfg.Now(),
	}))
}
