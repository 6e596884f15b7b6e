package web

import (
	"portcullis/internal/access"
)

func (s *Server) apiRollouts(r apiRequest) (any, error) {
	q := access.RolloutQuery{States: states(r.query, "state", rolloutStates), ChangeID: r.query.number("change", 0), PageQuery: r.query.page()}
	if err := r.query.err(); err != nil {
		return nil, err
	}
	rollouts, err := s.cfg.Rollouts.Rollouts(r.Request().Context(), r.actor, q)
	if err != nil {
		return nil, err
	}
	return toAPIPage(rollouts, toAPIRollout), nil
}

func (s *Server) apiRollout(r apiRequest) (any, error) {
	id, err := r.id("rollout")
	if err != nil {
		return nil, err
	}
	rollout, err := s.cfg.Rollouts.Rollout(r.Request().Context(), r.actor, id)
	if err != nil {
		return nil, err
	}
	r.Response().Header().Set("ETag", rolloutTag(rollout))
	return toAPIRollout(rollout), nil
}

func (s *Server) apiTargets(r apiRequest) (any, error) {
	id, err := r.id("rollout")
	if err != nil {
		return nil, err
	}
	q := access.TargetQuery{States: states(r.query, "state", access.TargetStates()), Wave: int(r.query.number("wave", 0)), Class: access.CloudClass(r.query.text("class")), Cause: r.query.text("cause"), PageQuery: r.query.page()}
	if err := r.query.err(); err != nil {
		return nil, err
	}
	targets, err := s.cfg.Rollouts.Targets(r.Request().Context(), r.actor, id, q)
	if err != nil {
		return nil, err
	}
	return toAPIPage(targets, toAPITarget), nil
}

// apiTarget answers one target with its operations and all their documents.
func (s *Server) apiTarget(r apiRequest) (any, error) {
	id, err := r.id("rollout")
	if err != nil {
		return nil, err
	}
	ctx, account := r.Request().Context(), access.AccountID(r.Param("account"))
	target, err := s.cfg.Rollouts.Target(ctx, r.actor, id, account)
	if err != nil {
		return nil, err
	}
	operations, err := s.cfg.Rollouts.Operations(ctx, r.actor, id, account)
	if err != nil {
		return nil, err
	}
	return apiTargetDetail{apiTarget: toAPITarget(target), Operations: convertAll(operations, toAPIOperation)}, nil
}
