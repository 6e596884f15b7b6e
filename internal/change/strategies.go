package change

import (
	"context"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
)

// StrategiesView is the strategies of a revision.
type StrategiesView struct {
	Revision   int64
	Strategies []access.Strategy
	Default    string // the id of the default; none is all at once
	OUs        *access.OUs
	Drafts     []access.Change // the actor's own, which edits can be added to
}

// Find finds a strategy by its id.
func (v StrategiesView) Find(id string) (access.Strategy, error) {
	for _, s := range v.Strategies {
		if s.ID == id {
			return s, nil
		}
	}
	return access.Strategy{}, access.Errorf(
		access.KindNotFound,
		"There is no strategy %q in revision %d.",
		id,
		v.Revision,
	)
}

// Strategies reads the strategies at a revision; Head for the newest.
func (s *Service) Strategies(ctx context.Context, actor access.Actor, revision int64) (StrategiesView, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return StrategiesView{}, err
	}
	return s.strategiesAt(ctx, revision)
}

func (s *Service) strategiesAt(ctx context.Context, revision int64) (StrategiesView, error) {
	n, err := s.revision(ctx, revision)
	if err != nil {
		return StrategiesView{}, err
	}
	state, err := s.store.State(ctx, n)
	if err != nil {
		return StrategiesView{}, err
	}
	ous, err := s.store.OUTree(ctx)
	return StrategiesView{Revision: n, Strategies: state.Strategies, Default: state.DefaultStrategy, OUs: ous}, err
}

// StrategyForm is Strategies at the head, with the actor's drafts.
func (s *Service) StrategyForm(ctx context.Context, actor access.Actor) (StrategiesView, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return StrategiesView{}, err
	}
	v, err := s.strategiesAt(ctx, Head)
	if err != nil {
		return StrategiesView{}, err
	}
	v.Drafts, err = s.ownDrafts(ctx, actor)
	return v, err
}

// StrategyHistory lists what became of a strategy, by revision, the newest first.
func (s *Service) StrategyHistory(
	ctx context.Context, actor access.Actor, id string, q access.PageQuery,
) (access.Page[access.StrategyRevision], error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return access.Page[access.StrategyRevision]{}, err
	}
	return s.store.StrategyHistory(ctx, id, q)
}

// SaveStrategy adds a strategy to a change, or replaces one that has an ID, and makes it the default if that is asked
// for. If it was the default and is not to be it any more, all accounts at once is the default.
func (s *Service) SaveStrategy(
	ctx context.Context, actor access.Actor, id int64, strategy access.Strategy, byDefault bool,
) (access.Change, error) {
	if err := authz.Require(actor, authz.EditChange); err != nil {
		return access.Change{}, err
	}
	strategy.Name = strings.TrimSpace(strategy.Name)
	if err := strategy.Check(); err != nil {
		return access.Change{}, err
	}
	state, err := s.headState(ctx) // what the form was filled in from
	if err != nil {
		return access.Change{}, err
	}
	op, title := access.EditUpdateStrategy, "Edit strategy "+strategy.Name
	if strategy.ID == "" {
		strategy.ID = newID("st")
		op, title = access.EditAddStrategy, "Add strategy "+strategy.Name
	}
	edits := []access.Edit{{Op: op, ID: strategy.ID, Strategy: &strategy}}
	switch was := state.DefaultStrategy == strategy.ID; {
	case byDefault && !was:
		edits = append(edits, access.Edit{Op: access.EditDefaultStrategy, ID: strategy.ID})
	case was && !byDefault:
		edits = append(edits, access.Edit{Op: access.EditDefaultStrategy, ID: access.AtOnceStrategy})
	}
	c, err := s.AddEdits(ctx, actor, id, title, edits)
	return c, strategyFields(err)
}

// strategyFields turns "strategy/waves/0/accounts" into the field of the form of a strategy.
func strategyFields(err error) error {
	err = plainFields(err)
	fields := access.FieldsOf(err)
	if len(fields) == 0 {
		return err
	}
	plain := make([]access.FieldError, len(fields))
	for i, f := range fields {
		plain[i] = access.FieldError{Field: strings.TrimPrefix(f.Field, "strategy/"), Message: f.Message}
	}
	return &access.Error{Kind: access.KindOf(err), Message: access.MessageOf(err), Err: err, Fields: plain}
}

// RemoveStrategy removes a strategy.
func (s *Service) RemoveStrategy(
	ctx context.Context,
	actor access.Actor,
	id int64,
	strategyID string,
) (access.Change, error) {
	return s.AddEdits(
		ctx,
		actor,
		id,
		"Remove a strategy",
		[]access.Edit{{Op: access.EditRemoveStrategy, ID: strategyID}},
	)
}

func diffStrategies(before, after access.State) (changes []access.StrategyChange, byDefault *access.SettingChange) {
	for _, was := range before.Strategies {
		switch is, stays := after.Strategy(was.ID); {
		case !stays:
			changes = append(changes, access.StrategyChange{Before: &was})
		case !was.Equal(is):
			changes = append(changes, access.StrategyChange{Before: &was, After: &is})
		}
	}
	for _, is := range after.Strategies {
		if _, was := before.Strategy(is.ID); !was {
			changes = append(changes, access.StrategyChange{After: &is})
		}
	}
	if before.DefaultStrategy == after.DefaultStrategy {
		return changes, nil
	}
	return changes, &access.SettingChange{
		Name:   "Default strategy",
		Before: defaultWords(before),
		After:  defaultWords(after),
	}
}

func defaultWords(s access.State) string {
	one, _ := s.Strategy(access.DefaultStrategy)
	if one.ID == "" {
		return one.Name
	}
	return withID(one.Name, one.ID)
}
