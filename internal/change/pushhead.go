package change

import (
	"context"
	"fmt"
	"slices"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/planning"
)

// PushAccounts starts a rollout of the head to some accounts, without a change. Documents that are
// as desired are not written. The audit log records why.
func (s *Service) PushAccounts(ctx context.Context, actor access.Actor, ids []access.AccountID, why string) (access.Rollout, error) {
	if err := authz.Require(actor, authz.ControlRollout); err != nil {
		return access.Rollout{}, err
	}
	if len(ids) == 0 {
		return access.Rollout{}, access.Invalid("accounts", "Say which accounts are to be pushed.")
	}
	head, p, err := s.planHead(ctx, ids...)
	if err != nil {
		return access.Rollout{}, err
	}
	if p.Plan.Len() == 0 {
		return access.Rollout{}, access.Errorf(access.KindConflict, "There is nothing to push to %s: it cannot be written to, or no mapping reaches it.", accountsInWords(ids))
	}
	r := s.newRollout(actor, fmt.Sprintf("Push revision %d to %s again", head, accountsInWords(ids)), 0, head)
	r.LeftBehind, r.Revokes = len(p.LeftBehind), planning.RevokesBy(p.Plan)
	event := access.NewAuditEvent(actor, s.at(), "rollout.start", "", map[string]any{
		"revision": head, "account": ids[0], "accounts": p.Plan.Len(), "why": why, "documents": p.Plan.Documents,
		"left_behind": idsOf(p.LeftBehind),
	})
	return s.store.StartRollout(ctx, r, p.Plan, access.Staging{}, []access.AuditEvent{event})
}

func accountsInWords(ids []access.AccountID) string {
	if len(ids) == 1 {
		return "account " + string(ids[0])
	}
	return fmt.Sprintf("%d accounts", len(ids))
}

// PushAgain starts a rollout of the head to every account that it reaches, without a
// change. What is as it should be stays unwritten.
func (s *Service) PushAgain(ctx context.Context, actor access.Actor) (access.Rollout, error) {
	if err := authz.Require(actor, authz.ControlRollout); err != nil {
		return access.Rollout{}, err
	}
	head, p, err := s.planHead(ctx)
	if err != nil {
		return access.Rollout{}, err
	}
	if p.Plan.Len() == 0 {
		return access.Rollout{}, access.Errorf(access.KindConflict, "There is nothing to push: revision %d reaches no account.", head)
	}
	r := s.newRollout(actor, fmt.Sprintf("Push revision %d again", head), 0, head)
	r.LeftBehind, r.Revokes = len(p.LeftBehind), planning.RevokesBy(p.Plan)
	strategy, err := s.strategyAt(ctx, head, access.DefaultStrategy)
	if err != nil {
		return access.Rollout{}, err
	}
	staging, err := s.stage(ctx, &r, strategy, p.Plan)
	if err != nil {
		return access.Rollout{}, err
	}
	event := access.NewAuditEvent(actor, s.at(), "rollout.start", "", map[string]any{
		"revision": head, "accounts": p.Plan.Len(), "documents": p.Plan.Documents, "strategy": staging.Strategy,
		"left_behind": idsOf(p.LeftBehind),
	})
	return s.store.StartRollout(ctx, r, p.Plan, staging, []access.AuditEvent{event})
}

// idsOf names accounts in an audit event.
func idsOf(accounts []access.Account) []access.AccountID { return access.Accounts(accounts).IDs() }

// planHead is what pushing the head anew would write, in the accounts that are named or in
// all. A document that cannot be made is an error.
func (s *Service) planHead(ctx context.Context, ids ...access.AccountID) (int64, planning.Result, error) {
	head, err := s.store.Head(ctx)
	if err != nil {
		return 0, planning.Result{}, err
	}
	state, err := s.store.State(ctx, head)
	if err != nil {
		return 0, planning.Result{}, err
	}
	w, err := s.planInput(ctx)
	if err != nil {
		return 0, planning.Result{}, err
	}
	var p planning.Result
	if len(ids) == 0 {
		p, err = s.planAllReached(ctx, w, state)
	} else {
		p, err = s.planAccounts(ctx, &w, state, ids)
	}
	if err == nil && len(p.Refusals) > 0 {
		err = p.Refusals[0]
	}
	p.LeftBehind = planning.LeftBehindByPush(w.Gone, state, ids)
	return head, p, err
}

// planAllReached plans all that a state reaches.
func (s *Service) planAllReached(ctx context.Context, w planning.PlanInput, state access.State) (planning.Result, error) {
	var err error
	if w.Inventories, err = s.store.Inventories(ctx, reachedAccounts(state, w.Accounts)); err != nil {
		return planning.Result{}, fmt.Errorf("reading the inventories: %w", err)
	}
	p, _, err := planning.PlanWhole(w, state)
	if err != nil {
		return p, err
	}
	q := queryForOrder(w, p)
	if len(q.Accounts) == 0 {
		return p, nil
	}
	known, err := s.store.InventoryOf(ctx, q)
	if err != nil {
		return planning.Result{}, fmt.Errorf("reading the inventories: %w", err)
	}
	w.Inventories.Merge(known)
	p, _, err = planning.PlanWhole(w, state)
	return p, err
}

// queryForOrder asks for what the order of writes depends on in accounts that were not read: the roles of patterns, and
// the users whom trust policies stop admitting.
func queryForOrder(w planning.PlanInput, p planning.Result) access.InventoryQuery {
	q := access.InventoryQuery{Roles: p.Patterns, Users: p.Leaving}
	for _, a := range w.Organization {
		leaves := slices.ContainsFunc(p.Leaving, func(u access.UserName) bool { return u.Account == a.ID })
		if !w.Inventories.Has(a.ID) && (leaves || len(p.Patterns) > 0) {
			q.Accounts = append(q.Accounts, a.ID)
		}
	}
	return q
}

// reachedAccounts are the accounts that hold a role or a user of a mapping, sorted.
func reachedAccounts(state access.State, accounts access.Accounts) []access.AccountID {
	ids := map[access.AccountID]bool{}
	for _, m := range state.Mappings {
		accounts.Each(m.Accounts, func(a access.Account) { ids[a.ID] = true })
		for _, u := range m.Users {
			if u.Account != "" {
				ids[u.Account] = true
			}
		}
	}
	return planning.IDs(ids)
}

// planAccounts plans some accounts from all that is known of them, and of other accounts
// what decides on their roles and users.
func (s *Service) planAccounts(ctx context.Context, w *planning.PlanInput, state access.State, ids []access.AccountID) (planning.Result, error) {
	own, err := s.store.Inventories(ctx, ids)
	if err != nil {
		return planning.Result{}, fmt.Errorf("reading the inventories: %w", err)
	}
	c := planning.AffectedIn(*w, state, ids)
	for {
		if err := s.know(ctx, w, c.Query); err != nil {
			return planning.Result{}, err
		}
		w.Inventories.Merge(own)
		p, through, err := planning.PlanWhole(*w, state, ids...)
		if err != nil {
			return p, err
		}
		fresh := c.WithUsers(through)
		fresh = c.WithPatterns(p.Patterns, w.Organization) || fresh
		if !c.WithLeaving(p.Leaving) && !fresh {
			return p, nil
		}
	}
}
