package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"portcullis/internal/access"
	"portcullis/internal/authz"
	"portcullis/web/view"
)

func (s *Server) auditRoutes() {
	s.get("/audit", authz.ReadAudit, s.showAudit)
}

func (s *Server) showAudit(c echo.Context, actor access.Actor) error {
	q := newQuery(c.QueryParams())
	filter := auditFilter(q)
	p := view.AuditPage{
		Shell:  s.shell(c, actor, "Audit log", "audit"),
		Filter: view.AuditFields{Person: q.text("person"), Action: q.text("action"), Object: q.text("object"), Addr: q.text("addr"), From: q.text("from"), To: q.text("to")},
		Cursor: filter.Cursor,
	}
	if err := q.err(); err != nil {
		p.Problems = view.NewProblems(err)
		return s.page(c, http.StatusUnprocessableEntity, view.Audit(p))
	}
	var err error
	if p.Events, err = s.cfg.Changes.Audit(c.Request().Context(), actor, filter); err != nil {
		return err
	}
	return s.ok(c, view.Audit(p))
}
