package drift

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"portcullis.internal/portcullis/internal/access"
)

// Config sets up a Service. Zero fields take the default named with them.
type Config struct {
	Store    Store
	Cloud    Cloud
	Pusher   Pusher           // nil: nothing is pushed unless a person asks for it
	Now      func() time.Time // time.Now
	Log      *slog.Logger     // nil: no log
	Parallel int              // accounts read at once by this replica, at least 1; 8
	Watch    Watch            // nil: nothing is told

	Replica             string       // the name of this replica, for records that other replicas show
	CredentialsRefused  func() error // why AWS refuses the console's own credentials; nil: it does not
	LacksExternalID     bool         // deployment roles in AWS itself are assumed without an external id
	SingleAdministrator bool         // one admin is enough to accept, while no second person was vouched for
}

func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.CredentialsRefused == nil {
		c.CredentialsRefused = func() error { return nil }
	}
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	c.Parallel = cmp.Or(c.Parallel, 8)
	c.Watch = cmp.Or[Watch](c.Watch, unwatched{})
	return c
}

// Service reads the organization and its accounts.
type Service struct {
	cfg   Config
	slots chan struct{} // one per account that may be read at once

	scanFailures rareFailures
}

// New makes a service.
func New(cfg Config) *Service {
	cfg = cfg.withDefaults()
	return &Service{cfg: cfg, slots: make(chan struct{}, cfg.Parallel)}
}

// ReadInventory reads the roles and users of one account. Why an account cannot be read is kept
// with the account and is no error, unless a retry may help.
func (s *Service) ReadInventory(ctx context.Context, id access.AccountID) error {
	account, err := s.cfg.Store.Account(ctx, id)
	if err != nil {
		return fmt.Errorf("looking up account %s: %w", id, err)
	}
	if ok, why := account.Targetable(); !ok {
		return s.recordFailure(ctx, id, why) // what was found there is resolved by the comparison
	}
	if err := s.cfg.CredentialsRefused(); err != nil {
		return s.recordScanFailure(ctx, err)
	}
	inventory, err := s.read(ctx, account)
	switch {
	case err == nil:
		if err := s.cfg.Store.SaveInventory(ctx, inventory); err != nil {
			return fmt.Errorf("saving the inventory of account %s: %w", id, err)
		}
		return s.cfg.Store.RequestComparison(ctx)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case access.KindOf(err) == access.KindConflict: // a push goes first
		return err
	case access.CloudClassOf(err) == access.CloudCredentials:
		return s.recordScanFailure(ctx, err)
	case passing(err):
		// The reason is kept as well, since the next attempt may be the last.
		err = errors.Join(err, s.recordFailure(ctx, id, inWords(err)))
		if access.CloudClassOf(err) == access.CloudUnreachable {
			err = errors.Join(err, s.unreachable(ctx, account, inWords(err)))
		}
		return err
	default:
		return errors.Join(s.recordFailure(ctx, id, inWords(err)), s.unreachable(ctx, account, inWords(err)))
	}
}

// read reads one account when a slot is free. The inventory bears the time before the
// reading, so that a push in the meantime is known to be newer.
func (s *Service) read(ctx context.Context, account access.Account) (access.Inventory, error) {
	select {
	case <-ctx.Done():
		return access.Inventory{}, context.Cause(ctx)
	case s.slots <- struct{}{}:
	}
	defer func() { <-s.slots }()
	began := s.cfg.Now()
	timer := time.Now()
	inventory, err := s.cfg.Cloud.Inventory(ctx, account)
	if ctx.Err() == nil {
		s.cfg.Watch.Read(outcomeOf(err), time.Since(timer))
	}
	inventory.Account, inventory.ReadAt = account.ID, began
	return inventory, err
}

// ScanAll has every account read that a rollout may touch.
func (s *Service) ScanAll(ctx context.Context) error {
	if err := s.cfg.CredentialsRefused(); err != nil { // each reading would fail for the same reason
		return s.recordScanFailure(ctx, err)
	}
	all, err := s.cfg.Store.Accounts(ctx)
	if err != nil {
		return fmt.Errorf("reading the accounts: %w", err)
	}
	var ids []access.AccountID
	for _, a := range all {
		if ok, _ := a.Targetable(); ok {
			ids = append(ids, a.ID)
		}
	}
	return s.cfg.Store.RequestInventories(ctx, ids)
}

func (s *Service) recordFailure(ctx context.Context, id access.AccountID, why string) error {
	if err := s.cfg.Store.InventoryFailed(ctx, id, why); err != nil {
		return fmt.Errorf("noting why account %s could not be read: %w", id, err)
	}
	return nil
}

// passing reports whether a retry may help.
func passing(err error) bool {
	class := access.CloudClassOf(err)
	return class == access.CloudThrottled || class == access.CloudUnreachable
}

func inWords(err error) string {
	var e *access.CloudError
	switch {
	case !errors.As(err, &e):
		return err.Error()
	case e.Advice == "":
		return e.Error()
	default:
		return e.Error() + ". " + e.Advice
	}
}
