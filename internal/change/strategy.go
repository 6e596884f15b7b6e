package change

import (
	"context"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// strategyNamed returns the id of a strategy at the head by its name; none is the default.
func (s *Service) strategyNamed(ctx context.Context, name string) (string, error) {
	head, err := s.headState(ctx)
	if err != nil {
		return "", err
	}
	id, found := head.StrategyNamed(name)
	if !found {
		return "", access.Invalid(
			"strategy",
			"There is no strategy %q. Choose one of those under Settings, or leave it out for the default.",
			strings.TrimSpace(name),
		)
	}
	return id, nil
}

// strategyAt is a strategy of a revision. A change is rolled out by a strategy of the revision before it, never by one
// that it brings itself.
func (s *Service) strategyAt(ctx context.Context, revision int64, id string) (access.Strategy, error) {
	state, err := s.store.State(ctx, revision)
	if err != nil {
		return access.Strategy{}, err
	}
	strategy, found := state.Strategy(id)
	if !found {
		return access.Strategy{}, access.Errorf(access.KindConflict,
			"The strategy that was chosen is not part of revision %d: another change has removed it. "+
				"Choose a strategy again.", revision)
	}
	return strategy, nil
}

// stage divides the accounts of a plan into the waves of a strategy, and gives the
// rollout its limits. What a strategy leaves open is as the server was told.
func (s *Service) stage(
	ctx context.Context, r *access.Rollout, strategy access.Strategy, plan access.Plan,
) (access.Staging, error) {
	if strategy.MaxInFlight > 0 {
		r.MaxInFlight = strategy.MaxInFlight
	}
	if limit := strategy.MaxFailures; limit != (access.Limit{}) {
		r.MaxFailures = limit.Of(plan.Len())
	}
	if len(strategy.Waves) == 0 {
		return access.Staging{Strategy: strategy}, nil
	}
	all, err := s.store.Accounts(ctx)
	if err != nil {
		return access.Staging{}, err
	}
	ous, err := s.store.OUTree(ctx)
	if err != nil {
		return access.Staging{}, err
	}
	known := make(map[access.AccountID]access.Account, plan.Len())
	for t := range plan.Accounts() {
		known[t.Account] = access.Account{ID: t.Account, OU: t.OU}
	}
	for _, a := range all {
		if _, planned := known[a.ID]; planned {
			known[a.ID] = a
		}
	}
	accounts := make([]access.Account, 0, plan.Len())
	for t := range plan.Accounts() {
		accounts = append(accounts, known[t.Account])
	}
	return access.Stage(strategy, accounts, ous), nil
}
