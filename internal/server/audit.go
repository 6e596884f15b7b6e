package server

import (
	"context"
	"log/slog"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/audit"
	"portcullis.internal/portcullis/internal/store"
)

// keyring says where the key of the audit log is. The file in the data folder that keeps
// checkpoints belongs to the private database of that folder, and to no other.
func keyring(d Database, setting string) audit.Keyring {
	return audit.Keyring{Setting: setting, Dir: d.Dir}
}

func newAudit(d Database, setting string, create bool, st *store.Store, log *slog.Logger) (*audit.Service, error) {
	keys := keyring(d, setting)
	key, err := keys.Key(create)
	if err != nil {
		return nil, err
	}
	cfg := audit.Config{Store: st, Key: key, Log: log}
	if d.URL == "" {
		cfg.Ledger = keys.Ledger()
	}
	return audit.New(cfg), nil
}

// checkpoints makes signed checkpoints of the audit log as long as the server runs. With a private
// database the key is made in its folder; with one of somebody else it has to be set, since the
// folder may vanish with the container, and then each start would have another key.
func (s *Server) checkpoints(st *store.Store) (func(context.Context) error, error) {
	a, err := newAudit(s.cfg.Database, s.cfg.AuditKey, s.cfg.Database.URL == "", st, s.cfg.Log)
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
	s, err := newAudit(a.database, setting, a.database.URL == "", a.store, a.log)
	if err != nil {
		return access.Checkpoint{}, err
	}
	return s.Checkpoint(ctx)
}
