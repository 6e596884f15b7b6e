package rollout

import (
	"context"
	"slices"
	"strings"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/lifetime"
)

// ProgressStore reads how far a rollout has come and which targets failed, and resolves
// conflicts.
type ProgressStore interface {
	// Failures counts the targets that are not as desired by what is wrong and by OU.
	Failures(ctx context.Context, rollout int64) ([]access.Failure, error)
	// SampleRollouts records the progress of rollouts, unless another replica does so.
	SampleRollouts(ctx context.Context) error
	// Samples returns the progress samples of a rollout, the oldest first.
	Samples(ctx context.Context, rollout int64) ([]access.ProgressSample, error)
	// ReportSilences records the targets whose calls AWS does not answer, as a replica has seen it just now, and
	// removes its records of those that are silent no more.
	ReportSilences(ctx context.Context, replica string, silent []access.TargetSilence, over []access.TargetRef) error
	// ResolveConflicts lets decide say what to do about conflicting operations, and makes
	// the target wait for a push that does it.
	ResolveConflicts(ctx context.Context, id int64, account access.AccountID, decide access.DecideConflicts) (access.Rollout, error)
}

// The time between two progress samples, the time limit of a read for watchers, and how long its
// result is shared.
const (
	sampleEvery = 2 * time.Second
	loadMost    = 10 * time.Second
	forgetAfter = 10 * time.Second
)

// Insight is what a page tells about a rollout as a whole.
type Insight struct {
	Waves    []access.Wave
	Bad      access.Page[access.Check] // checks of the wave under way, where some of them are bad
	Failures []access.FailureGroup
	Samples  []access.ProgressSample
}

// lately shares what is read for watchers: however many look at the same page, it is
// asked for once.
type lately struct {
	insights *shared[int64, Insight]
	targets  *shared[targetsKey, access.Page[access.Target]]
}

func newLately(life *lifetime.Lifetime) lately {
	return lately{
		insights: newShared[int64, Insight](life),
		targets:  newShared[targetsKey, access.Page[access.Target]](life),
	}
}

// targetsKey is a query for the targets of a rollout.
type targetsKey struct {
	rollout int64
	states  string // one after the other, as asked for
	wave    int
	class   access.CloudClass
	cause   string
	page    access.PageQuery
}

func newTargetsKey(rollout int64, q access.TargetQuery) targetsKey {
	states := make([]string, len(q.States))
	for i, s := range q.States {
		states[i] = string(s)
	}
	return targetsKey{
		rollout: rollout, states: strings.Join(states, ","), wave: q.Wave,
		class: q.Class, cause: q.Cause, page: q.PageQuery,
	}
}

// Insight returns the waves of a rollout, what is wrong with which targets, and how it
// went so far.
func (s *Service) Insight(ctx context.Context, actor access.Actor, id int64) (Insight, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return Insight{}, err
	}
	return s.insight(ctx, id)
}

// RecentInsight is Insight for those who watch: as it was at a time or later, when they
// heard of a change, and read once for all of them.
func (s *Service) RecentInsight(ctx context.Context, actor access.Actor, id int64, since time.Time) (Insight, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return Insight{}, err
	}
	load := func(ctx context.Context) (Insight, error) { return s.insight(ctx, id) }
	return s.late.insights.get(ctx, id, s.hub.lastTold(id, since), load)
}

func (s *Service) insight(ctx context.Context, id int64) (Insight, error) {
	waves, err := s.cfg.Store.Waves(ctx, id)
	if err != nil {
		return Insight{}, err
	}
	failures, err := s.cfg.Store.Failures(ctx, id)
	if err != nil {
		return Insight{}, err
	}
	samples, err := s.cfg.Store.Samples(ctx, id)
	if err != nil {
		return Insight{}, err
	}
	bad, err := s.badChecks(ctx, id, waves)
	return Insight{Waves: waves, Bad: bad, Failures: access.GroupFailures(failures), Samples: samples}, err
}

// mostBadChecks is how many bad checks are told with a rollout.
const mostBadChecks = 10

// badChecks returns the bad checks of the wave that is looked at, the last one that is.
func (s *Service) badChecks(ctx context.Context, id int64, waves []access.Wave) (access.Page[access.Check], error) {
	for _, w := range slices.Backward(waves) {
		if w.Health.Bad == 0 || w.State != access.WaveChecking {
			continue
		}
		page, err := s.cfg.Store.Checks(ctx, id, w.Number, 0, min(w.Health.Bad, mostBadChecks))
		page.Total = w.Health.Bad
		return page, err
	}
	return access.Page[access.Check]{}, nil
}

// RecentTargets is Targets for those who watch, as RecentInsight is Insight.
func (s *Service) RecentTargets(ctx context.Context, actor access.Actor, id int64, q access.TargetQuery, since time.Time) (access.Page[access.Target], error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return access.Page[access.Target]{}, err
	}
	load := func(ctx context.Context) (access.Page[access.Target], error) { return s.cfg.Store.Targets(ctx, id, q) }
	return s.late.targets.get(ctx, newTargetsKey(id, q), s.hub.lastTold(id, since), load)
}

// sample records progress samples for the charts of rollouts.
func (s *Service) sample(ctx context.Context) {
	for pause(ctx, sampleEvery) == nil {
		if err := s.cfg.Store.SampleRollouts(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Warn("recording rollout progress failed", "error", err)
		}
	}
}
