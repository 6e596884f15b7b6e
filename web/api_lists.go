package web

import (
	"portcullis/internal/access"
	"portcullis/internal/change"
)

func (s *Server) apiAccounts(r apiRequest) (any, error) {
	ou, page := r.query.text("ou"), r.query.page()
	if err := r.query.err(); err != nil {
		return nil, err
	}
	accounts, err := s.cfg.Changes.AccountPage(r.Request().Context(), r.actor, ou, page)
	if err != nil {
		return nil, err
	}
	return toAPIPage(accounts, toAPIAccount), nil
}

func (s *Server) apiAllowlists(r apiRequest) (any, error) {
	page := r.query.page()
	if err := r.query.err(); err != nil {
		return nil, err
	}
	lists, err := s.cfg.Changes.Allowlists(r.Request().Context(), r.actor, page)
	if err != nil {
		return nil, err
	}
	return toAPIPage(lists, toAPIAllowlist), nil
}

func (s *Server) apiMappings(r apiRequest) (any, error) {
	q := access.MappingQuery{
		Allowlist: r.query.text("allowlist"), Role: r.query.text("role"), User: r.query.text("user"), PageQuery: r.query.page(),
	}
	if err := r.query.err(); err != nil {
		return nil, err
	}
	mappings, err := s.cfg.Changes.Mappings(r.Request().Context(), r.actor, q)
	if err != nil {
		return nil, err
	}
	return toAPIPage(mappings, toAPIMapping), nil
}

func (s *Server) apiAudit(r apiRequest) (any, error) {
	f := auditFilter(r.query)
	if err := r.query.err(); err != nil {
		return nil, err
	}
	events, err := s.cfg.Changes.Audit(r.Request().Context(), r.actor, f)
	if err != nil {
		return nil, err
	}
	return toAPIPage(events, toAPIAuditEvent), nil
}

// auditFilter reads the filter of the audit log; the page and the API share it.
func auditFilter(q *query) access.AuditFilter {
	return access.AuditFilter{
		Person: q.text("person"), Action: q.text("action"), Object: q.text("object"), Addr: q.text("addr"),
		From: q.moment("from"), To: q.moment("to"), PageQuery: q.page(),
	}
}

func (s *Server) apiAccount(r apiRequest) (any, error) {
	a, err := s.cfg.Changes.Account(r.Request().Context(), r.actor, access.AccountID(r.Param("id")))
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
func (s *Server) apiAllowlist(r apiRequest) (any, error) {
	page, revision, at := r.query.page(), r.query.number("revision", change.Head), r.query.moment("at")
	if err := r.query.err(); err != nil {
		return nil, err
	}
	a, err := s.cfg.Changes.PastAllowlist(r.Request().Context(), r.actor, revision, at, r.Param("id"), page)
	if err != nil {
		return nil, err
	}
	return apiAllowlistDetail{apiAllowlist: toAPIAllowlist(a.AllowlistRow), Page: toAPIPage(a.Entries, toAPIEntry)}, nil
}

func (s *Server) apiMapping(r apiRequest) (any, error) {
	m, err := s.cfg.Changes.Mapping(r.Request().Context(), r.actor, r.Param("id"))
	if err != nil {
		return nil, err
	}
	return toAPIMapping(m), nil
}
