package change

import (
	"context"
	"strings"

	"portcullis.internal/portcullis/internal/access"
)

// strategyNamed returns the id of a strategy by its name; none is the default.
func (s *Service) strategyNamed(ctx context.Context, name string) (int64, error) {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return access.DefaultStrategy, nil
	case strings.EqualFold(name, access.BuiltinStrategy):
		return access.AtOnceStrategy, nil
	}
	saved, err := s.store.Strategies(ctx)
	if err != nil {
		return 0, err
	}
	for _, strategy := range saved {
		if strings.EqualFold(strategy.Name, name) {
			return strategy.ID, nil
		}
	}
	return 0, access.Invalid("strategy", "There is no strategy %q. Choose one of those under Settings, or leave it out for the default.", name)
}

// stage divides the accounts of a plan into the waves of a strategy, and gives the
// rollout its limits. What a strategy leaves open is as the server was told.
func (s *Service) stage(ctx context.Context, r *access.Rollout, id int64, plan access.Plan) (access.Staging, error) {
	strategy := access.Strategy{}.OrNamed()
	if id != access.AtOnceStrategy {
		var err error
		if strategy, err = s.store.Strategy(ctx, id); err != nil {
			return access.Staging{}, err
		}
	}
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
