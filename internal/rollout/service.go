package rollout

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/byhand"
	"portcullis.internal/portcullis/internal/lifetime"
)

// Config sets up the engine. Store is always needed, Cloud by the Pusher. Zero fields take
// the default named with them; a field may be negative only if its comment gives that a
// meaning.
type Config struct {
	Store Store
	Cloud Cloud
	Probe Probing // nil: no probe user is configured

	Replica string // the name of this replica, for other replicas
	// CredentialsRefused says why AWS refuses the console's own credentials; nil: it does not.
	CredentialsRefused func() error
	// Silence says since when AWS does not answer the calls for an account; nil: it always answers.
	Silence func(access.AccountID) access.Silence

	Now func() time.Time // for records and audit events; time.Now
	Log *slog.Logger     // nil: no log

	DeployRole string // that a script to undo by hand assumes in each account; PortcullisDeploy

	Lease        time.Duration // how long a silent worker keeps its claim; 6 s
	RequeueEvery time.Duration // how often targets with an expired lease are looked for; 1 s
	MoveEvery    time.Duration // how often rollouts whose time has come are looked for; 500 ms
	// ConfirmClaimEvery is how old the database's last confirmation of a claim may be at a
	// write; 1 s. A negative value has each write confirm it.
	ConfirmClaimEvery time.Duration
	SnoozeFor         time.Duration // how long a throttled push waits before it goes on; 5 s
	GiveUp            time.Duration // how long an account may stay unreachable; 10 min
	ReadAtOnce        int           // accounts that a push reads at the same time for the roles that a user policy opens; 8
	Patience          time.Duration // how long the read back waits for AWS to show a write; 60 s

	OnRequeue func(targets int) // told how many targets with expired leases were requeued; may be nil

	// Fault is called at each named point of a push (see fault.go) and ends the push
	// there, as a crash would, when it returns an error. For tests only.
	Fault func(point Point) error
}

func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.CredentialsRefused == nil {
		c.CredentialsRefused = func() error { return nil }
	}
	if c.Silence == nil {
		c.Silence = func(access.AccountID) access.Silence { return access.Silence{} }
	}
	if c.OnRequeue == nil {
		c.OnRequeue = func(int) {}
	}
	if c.Fault == nil {
		c.Fault = func(Point) error { return nil }
	}
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	c.DeployRole = cmp.Or(c.DeployRole, byhand.DefaultDeployRole)
	c.Lease = cmp.Or(c.Lease, 6*time.Second)
	c.RequeueEvery = cmp.Or(c.RequeueEvery, time.Second)
	c.MoveEvery = cmp.Or(c.MoveEvery, 500*time.Millisecond)
	c.ConfirmClaimEvery = cmp.Or(c.ConfirmClaimEvery, time.Second)
	c.SnoozeFor = cmp.Or(c.SnoozeFor, 5*time.Second)
	c.ReadAtOnce = cmp.Or(c.ReadAtOnce, 8)
	c.GiveUp = cmp.Or(c.GiveUp, 10*time.Minute)
	c.Patience = cmp.Or(c.Patience, time.Minute)
	return c
}

// Service reads, watches and controls rollouts for people. Every method that takes an
// actor authorises it in its first line.
type Service struct {
	cfg  Config
	life *lifetime.Lifetime // of queries for watchers
	hub  *hub
	late lately
}

// New makes a service. It is to be closed before its store is.
func New(cfg Config) *Service {
	cfg = cfg.withDefaults()
	life := lifetime.New()
	return &Service{cfg: cfg, life: life, hub: newHub(cfg.Store.Rollout, cfg.Log, life), late: newLately(life)}
}

// Close cancels the queries for watchers, waits until none runs, and closes the watchers'
// channels. From then on Watch returns lifetime.ErrStopping.
func (s *Service) Close() { s.life.Close() }

// Rollouts lists rollouts, newest first.
func (s *Service) Rollouts(ctx context.Context, actor access.Actor, q access.RolloutQuery) (access.Page[access.Rollout], error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return access.Page[access.Rollout]{}, err
	}
	return s.cfg.Store.Rollouts(ctx, q)
}

// Rollout returns one rollout.
func (s *Service) Rollout(ctx context.Context, actor access.Actor, id int64) (access.Rollout, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return access.Rollout{}, err
	}
	return s.cfg.Store.Rollout(ctx, id)
}

// Targets lists the accounts of a rollout.
func (s *Service) Targets(ctx context.Context, actor access.Actor, id int64, q access.TargetQuery) (access.Page[access.Target], error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return access.Page[access.Target]{}, err
	}
	return s.cfg.Store.Targets(ctx, id, q)
}

// Target returns one account of a rollout.
func (s *Service) Target(ctx context.Context, actor access.Actor, id int64, account access.AccountID) (access.Target, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return access.Target{}, err
	}
	return s.cfg.Store.Target(ctx, id, account)
}

// Operations returns the writes of one target, in order, with every document.
func (s *Service) Operations(ctx context.Context, actor access.Actor, id int64, account access.AccountID) ([]access.Operation, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return nil, err
	}
	return s.cfg.Store.Operations(ctx, id, account)
}

// Waves returns the waves of a rollout, with what became of their targets and checks.
func (s *Service) Waves(ctx context.Context, actor access.Actor, id int64) ([]access.Wave, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return nil, err
	}
	return s.cfg.Store.Waves(ctx, id)
}

// StrategyOf returns the strategy of a rollout as it was when it began.
func (s *Service) StrategyOf(ctx context.Context, actor access.Actor, id int64) (access.Strategy, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return access.Strategy{}, err
	}
	return s.cfg.Store.StrategyOf(ctx, id)
}

// mostChecks is how many checks of a wave are shown.
const mostChecks = 100

// Checks returns those checks of a round of a wave that matter most, the bad ones first.
// The round 0 is the last one.
func (s *Service) Checks(ctx context.Context, actor access.Actor, id int64, wave, round int) (access.Page[access.Check], error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return access.Page[access.Check]{}, err
	}
	return s.cfg.Store.Checks(ctx, id, wave, round, mostChecks)
}

// Watch sends the rollout as it is, and again whenever it has changed, until the context
// ends; then it closes the channel. Values come at most five times a second, and a slow
// reader misses intermediate ones, never the last.
func (s *Service) Watch(ctx context.Context, actor access.Actor, id int64) (<-chan access.Rollout, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return nil, err
	}
	return s.hub.watch(ctx, id)
}
