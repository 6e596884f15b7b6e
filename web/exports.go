package web

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"portcullis/internal/access"
	"portcullis/internal/authz"
	"portcullis/internal/change"
)

// Exchange is what the console needs of the change service to take data out and in.
type Exchange interface {
	ExportEntries(ctx context.Context, actor access.Actor, id string, begin func(access.AllowlistRow) error, each func(access.Entry) error) error
	ExportAudit(ctx context.Context, actor access.Actor, f access.AuditFilter, begin func() error, each func(access.AuditEvent) error) error
	ExportScenario(ctx context.Context, actor access.Actor, revision int64, yaml bool) (body []byte, at int64, err error)
	ExportAccount(ctx context.Context, actor access.Actor, id access.AccountID, format change.Format) (body []byte, at int64, err error)
	ImportEntries(ctx context.Context, actor access.Actor, id int64, allowlistID string, mode change.ImportMode, text string) (access.Change, error)
	ImportScenario(ctx context.Context, actor access.Actor, title, reason, text string) (access.Change, error)
}

func (s *Server) exchangeRoutes() {
	s.download("/allowlists/:id/entries.csv", authz.Read, s.exportEntries)
	s.get("/scenario.yaml", authz.Read, s.exportScenario(true))
	s.get("/scenario.json", authz.Read, s.exportScenario(false))
	s.get("/accounts/:id/terraform", authz.Read, s.exportAccount(change.FormatTerraform))
	s.get("/accounts/:id/cloudformation", authz.Read, s.exportAccount(change.FormatCloudFormation))
	s.download("/audit/export", authz.ReadAudit, s.exportAudit)
	s.importRoutes()
	s.apiExchangeRoutes()
}

func (s *Server) exportEntries(c echo.Context, actor access.Actor, d *download) error {
	var out access.EntryCSV
	err := s.cfg.Changes.ExportEntries(c.Request().Context(), actor, c.Param("id"), func(a access.AllowlistRow) (err error) {
		d.begin("text/csv; charset=utf-8", a.Name+".csv")
		out, err = access.NewEntryCSV(d)
		return err
	}, func(e access.Entry) error { return out.Write(e) })
	if err != nil {
		return err
	}
	return out.Flush()
}

func (s *Server) exportScenario(yaml bool) handler {
	return func(c echo.Context, actor access.Actor) error {
		q := newQuery(c.QueryParams())
		revision := q.number("revision", change.Head)
		if err := q.err(); err != nil {
			return err
		}
		body, at, err := s.cfg.Changes.ExportScenario(c.Request().Context(), actor, revision, yaml)
		if err != nil {
			return err
		}
		kind, ending := "application/json", ".json"
		if yaml {
			kind, ending = "application/yaml", ".yaml"
		}
		attach(c, kind, "portcullis-revision-"+strconv.FormatInt(at, 10)+ending)
		return sendBytes(c, kind, body)
	}
}

func (s *Server) exportAccount(format change.Format) handler {
	return func(c echo.Context, actor access.Actor) error { return s.sendAccount(c, actor, format) }
}

func (s *Server) sendAccount(c echo.Context, actor access.Actor, format change.Format) error {
	id := access.AccountID(c.Param("id"))
	body, _, err := s.cfg.Changes.ExportAccount(c.Request().Context(), actor, id, format)
	if err != nil {
		return err
	}
	kind, ending := "text/plain; charset=utf-8", ".tf"
	if format == change.FormatCloudFormation {
		kind, ending = "application/json", ".template.json"
	}
	attach(c, kind, "portcullis-"+string(id)+ending)
	return sendBytes(c, kind, body)
}

// exportAudit sends the events that the filter lets through, as CSV or JSON Lines.
func (s *Server) exportAudit(c echo.Context, actor access.Actor, d *download) error {
	q := newQuery(c.QueryParams())
	filter, format := auditFilter(q), q.text("format")
	if format != "csv" && format != "jsonl" {
		q.refuse("format", "format is csv or jsonl")
	}
	if err := q.err(); err != nil {
		return err
	}
	w := eventFile(csvEvents{csv.NewWriter(d)})
	kind := "text/csv; charset=utf-8"
	if format == "jsonl" {
		w, kind = lineEvents{d}, "application/jsonl"
	}
	begin := func() error {
		d.begin(kind, "portcullis-audit-"+s.cfg.Now().UTC().Format("20060102T150405Z")+"."+format)
		return w.begin()
	}
	if err := s.cfg.Changes.ExportAudit(c.Request().Context(), actor, filter, begin, w.add); err != nil {
		return err
	}
	return w.end()
}

// eventFile writes audit events into a file.
type eventFile interface {
	begin() error
	add(e access.AuditEvent) error
	end() error
}

type csvEvents struct{ w *csv.Writer }

func (f csvEvents) begin() error {
	return f.w.Write([]string{"seq", "at", "kind", "person_id", "name", "addr", "user_agent", "request_id", "action", "object", "detail", "prev", "hash"})
}

func (f csvEvents) add(e access.AuditEvent) error {
	cells := []string{
		strconv.FormatInt(e.Seq, 10), e.At.UTC().Format(time.RFC3339Nano), string(e.Kind), strconv.FormatInt(e.PersonID, 10), e.Name, e.Addr,
		e.UserAgent, e.RequestID, e.Action, e.Object, string(e.Detail), e.Prev, e.Hash,
	}
	for i := range cells {
		cells[i] = access.CSVCell(cells[i])
	}
	return f.w.Write(cells)
}

func (f csvEvents) end() error {
	f.w.Flush()
	return f.w.Error()
}

type lineEvents struct{ w io.Writer }

func (lineEvents) begin() error { return nil }

func (f lineEvents) add(e access.AuditEvent) error {
	enc := json.NewEncoder(f.w)
	enc.SetEscapeHTML(false)
	return enc.Encode(toAPIAuditEvent(e))
}

func (lineEvents) end() error { return nil }
