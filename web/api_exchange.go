package web

import (
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"portcullis/internal/access"
	"portcullis/internal/authz"
	"portcullis/internal/change"
)

func (s *Server) apiExchangeRoutes() {
	s.apiDownload("/allowlists/:id/entries.csv", authz.Read, s.exportEntries)
	s.api(http.MethodPost, apiPrefix+"/allowlists/:id/entries.csv", authz.EditChange, s.asAction(s.apiImportEntries))
	s.api(http.MethodGet, apiPrefix+"/accounts/:id/export", authz.Read, s.apiExportAccount)
	s.apiDownload("/audit/export", authz.ReadAudit, s.exportAudit)
}

// apiExportAccount answers an account's documents in the format that is asked for.
func (s *Server) apiExportAccount(c echo.Context, actor access.Actor) error {
	return s.sendAccount(c, actor, change.Format(c.QueryParam("format")))
}

// apiImportEntries takes a CSV of entries into a change. The errors point to lines.
func (s *Server) apiImportEntries(r apiRequest) (apiAnswer, error) {
	mode, draft := r.query.text("mode"), r.query.number("change", 0)
	if err := r.query.err(); err != nil {
		return apiAnswer{}, err
	}
	if kind, _, err := mime.ParseMediaType(r.Request().Header.Get("Content-Type")); err != nil || kind != "text/csv" {
		return apiAnswer{}, access.Errorf(kindMediaType, "The body is taken as CSV only: send Content-Type: text/csv.")
	}
	body, err := io.ReadAll(r.Request().Body)
	if err != nil {
		return apiAnswer{}, unreadable(err)
	}
	text := strings.ToValidUTF8(string(body), "\uFFFD")
	c, err := s.cfg.Changes.ImportEntries(r.Request().Context(), r.actor, draft, r.Param("id"), change.ImportMode(mode), text)
	if err != nil {
		return apiAnswer{}, err
	}
	answer := changeAnswer(c)
	answer.status, answer.location = http.StatusCreated, apiChangeURL(c.ID)
	return answer, nil
}
