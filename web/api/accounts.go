package api

import (
	"context"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/web/transport"
)

// AccountReader reads accounts.
type AccountReader interface {
	AccountPage(ctx context.Context, actor access.Actor, ou string, q access.PageQuery) (access.Page[access.Account], error)
	Account(ctx context.Context, actor access.Actor, id access.AccountID) (change.AccountView, error)
	ExportAccount(ctx context.Context, actor access.Actor, id access.AccountID, format change.Format) (body []byte, at int64, err error)
}

// accountAPI answers about accounts.
type accountAPI struct {
	accounts AccountReader
}

func (s *accountAPI) list(r request) (any, error) {
	ou, page := r.query.Text("ou"), r.query.Page()
	if err := r.query.Err(); err != nil {
		return nil, err
	}
	accounts, err := s.accounts.AccountPage(r.Request().Context(), r.actor, ou, page)
	if err != nil {
		return nil, err
	}
	return toPageJSON(accounts, toAccountJSON), nil
}

func (s *accountAPI) one(r request) (any, error) {
	a, err := s.accounts.Account(r.Request().Context(), r.actor, access.AccountID(r.Param("id")))
	if err != nil {
		return nil, err
	}
	return toAccountJSON(a.Account), nil
}

// export answers an account's documents in the format that is asked for.
func (s *accountAPI) export(c echo.Context, actor access.Actor) error {
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
