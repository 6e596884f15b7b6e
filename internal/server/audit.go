package server

import (
	"context"
	"log/slog"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/audit"
	"portcullis.internal/portcullis/internal/store"
)

// keyring says where the key of the audit log is.
func keyring(d Database, setting string) audit.Keyring {
	return audit.Keyring{Setting: setting, Dir: d.Dir}
}

// newAudit keeps checkpoints in the data folder too, if files there belong to this database.
func newAudit(d Database, setting string, create bool, st *store.Store, log *slog.Logger) (*audit.Service, error) {
	keys := keyring(d, setting)
	key, err := keys.Key(create)
	if err != nil {
		return nil, err
	}
	cfg := audit.Config{Store: st, Key: key, Log: log}
	if d.keepsFiles() || setting == "" && keys.Kept() {
		cfg.Ledger = keys.Ledger()
	}
	return audit.New(cfg), nil
}

// checkAuditKey refuses to run without a key by oversight. Where the data folder may hold the key, it is made there.
func (c Config) checkAuditKey() error {
	if c.NoAuditKey && c.AuditKey != "" {
		return access.Errorf(access.KindInvalid, "PORTCULLIS_AUDIT_KEY is set, and --no-audit-key refuses a key. Leave out one of the two")
	}
	if c.NoAuditKey {
		return nil
	}
	key, err := keyring(c.Database, c.AuditKey).Key(false)
	if err != nil || key != nil || c.Database.keepsFiles() {
		return err
	}
	return access.Errorf(access.KindInvalid, "No key signs the audit log. Set --data-dir to a folder that is kept, where the key "+
		"is made, or PORTCULLIS_AUDIT_KEY to what portcullis audit key --new prints, or refuse with --no-audit-key")
}

// checkpoints makes signed checkpoints of the audit log as long as the server runs.
func (s *Server) checkpoints(st *store.Store) (func(context.Context) error, error) {
	d := s.cfg.Database
	if s.cfg.NoAuditKey {
		return audit.New(audit.Config{Store: st, Log: s.cfg.Log}).Run, nil
	}
	if d.keepsFiles() {
		if err := prepareDir(d.Dir); err != nil {
			return nil, err
		}
	}
	a, err := newAudit(d, s.cfg.AuditKey, d.keepsFiles(), st, s.cfg.Log)
	if err != nil {
		return nil, err
	}
	return a.Run, nil
}

// AuditKey returns the public half of the key that signs checkpoints, and makes the key
// in the data folder where there is none.
func AuditKey(d Database, setting string) (string, error) {
	if setting == "" {
		if err := prepareDir(d.Dir); err != nil {
			return "", err
		}
	}
	key, err := keyring(d, setting).Key(true)
	if err != nil {
		return "", err
	}
	return access.PublicKeyText(key), nil
}

// NewAuditKey makes a key to be set as PORTCULLIS_AUDIT_KEY.
func NewAuditKey() (string, error) { return audit.NewKeyText() }

// AuditReport says what a verification has covered.
type AuditReport = audit.Report

// VerifyAudit checks the chain of the audit log and compares it with signed checkpoints. The error
// names the first link that is broken.
func (a *Admin) VerifyAudit(ctx context.Context, setting string, checkpoints []access.Checkpoint, keys []string) (AuditReport, error) {
	s, err := newAudit(a.database, setting, false, a.store, a.log)
	if err != nil {
		return AuditReport{}, err
	}
	return s.Verify(ctx, audit.Given{Checkpoints: checkpoints, Keys: keys})
}

// CheckpointAudit signs the end of the audit log as it is now.
func (a *Admin) CheckpointAudit(ctx context.Context, setting string) (access.Checkpoint, error) {
	s, err := newAudit(a.database, setting, a.database.private(), a.store, a.log)
	if err != nil {
		return access.Checkpoint{}, err
	}
	return s.Checkpoint(ctx)
}
