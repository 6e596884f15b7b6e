package rollout

import (
	"context"
	"fmt"
	"slices"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
)

// OpenUnverified accepts that user policies open the roles of some accounts although nothing proves that the trust policies of
// these roles are set. A reviewer decides that, of another group than the person who started the rollout and the
// authors of its change.
// The targets that failed for it are retried separately.
func (s *Service) OpenUnverified(
	ctx context.Context, actor access.Actor, id int64, accounts []access.AccountID, reason string,
) (access.Rollout, error) {
	if err := authz.Require(actor, authz.ReviewChange); err != nil {
		return access.Rollout{}, err
	}
	reason, err := reasonFor(reason, "roles are opened without proof")
	if err != nil {
		return access.Rollout{}, err
	}
	accounts = slices.Compact(slices.Sorted(slices.Values(accounts)))
	if err := s.refuseAuthor(ctx, actor, id); err != nil {
		return access.Rollout{}, err
	}
	groups, err := s.cfg.Store.Groups(ctx)
	if err != nil {
		return access.Rollout{}, err
	}
	if err := s.refuseUnknown(ctx, accounts); err != nil {
		return access.Rollout{}, err
	}
	detail := map[string]any{"accounts": accounts, "reason": reason}
	return s.control(ctx, actor, id, "rollout.open_unverified", detail, func(r *access.Rollout) error {
		return r.OpenAnyway(actor, groups, accounts)
	})
}

// refuseUnknown refuses accounts that the organization does not have.
func (s *Service) refuseUnknown(ctx context.Context, ids []access.AccountID) error {
	known, err := s.cfg.Store.Accounts(ctx)
	if err != nil {
		return fmt.Errorf("reading the accounts: %w", err)
	}
	all := access.SortedAccounts(known)
	for _, id := range ids {
		if _, there := all.Find(id); !there {
			return access.Invalid("accounts", "There is no account %q in the organization. Name accounts by their ids of 12 digits.", id)
		}
	}
	return nil
}

// refuseAuthor refuses the people who wrote the change that a rollout carries out, and those who count together with
// them.
func (s *Service) refuseAuthor(ctx context.Context, actor access.Actor, id int64) error {
	r, err := s.cfg.Store.Rollout(ctx, id)
	if err != nil || r.ChangeID == 0 {
		return err
	}
	c, err := s.cfg.Store.Change(ctx, r.ChangeID)
	if err != nil {
		return fmt.Errorf("reading who wrote the change of rollout %d: %w", id, err)
	}
	if c.WrittenBy(actor) {
		return access.Errorf(access.KindForbidden, "You, or a person who counts together with you, wrote or edited the "+
			"change of this rollout. A reviewer of another group must accept roles without proof.")
	}
	return nil
}

// Unverified lists the roles that keep user policies of blocked targets from being written as approved: those that the plan
// could not prove, and those whose trust policies could not be set. Accounts that a reviewer has accepted are left out.
func (s *Service) Unverified(ctx context.Context, actor access.Actor, id int64) ([]access.Opening, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return nil, err
	}
	r, err := s.cfg.Store.Rollout(ctx, id)
	if err != nil {
		return nil, err
	}
	opened, err := s.openedByBlocked(ctx, r)
	if err != nil || len(opened) == 0 {
		return nil, err
	}
	on := make([]access.Dependency, len(opened))
	for i, o := range opened {
		on[i] = access.Dependency{Account: o.Account, Resource: o.Resource()}
	}
	found, err := s.cfg.Store.Dependencies(ctx, id, on)
	if err != nil {
		return nil, err
	}
	good := map[access.Dependency]bool{}
	for _, d := range found {
		good[d.Dependency] = d.Good()
	}
	unproved := slices.DeleteFunc(slices.Clone(opened), func(o access.Opening) bool {
		written := o.Basis == access.BasisWritten && !good[access.Dependency{Account: o.Account, Resource: o.Resource()}]
		return !written && !o.Basis.NeedsOverride()
	})
	if len(unproved) == 0 { // a trust policy was edited since, and only a push sees which
		return opened, nil
	}
	return unproved, nil
}

// openedByBlocked lists what the user policies of blocked targets newly open, each role once.
func (s *Service) openedByBlocked(ctx context.Context, r access.Rollout) ([]access.Opening, error) {
	texts, err := s.cfg.Store.BlockedRequirements(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	var opened []access.Opening
	for _, text := range texts {
		required, err := access.ParseRequirements(text)
		if err != nil {
			return nil, err
		}
		opened = append(opened, required.Opens...)
	}
	opened = slices.DeleteFunc(opened, func(o access.Opening) bool { return r.OpensUnverified(o.Account) })
	slices.SortFunc(opened, access.Opening.Compare)
	return slices.CompactFunc(opened, func(a, b access.Opening) bool { return a.Account == b.Account && a.Role == b.Role }), nil
}
