package api

import (
	"context"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/web/transport"
)

// AuditReader reads the audit log.
type AuditReader interface {
	Audit(ctx context.Context, actor access.Actor, f access.AuditFilter) (access.Page[access.AuditEvent], error)
	ExportAudit(ctx context.Context, actor access.Actor, f access.AuditFilter, begin func() error, each func(access.AuditEvent) error) error
}

// auditAPI answers about the audit log.
type auditAPI struct {
	audit AuditReader
}

func (s *auditAPI) list(r request) (any, error) {
	f := transport.AuditFilter(r.query)
	if err := r.query.Err(); err != nil {
		return nil, err
	}
	events, err := s.audit.Audit(r.Request().Context(), r.actor, f)
	if err != nil {
		return nil, err
	}
	return toPageJSON(events, transport.NewAuditEvent), nil
}
