package rollout

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
)

// Strategies lists the saved strategies by name.
func (s *Service) Strategies(ctx context.Context, actor access.Actor) ([]access.Strategy, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return nil, err
	}
	return s.cfg.Store.Strategies(ctx)
}

// Strategy returns one saved strategy.
func (s *Service) Strategy(ctx context.Context, actor access.Actor, id int64) (access.Strategy, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return access.Strategy{}, err
	}
	return s.cfg.Store.Strategy(ctx, id)
}

// SaveStrategy adds a strategy whose id is 0, or replaces the one of the id, if its
// version is still the one that was read. Rollouts under way keep what they began with.
func (s *Service) SaveStrategy(ctx context.Context, actor access.Actor, strategy access.Strategy) (access.Strategy, error) {
	if err := authz.Require(actor, authz.ManageStrategies); err != nil {
		return access.Strategy{}, err
	}
	strategy.Name = strings.TrimSpace(strategy.Name)
	if err := strategy.Check(); err != nil {
		return access.Strategy{}, err
	}
	if err := s.resolveOUs(ctx, &strategy); err != nil {
		return access.Strategy{}, err
	}
	if strings.EqualFold(strategy.Name, access.BuiltinStrategy) {
		return access.Strategy{}, access.Invalid("name", "%q is what the console does by itself; choose another name", access.BuiltinStrategy)
	}
	action := "strategy.add"
	if strategy.ID != 0 {
		action = "strategy.edit"
	}
	event := access.NewAuditEvent(actor, s.cfg.Now(), action, objectOfStrategy(strategy.ID), map[string]any{"strategy": strategy})
	return s.cfg.Store.SaveStrategy(ctx, strategy, event)
}

// resolveOUs replaces the paths of OUs in the waves of a strategy by ids.
func (s *Service) resolveOUs(ctx context.Context, strategy *access.Strategy) error {
	ous, err := s.cfg.Store.OUTree(ctx)
	if err != nil {
		return fmt.Errorf("reading the OUs: %w", err)
	}
	var fields []access.FieldError
	strategy.Waves = slices.Clone(strategy.Waves)
	for i, w := range strategy.Waves {
		strategy.Waves[i].Accounts, err = ous.ResolveSelector(w.Accounts)
		for _, f := range access.FieldsOf(err) {
			fields = append(fields, access.FieldError{Field: fmt.Sprintf("waves/%d/accounts", i), Message: f.Message})
		}
	}
	return access.InvalidFields(fields)
}

// RemoveStrategy removes a saved strategy. What was begun with it goes on.
func (s *Service) RemoveStrategy(ctx context.Context, actor access.Actor, id int64) error {
	if err := authz.Require(actor, authz.ManageStrategies); err != nil {
		return err
	}
	was, err := s.cfg.Store.Strategy(ctx, id)
	if err != nil {
		return err
	}
	return s.cfg.Store.RemoveStrategy(ctx, id, access.NewAuditEvent(actor, s.cfg.Now(), "strategy.remove", objectOfStrategy(id), map[string]any{"was": was}))
}

// objectOfStrategy is "" for one that gets its number when it is stored.
func objectOfStrategy(id int64) string {
	if id == 0 {
		return ""
	}
	return "strategy/" + strconv.FormatInt(id, 10)
}
