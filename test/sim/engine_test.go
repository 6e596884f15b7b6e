package sim

import (
	"context"
	"runtime/debug"
	"slices"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/rollout"
)

// gatedStore is the store as one worker reaches it: each call waits at the gate.
type gatedStore struct {
	rollout.Store
	s *simulation
	w *worker
}

func errUnavailable() error {
	return access.Errorf(access.KindUnavailable, "The database does not answer.")
}

func (g *gatedStore) do(ctx context.Context, name, about string, effect func() error) error {
	return g.s.gate.do(&call{worker: g.w, ctx: ctx, name: name, about: about, effect: effect, unknown: errUnavailable})
}

func (g *gatedStore) ClaimTarget(ctx context.Context, id int64, account access.AccountID,
	lease time.Duration,
) (c access.Claim, ok bool, err error) {
	err = g.do(ctx, "ClaimTarget", "", func() error {
		var err error
		c, ok, err = g.s.store.ClaimTarget(ctx, id, account, lease)
		g.w.claim = c
		return err
	})
	return c, ok && err == nil, err
}

func (g *gatedStore) RenewClaim(ctx context.Context, c access.Claim, lease time.Duration) error {
	return g.do(ctx, "RenewClaim", "", func() error { return g.s.store.RenewClaim(ctx, c, lease) })
}

func (g *gatedStore) SnoozeClaim(ctx context.Context, c access.Claim, after time.Duration,
	calls access.CallCount,
) error {
	return g.do(ctx, "SnoozeClaim", after.String(),
		func() error { return g.s.store.SnoozeClaim(ctx, c, after, calls) })
}

func (g *gatedStore) ReleaseClaim(ctx context.Context, c access.Claim, calls access.CallCount) error {
	return g.do(ctx, "ReleaseClaim", "", func() error { return g.s.store.ReleaseClaim(ctx, c, calls) })
}

func (g *gatedStore) RecordIntents(ctx context.Context, c access.Claim, intents []access.Intent,
	events []access.AuditEvent,
) error {
	return g.do(ctx, "RecordIntents", g.s.aboutIntents(c, intents), func() error {
		return g.s.store.RecordIntents(ctx, c, intents, events)
	})
}

func (g *gatedStore) RecordOutcome(ctx context.Context, c access.Claim, o access.Outcome, lease time.Duration) error {
	return g.do(ctx, "RecordOutcome", string(o.State),
		func() error { return g.s.store.RecordOutcome(ctx, c, o, lease) })
}

func (g *gatedStore) FinishTarget(ctx context.Context, c access.Claim, outcomes []access.Outcome,
	r access.TargetResult, events []access.AuditEvent,
) (after access.Rollout, err error) {
	err = g.do(ctx, "FinishTarget", string(r.State)+" "+r.Message, func() error {
		var err error
		after, err = g.s.store.FinishTarget(ctx, c, outcomes, r, events)
		return err
	})
	return after, err
}

func (g *gatedStore) Operations(ctx context.Context, id int64, account access.AccountID) (ops []access.Operation,
	err error,
) {
	err = g.do(ctx, "Operations", "", func() error {
		var err error
		ops, err = g.s.store.Operations(ctx, id, account)
		return err
	})
	return ops, err
}

func (g *gatedStore) Dependencies(ctx context.Context, id int64, on []access.Dependency) (found []access.DependencyState,
	err error,
) {
	err = g.do(ctx, "Dependencies", "", func() error {
		var err error
		found, err = g.s.store.Dependencies(ctx, id, on)
		return err
	})
	return found, err
}

func (g *gatedStore) Account(ctx context.Context, id access.AccountID) (access.Account, error) {
	return g.s.store.Account(ctx, id)
}

// gatedCloud is AWS as one worker reaches it.
type gatedCloud struct {
	s *simulation
	w *worker
}

// attempts is how often a throttled call is sent before the engine hears of it, as the client of
// internal/aws does. The pauses between them grow up to longestPause.
const (
	attempts     = 12
	firstPause   = 300 * time.Millisecond
	longestPause = 5 * time.Second
)

