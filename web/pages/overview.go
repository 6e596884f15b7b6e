package pages

import (
	"context"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/web/view"
)

// OverviewService says what the desired state holds and what waits for a person.
type OverviewService interface {
	Overview(ctx context.Context, actor access.Actor) (change.Overview, error)
}

// RolloutLister lists rollouts.
type RolloutLister interface {
	Rollouts(ctx context.Context, actor access.Actor, q access.RolloutQuery) (access.Page[access.Rollout], error)
}

// FindingCounter counts findings.
type FindingCounter interface {
	FindingCounts(ctx context.Context, actor access.Actor) (access.FindingCounts, error)
}

// overviewPage is the first page.
type overviewPage struct {
	*site
	changes  OverviewService
	rollouts RolloutLister
	findings FindingCounter

	organization OrganizationReader
}

func (s *overviewPage) routes() {
	s.Get("/", authz.Read, s.showOverview)
}

func (s *overviewPage) showOverview(c echo.Context, actor access.Actor) error {
	ctx := c.Request().Context()
	o, err := s.changes.Overview(ctx, actor)
	if err != nil {
		return err
	}
	rollouts, err := s.rollouts.Rollouts(ctx, actor, access.RolloutQuery{PageQuery: access.PageQuery{Limit: 5}})
	if err != nil {
		return err
	}
	findings, err := s.findings.FindingCounts(ctx, actor)
	if err != nil {
		return err
	}
	organization, err := s.organization.Organization(ctx, actor, 0)
	if err != nil {
		return err
	}
	return s.ok(c, view.Overview(view.OverviewProps{
		Shell: s.shell(c, actor, "Overview", "overview"), MayEdit: authz.Can(actor, authz.EditChange),
		Revision: o.Revision, Allowlists: o.Allowlists, Entries: o.Entries, Mappings: o.Mappings, Accounts: o.Accounts,
		Unreadable: o.Unreadable, OUs: o.OUs, ForYou: o.ForYou, Recent: o.Recent, Rollouts: rollouts.Items,
		Findings: findings, Expiring: o.Expiring, Missed: o.Missed, Now: s.now(), Organization: organization,
		FourEyes: o.FourEyes, OneGroup: o.OneGroup,
	}))
}
