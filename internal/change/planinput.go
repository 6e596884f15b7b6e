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

// targetable keeps which of all accounts a rollout may touch and which not, for one version of them.
type targetable struct {
	mu      sync.Mutex
	version int64
	some    access.Accounts // nil before the first question
	closed  access.Accounts
}

func (t *targetable) of(all []access.Account, version int64) (some, closed access.Accounts) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.some != nil && t.version == version {
		return t.some, t.closed
	}
	some = make(access.Accounts, 0, len(all))
	for _, a := range all {
		if ok, _ := a.Targetable(); ok {
			some = append(some, a)
		} else {
			closed = append(closed, a)
		}
	}
	byID := func(a, b access.Account) int { return strings.Compare(string(a.ID), string(b.ID)) }
	slices.SortFunc(some, byID)
	slices.SortFunc(closed, byID)
	t.version, t.some, t.closed = version, some, closed
	return some, closed
}

// planInput is what there is to plan for, before anything is known to be in the accounts.
func (s *Service) planInput(ctx context.Context) (planning.PlanInput, error) {
	all, version, err := s.store.AccountsAt(ctx)
	if err != nil {
		return planning.PlanInput{}, fmt.Errorf("reading the accounts: %w", err)
	}
	some, closed := s.targetable.of(all, version)
	return planning.PlanInput{Accounts: some, Closed: closed, Now: s.at()}, nil
}

// know reads what is known of what a query names.
func (s *Service) know(ctx context.Context, w *planning.PlanInput, q access.InventoryQuery) error {
	var err error
	if w.Inventories, err = s.store.InventoryOf(ctx, q); err != nil {
		return fmt.Errorf("reading the inventories: %w", err)
	}
	return nil
}

// checkAccounts refuses edits that bring account ids into mappings that the organization does not know.
func (s *Service) checkAccounts(ctx context.Context, base access.State, had, edits []access.Edit) error {
	if !slices.ContainsFunc(edits, func(e access.Edit) bool { return e.Mapping != nil }) {
		return nil
	}
	all, _, err := s.store.AccountsAt(ctx)
	if err != nil {
		return fmt.Errorf("reading the accounts: %w", err)
	}
	if len(all) == 0 {
		return nil // the organization has not been read yet: nothing can be said
	}
	return access.InvalidFields(planning.UnknownAccounts(base, had, edits, all))
}

// checkReach refuses a mapping that cannot work in any account: one that reaches none, or
// whose role or users do not exist in any.
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
