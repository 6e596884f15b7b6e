package web

import (
	"github.com/labstack/echo/v4"

	"portcullis/internal/access"
	"portcullis/internal/authz"
	"portcullis/internal/change"
	"portcullis/web/view"
)

func (s *Server) accountRoutes() {
	s.get("/accounts", authz.Read, s.showAccounts)
	s.get("/accounts/:id", authz.Read, s.showAccount)
	s.post("/accounts/sync", authz.SyncAccounts, s.syncAccounts)
}

func (s *Server) showAccounts(c echo.Context, actor access.Actor) error {
	ctx := c.Request().Context()
	page := pageQuery(c)
	p := view.AccountsPage{OU: c.QueryParam("ou"), Search: page.Search, Cursor: page.Cursor, MaySync: authz.Can(actor, authz.SyncAccounts)}
	var err error
	if p.Accounts, p.OUs, err = s.cfg.Changes.AccountsAndOUs(ctx, actor, p.OU, page); err != nil {
		return err
	}
	p.Shell = s.shell(c, actor, "Accounts", "accounts")
	return s.ok(c, view.Accounts(p))
}

func (s *Server) showAccount(c echo.Context, actor access.Actor) error {
	account, err := s.cfg.Changes.Account(c.Request().Context(), actor, access.AccountID(c.Param("id")))
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

func (s *Server) syncAccounts(c echo.Context, actor access.Actor) error {
	if err := s.cfg.Organization.Sync(c.Request().Context(), actor); err != nil {
		return err
	}
	s.flash(c, "The organization is being read again. New accounts appear here when that is done.")
	return s.see(c, view.AccountsURL())
}
