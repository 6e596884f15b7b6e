package change

import (
	"context"
	"fmt"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/onboard"
)

// Adopt composes a change after which the desired state says what is live. Networks are followed in
// the allowlists, wherever those are used; people and conditions in the mappings, and in this
// account only. A draft is made only where it compiles to what is live; where none does, the
// refusal says what prevents it and what to do.
func (s *Service) Adopt(ctx context.Context, actor access.Actor, a onboard.Adoption) (access.Change, error) {
	if err := authz.Require(actor, authz.EditChange); err != nil {
		return access.Change{}, err
	}
	f, err := s.adopter(ctx, a)
	if err != nil {
		return access.Change{}, err
	}
	edits, err := f.Edits(a)
	if err != nil {
		return access.Change{}, err
	}
	return s.AddEdits(ctx, actor, 0, fmt.Sprintf("Adopt what is live in %s of %s", a.Role, a.Account), edits)
}

// adopter reads what decides on one role in one account.
func (s *Service) adopter(ctx context.Context, a onboard.Adoption) (onboard.Adopter, error) {
	account, err := s.store.Account(ctx, a.Account)
	if err != nil {
		return onboard.Adopter{}, err
	}
	head, err := s.store.Head(ctx)
	if err != nil {
		return onboard.Adopter{}, err
	}
	state, err := s.store.StateRelevantTo(ctx, head, []access.Account{account})
	if err != nil {
		return onboard.Adopter{}, err
	}
	w, err := s.planInputOf(ctx, state, []access.Account{account})
	return onboard.Adopter{
		PlanInput: w, Account: account, Role: a.Role.Rooted(), State: state, NewMappingID: newMappingID,
	}, err
}
