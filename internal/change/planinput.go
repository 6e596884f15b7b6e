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
	some, _ := s.targetable.of(all, version)
	return some, nil
}

// targetable keeps which of all accounts a rollout may touch, and which are gone with documents of the console, for one
// version of them.
type targetable struct {
	mu      sync.Mutex
	version int64
	some    access.Accounts // nil before the first question
	gone    access.Accounts
}

func (t *targetable) of(all []access.Account, version int64) (some, gone access.Accounts) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.some != nil && t.version == version {
		return t.some, t.gone
	}
	some = make(access.Accounts, 0, len(all))
	for _, a := range all {
		if ok, _ := a.Targetable(); ok {
			some = append(some, a)
		} else if a.KeepsDocuments {
			gone = append(gone, a)
		}
	}
	byID := func(a, b access.Account) int { return strings.Compare(string(a.ID), string(b.ID)) }
	slices.SortFunc(some, byID)
	slices.SortFunc(gone, byID)
	t.version, t.some, t.gone = version, some, gone
	return some, gone
}

// planInput is what there is to plan for, before anything is known to be in the accounts.
func (s *Service) planInput(ctx context.Context) (planning.PlanInput, error) {
	all, version, err := s.store.AccountsAt(ctx)
	if err != nil {
		return planning.PlanInput{}, fmt.Errorf("reading the accounts: %w", err)
	}
	accounts, gone := s.targetable.of(all, version)
	return planning.PlanInput{Accounts: accounts, Gone: gone, Now: s.at()}, nil
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
	if err := planning.CheckSelector(m.Accounts, all); err != nil {
		return err
	}
	w, err := s.planInput(ctx)
	if err != nil {
		return err
	}
	if err := s.know(ctx, &w, planning.QueryOf(m, w.Accounts)); err != nil {
		return err
	}
	return access.InvalidFields(planning.UnknownNames(m, w))
}
