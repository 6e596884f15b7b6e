package change

import (
	"context"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/iam"
)

// Account reads one account: what is known to be in it, and which of it is managed.
func (s *Service) Account(ctx context.Context, actor access.Actor, id access.AccountID) (AccountView, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return AccountView{}, err
	}
	account, err := s.store.Account(ctx, id)
	if err != nil {
		return AccountView{}, err
	}
	view := AccountView{Account: account}
	inventories, err := s.store.Inventories(ctx, []access.AccountID{id})
	if err != nil {
		return AccountView{}, err
	}
	inv, known := inventories.Of(id)
	view.Known, view.Users = known, inv.Users
	limit := view.Quotas.OrDefault().TrustPolicy
	for _, r := range inv.Roles {
		ours, err := iam.Ours(r.Document)
		view.Roles = append(view.Roles, access.LiveRole{
			LiveDocument: r, Managed: err == nil && ours != "", Size: iam.Size(r.Document), Limit: limit,
		})
	}
	return view, nil
}
