package transport

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
)

// EntryExporter reads the entries of an allowlist, one after the other.
type EntryExporter interface {
	ExportEntries(ctx context.Context, actor access.Actor, id string, begin func(access.AllowlistRow) error, each func(access.Entry) error) error
}

// AuditExporter reads the events of the audit log, one after the other.
type AuditExporter interface {
	ExportAudit(ctx context.Context, actor access.Actor, f access.AuditFilter, begin func() error, each func(access.AuditEvent) error) error
}

// ExportEntries sends the entries of an allowlist as CSV.
func ExportEntries(from EntryExporter) SendFile {
	return func(c echo.Context, actor access.Actor, d *File) error {
		var out access.EntryCSV
		err := from.ExportEntries(c.Request().Context(), actor, c.Param("id"), func(a access.AllowlistRow) (err error) {
			d.begin("text/csv; charset=utf-8", a.Name+".csv")
			out, err = access.NewEntryCSV(d)
			return err
		}, func(e access.Entry) error { return out.Write(e) })
		if err != nil {
			return err
		}
		return out.Flush()
	}
}

// HandUndoer writes the script that undoes a change or a rollout without the console.
type HandUndoer interface {
	UndoByHand(ctx context.Context, actor access.Actor, id int64, begin func() io.Writer) error
}

// UndoByHand sends that script. what names the kind of thing that the address names: "change" or "rollout".
func UndoByHand(what string, from HandUndoer) SendFile {
	return func(c echo.Context, actor access.Actor, d *File) error {
		id, err := strconv.ParseInt(c.Param("id"), 10, 64)
		if err != nil || id <= 0 {
			return access.Errorf(access.KindNotFound, "There is no %s %q.", what, c.Param("id"))
		}
		return from.UndoByHand(c.Request().Context(), actor, id, func() io.Writer {
			d.begin("text/x-shellscript; charset=utf-8", fmt.Sprintf("undo-by-hand-%s-%d.sh", what, id))
			return d
		})
	}
}

// ExportAudit sends the events that the filter lets through, as CSV or JSON Lines.
func (s *Server) ExportAudit(from AuditExporter) SendFile {
	return func(c echo.Context, actor access.Actor, d *File) error {
		q := NewQuery(c.QueryParams())
		filter, format := AuditFilter(q), q.Text("format")
		if format != "csv" && format != "jsonl" {
			q.refuse("format", "format is csv or jsonl")
		}
		if err := q.Err(); err != nil {
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
		if err := from.ExportAudit(c.Request().Context(), actor, filter, begin, w.add); err != nil {
			return err
		}
		return w.end()
	}
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
	return enc.Encode(NewAuditEvent(e))
}

func (lineEvents) end() error { return nil }

// AuditEvent is an event of the audit log as the API and the export show it.
type AuditEvent struct {
	Seq       int64           `json:"seq"`
	At        time.Time       `json:"at"`
	Kind      string          `json:"kind"`
	PersonID  int64           `json:"person_id"`
	Name      string          `json:"name"`
	Addr      string          `json:"addr,omitempty"`
	UserAgent string          `json:"user_agent,omitempty"`
	RequestID string          `json:"request_id,omitempty"`
	Action    string          `json:"action"`
	Object    string          `json:"object"`
	Detail    json.RawMessage `json:"detail"`
	Prev      string          `json:"prev"`
	Hash      string          `json:"hash"`
}

// NewAuditEvent converts an event of the audit log.
func NewAuditEvent(e access.AuditEvent) AuditEvent {
	return AuditEvent{
		Seq: e.Seq, At: e.At.UTC(), Kind: string(e.Kind), PersonID: e.PersonID, Name: e.Name, Addr: e.Addr, UserAgent: e.UserAgent,
		RequestID: e.RequestID, Action: e.Action, Object: e.Object, Detail: rawJSON(string(e.Detail)), Prev: e.Prev, Hash: e.Hash,
	}
}

// rawJSON embeds a detail as JSON: null where there is none, a string where it is no JSON.
func rawJSON(s string) json.RawMessage {
	switch {
	case s == "":
		return json.RawMessage("null")
	case json.Valid([]byte(s)):
		return json.RawMessage(s)
	default:
		quoted, _ := json.Marshal(s) // a string always encodes
		return quoted
	}
}
