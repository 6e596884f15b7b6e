package api

import (
	"context"
	"io"
	"mime"
	"net/http"
	"time"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/web/transport"
)

// AllowlistService reads allowlists and takes entries out and in.
type AllowlistService interface {
	Allowlists(ctx context.Context, actor access.Actor, q access.PageQuery) (access.Page[access.AllowlistRow], error)
	// PastAllowlist returns an allowlist at a point of the past, with a page of its entries.
	PastAllowlist(ctx context.Context, actor access.Actor, revision int64, at time.Time, id string, q access.PageQuery) (change.PastAllowlist, error)
	ExportEntries(ctx context.Context, actor access.Actor, id string, begin func(access.AllowlistRow) error, each func(access.Entry) error) error
	ImportEntries(ctx context.Context, actor access.Actor, id int64, allowlistID string, mode change.ImportMode, text string) (access.Change, error)
}

// allowlistAPI answers about allowlists.
type allowlistAPI struct {
	allowlists AllowlistService
}

func (s *allowlistAPI) list(r request) (any, error) {
	page := r.query.Page()
	if err := r.query.Err(); err != nil {
		return nil, err
	}
	lists, err := s.allowlists.Allowlists(r.Request().Context(), r.actor, page)
	if err != nil {
		return nil, err
	}
	return toPageJSON(lists, toAllowlistJSON), nil
}

type allowlistDetailJSON struct {
	allowlistJSON
	Page pageJSON[entryJSON] `json:"page"`
}

// one answers one allowlist, as it is or as it was, with a page of its entries.
func (s *allowlistAPI) one(r request) (any, error) {
	page, revision, at := r.query.Page(), r.query.Number("revision", change.Head), r.query.Moment("at")
	if err := r.query.Err(); err != nil {
		return nil, err
	}
	a, err := s.allowlists.PastAllowlist(r.Request().Context(), r.actor, revision, at, r.Param("id"), page)
	if err != nil {
		return nil, err
	}
	return allowlistDetailJSON{allowlistJSON: toAllowlistJSON(a.AllowlistRow), Page: toPageJSON(a.Entries, toEntryJSON)}, nil
}

// importEntries takes a CSV of entries into a change. The errors point to lines.
func (s *allowlistAPI) importEntries(r request) (result, error) {
	mode, draft := r.query.Text("mode"), r.query.Number("change", 0)
	if err := r.query.Err(); err != nil {
		return result{}, err
	}
	if kind, _, err := mime.ParseMediaType(r.Request().Header.Get("Content-Type")); err != nil || kind != "text/csv" {
		return result{}, access.Errorf(transport.KindMediaType, "The body is taken as CSV only: send Content-Type: text/csv.")
	}
	body, err := io.ReadAll(r.Request().Body)
	if err != nil {
		return result{}, unreadable(err)
	}
	c, err := s.allowlists.ImportEntries(
		r.Request().Context(), r.actor, draft, r.Param("id"), change.ImportMode(mode), string(body))
	if err != nil {
		return result{}, err
	}
	answer := changeAnswer(c)
	answer.status, answer.location = http.StatusCreated, changeURL(c.ID)
	return answer, nil
}
