package change

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"portcullis/internal/access"
	"portcullis/internal/planning"
	"portcullis/internal/policy"
)

// Config is what the service is made of.
type Config struct {
	Store       Store
	Now         func() time.Time // time.Now unless a test says otherwise
	Log         *slog.Logger
	Window      int // targets in flight at once; default 20
	MaxFailures int // failed targets that halt a rollout; default 10
}

// Service composes, submits, reviews and applies changes, and reads the desired state.
// It is safe for concurrent use.
type Service struct {
	store       Store
	now         func() time.Time
	log         *slog.Logger
	window      int
	maxFailures int
	targetable  targetable
	results     resultCache[planKey, *planning.Result]
	drafts      resultCache[draftKey, draft]
	plans       resultCache[frozenKey, planning.Summary]
	sizes       resultCache[sizesKey, []policy.RoleSize]
}

// The limits of a rollout where the settings say nothing.
const (
	DefaultWindow      = 20
	DefaultMaxFailures = 10
)

// New makes the service.
func New(cfg Config) *Service {
	s := &Service{
		store: cfg.Store, now: cfg.Now, log: cfg.Log,
		window:      cmp.Or(cfg.Window, DefaultWindow),
		maxFailures: cmp.Or(cfg.MaxFailures, DefaultMaxFailures),
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	return s
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
