package drift

import (
	"context"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/iam"
)

// LeftBehind lists the documents of the console that remain in accounts that are not active, account by account.
func (s *Service) LeftBehind(
	ctx context.Context, actor access.Actor, q access.PageQuery,
) (access.Page[access.LeftBehind], error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return access.Page[access.LeftBehind]{}, err
	}
	page, err := s.cfg.Store.LeftBehind(ctx, q)
	if err != nil {
		return access.Page[access.LeftBehind]{}, err
	}
	for i := range page.Items {
		if l := &page.Items[i]; l.Read {
			l.Documents = remaining(l.Inventory, l.Documents)
		}
	}
	return page, nil
}

// remaining are the documents of an inventory that hold statements of ours, with the times at which they were written.
func remaining(i access.Inventory, written []access.LeftDocument) []access.LeftDocument {
	at := map[access.Resource]access.LeftDocument{}
	for _, d := range written {
		at[d.Resource] = d
	}
	var out []access.LeftDocument
	add := func(r access.Resource, ours bool) {
		if ours {
			out = append(out, access.LeftDocument{Resource: r, WrittenAt: at[r].WrittenAt})
		}
	}
	for _, r := range i.Roles {
		ours, err := iam.Ours(r.Document)
		add(r.Resource, err == nil && ours != "")
	}
	for _, u := range i.Users {
		add(u.Resource, u.Document != "")
	}
	for _, p := range i.Policies {
		add(p.Resource, true)
	}
	return out
}
