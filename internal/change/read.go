package change

import (
	"context"
	"net/netip"
	"strings"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
)

// Allowlists lists allowlists at the head.
func (s *Service) Allowlists(ctx context.Context, actor access.Actor, q access.PageQuery) (access.Page[access.AllowlistRow], error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return access.Page[access.AllowlistRow]{}, err
	}
	return s.store.Allowlists(ctx, q)
}

// Allowlist reads one allowlist at the head. q pages and searches its entries.
func (s *Service) Allowlist(ctx context.Context, actor access.Actor, id string, q access.PageQuery) (AllowlistView, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return AllowlistView{}, err
	}
	revision, inventory, err := s.store.Versions(ctx)
	if err != nil {
		return AllowlistView{}, err
	}
	var view AllowlistView
	if view.AllowlistRow, view.Entries, err = s.store.AllowlistAt(ctx, revision, id, q); err != nil {
		return AllowlistView{}, err
	}
	if view.Mappings, err = s.store.MappingsAt(ctx, revision, access.MappingQuery{Allowlist: view.Name}); err != nil {
		return AllowlistView{}, err
	}
	state, err := s.store.State(ctx, revision)
	if err != nil {
		return AllowlistView{}, err
	}
	view.Settings = state.Settings.OrDefault()
	if view.Sizes, err = s.sizesOf(ctx, state, view.Name, inventory); err != nil {
		return AllowlistView{}, err
	}
	view.Drafts, err = s.ownDrafts(ctx, actor)
	return view, err
}

// ownDrafts lists the actor's own drafts, to which more edits can be added.
func (s *Service) ownDrafts(ctx context.Context, actor access.Actor) ([]access.Change, error) {
	if !authz.Can(actor, authz.EditChange) {
		return nil, nil
	}
	page, err := s.store.Changes(ctx, access.ChangeQuery{Uncounted: true, Author: actor.PersonID, States: []access.ChangeState{access.ChangeDraft}})
	return page.Items, err
}

// Drafts lists the actor's own drafts, to which more edits can be added.
func (s *Service) Drafts(ctx context.Context, actor access.Actor) ([]access.Change, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return nil, err
	}
	return s.ownDrafts(ctx, actor)
}

// CheckAddress finds the entries, of all allowlists at the head, that contain an address.
func (s *Service) CheckAddress(ctx context.Context, actor access.Actor, addr string) ([]access.Containing, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return nil, err
	}
	a, err := netip.ParseAddr(strings.TrimSpace(addr))
	if err != nil {
		return nil, access.Invalid("address", "%q is not an address; an address looks like 203.0.113.7 or 2001:db8::7", addr)
	}
	return s.store.Containing(ctx, a.Unmap().WithZone("").String())
}

// Mappings lists mappings at the head.
func (s *Service) Mappings(ctx context.Context, actor access.Actor, q access.MappingQuery) (access.Page[access.Mapping], error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return access.Page[access.Mapping]{}, err
	}
	return s.store.Mappings(ctx, q)
}

// Mapping reads one mapping at the head.
func (s *Service) Mapping(ctx context.Context, actor access.Actor, id string) (access.Mapping, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return access.Mapping{}, err
	}
	return s.store.Mapping(ctx, id)
}

// AccountPage lists accounts, of one OU and below when ou, an id or a path, is not empty.
func (s *Service) AccountPage(ctx context.Context, actor access.Actor, ou string, q access.PageQuery) (access.Page[access.Account], error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return access.Page[access.Account]{}, err
	}
	id, err := s.ouID(ctx, ou)
	if err != nil {
		return access.Page[access.Account]{}, err
	}
	return s.store.AccountPage(ctx, id, q)
}

// AccountsAndOUs is AccountPage and OUs of one moment.
func (s *Service) AccountsAndOUs(ctx context.Context, actor access.Actor, ou string, q access.PageQuery) (access.Page[access.Account], []access.OURow, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return access.Page[access.Account]{}, nil, err
	}
	id, err := s.ouID(ctx, ou)
	if err != nil {
		return access.Page[access.Account]{}, nil, err
	}
	return s.store.AccountsAndOUs(ctx, id, q)
}

// ouID is the id of the OU that a list is asked for; empty for all accounts.
func (s *Service) ouID(ctx context.Context, ou string) (string, error) {
	if ou == "" || access.IsOUID(ou) {
		return ou, nil
	}
	ous, err := s.store.OUTree(ctx)
	if err != nil {
		return "", err
	}
	return ous.Resolve("ou", ou)
}

// OUTree is all OUs by id, those included that are gone.
func (s *Service) OUTree(ctx context.Context, actor access.Actor) (*access.OUs, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return nil, err
	}
	return s.store.OUTree(ctx)
}

// OUs lists the organizational units in the order of their paths.
func (s *Service) OUs(ctx context.Context, actor access.Actor) ([]access.OURow, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return nil, err
	}
	return s.store.OUs(ctx)
}

// State reads the desired state at a revision; Head for the newest.
func (s *Service) State(ctx context.Context, actor access.Actor, revision int64) (access.State, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return access.State{}, err
	}
	n, err := s.revision(ctx, revision)
	if err != nil {
		return access.State{}, err
	}
	return s.store.State(ctx, n)
}

// Changes lists changes, newest first, without their edits.
func (s *Service) Changes(ctx context.Context, actor access.Actor, q access.ChangeQuery) (access.Page[access.Change], error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return access.Page[access.Change]{}, err
	}
	return s.store.Changes(ctx, q)
}

// Change reads one change.
func (s *Service) Change(ctx context.Context, actor access.Actor, id int64) (access.Change, error) {
	if err := authz.Require(actor, authz.Read); err != nil {
		return access.Change{}, err
	}
	return s.store.Change(ctx, id)
}

// Audit reads the audit log, newest first.
func (s *Service) Audit(ctx context.Context, actor access.Actor, f access.AuditFilter) (access.Page[access.AuditEvent], error) {
	if err := authz.Require(actor, authz.ReadAudit); err != nil {
		return access.Page[access.AuditEvent]{}, err
	}
	return s.store.Audit(ctx, f)
}
