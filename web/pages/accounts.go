package pages

import (
	"context"
	"slices"

	"github.com/labstack/echo/v4"

	"portcullis.internal/portcullis/internal/access"
	"portcullis.internal/portcullis/internal/authz"
	"portcullis.internal/portcullis/internal/change"
	"portcullis.internal/portcullis/web/view"
)

// AccountService reads accounts.
type AccountService interface {
	// AccountsAndOUs returns a page of accounts and all OUs, read at one moment.
	AccountsAndOUs(ctx context.Context, actor access.Actor, ou string, q access.PageQuery) (access.Page[access.Account], []access.OURow, error)
	Account(ctx context.Context, actor access.Actor, id access.AccountID) (change.AccountView, error)
	ExportAccount(ctx context.Context, actor access.Actor, id access.AccountID, format change.Format) (body []byte, at int64, err error)
}

// Syncer has the organization read again.
type Syncer interface {
	Sync(ctx context.Context, actor access.Actor) error
}

// accountPages are the pages of accounts.
type accountPages struct {
	*site
	accounts     AccountService
	organization Syncer
}

func (s *accountPages) routes() {
	s.Get("/accounts", authz.Read, s.showAccounts)
	s.Get("/accounts/:id", authz.Read, s.showAccount)
	s.Get("/accounts/:id/terraform", authz.Read, s.exportAccount(change.FormatTerraform))
	s.Get("/accounts/:id/cloudformation", authz.Read, s.exportAccount(change.FormatCloudFormation))
	s.Post("/accounts/sync", authz.SyncAccounts, s.syncAccounts)
}

func (s *accountPages) showAccounts(c echo.Context, actor access.Actor) error {
	ctx := c.Request().Context()
	page := pageQuery(c)
	p := view.AccountsPage{OU: c.QueryParam("ou"), Search: page.Search, Cursor: page.Cursor, MaySync: authz.Can(actor, authz.SyncAccounts)}
	var err error
	if p.Accounts, p.OUs, err = s.accounts.AccountsAndOUs(ctx, actor, p.OU, page); err != nil {
		return err
	}
	if i := slices.IndexFunc(p.OUs, func(ou access.OURow) bool { return ou.Path == p.OU }); i >= 0 {
		p.OU = p.OUs[i].ID // the address may give the path
	}
	p.Shell = s.shell(c, actor, "Accounts", "accounts")
	return s.ok(c, view.Accounts(p))
}

func (s *accountPages) showAccount(c echo.Context, actor access.Actor) error {
	account, err := s.accounts.Account(c.Request().Context(), actor, access.AccountID(c.Param("id")))
	if err != nil {
		return err
	}
	shell := s.shell(c, actor, account.Name, "accounts", view.Crumb{Label: "Accounts", URL: view.AccountsURL()})
	return s.ok(c, view.Account(accountProps(shell, account)))
}

func accountProps(shell view.Shell, a change.AccountView) view.AccountPage {
	return view.AccountPage{
		Shell: shell, Account: a.Account, Known: a.Known, Users: a.Users, Refusals: a.Refusals, Roles: a.Roles,
	}
}

func (s *accountPages) syncAccounts(c echo.Context, actor access.Actor) error {
	if err := s.organization.Sync(c.Request().Context(), actor); err != nil {
		return err
	}
	s.Flash(c, "The organization is being read again. New accounts appear here when that is done.")
	return s.See(c, view.AccountsURL())
}
