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
	// AuditEnd is the number of the newest event; 0 for an empty log.
	AuditEnd(ctx context.Context) (int64, error)
}

// Config sets up a Service. Zero fields take the default named with them; none may be
// negative.
type Config struct {
	Store  Store
	Key    ed25519.PrivateKey // nil: no checkpoints are made
	Ledger string             // a file that keeps the checkpoints too; "" for none
	Every  time.Duration      // the longest time between checkpoints, if something happened: 1 hour
	Events int64              // as many events since the last checkpoint make the next one due: 256
	Poll   time.Duration      // how often Run looks whether one is due: 2 seconds
	Now    func() time.Time   // time.Now
	Log    *slog.Logger       // slog.Default()
}

func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Every = cmp.Or(c.Every, time.Hour)
	c.Events = cmp.Or(c.Events, 256)
	c.Poll = cmp.Or(c.Poll, 2*time.Second)
	c.Log = cmp.Or(c.Log, slog.Default())
	return c
}

// Service makes and checks checkpoints. Only one goroutine may make them.
type Service struct {
	Config
	last access.Checkpoint // the newest that this process made or found
}

// New makes a Service.
func New(cfg Config) *Service { return &Service{Config: cfg.withDefaults()} }

// How long Run waits after a failed checkpoint, and how long the last checkpoint may take after the
// context ends.
const (
	soonAgain = time.Minute
	leave     = 2 * time.Second
)

// Run makes a checkpoint at once, then one in every period in which something happened or after every Events events,
// and a last one when the context ends.
func (s *Service) Run(ctx context.Context) error {
	if s.Key == nil {
		s.Log.WarnContext(ctx, "no signed checkpoints of the audit log are made, because there is no key")
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(s.Poll)
	defer tick.Stop()
	var d due
	for {
		if s.isDue(ctx, d) {
			d = s.attempt(ctx)
		}
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), leave)
			defer cancel()
			s.attempt(last)
			return nil
		case <-tick.C:
		}
	}
}

// due is when the next checkpoint is made: by the time at the latest, by the number of events not before early.
type due struct{ early, by time.Time }

func (s *Service) isDue(ctx context.Context, d due) bool {
	now := s.Now()
	if !now.Before(d.by) {
		return true
	}
	if now.Before(d.early) {
		return false
	}
	end, err := s.Store.AuditEnd(ctx)
	return err == nil && end-s.last.Seq >= s.Events
}

// attempt makes a checkpoint and returns when the next one is due.
func (s *Service) attempt(ctx context.Context) due {
	_, err := s.Checkpoint(ctx)
	now := s.Now()
	switch {
	case err == nil:
		return due{by: now.Add(s.Every)}
	case access.KindOf(err) == access.KindNotFound: // an empty log
		return due{by: now.Add(min(s.Every, soonAgain))}
	case ctx.Err() == nil:
		s.Log.ErrorContext(ctx, "no checkpoint of the audit log could be made", "error", err)
	}
	again := now.Add(min(s.Every, soonAgain))
	return due{early: again, by: again}
}

// Checkpoint signs the end of the log as it is now. It first goes through what came since
// the checkpoint before: a log that is broken is not made good by signing it.
func (s *Service) Checkpoint(ctx context.Context) (access.Checkpoint, error) {
	if s.Key == nil {
		return access.Checkpoint{}, access.Errorf(access.KindInvalid, "There is no key to sign with. Set PORTCULLIS_AUDIT_KEY, or make a key with: portcullis audit key")
	}
	last, err := s.newest(ctx)
	if err != nil {
		return access.Checkpoint{}, err
	}
	end, err := s.Store.VerifyAuditSince(ctx, last)
	if err != nil {
		return access.Checkpoint{}, err
	}
	switch end.Seq {
	case 0:
		return access.Checkpoint{}, access.Errorf(access.KindNotFound, "The audit log is empty, so there is nothing to sign yet.")
	case last.Seq:
		s.last = last
		return last, nil
	}
	c := access.SignCheckpoint(s.Key, end.Seq, end.Hash, s.Now())
	if err := s.Store.AddCheckpoint(ctx, c); err != nil {
		return access.Checkpoint{}, err
	}
	s.last = c
	return c, s.enter(c)
}

// newest is the newest checkpoint of the own key in the database, the ledger and this process. The owner of the tables
// can remove it from the database together with the events before it; signing the rest would hide that.
func (s *Service) newest(ctx context.Context) (access.Checkpoint, error) {
	own := access.PublicKeyText(s.Key)
	newest, err := s.Store.LastCheckpoint(ctx, own)
	if err != nil {
		return access.Checkpoint{}, fmt.Errorf("reading the last checkpoint: %w", err)
	}
	entered, err := s.readLedger()
	if err != nil {
		return access.Checkpoint{}, err
	}
	for _, c := range append(entered, s.last) {
		if c.Key == own && c.Seq > newest.Seq {
			newest = c
		}
	}
	if newest.Seq > 0 {
		return newest, newest.Check([]string{own})
	}
	return newest, nil
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
