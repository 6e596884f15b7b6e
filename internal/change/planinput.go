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
	sorted := s.targetable.of(all, version)
	return sorted.targets, nil
}

// targetable keeps the accounts in groups, for one version of them.
type targetable struct {
	mu      sync.Mutex
	version int64
	known   bool
	sorted  sortedAccounts
}

// sortedAccounts are the accounts of the organization in groups, each sorted by id.
type sortedAccounts struct {
	targets access.Accounts // that a rollout may touch
	closed  access.Accounts // all others
	gone    access.Accounts // of these, the ones that keep documents of the console
	active  access.Accounts // in AWS, also those that no rollout touches
}

func (t *targetable) of(all []access.Account, version int64) sortedAccounts {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known && t.version == version {
		return t.sorted
	}
	var s sortedAccounts
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(a, b access.Account) int { return strings.Compare(string(a.ID), string(b.ID)) })
	for _, a := range sorted {
		ok, _ := a.Targetable()
		switch {
		case ok:
			s.targets = append(s.targets, a)
		default:
			s.closed = append(s.closed, a)
			if a.KeepsDocuments {
				s.gone = append(s.gone, a)
			}
		}
		if a.State == "" || a.State == access.AccountActive {
			s.active = append(s.active, a)
		}
	}
	t.version, t.known, t.sorted = version, true, s
	return s
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
	a := s.targetable.of(all, version)
	return planning.PlanInput{
		Accounts: a.targets, Closed: a.closed, Gone: a.gone, Organization: a.active, OUs: ous, Now: s.at(),
	}, nil
}

// know reads what is known of what a query names.
func (s *Service) know(ctx context.Context, w *planning.PlanInput, q access.InventoryQuery) error {
	var err error
	if w.Inventories, err = s.store.InventoryOf(ctx, q); err != nil {
		return fmt.Errorf("reading the inventories: %w", err)
	}
	return nil
}

// checkAccounts refuses edits that bring account ids into mappings that the organization does not know, and users of
// accounts outside it that the settings at the head do not list.
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
	settings, err := s.settings(ctx)
	if err != nil {
		return err
	}
	fields := planning.UnknownAccounts(base, had, edits, all)
	outside := planning.OutsideUsers(base, had, edits, all, settings.OutsideAccounts)
	return access.InvalidFields(append(fields, outside...))
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
