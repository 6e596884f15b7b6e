package web

import (
	"portcullis/internal/access"
)

func (s *Server) apiChanges(r apiRequest) (any, error) {
	q := access.ChangeQuery{States: states(r.query, "state", changeStates), Author: r.query.number("author", 0), PageQuery: r.query.page()}
	if err := r.query.err(); err != nil {
		return nil, err
	}
	changes, err := s.cfg.Changes.Changes(r.Request().Context(), r.actor, q)
	if err != nil {
		return nil, err
	}
	return toAPIPage(changes, toAPIChange), nil
}

// apiChange answers one change. Its ETag is its version.
func (s *Server) apiChange(r apiRequest) (any, error) {
	id, err := r.id("change")
	if err != nil {
		return nil, err
	}
	view, err := s.cfg.Changes.View(r.Request().Context(), r.actor, id)
	if err != nil {
		return nil, err
	}
	r.Response().Header().Set("ETag", versionTag(view.Version))
	detail := toAPIChangeDetail(view.Change)
	detail.Targets, detail.Writes, detail.Problem = &view.Targets, &view.Writes, view.Problem
	detail.Guards, detail.Since = convertAll(view.Guards, toAPIGuard), toAPISince(view.ChangedSince)
	return detail, nil
}

// apiChangePlan answers the plan of a change: all of it, or one account's part.
func (s *Server) apiChangePlan(r apiRequest) (any, error) {
	id, err := r.id("change")
	if err != nil {
		return nil, err
	}
	plan, err := s.cfg.Changes.Plan(r.Request().Context(), r.actor, id)
	if err != nil {
		return nil, err
	}
	if account := r.query.text("account"); account != "" {
		plan = plan.Of(access.AccountID(account))
	}
	return planAnswer{change: id, plan: plan}, nil
}
