package pages

import (
	"context"
	"strconv"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/web/transport"
	"portcullis.internal/portcullis/web/view"
)

// reviewRoutes are what people do with a change beside taking it from state to state.
func (s *changePages) reviewRoutes() {
	s.Post("/changes/:id/comment", authz.Read, s.commentChange)
	// Editors, reviewers and operators override guards: the service decides who may.
	s.Post("/changes/:id/override-guards", authz.Read, s.overrideGuard)
	s.Post("/changes/:id/withdraw-review", authz.ReviewChange, s.withdrawReview)
	s.Post("/changes/:id/clone", authz.EditChange, s.cloneChange)
	s.Post("/changes/:id/revert", authz.EditChange, s.revertChange)
	s.Download("/changes/:id/undo-by-hand", authz.Read, transport.UndoByHand("change", s.reader))
	s.Post("/changes/:id/alone", authz.BreakGlass, s.applyAlone)
	s.Post("/changes/:id/entries", authz.EditChange, s.composeChange)
}

func (s *changePages) commentChange(c echo.Context, actor access.Actor) error {
	return s.changeForm(c, actor, func(ctx context.Context, id int64) (string, string, error) {
		_, err := s.reviewer.Comment(ctx, actor, id, c.FormValue("body"))
		return view.ChangeURL(id), "Your comment stands below.", err
	})
}

func (s *changePages) overrideGuard(c echo.Context, actor access.Actor) error {
	return s.changeForm(c, actor, func(ctx context.Context, id int64) (string, string, error) {
		_, err := s.reviewer.OverrideGuard(ctx, actor, id, access.GuardCode(c.FormValue("guard")), c.FormValue("typed"))
		return view.ChangeURL(id), "Overridden. Everyone who can read the change sees that you did it.", err
	})
}

func (s *changePages) withdrawReview(c echo.Context, actor access.Actor) error {
	return s.changeForm(c, actor, func(ctx context.Context, id int64) (string, string, error) {
		saved, err := s.reviewer.WithdrawReview(ctx, actor, id)
		said := "Your approval is taken back."
		if lacks := saved.MissingText(); saved.State == access.ChangeInReview && lacks != "" {
			said += " The change lacks " + lacks + "."
		}
		return view.ChangeURL(id), said, err
	})
}

func (s *changePages) cloneChange(c echo.Context, actor access.Actor) error {
	return s.changeForm(c, actor, func(ctx context.Context, id int64) (string, string, error) {
		clone, err := s.editor.Clone(ctx, actor, id)
		return view.ChangeURL(clone.ID), "A new draft with the same edits. Look at it, then submit it.", err
	})
}

func (s *changePages) revertChange(c echo.Context, actor access.Actor) error {
	return s.changeForm(c, actor, func(ctx context.Context, id int64) (string, string, error) {
		revert, err := s.editor.Revert(ctx, actor, id, "")
		return view.ChangeURL(revert.ID), "A new draft that undoes the change. Say why, then submit it for review.", err
	})
}

func (s *changePages) applyAlone(c echo.Context, actor access.Actor) error {
	return s.changeForm(c, actor, func(ctx context.Context, id int64) (string, string, error) {
		rollout, err := s.scheduler.ApplyAlone(ctx, actor, id, c.FormValue("digest"), c.FormValue("alone_reason"))
		if err != nil {
			return "", "", err
		}
		return view.RolloutURL(rollout.ID), "Applied alone as revision " + strconv.FormatInt(rollout.Revision, 10) + ". Somebody else has to review it now.", nil
	})
}

// composeChange adds entries of any allowlist to the change.
func (s *changePages) composeChange(c echo.Context, actor access.Actor) error {
	return s.changeForm(c, actor, func(ctx context.Context, id int64) (string, string, error) {
		list, err := s.allowlistNamed(ctx, actor, c.FormValue("allowlist"))
		if err != nil {
			return "", "", err
		}
		saved, err := s.editor.AddEntries(ctx, actor, id, list.ID, change.NewEntries{Text: c.FormValue("lines")})
		return view.ChangeURL(id), edited(saved, "The entries are part of this change now."), err
	})
}

func (s *changePages) allowlistNamed(ctx context.Context, actor access.Actor, name string) (access.AllowlistRow, error) {
	page, err := s.allowlists.Allowlists(ctx, actor, access.PageQuery{Search: name, Limit: access.MaxPageSize})
	if err != nil {
		return access.AllowlistRow{}, err
	}
	for _, a := range page.Items {
		if a.Name == name {
			return a, nil
		}
	}
	return access.AllowlistRow{}, access.Invalid("allowlist", "there is no allowlist %q", name)
}

// reviewProps fills in what reviewers look at beside the edits.
func (s *changePages) reviewProps(c echo.Context, actor access.Actor, v change.View, p *view.ChangePage) error {
	p.Guards, p.Comments, p.Needs, p.Rules, p.Settings = v.Guards, v.Comments, v.Needs, v.Rules, v.Settings
	p.Names, p.Strategies, p.DefaultStrategy = v.Names, v.Strategies, v.DefaultStrategy
	if v.Permissions.Apply == nil {
		found, err := s.strategies.Strategies(c.Request().Context(), actor, change.Head)
		if err != nil {
			return err
		}
		p.ApplyBy = view.StrategyOptions(found.Strategies, found.Default)
	}
	if editable := v.Open() && v.Permissions.Edit == nil; !editable {
		return nil
	}
	lists, err := s.allowlists.Allowlists(c.Request().Context(), actor, access.PageQuery{Limit: access.MaxPageSize})
	p.Allowlists = convertAll(lists.Items, func(a access.AllowlistRow) string { return a.Name })
	return err
}

// keepTyped puts back what was typed into the forms of the page.
func keepTyped(c echo.Context, f *view.ChangeForm) {
	f.Comment, f.Body, f.Alone = c.FormValue("comment"), c.FormValue("body"), c.FormValue("alone_reason")
	f.Allowlist, f.Lines = c.FormValue("allowlist"), c.FormValue("lines")
	f.ScheduleAt, f.StartWithin, f.Strategy = c.FormValue("schedule_at"), c.FormValue("start_within"), c.FormValue("strategy")
}
