package web

import (
	"context"
	"time"

	"portcullis/internal/access"
	"portcullis/internal/onboard"
	"portcullis/internal/rollout"
)

// Adopting is what the console needs of the change service to make the desired state
// follow what somebody has edited.
type Adopting interface {
	Adopt(ctx context.Context, actor access.Actor, a onboard.Adoption) (access.Change, error)
}

// RolloutControl is what the console needs of the rollout service to look into a rollout
// and to steer it. What is recent is as it was at a time or later, and is read once for
// however many watch.
type RolloutControl interface {
	Insight(ctx context.Context, actor access.Actor, id int64) (rollout.Insight, error)
	RecentInsight(ctx context.Context, actor access.Actor, id int64, since time.Time) (rollout.Insight, error)
	RecentTargets(ctx context.Context, actor access.Actor, id int64, q access.TargetQuery, since time.Time) (access.Page[access.Target], error)

	OpenGate(ctx context.Context, actor access.Actor, id int64, wave int) (access.Rollout, error)
	Confirm(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error)
	StartNow(ctx context.Context, actor access.Actor, id int64, reason string, allWaves bool) (access.Rollout, error)
	CheckAgain(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error)
	Overtake(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error)
	SetWindow(ctx context.Context, actor access.Actor, id int64, window int) (access.Rollout, error)
	RollBack(ctx context.Context, actor access.Actor, id int64, reason string) (access.Rollout, error)
	RetryTarget(ctx context.Context, actor access.Actor, id int64, account access.AccountID) (access.Rollout, error)
	SkipTarget(ctx context.Context, actor access.Actor, id int64, account access.AccountID, reason string) (access.Rollout, error)
	Resolve(ctx context.Context, actor access.Actor, id int64, account access.AccountID, choices []access.ResolveConflict) (access.Rollout, error)
}
