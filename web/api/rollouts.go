package api

import (
	"context"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/onboard"
	"portcullis.internal/portcullis/internal/rollout"
	"portcullis.internal/portcullis/web/transport"
)

// RolloutViewer reads rollouts.
type RolloutViewer interface {
	Rollouts(ctx context.Context, actor access.Actor, q access.RolloutQuery) (access.Page[access.Rollout], error)
	Rollout(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error)
	Targets(ctx context.Context, actor access.Actor, id int64, q access.TargetQuery) (access.Page[access.Target], error)
	Target(ctx context.Context, actor access.Actor, id int64, account access.AccountID) (access.Target, error)
	Operations(ctx context.Context, actor access.Actor, id int64, account access.AccountID) ([]access.Operation, error)
	Insight(ctx context.Context, actor access.Actor, id int64) (rollout.Insight, error)
	Waves(ctx context.Context, actor access.Actor, id int64) ([]access.Wave, error)
	Checks(ctx context.Context, actor access.Actor, id int64, wave, round int) (access.Page[access.Check], error)
	StrategyOf(ctx context.Context, actor access.Actor, id int64) (access.Strategy, error)
	Watch(ctx context.Context, actor access.Actor, id int64) (<-chan access.Rollout, error)
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

// TargetController steers one account of a rollout.
type TargetController interface {
	RetryTarget(ctx context.Context, actor access.Actor, id int64, account access.AccountID) (access.Rollout, error)
	SkipTarget(ctx context.Context, actor access.Actor, id int64, account access.AccountID, reason string) (access.Rollout, error)
	Resolve(ctx context.Context, actor access.Actor, id int64, account access.AccountID, choices []access.ResolveConflict) (access.Rollout, error)
}

// Pusher starts a rollout of the newest revision.
type Pusher interface {
	PushAgain(ctx context.Context, actor access.Actor) (access.Rollout, error)
}

// Adopter makes the desired state follow an edit that was adopted.
type Adopter interface {
	Adopt(ctx context.Context, actor access.Actor, a onboard.Adoption) (access.Change, error)
}

// rolloutAPI answers about rollouts and steers them.
type rolloutAPI struct {
	server     *transport.Server
	viewer     RolloutViewer
	controller RolloutController
	targets    TargetController
	pusher     Pusher
	adopter    Adopter
	sentence   func(access.FailureGroup) string
}

func (s *rolloutAPI) list(r request) (any, error) {
	q := access.RolloutQuery{States: transport.States(r.query, "state", rolloutStates), ChangeID: r.query.Number("change", 0), PageQuery: r.query.Page()}
	if err := r.query.Err(); err != nil {
		return nil, err
	}
	rollouts, err := s.viewer.Rollouts(r.Request().Context(), r.actor, q)
	if err != nil {
		return nil, err
	}
	return toPageJSON(rollouts, toRolloutJSON), nil
}

func (s *rolloutAPI) one(r request) (any, error) {
	id, err := r.id("rollout")
	if err != nil {
		return nil, err
	}
	rollout, err := s.viewer.Rollout(r.Request().Context(), r.actor, id)
	if err != nil {
		return nil, err
	}
	r.Response().Header().Set("ETag", transport.RolloutTag(rollout))
	return toRolloutJSON(rollout), nil
}

func (s *rolloutAPI) listTargets(r request) (any, error) {
	id, err := r.id("rollout")
	if err != nil {
		return nil, err
	}
	q := access.TargetQuery{States: transport.States(r.query, "state", access.TargetStates()), Wave: int(r.query.Number("wave", 0)), Class: access.CloudClass(r.query.Text("class")), Cause: r.query.Text("cause"), PageQuery: r.query.Page()}
	if err := r.query.Err(); err != nil {
		return nil, err
	}
	targets, err := s.viewer.Targets(r.Request().Context(), r.actor, id, q)
	if err != nil {
		return nil, err
	}
	return toPageJSON(targets, toTargetJSON), nil
}

// oneTarget answers one target with its operations and all their documents.
func (s *rolloutAPI) oneTarget(r request) (any, error) {
	id, err := r.id("rollout")
	if err != nil {
		return nil, err
	}
	ctx, account := r.Request().Context(), access.AccountID(r.Param("account"))
	target, err := s.viewer.Target(ctx, r.actor, id, account)
	if err != nil {
		return nil, err
	}
	operations, err := s.viewer.Operations(ctx, r.actor, id, account)
	if err != nil {
		return nil, err
	}
	return targetDetailJSON{targetJSON: toTargetJSON(target), Operations: convertAll(operations, toOperationJSON)}, nil
}

var rolloutStates = []access.RolloutState{
	access.RolloutScheduled, access.RolloutRunning, access.RolloutPaused, access.RolloutHalted,
	access.RolloutAborted, access.RolloutCompleted, access.RolloutRollingBack, access.RolloutRolledBack,
}
