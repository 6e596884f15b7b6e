package change

import (
	"context"
	"fmt"
	"strings"

	"portcullis/internal/access"
	"portcullis/internal/authz"
	"portcullis/internal/iam"
	"portcullis/internal/policy"
)

// Adoption is a trust policy that somebody has edited in an account, and that the
// desired state is to follow.
type Adoption struct {
	Account access.AccountID
	Role    access.RoleName
	Planned string // our statements as they were planned
	Live    string // the whole live document
}

// Adopt composes a change after which the desired state says what is live. Networks are
// followed in the allowlists, wherever those are used; people and conditions in the
// mappings, and in this account only. A draft is made only where it compiles to what is
// live; where none does, the refusal says what stands in the way and what to do.
func (s *Service) Adopt(ctx context.Context, actor access.Actor, a Adoption) (access.Change, error) {
	if err := authz.Require(actor, authz.EditChange); err != nil {
		return access.Change{}, err
	}
	f, err := s.following(ctx, a)
	if err != nil {
		return access.Change{}, err
	}
	edits, err := f.edits(a)
	if err != nil {
		return access.Change{}, err
	}
	return s.AddEdits(ctx, actor, 0, fmt.Sprintf("Adopt what is live in %s of %s", a.Role, a.Account), edits)
}

// following reads what decides on one role in one account.
func (s *Service) following(ctx context.Context, a Adoption) (follower, error) {
	account, err := s.store.Account(ctx, a.Account)
	if err != nil {
		return follower{}, err
	}
	head, err := s.store.Head(ctx)
	if err != nil {
		return follower{}, err
	}
	state, err := s.store.StateAround(ctx, head, []access.Account{account})
	if err != nil {
		return follower{}, err
	}
	w, err := s.worldOf(ctx, state, []access.Account{account})
	return follower{world: w, account: account, role: a.Role.Rooted(), state: state}, err
}

// edits are those after which the desired state says what is live, and nothing else of
// this role in this account.
func (f follower) edits(a Adoption) ([]access.Edit, error) {
	ours, err := iam.Ours(a.Live)
	if err != nil {
		return nil, access.Wrap(access.KindConflict, err, "The live document cannot be read, so no change can say the same. Correct it in AWS.")
	}
	head, err := f.compiled(f.state)
	if err != nil {
		return nil, err
	}
	switch {
	case head == "":
		return nil, access.Errorf(access.KindConflict, "No mapping reaches role %s in this account any more, so there is nothing that could say what is live. Compose a change yourself, or overwrite the edit.", a.Role)
	case same(head, ours):
		return nil, access.Errorf(access.KindUnchanged, "The desired state says what is live already.")
	case !same(head, a.Planned):
		return nil, access.Errorf(access.KindConflict, "The desired state of role %s has changed since this conflict was found. Push the account again, and decide on what is found then.", a.Role)
	}
	edits, err := f.follow(head, ours)
	if err != nil {
		return nil, err
	}
	return edits, f.verify(edits, ours)
}

// verify refuses edits after which the role would not mean exactly what is live.
func (f follower) verify(edits []access.Edit, ours string) error {
	after, err := f.state.Apply(edits)
	if err != nil {
		return err
	}
	compiled, err := f.compiled(after)
	if err != nil {
		return access.Wrap(access.KindConflict, err, "No change can say what is live: %s. Overwrite the edit.", strings.TrimSuffix(access.MessageOf(err), "."))
	}
	if !same(compiled, ours) {
		return access.Errorf(access.KindConflict, "No change of networks, people or MFA says exactly what is live: the closest one means something else. Compose a change yourself, or overwrite the edit.")
	}
	return nil
}

// same reports whether two lists of our statements mean the same.
func same(a, b string) bool {
	if iam.EqualStatements(a, b, nil) {
		return true
	}
	readA, errA := policy.ReadGrants(a)
	readB, errB := policy.ReadGrants(b)
	return errA == nil && errB == nil && readA.Equal(readB)
}
