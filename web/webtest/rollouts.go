package webtest

import (
	"context"
	"fmt"
	"io"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/rollout"
)

// rollouts answers with one rollout; what is sent into updates reaches whoever watches.
type rollouts struct {
	staged
	Shown         access.Rollout
	TargetPage    access.Page[access.Target]
	OperationList []access.Operation
	InsightNow    rollout.Insight
	Updates       chan access.Rollout
	Openings      []access.Opening
	Query         access.TargetQuery
	Refuse        error
	Did           []string
}

// staged is what the rollout service says of waves.
type staged struct {
	waves  []access.Wave
	checks []access.Check
}

func (f *rollouts) act(format string, args ...any) (access.Rollout, error) {
	f.Did = append(f.Did, fmt.Sprintf(format, args...))
	return f.Shown, f.Refuse
}

func (f *rollouts) Rollouts(context.Context, access.Actor, access.RolloutQuery) (access.Page[access.Rollout], error) {
	return access.Page[access.Rollout]{Items: []access.Rollout{f.Shown}, Total: -1}, nil
}

func (f *rollouts) Rollout(_ context.Context, _ access.Actor, id int64) (access.Rollout, error) {
	if id != f.Shown.ID {
		return access.Rollout{}, access.Errorf(access.KindNotFound, "There is no rollout %d.", id)
	}
	return f.Shown, nil
}

func (f *rollouts) Targets(_ context.Context, _ access.Actor, _ int64, q access.TargetQuery) (access.Page[access.Target], error) {
	f.Query = q
	return f.TargetPage, nil
}

func (f *rollouts) Target(context.Context, access.Actor, int64, access.AccountID) (access.Target, error) {
	return f.TargetPage.Items[0], nil
}

func (f *rollouts) Operations(context.Context, access.Actor, int64, access.AccountID) ([]access.Operation, error) {
	return f.OperationList, nil
}

func (f *rollouts) Pause(_ context.Context, _ access.Actor, id int64) (access.Rollout, error) {
	return f.act("pause %d", id)
}

func (f *rollouts) Resume(_ context.Context, _ access.Actor, id int64) (access.Rollout, error) {
	return f.act("resume %d", id)
}

func (f *rollouts) Retry(_ context.Context, _ access.Actor, id int64) (access.Rollout, error) {
	return f.act("retry %d", id)
}

func (f *rollouts) Abort(_ context.Context, _ access.Actor, id int64, reason string) (access.Rollout, error) {
	return f.act("abort %d %q", id, reason)
}

func (f *rollouts) Insight(context.Context, access.Actor, int64) (rollout.Insight, error) {
	return f.InsightNow, nil
}

func (f *rollouts) RecentInsight(context.Context, access.Actor, int64, time.Time) (rollout.Insight, error) {
	return f.InsightNow, nil
}

func (f *rollouts) RecentTargets(ctx context.Context, actor access.Actor, id int64, q access.TargetQuery, _ time.Time) (access.Page[access.Target], error) {
	return f.Targets(ctx, actor, id, q)
}

func (f *rollouts) ApproveWave(_ context.Context, _ access.Actor, id int64, wave int) (access.Rollout, error) {
	return f.act("approve wave %d %d", id, wave)
}

func (f *rollouts) Confirm(_ context.Context, _ access.Actor, id int64) (access.Rollout, error) {
	return f.act("confirm %d", id)
}

func (f *rollouts) OverrideWindow(_ context.Context, _ access.Actor, id int64, reason string, allWaves bool) (access.Rollout, error) {
	return f.act("override window %d %q %t", id, reason, allWaves)
}

func (f *rollouts) OpenUnverified(
	_ context.Context, _ access.Actor, id int64, accounts []access.AccountID, reason string,
) (access.Rollout, error) {
	return f.act("open unverified %d %v %q", id, accounts, reason)
}

func (f *rollouts) Unverified(context.Context, access.Actor, int64) ([]access.Opening, error) {
	return f.Openings, nil
}

func (f *rollouts) CheckAgain(_ context.Context, _ access.Actor, id int64) (access.Rollout, error) {
	return f.act("recheck %d", id)
}

func (f *rollouts) SkipQueue(_ context.Context, _ access.Actor, id int64) (access.Rollout, error) {
	return f.act("skip queue %d", id)
}

func (f *rollouts) SetMaxInFlight(_ context.Context, _ access.Actor, id int64, maxInFlight int) (access.Rollout, error) {
	return f.act("max in flight %d %d", id, maxInFlight)
}

func (f *rollouts) RollBack(_ context.Context, _ access.Actor, id int64, reason string) (access.Rollout, error) {
	return f.act("rollback %d %q", id, reason)
}

// RollBackWithin is the default of the setting.
func (f *rollouts) RollBackWithin(context.Context, access.Actor) (time.Duration, error) {
	return access.DefaultRollBackWithin, nil
}

// UndoByHand writes a script of one line.
func (f *rollouts) UndoByHand(_ context.Context, _ access.Actor, id int64, begin func() io.Writer) error {
	_, err := fmt.Fprintf(begin(), "#!/bin/sh\n# rollout %d\n", id)
	return err
}

func (f *rollouts) RetryTarget(_ context.Context, _ access.Actor, id int64, account access.AccountID) (access.Rollout, error) {
	return f.act("retry %d %s", id, account)
}

func (f *rollouts) SkipTarget(_ context.Context, _ access.Actor, id int64, account access.AccountID, reason string) (access.Rollout, error) {
	return f.act("skip %d %s %q", id, account, reason)
}

func (f *rollouts) Resolve(_ context.Context, _ access.Actor, id int64, account access.AccountID, choices []access.ResolveConflict) (access.Rollout, error) {
	return f.act("resolve %d %s %+v", id, account, choices)
}

func (f *rollouts) Watch(context.Context, access.Actor, int64) (<-chan access.Rollout, error) {
	return f.Updates, nil
}

func (f *staged) Waves(context.Context, access.Actor, int64) ([]access.Wave, error) {
	return f.waves, nil
}

func (f *staged) Checks(context.Context, access.Actor, int64, int, int) (access.Page[access.Check], error) {
	return access.Page[access.Check]{Items: f.checks, Total: len(f.checks)}, nil
}

func (f *staged) StrategyOf(context.Context, access.Actor, int64) (access.Strategy, error) {
	return access.Strategy{}, nil
}
