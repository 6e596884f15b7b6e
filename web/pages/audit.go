package pages

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/web/transport"
	"portcullis.internal/portcullis/web/view"
)

// AuditService reads the audit log.
type AuditService interface {
	Audit(ctx context.Context, actor access.Actor, f access.AuditFilter) (access.Page[access.AuditEvent], error)
	ExportAudit(ctx context.Context, actor access.Actor, f access.AuditFilter, begin func() error, each func(access.AuditEvent) error) error
}

// auditPages are the pages of the audit log.
type auditPages struct {
	*site
	audit AuditService
}

func (s *auditPages) routes() {
	s.Get("/audit", authz.ReadAudit, s.showAudit)
	s.Download("/audit/export", authz.ReadAudit, s.ExportAudit(s.audit))
}

func (s *auditPages) showAudit(c echo.Context, actor access.Actor) error {
	q := transport.NewQuery(c.QueryParams())
	filter := transport.AuditFilter(q)
	p := view.AuditPage{
		Shell:  s.shell(c, actor, "Audit log", "audit"),
		Filter: view.AuditFields{Person: q.Text("person"), Action: q.Text("action"), Object: q.Text("object"), Addr: q.Text("addr"), From: q.Text("from"), To: q.Text("to")},
		Cursor: filter.Cursor,
	}
	if err := q.Err(); err != nil {
		p.Problems = view.NewProblems(err)
		return s.page(c, http.StatusUnprocessableEntity, view.Audit(p))
	}
	var err error
	if p.Events, err = s.audit.Audit(c.Request().Context(), actor, filter); err != nil {
		return err
	}
	return s.ok(c, view.Audit(p))
}
