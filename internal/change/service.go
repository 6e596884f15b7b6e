package change

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/byhand"
	"portcullis.internal/portcullis/internal/planning"
	"portcullis.internal/portcullis/internal/policy"
)

// Config sets up a Service. Zero fields take the default named with them.
type Config struct {
	Store       Store
	Now         func() time.Time // time.Now
	Log         *slog.Logger     // slog.Default()
	MaxInFlight int              // targets in flight at once, at least 1; DefaultMaxInFlight
	MaxFailures int              // failed targets that halt a rollout, at least 1; DefaultMaxFailures
	DeployRole  string           // that a script to undo by hand assumes; byhand.DefaultDeployRole

	SingleAdministrator bool // one person may apply changes alone, flagged, while no second person was vouched for
}

func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Log = cmp.Or(c.Log, slog.Default())
	c.MaxInFlight = cmp.Or(c.MaxInFlight, DefaultMaxInFlight)
	c.MaxFailures = cmp.Or(c.MaxFailures, DefaultMaxFailures)
	c.DeployRole = cmp.Or(c.DeployRole, byhand.DefaultDeployRole)
	return c
}

// Service composes, submits, reviews and applies changes, and reads the desired state.
// It is safe for concurrent use.
type Service struct {
	store       Store
	now         func() time.Time
	log         *slog.Logger
	maxInFlight int
	maxFailures int
	deployRole  string
	single      bool
	targetable  targetable
	results     resultCache[planKey, *planning.Result]
	drafts      resultCache[draftKey, draft]
	plans       resultCache[frozenKey, planning.Summary]
	sizes       resultCache[sizesKey, []policy.RoleSize]
}

// The limits of a rollout where the settings say nothing.
const (
	DefaultMaxInFlight = 20
	DefaultMaxFailures = 10
)

// New makes the service.
func New(cfg Config) *Service {
	cfg = cfg.withDefaults()
	return &Service{
		store: cfg.Store, now: cfg.Now, log: cfg.Log, maxInFlight: cfg.MaxInFlight, maxFailures: cfg.MaxFailures,
		deployRole: cfg.DeployRole, single: cfg.SingleAdministrator,
	}
}

// revision resolves Head to the newest revision.
func (s *Service) revision(ctx context.Context, revision int64) (int64, error) {
	if revision != Head {
		return revision, nil
	}
	return s.store.Head(ctx)
}

// at is the time now as the database keeps it.
func (s *Service) at() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

func object(id int64) string { return access.ChangeObject(id) }
