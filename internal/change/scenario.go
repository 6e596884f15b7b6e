package change

import (
	"context"

	"portcullis/internal/access"
	"portcullis/internal/authz"
	"portcullis/internal/scenario"
)

// Scenario encodes the desired state at a revision, with the accounts as they are now,
// as a scenario file in YAML or JSON that `policy render` accepts. It says which
// revision it is.
func (s *Service) Scenario(ctx context.Context, actor access.Actor, revision int64, yaml bool) (body []byte, at int64, err error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return nil, 0, err
	}
	n, err := s.revision(ctx, revision)
	if err != nil {
		return nil, 0, err
	}
	state, err := s.store.State(ctx, n)
	if err != nil {
		return nil, 0, err
	}
	accounts, err := s.store.Accounts(ctx)
	if err != nil {
		return nil, 0, err
	}
	scenario := scenario.Scenario{Accounts: accounts, State: state}
	if yaml {
		body, err = scenario.YAML()
	} else {
		body, err = scenario.JSON()
	}
	return body, n, err
}
