package api

import (
	"context"
	"time"

	"portcullis/internal/access"
	"portcullis/internal/change"
	"portcullis/web/transport"
)

// apiAccountReader reads accounts.
type apiAccountReader interface {
	AccountPage(ctx context.Context, actor access.Actor, ou string, q access.PageQuery) (access.Page[access.Account], error)
	Account(ctx context.Context, actor access.Actor, id access.AccountID) (change.AccountView, error)
	ExportAccount(ctx context.Context, actor access.Actor, id access.AccountID, format change.Format) (body []byte, at int64, err error)
}

// apiSyncer has the organization read again.
type apiSyncer interface {
	Sync(ctx context.Context, actor access.Actor) error
}

// accountAPI answers about accounts.
type accountAPI struct {
	*apiBase
	accounts     apiAccountReader
	organization apiSyncer
}

func (s *accountAPI) apiAccounts(r apiRequest) (any, error) {
	ou, page := r.query.Text("ou"), r.query.Page()
	if err := r.query.Err(); err != nil {
		return nil, err
	}
	accounts, err := s.accounts.AccountPage(r.Request().Context(), r.actor, ou, page)
	if err != nil {
		return nil, err
	}
	return toAPIPage(accounts, toAPIAccount), nil
}

// apiAllowlistService reads allowlists and takes entries out and in.
type apiAllowlistService interface {
	Allowlists(ctx context.Context, actor access.Actor, q access.PageQuery) (access.Page[access.AllowlistRow], error)
	// PastAllowlist returns an allowlist at a point of the past, with a page of its entries.
	PastAllowlist(ctx context.Context, actor access.Actor, revision int64, at time.Time, id string, q access.PageQuery) (change.PastAllowlist, error)
	ExportEntries(ctx context.Context, actor access.Actor, id string, begin func(access.AllowlistRow) error, each func(access.Entry) error) error
	ImportEntries(ctx context.Context, actor access.Actor, id int64, allowlistID string, mode change.ImportMode, text string) (access.Change, error)
}

// allowlistAPI answers about allowlists.
type allowlistAPI struct {
	*apiBase
	allowlists apiAllowlistService
}

func (s *allowlistAPI) apiAllowlists(r apiRequest) (any, error) {
	page := r.query.Page()
	if err := r.query.Err(); err != nil {
		return nil, err
	}
	lists, err := s.allowlists.Allowlists(r.Request().Context(), r.actor, page)
	if err != nil {
		return nil, err
	}
	return toAPIPage(lists, toAPIAllowlist), nil
}

// apiMappingReader reads mappings.
type apiMappingReader interface {
	Mappings(ctx context.Context, actor access.Actor, q access.MappingQuery) (access.Page[access.Mapping], error)
	Mapping(ctx context.Context, actor access.Actor, id string) (access.Mapping, error)
}

// mappingAPI answers about mappings.
type mappingAPI struct {
	*apiBase
	mappings apiMappingReader
}

func (s *mappingAPI) apiMappings(r apiRequest) (any, error) {
	q := access.MappingQuery{
		Allowlist: r.query.Text("allowlist"), Role: r.query.Text("role"), User: r.query.Text("user"), PageQuery: r.query.Page(),
	}
	if err := r.query.Err(); err != nil {
		return nil, err
	}
	mappings, err := s.mappings.Mappings(r.Request().Context(), r.actor, q)
	if err != nil {
		return nil, err
	}
	return toAPIPage(mappings, toAPIMapping), nil
}

// apiAuditReader reads the audit log.
type apiAuditReader interface {
	Audit(ctx context.Context, actor access.Actor, f access.AuditFilter) (access.Page[access.AuditEvent], error)
	ExportAudit(ctx context.Context, actor access.Actor, f access.AuditFilter, begin func() error, each func(access.AuditEvent) error) error
}

// auditAPI answers about the audit log.
type auditAPI struct {
	*apiBase
	audit apiAuditReader
}

func (s *auditAPI) apiAudit(r apiRequest) (any, error) {
	f := transport.AuditFilter(r.query)
	if err := r.query.Err(); err != nil {
		return nil, err
	}
	events, err := s.audit.Audit(r.Request().Context(), r.actor, f)
	if err != nil {
		return nil, err
	}
	return toAPIPage(events, transport.AuditEventOf), nil
}

func (s *accountAPI) apiAccount(r apiRequest) (any, error) {
	a, err := s.accounts.Account(r.Request().Context(), r.actor, access.AccountID(r.Param("id")))
	if err != nil {
		return nil, err
	}
	return toAPIAccount(a.Account), nil
}

type apiAllowlistDetail struct {
	apiAllowlist
	Page apiPage[apiEntry] `json:"page"`
}

// apiAllowlist answers one allowlist, as it is or as it was, with a page of its entries.
func (s *allowlistAPI) apiAllowlist(r apiRequest) (any, error) {
	page, revision, at := r.query.Page(), r.query.Number("revision", change.Head), r.query.Moment("at")
	if err := r.query.Err(); err != nil {
		return nil, err
	}
	a, err := s.allowlists.PastAllowlist(r.Request().Context(), r.actor, revision, at, r.Param("id"), page)
	if err != nil {
		return nil, err
	}
	return apiAllowlistDetail{apiAllowlist: toAPIAllowlist(a.AllowlistRow), Page: toAPIPage(a.Entries, toAPIEntry)}, nil
}

func (s *mappingAPI) apiMapping(r apiRequest) (any, error) {
	m, err := s.mappings.Mapping(r.Request().Context(), r.actor, r.Param("id"))
	if err != nil {
		return nil, err
	}
	return toAPIMapping(m), nil
}
