package web

import (
	"context"

	"portcullis/internal/access"
	"portcullis/internal/change"
)

// Waves is what the console needs of the rollout service to show waves and to keep
// strategies.
type Waves interface {
	Waves(ctx context.Context, actor access.Actor, id int64) ([]access.Wave, error)
	Checks(ctx context.Context, actor access.Actor, id int64, wave, round int) (access.Page[access.Check], error)
	StrategyOf(ctx context.Context, actor access.Actor, id int64) (access.Strategy, error)
	Strategies(ctx context.Context, actor access.Actor) ([]access.Strategy, error)
	Strategy(ctx context.Context, actor access.Actor, id int64) (access.Strategy, error)
	SaveStrategy(ctx context.Context, actor access.Actor, s access.Strategy) (access.Strategy, error)
	RemoveStrategy(ctx context.Context, actor access.Actor, id int64) error
}

// Staging is what the console needs of the change service to apply a change by a strategy,
// which is named; "" is the default.
type Staging interface {
	Apply(
		ctx context.Context, actor access.Actor, id int64, r change.ApplyRequest, options ...change.Option,
	) (access.Rollout, error)
	Schedule(
		ctx context.Context, actor access.Actor, id int64, r change.ScheduleRequest, options ...change.Option,
	) (access.Change, error)
}