// repeat sends a call again while it is throttled.
func (g *gatedCloud) repeat(ctx context.Context, send func() error) error {
	pause := firstPause
	for n := 1; ; n++ {
		err := send()
		if err == nil || access.CloudClassOf(err) != access.CloudThrottled || n == attempts {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		pause = min(2*pause, longestPause)
	}
}

func (g *gatedCloud) Read(
	ctx context.Context, scope access.Scope, resources []access.Resource,
) (docs []access.LiveDocument, err error) {
	g.w.calls.Calls++
	account := scope.Account.ID
	err = g.repeat(ctx, func() error {
		return g.s.gate.do(&call{
			worker: g.w, ctx: ctx, name: "Read", about: g.s.aboutRead(account, resources), cloud: true,
			unknown: func() error { return refusal(access.CloudUnreachable, account) },
			effect: func() error {
				var err error
				docs, err = g.s.cloud.read(account, resources)
				return err
			},
		})
	})
	return docs, err
}

func (g *gatedCloud) Write(ctx context.Context, scope access.Scope, w access.Write) error {
	g.w.calls.Calls++
	g.w.calls.Writes++
	account := scope.Account.ID
	at := place{account, w.Resource}
	return g.repeat(ctx, func() error {
		if scope.Held != nil {
			if err := scope.Held(); err != nil {
				return &access.CloudError{Class: access.CloudUnreachable, Account: account, Err: err}
			}
		}
		g.s.checkAttempt(g.w, at, w.Document)
		sent := time.Now()
		return g.s.gate.do(&call{
			worker: g.w, ctx: ctx, name: "Write", about: g.s.aboutWrite(at, w.Document), cloud: true, write: true,
			unknown: func() error { return refusal(access.CloudUnreachable, account) },
			effect:  func() error { return g.s.write(at, w.Document, sent, g.w) },
		})
	})
}

func (g *gatedCloud) Counts(access.AccountID) access.CallCount { return g.w.calls }

func refusal(class access.CloudClass, account access.AccountID) error {
	return &access.CloudError{Class: class, Account: account, Action: "iam:Call", Code: string(class)}
}

// The limits of the engine in a simulation. Shorter waits than the defaults make schedules shorter.
const (
	lease    = 6 * time.Second
	giveUp   = 90 * time.Second
	patience = 20 * time.Second
)

func (s *simulation) config() rollout.Config {
	return rollout.Config{
		Lease: lease, GiveUp: giveUp, Patience: patience, RequeueEvery: time.Hour,
		MoveEvery: 10 * time.Millisecond, ReadAtOnce: 1,
	}
}

// startWorker runs a job in a goroutine.
func (s *simulation) startWorker(j job) {
	s.lastWorker++
	w := &worker{id: s.lastWorker, job: j}
	var ctx context.Context
	ctx, w.cancel = context.WithTimeout(context.Background(), rollout.JobTimeout)
	s.workers = append(s.workers, w)
	s.note("worker %d starts on account %s of rollout %d", w.id, short(j.account), j.rollout)
	cfg := s.config()
	cfg.Store, cfg.Cloud = &gatedStore{s: s, w: w}, &gatedCloud{s: s, w: w}
	cfg.Fault = func(p rollout.Point) error { return s.passPoint(ctx, w, p) }
	pusher := rollout.NewPusher(cfg)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				s.violate("the engine panics", "%v\n%s", p, debug.Stack())
				s.gate.end(w, nil)
			}
		}()
		s.gate.end(w, pusher.Push(ctx, j.rollout, j.account))
	}()
}

// passPoint kills or freezes a worker at a named point. The draw depends on the worker and on the
// number of points that it has passed, so that it does not depend on other workers.
func (s *simulation) passPoint(ctx context.Context, w *worker, p rollout.Point) error {
	if s.gate.isDead(w) {
		return errDead
	}
	w.points++
	draw := mix(s.seed, uint64(w.id), uint64(w.points))
	switch rate := draw % 1000; {
	case s.healed:
	case rate < uint64(s.faults.crash):
		s.note("worker %d dies at the point %q", w.id, p)
		s.gate.kill(w)
		return errDead
	case rate < uint64(s.faults.crash+s.faults.freeze):
		d := time.Second + time.Duration(draw>>20%uint64(20*time.Second))
		s.note("worker %d freezes at the point %q for %s", w.id, p, d)
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
	}
	return nil
}

// mix is a hash of numbers (SplitMix64).
func mix(numbers ...uint64) uint64 {
	var h uint64
	for _, n := range numbers {
		h += n + 0x9e3779b97f4a7c15
		h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
		h = (h ^ h>>27) * 0x94d049bb133111eb
		h ^= h >> 31
	}
	return h
}

// endWorkers sees to the jobs of workers whose push has returned.
func (s *simulation) endWorkers() {
	for _, w := range s.gate.takeEnded() {
		w.cancel()
		s.workers = slices.DeleteFunc(s.workers, func(o *worker) bool { return o == w })
		s.endJob(w)
	}
}
