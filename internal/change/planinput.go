package change

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/planning"
)

// Accounts are those that a rollout may touch, sorted by id. They are shared: read only.
func (s *Service) accounts(ctx context.Context) (access.Accounts, error) {
	all, version, err := s.store.AccountsAt(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the accounts: %w", err)
	}
	targets, _ := s.targetable.of(all, version)
	return targets, nil
}

// targetable keeps which of all accounts a rollout may touch, and which are active, for one version of them.
type targetable struct {
	mu      sync.Mutex
	version int64
	known   bool
	some    access.Accounts
	active  access.Accounts
}

// of returns the accounts that a rollout may touch, and the active ones, sorted by id.
func (t *targetable) of(all []access.Account, version int64) (targets, active access.Accounts) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known && t.version == version {
		return t.some, t.active
	}
	some, active := make(access.Accounts, 0, len(all)), make(access.Accounts, 0, len(all))
	for _, a := range all {
		if ok, _ := a.Targetable(); ok {
			some = append(some, a)
		}
		if a.State == "" || a.State == access.AccountActive {
			active = append(active, a)
		}
	}
	byID := func(a, b access.Account) int { return strings.Compare(string(a.ID), string(b.ID)) }
	slices.SortFunc(some, byID)
	slices.SortFunc(active, byID)
	t.version, t.known, t.some, t.active = version, true, some, active
	return some, active
}

// planInput is what there is to plan for, before anything is known to be in the accounts.
func (s *Service) planInput(ctx context.Context) (planning.PlanInput, error) {
	all, version, err := s.store.AccountsAt(ctx)
	if err != nil {
		return planning.PlanInput{}, fmt.Errorf("reading the accounts: %w", err)
	}
	ous, err := s.store.OUTree(ctx)
	if err != nil {
		return planning.PlanInput{}, fmt.Errorf("reading the OUs: %w", err)
	}
	targets, active := s.targetable.of(all, version)
	return planning.PlanInput{Accounts: targets, Organization: active, OUs: ous, Now: s.at()}, nil
}

// know reads what is known of what a query names.
func (s *Service) know(ctx context.Context, w *planning.PlanInput, q access.InventoryQuery) error {
	var err error
	if w.Inventories, err = s.store.InventoryOf(ctx, q); err != nil {
		return fmt.Errorf("reading the inventories: %w", err)
	}
	return nil
}

// checkReach refuses a mapping that cannot work in any account: one that reaches none, only such as
// cannot be written to, or whose role or users do not exist in any.
func (s *Service) checkReach(ctx context.Context, m access.Mapping) error {
	all, err := s.store.Accounts(ctx)
	if err != nil {
		return fmt.Errorf("reading the accounts: %w", err)
	}
	if len(all) == 0 {
		return nil // the organization has not been read yet: nothing can be said
	}
	w, err := s.planInput(ctx)
	if err != nil {
		return err
	}
	if err := planning.CheckSelector(m.Accounts, all, w.OUs); err != nil {
		return err
	}
	if err := s.know(ctx, &w, planning.QueryOf(m, w.Accounts)); err != nil {
		return err
	}
	return access.InvalidFields(planning.UnknownNames(m, w))
}
