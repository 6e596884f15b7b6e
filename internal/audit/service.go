package audit

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"os"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// Store is what the package needs of the database.
type Store interface {
	// VerifyAudit checks the whole log and compares it with the checkpoints.
	VerifyAudit(ctx context.Context, known ...access.Checkpoint) (int64, error)
	// VerifyAuditSince goes through what came after a checkpoint and returns the end.
	VerifyAuditSince(ctx context.Context, since access.Checkpoint) (access.AuditEvent, error)
	Checkpoints(ctx context.Context) ([]access.Checkpoint, error)
	// LastCheckpoint is the newest that a key made; a zero one when there is none.
	LastCheckpoint(ctx context.Context, key string) (access.Checkpoint, error)
	AddCheckpoint(ctx context.Context, c access.Checkpoint) error
}

// Config sets up a Service. Zero fields take the default named with them; none may be
// negative.
type Config struct {
	Store  Store
	Key    ed25519.PrivateKey // nil: no checkpoints are made
	Ledger string             // a file that keeps the checkpoints too; "" for none
	Every  time.Duration      // between checkpoints: 1 hour
	Now    func() time.Time   // time.Now
	Log    *slog.Logger       // slog.Default()
}

func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Every = cmp.Or(c.Every, time.Hour)
	c.Log = cmp.Or(c.Log, slog.Default())
	return c
}

// Service makes and checks checkpoints.
type Service struct{ Config }

// New makes a Service.
func New(cfg Config) *Service { return &Service{Config: cfg.withDefaults()} }

// How long Run waits after a failed checkpoint, and how long the last checkpoint may take after the
// context ends.
const (
	soonAgain = time.Minute
	leave     = 2 * time.Second
)

// Run makes a checkpoint at once, then one in every period in which something happened,
// and a last one when the context ends.
func (s *Service) Run(ctx context.Context) error {
	if s.Key == nil {
		s.Log.WarnContext(ctx, "no signed checkpoints of the audit log are made: set PORTCULLIS_AUDIT_KEY, or make a key with portcullis audit key")
		<-ctx.Done()
		return nil
	}
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), leave)
			defer cancel()
			s.attempt(last)
			return nil
		case <-next.C:
			if s.attempt(ctx) {
				next.Reset(s.Every)
			} else {
				next.Reset(min(s.Every, soonAgain))
			}
		}
	}
}

func (s *Service) attempt(ctx context.Context) bool {
	_, err := s.Checkpoint(ctx)
	if err != nil && ctx.Err() == nil && access.KindOf(err) != access.KindNotFound {
		s.Log.ErrorContext(ctx, "no checkpoint of the audit log could be made", "error", err)
	}
	return err == nil
}

// Checkpoint signs the end of the log as it is now. It first goes through what came since
// the checkpoint before: a log that is broken is not made good by signing it.
func (s *Service) Checkpoint(ctx context.Context) (access.Checkpoint, error) {
	if s.Key == nil {
		return access.Checkpoint{}, access.Errorf(access.KindInvalid, "There is no key to sign with. Set PORTCULLIS_AUDIT_KEY, or make a key with: portcullis audit key")
	}
	own := access.PublicKeyText(s.Key)
	last, err := s.Store.LastCheckpoint(ctx, own)
	if err != nil {
		return access.Checkpoint{}, fmt.Errorf("reading the last checkpoint: %w", err)
	}
	if last.Seq > 0 {
		if err := last.Check([]string{own}); err != nil {
			return access.Checkpoint{}, err
		}
	}
	end, err := s.Store.VerifyAuditSince(ctx, last)
	if err != nil {
		return access.Checkpoint{}, err
	}
	switch end.Seq {
	case 0:
		return access.Checkpoint{}, access.Errorf(access.KindNotFound, "The audit log is empty, so there is nothing to sign yet.")
	case last.Seq:
		return last, nil
	}
	c := access.SignCheckpoint(s.Key, end.Seq, end.Hash, s.Now())
	if err := s.Store.AddCheckpoint(ctx, c); err != nil {
		return access.Checkpoint{}, err
	}
	return c, s.enter(c)
}

// enter adds a checkpoint to the ledger. It is on the disk when this returns.
func (s *Service) enter(c access.Checkpoint) error {
	if s.Ledger == "" {
		return nil
	}
	f, err := os.OpenFile(s.Ledger, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return access.Wrap(access.KindUnavailable, err, "The checkpoint is in the database, but not in the file beside the key")
	}
	_, err = f.Write(c.Line())
	if err := cmp.Or(err, f.Sync(), f.Close()); err != nil {
		return access.Wrap(access.KindUnavailable, err, "The checkpoint is in the database, but not in the file beside the key")
	}
	return nil
}
