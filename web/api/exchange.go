package api

import (
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"portcullis/internal/access"
	"portcullis/internal/change"
	"portcullis/web/transport"
)

// apiExportAccount answers an account's documents in the format that is asked for.
func (s *accountAPI) apiExportAccount(c echo.Context, actor access.Actor) error {
	id, format := access.AccountID(c.Param("id")), change.Format(c.QueryParam("format"))
	body, _, err := s.accounts.ExportAccount(c.Request().Context(), actor, id, format)
	if err != nil {
		return err
	}
	kind, ending := "text/plain; charset=utf-8", ".tf"
	if format == change.FormatCloudFormation {
		kind, ending = "application/json", ".template.json"
	}
	transport.Attach(c, kind, "portcullis-"+string(id)+ending)
	return transport.SendBytes(c, kind, body)
}

// apiImportEntries takes a CSV of entries into a change. The errors point to lines.
func (s *allowlistAPI) apiImportEntries(r apiRequest) (apiAnswer, error) {
	mode, draft := r.query.Text("mode"), r.query.Number("change", 0)
	if err := r.query.Err(); err != nil {
		return apiAnswer{}, err
	}
	if kind, _, err := mime.ParseMediaType(r.Request().Header.Get("Content-Type")); err != nil || kind != "text/csv" {
		return apiAnswer{}, access.Errorf(transport.KindMediaType, "The body is taken as CSV only: send Content-Type: text/csv.")
	}
	body, err := io.ReadAll(r.Request().Body)
	if err != nil {
		return apiAnswer{}, unreadable(err)
	}
	text := strings.ToValidUTF8(string(body), "\uFFFD")
	c, err := s.allowlists.ImportEntries(r.Request().Context(), r.actor, draft, r.Param("id"), change.ImportMode(mode), text)
	if err != nil {
		return apiAnswer{}, err
	}
	answer := changeAnswer(c)
	answer.status, answer.location = http.StatusCreated, apiChangeURL(c.ID)
	return answer, nil
}
